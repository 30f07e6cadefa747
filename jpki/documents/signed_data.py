"""Reading CMS SignedData (RFC 5652 section 5) into values; strictly DER, bounded.

What others send in BER is brought into this form by `jpki.der.ber` before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from jpki.der import oids
from jpki.der.reader import Element, Reader, read_one
from jpki.der.times import read_time
from jpki.der.writer import (
    enumerated,
    explicit,
    object_identifier,
    octet_string,
    sequence,
)
from jpki.documents.quick_signed_data import quick_signed_data
from jpki.documents.signed_values import (
    MAX_ATTRIBUTES,
    MAX_CERTIFICATES,
    MAX_REVOCATIONS,
    MAX_SIGNED_DATA,
    MAX_SIGNERS,
    SignedDocument,
    SignerInfo,
    SigningCertificate,
)
from jpki.errors import DocumentError, DocumentFault

__all__ = [
    "MAX_CERTIFICATES",
    "MAX_REVOCATIONS",
    "MAX_SIGNED_DATA",
    "MAX_SIGNERS",
    "SignedDocument",
    "SignerInfo",
    "SigningCertificate",
    "parse_signed_data",
    "whole_response",
]

_SET: Final = 0x31
_SEQUENCE: Final = 0x30
_TAG_0: Final = 0xA0
_TAG_1: Final = 0xA1
_KEY_IDENTIFIER: Final = 0x80


def parse_signed_data(data: bytes) -> SignedDocument:
    """Read a ContentInfo that holds SignedData.

    Raises:
        EncodingError: not DER, or not of this structure.
        DocumentError: readable, but no signature that means anything here.
    """
    if len(data) > MAX_SIGNED_DATA:
        raise DocumentError(f"a signature of {len(data)} octets")
    return quick_signed_data(data) or _read_in_full(data)


def _read_in_full(data: bytes) -> SignedDocument:
    info = read_one(data, _SEQUENCE).enter()
    if info.next().object_identifier() != oids.CMS_SIGNED_DATA:
        raise DocumentError("this is CMS, but not SignedData")
    wrapped = info.next(_TAG_0)
    info.finish()

    fields = wrapped.inside().expect(_SEQUENCE).enter()
    if fields.next().integer() not in (1, 3, 4, 5):
        raise DocumentError("unknown version of SignedData")
    fields.next(_SET)  # digestAlgorithms help one-pass readers only
    content_type, content = _read_content(fields.next(_SEQUENCE).enter())
    certificates = _choices(fields.optional(_TAG_0), MAX_CERTIFICATES, "certificates")
    revocation = _choices(fields.optional(_TAG_1), MAX_REVOCATIONS, "CRLs")
    signers = _elements(fields.next(_SET).enter(), MAX_SIGNERS, "signers")
    fields.finish()
    if not signers:
        raise DocumentError("nobody signed this", fault=DocumentFault.NO_SIGNER)
    return SignedDocument(
        signers=tuple(_read_signer(signer, content_type) for signer in signers),
        # The other choices (attribute certificates and obsolete forms) help nobody.
        certificates=tuple(each.raw for each in certificates if each.tag == _SEQUENCE),
        content=content,
        content_type=content_type,
        crls=tuple(each.raw for each in revocation if each.tag == _SEQUENCE),
        ocsp_responses=_ocsp_responses(revocation),
        certificate_choices=tuple(each.raw for each in certificates),
        revocation_choices=tuple(each.raw for each in revocation),
    )


def _read_content(fields: Reader) -> tuple[str, bytes | None]:
    content_type = fields.next().object_identifier()
    wrapped = fields.optional(_TAG_0)
    fields.finish()
    return content_type, None if wrapped is None else wrapped.inside().octet_string()


def _choices(field: Element | None, limit: int, what: str) -> list[Element]:
    return [] if field is None else _elements(field.enter(), limit, what)


def _ocsp_responses(revocation: list[Element]) -> tuple[bytes, ...]:
    """The OCSP responses among OtherRevocationInfoFormat (RFC 5940 section 2)."""
    found: list[bytes] = []
    for element in revocation:
        if element.tag == _TAG_1:
            fields = element.enter()
            form = fields.next().object_identifier()
            value = fields.next()
            fields.finish()
            if form == oids.RI_OCSP_RESPONSE:
                found.append(value.raw)
            elif form == oids.OCSP_BASIC:
                found.append(whole_response(value.raw))
    return tuple(found)


def whole_response(basic: bytes) -> bytes:
    """The OCSPResponse around a BasicOCSPResponse (RFC 6960 4.2.1)."""
    octets = sequence(object_identifier(oids.OCSP_BASIC), octet_string(basic))
    return sequence(enumerated(0), explicit(0, octets))


def _read_signer(element: Element, content_type: str) -> SignerInfo:
    fields = element.expect(_SEQUENCE).enter()
    version = fields.next().integer()
    issuer_der, serial, key_identifier = _read_identifier(fields.next())
    if version != (1 if key_identifier is None else 3):
        raise DocumentError("version and identifier of a signer do not agree")
    digest_oid = _algorithm(fields.next(_SEQUENCE))
    # CAdES demands them (EN 319 122-1 5.1.1). Without that, the attributes of one
    # signature could be passed off as the content of another.
    signed = fields.optional(_TAG_0)
    if signed is None:
        raise DocumentError("a signature without signed attributes")
    algorithm = fields.next(_SEQUENCE)
    value = fields.next()
    signature = value.octet_string()
    unsigned = fields.optional(_TAG_1)
    fields.finish()

    attributes = _read_attributes(signed)
    # 5.3 and 11: both are there, and the type is that of the content.
    stated = _single(attributes, oids.CONTENT_TYPE)
    if stated is None or stated.object_identifier() != content_type:
        raise DocumentError("the signed content type is not that of the content")
    digest = _single(attributes, oids.MESSAGE_DIGEST)
    if digest is None:
        raise DocumentError("the signed attributes lack the message digest")
    time = _single(attributes, oids.SIGNING_TIME)
    bindings = (
        (_single(attributes, oids.SIGNING_CERTIFICATE_V2), oids.SHA256),
        (_single(attributes, oids.SIGNING_CERTIFICATE), oids.SHA1),
    )
    extra = {} if unsigned is None else _read_attributes(unsigned, repeated=True)
    return SignerInfo(
        issuer_der=issuer_der,
        serial=serial,
        subject_key_identifier=key_identifier,
        digest_oid=digest_oid,
        signature_oid=_algorithm(algorithm),
        signature_algorithm=algorithm.raw,
        signature=signature,
        # 5.4: signed as a SET OF, whatever tag it bears inside the SignerInfo.
        signed_attributes=b"\x31" + signed.raw[1:],
        message_digest=digest.octet_string(),
        signing_time=None if time is None else read_time(time),
        bindings=tuple(
            _read_binding(value, digest)
            for value, digest in bindings
            if value is not None
        ),
        unsigned_attributes={
            oid: tuple(value.raw for value in values) for oid, values in extra.items()
        },
        signed_part=element.content[: value.end - element.content_start],
    )


def _read_identifier(
    element: Element,
) -> tuple[bytes | None, int | None, bytes | None]:
    if element.tag == _KEY_IDENTIFIER:
        return None, None, element.content
    fields = element.expect(_SEQUENCE).enter()
    issuer = fields.next(_SEQUENCE).raw
    serial = fields.next().integer()
    fields.finish()
    return issuer, serial, None


def _read_attributes(
    field: Element, *, repeated: bool = False
) -> dict[str, list[Element]]:
    """The values of each type. Unsigned ones may come in several attributes of a type
    (RFC 5652 11.4, EN 319 122-1 5.5.3); signed ones may not (11.1-11.3)."""
    attributes: dict[str, list[Element]] = {}
    for element in _elements(field.enter(), MAX_ATTRIBUTES, "attributes"):
        fields = element.expect(_SEQUENCE).enter()
        oid = fields.next().object_identifier()
        values = _elements(fields.next(_SET).enter(), MAX_ATTRIBUTES, "values")
        fields.finish()
        if oid in attributes and not repeated:
            raise DocumentError(f"attribute {oid} stands there twice")
        attributes.setdefault(oid, []).extend(values)
    return attributes


def _single(attributes: Mapping[str, list[Element]], oid: str) -> Element | None:
    values = attributes.get(oid)
    if values is None:
        return None
    if len(values) != 1:
        raise DocumentError(f"attribute {oid} has {len(values)} values")
    return values[0]


def _read_binding(element: Element, usual: str) -> SigningCertificate:
    """SigningCertificate: a SEQUENCE whose first field lists ESSCertID or ESSCertIDv2.

    Args:
        usual: the digest where none is named: of the first form always.
    """
    first = element.expect(_SEQUENCE).enter().next(_SEQUENCE).enter().next(_SEQUENCE)
    fields = first.enter()
    algorithm = fields.optional(_SEQUENCE) if usual != oids.SHA1 else None
    return SigningCertificate(
        digest_oid=usual if algorithm is None else _algorithm(algorithm),
        certificate_hash=fields.next().octet_string(),
    )


def _algorithm(element: Element) -> str:
    return element.enter().next().object_identifier()


def _elements(reader: Reader, limit: int, what: str) -> list[Element]:
    found: list[Element] = []
    while reader:
        if len(found) == limit:
            raise DocumentError(f"more than {limit} {what}")
        found.append(reader.next())
    return found
