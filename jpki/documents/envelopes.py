"""A SignedData in the forms in which people send it, and put together anew.

PEM and BER are brought into DER before anything is read. Signed octets are never
written again: what a signature, an archive timestamp or a certificate is over stays as
it came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from jpki.der import oids
from jpki.der.ber import to_der
from jpki.der.reader import Element, read_one
from jpki.der.writer import (
    explicit,
    implicit,
    integer,
    object_identifier,
    sequence,
    set_of,
)
from jpki.documents.signed_data import (
    MAX_SIGNED_DATA,
    SignedDocument,
    SignerInfo,
    parse_signed_data,
)
from jpki.errors import DocumentError, DocumentFault, EncodingError
from jpki.x509.pem import ders

__all__ = ["PEM_LABELS", "der_of", "open_signed_data", "rebuilt", "the_signer"]

PEM_LABELS: Final = ("CMS", "PKCS7", "PKCS #7 SIGNED DATA")
"""RFC 7468 section 9, its older name, and that of some older programs."""

_SEQUENCE: Final = 0x30
_SET: Final = 0x31
_TAG_0: Final = 0xA0
_TAG_1: Final = 0xA1
_OTHER_CERTIFICATE: Final = 0xA3
_WITH_OTHER_FORMS: Final = 5
"""The version where certificates or revocation data are of another form (5.1)."""


def der_of(document: bytes) -> bytes:
    """The DER of a ContentInfo in DER, BER or PEM.

    Raises:
        EncodingError, DocumentError: none of these, or too large.
    """
    if len(document) > 2 * MAX_SIGNED_DATA:
        raise DocumentError(f"a signature of {len(document)} octets")
    if document[:1] != b"\x30" and b"-----BEGIN " in document:
        found = [der for label in PEM_LABELS for der in ders(document, label)]
        if len(found) != 1:
            raise DocumentError(f"{len(found)} signatures in one PEM file")
        (document,) = found
    return to_der(document)


def open_signed_data(document: bytes) -> SignedDocument:
    """Read it, in whichever form it comes. DER is not looked through twice.

    Raises:
        EncodingError: not of this structure.
        DocumentError: readable, but no signature that means anything here.
    """
    try:
        return parse_signed_data(document)
    except EncodingError:
        der = der_of(document)
        if der == document:
            raise
        return parse_signed_data(der)._replace(was_ber=True)


def the_signer(signed: SignedDocument) -> SignerInfo:
    """The only one.

    Raises:
        DocumentError: there are several.
    """
    if len(signed.signers) > 1:
        raise DocumentError(
            f"{len(signed.signers)} signers", fault=DocumentFault.SEVERAL_SIGNERS
        )
    return signed.signers[0]


def rebuilt(
    cms: bytes,
    *,
    certificates: Iterable[bytes] = (),
    revocations: Iterable[bytes] = (),
    unsigned: Mapping[str, Sequence[bytes]] | None = None,
) -> bytes:
    """The same signature with more beside it, DER.

    Args:
        cms: ContentInfo with one signer, DER.
        certificates: put in beside those that are there.
        revocations: RevocationInfoChoice, DER each, in the same way.
        unsigned: all unsigned attributes; None leaves those that are there.
    """
    fields = read_one(cms, _SEQUENCE).enter()
    fields.next()
    fields = fields.next(_TAG_0).inside().enter()
    version = fields.next().integer()
    algorithms, content = fields.next(_SET).raw, fields.next(_SEQUENCE).raw
    held = {*_raw(fields.optional(_TAG_0)), *certificates}
    about = {*_raw(fields.optional(_TAG_1)), *revocations}
    (signer,) = _raw(fields.next(_SET))
    other = {item[0] for item in about} | {
        item[0] for item in held if item[0] == _OTHER_CERTIFICATE
    }
    if other & {_TAG_1, _OTHER_CERTIFICATE}:
        version = _WITH_OTHER_FORMS
    data = sequence(
        integer(version),
        algorithms,
        content,
        implicit(0, set_of(held)) if held else b"",
        implicit(1, set_of(about)) if about else b"",
        set_of([signer if unsigned is None else _with_unsigned(signer, unsigned)]),
    )
    return sequence(object_identifier(oids.CMS_SIGNED_DATA), explicit(0, data))


def _with_unsigned(signer: bytes, unsigned: Mapping[str, Sequence[bytes]]) -> bytes:
    parts = _raw(read_one(signer, _SEQUENCE))
    if parts[-1][0] == _TAG_1:
        parts.pop()
    attributes = set_of(
        sequence(object_identifier(oid), set_of(values))
        for oid, values in unsigned.items()
    )
    return sequence(*parts, implicit(1, attributes) if unsigned else b"")


def _raw(element: Element | None) -> list[bytes]:
    found: list[bytes] = []
    if element is not None:
        fields = element.enter()
        while fields:
            found.append(fields.next().raw)
    return found
