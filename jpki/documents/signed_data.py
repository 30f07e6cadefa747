"""Reading CMS SignedData (RFC 5652 section 5) into values; strictly DER, bounded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from jpki.der import oids
from jpki.der.reader import Element, Reader, read_one
from jpki.der.times import read_time
from jpki.errors import DocumentError, DocumentFault

__all__ = [
    "MAX_CERTIFICATES",
    "MAX_SIGNED_DATA",
    "MAX_SIGNERS",
    "SignedDocument",
    "SignerInfo",
    "SigningCertificate",
    "parse_signed_data",
]

MAX_SIGNED_DATA: Final = 16 << 20
"""Octets; content that is inside counts."""
MAX_SIGNERS: Final = 16
MAX_CERTIFICATES: Final = 64
MAX_ATTRIBUTES: Final = 32

_SET: Final = 0x31
_SEQUENCE: Final = 0x30
_TAG_0: Final = 0xA0
_TAG_1: Final = 0xA1
_KEY_IDENTIFIER: Final = 0x80


@dataclass(frozen=True, kw_only=True, slots=True)
class SigningCertificate:
    """The first ESSCertIDv2 of signing-certificate-v2 (RFC 5035)."""

    digest_oid: str
    certificate_hash: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class SignerInfo:
    """One signature, not checked yet (RFC 5652 5.3)."""

    issuer_der: bytes | None
    """With `serial`, names the certificate; None where the key identifier does."""
    serial: int | None
    subject_key_identifier: bytes | None
    digest_oid: str
    signature_oid: str
    signature_algorithm: bytes = field(repr=False)
    """AlgorithmIdentifier, DER, as it stands there."""
    signature: bytes = field(repr=False)
    signed_attributes: bytes = field(repr=False)
    """The SET OF that the signature is over."""
    message_digest: bytes = field(repr=False)
    signing_time: datetime | None
    """The signer's claim; nothing proves it."""
    signing_certificate: SigningCertificate | None
    unsigned_attributes: Mapping[str, tuple[bytes, ...]] = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedDocument:
    """A SignedData, not checked yet."""

    signers: tuple[SignerInfo, ...]
    certificates: tuple[bytes, ...] = field(repr=False)
    """As the sender put them in; nobody vouches for them."""
    content: bytes | None = field(repr=False)
    """None when the signature is detached."""
    content_type: str


def parse_signed_data(data: bytes) -> SignedDocument:
    """Read a ContentInfo that holds SignedData.

    Raises:
        EncodingError: not DER, or not of this structure.
        DocumentError: readable, but no signature that means anything here.
    """
    if len(data) > MAX_SIGNED_DATA:
        raise DocumentError(f"a signature of {len(data)} octets")
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
    certificates = _read_certificates(fields.optional(_TAG_0))
    fields.optional(_TAG_1)  # revocation data that the sender chose proves nothing
    signers = _elements(fields.next(_SET).enter(), MAX_SIGNERS, "signers")
    fields.finish()
    if not signers:
        raise DocumentError("nobody signed this", fault=DocumentFault.NO_SIGNER)
    return SignedDocument(
        signers=tuple(_read_signer(signer, content_type) for signer in signers),
        certificates=certificates,
        content=content,
        content_type=content_type,
    )


def _read_content(fields: Reader) -> tuple[str, bytes | None]:
    content_type = fields.next().object_identifier()
    wrapped = fields.optional(_TAG_0)
    fields.finish()
    return content_type, None if wrapped is None else wrapped.inside().octet_string()


def _read_certificates(field: Element | None) -> tuple[bytes, ...]:
    if field is None:
        return ()
    found = _elements(field.enter(), MAX_CERTIFICATES, "certificates")
    # The other choices (attribute certificates and obsolete forms) are of no use here.
    return tuple(element.raw for element in found if element.tag == _SEQUENCE)


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
    signature = fields.next().octet_string()
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
    binding = _single(attributes, oids.SIGNING_CERTIFICATE_V2)
    extra = {} if unsigned is None else _read_attributes(unsigned)
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
        signing_certificate=None if binding is None else _read_binding(binding),
        unsigned_attributes={
            oid: tuple(value.raw for value in values) for oid, values in extra.items()
        },
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


def _read_attributes(field: Element) -> dict[str, list[Element]]:
    attributes: dict[str, list[Element]] = {}
    for element in _elements(field.enter(), MAX_ATTRIBUTES, "attributes"):
        fields = element.expect(_SEQUENCE).enter()
        oid = fields.next().object_identifier()
        values = _elements(fields.next(_SET).enter(), MAX_ATTRIBUTES, "values")
        fields.finish()
        if oid in attributes:
            raise DocumentError(f"attribute {oid} stands there twice")
        attributes[oid] = values
    return attributes


def _single(attributes: Mapping[str, list[Element]], oid: str) -> Element | None:
    values = attributes.get(oid)
    if values is None:
        return None
    if len(values) != 1:
        raise DocumentError(f"attribute {oid} has {len(values)} values")
    return values[0]


def _read_binding(element: Element) -> SigningCertificate:
    """SigningCertificateV2 is a SEQUENCE whose first field lists ESSCertIDv2."""
    first = element.expect(_SEQUENCE).enter().next(_SEQUENCE).enter().next(_SEQUENCE)
    fields = first.enter()
    algorithm = fields.optional(_SEQUENCE)
    return SigningCertificate(
        digest_oid=oids.SHA256 if algorithm is None else _algorithm(algorithm),
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
