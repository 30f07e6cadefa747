"""A ds:Signature put together, and signed: the shape, without the choice of what for.

It is the same for the same input, but for what the key makes: identifiers follow from
what is signed, and the time is handed in.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from lxml import etree

from jpki.documents.xml.algorithms import (
    digest_uri,
    signature_uri,
    value_from_der,
)
from jpki.documents.xml.canonical import (
    EXCLUSIVE_C14N,
    Canonicalization,
    canonical,
)
from jpki.documents.xml.properties import QUALIFYING, SIGNED_PROPERTIES_TYPE, XADES
from jpki.documents.xml.reading import Element
from jpki.documents.xml.signed_info import DS, MAX_CERTIFICATES
from jpki.errors import DocumentError
from jpki.model.ports import Signer
from jpki.model.suites import Digest, KeyFamily
from jpki.x509.parse import parse_certificate

__all__ = ["EXCLUSIVE", "NAMES", "Part", "Signing", "build", "put_value"]

EXCLUSIVE: Final = Canonicalization(algorithm=EXCLUSIVE_C14N)
NAMES: Final = {"ds": DS[1:-1], "xades": XADES[1:-1]}


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One thing to sign."""

    uri: str
    octets: bytes = field(repr=False)
    transforms: tuple[str, ...] = ()
    media_type: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Signing:
    """Who signs."""

    certificate: bytes = field(repr=False)
    """The signer's own, DER."""
    signer: Signer
    chain: Sequence[bytes] = field(default=(), repr=False)
    """Further certificates that help the verifier."""

    def __post_init__(self) -> None:
        """Refuse a key that XML or the certificate does not know.

        Raises:
            DocumentError: signer and certificate do not belong together, or XML has no
                name for such signatures.
            EncodingError: the certificate cannot be read.
        """
        if parse_certificate(self.certificate).public_key != self.signer.public_key:
            raise DocumentError("the signer's key is not the one in its certificate")
        if len(self.chain) >= MAX_CERTIFICATES:
            raise DocumentError(f"more than {MAX_CERTIFICATES} certificates")
        signature_uri(self.signer.suite)

    @property
    def digest(self) -> Digest:
        """Of references: the one that the key signs with."""
        assert self.signer.suite.digest is not None, "a suite that XML has a name for"
        return self.signer.suite.digest


def build(
    signing: Signing,
    parts: Sequence[Part],
    at: datetime | None,
    *,
    method: Canonicalization = EXCLUSIVE,
    plain: bool = False,
) -> Element:
    """A ds:Signature over these, without its value.

    Args:
        at: the signer's claim of when, for SigningTime; None leaves XAdES out.
        method: how SignedInfo is canonicalized.
        plain: write ds as the default namespace.
    """
    signature = etree.Element(
        f"{DS}Signature",
        nsmap={None: DS[1:-1]} if plain else NAMES if at else {"ds": DS[1:-1]},
    )
    info = etree.SubElement(signature, f"{DS}SignedInfo")
    _algorithm(info, "CanonicalizationMethod", method.algorithm)
    _algorithm(info, "SignatureMethod", signature_uri(signing.signer.suite))
    etree.SubElement(signature, f"{DS}SignatureValue")
    key_info = etree.SubElement(signature, f"{DS}KeyInfo")
    data = etree.SubElement(key_info, f"{DS}X509Data")
    for certificate in (signing.certificate, *signing.chain):
        _text(data, f"{DS}X509Certificate", _base64(certificate))

    mark = hashlib.sha256(b"".join(part.octets for part in parts)).hexdigest()[:16]
    for number, part in enumerate(parts, 1):
        reference = _reference(info, part, signing.digest)
        if at is not None:
            reference.set("Id", f"reference-{mark}-{number}")
    if at is not None:
        signature.set("Id", f"signature-{mark}")
        properties = _properties(signature, signing, parts, at, mark)
        signed = Part(
            uri=f"#{properties.get('Id')}",
            octets=b"",  # put_value knows how it is written in the document
            transforms=(EXCLUSIVE_C14N,),
            media_type="",
        )
        reference = _reference(info, signed, signing.digest)
        reference.set("Type", SIGNED_PROPERTIES_TYPE)
    return signature


def put_value(signature: Element, signing: Signing, method: Canonicalization) -> None:
    """Sign the properties and SignedInfo where they stand, and put the value in.

    A document may have prefixes of its own for the namespaces here, and lxml takes
    those when a signature is put in; so nothing of it can be digested before.
    """
    info, value = signature[0], signature[1]
    properties = signature.find(f"{DS}Object/{QUALIFYING}/{XADES}SignedProperties")
    if properties is not None:
        digest = _hash(signing.digest, canonical(properties, EXCLUSIVE))
        info[-1][-1].text = _base64(digest)
    octets = signing.signer.sign(canonical(info, method))
    if signing.signer.suite.family is KeyFamily.EC:
        octets = value_from_der(octets, signing.signer.public_key)
    value.text = _base64(octets)


def _reference(info: Element, part: Part, digest: Digest) -> Element:
    reference = etree.SubElement(info, f"{DS}Reference", URI=part.uri)
    if part.transforms:
        transforms = etree.SubElement(reference, f"{DS}Transforms")
        for transform in part.transforms:
            _algorithm(transforms, "Transform", transform)
    _digest(reference, digest, part.octets)
    return reference


def _properties(
    signature: Element,
    signing: Signing,
    parts: Sequence[Part],
    at: datetime,
    mark: str,
) -> Element:
    """XAdES-B-B (EN 319 132-1 table 1): time, certificate, format of what is signed."""
    if at.tzinfo is None:
        raise DocumentError("a signing time without time zone")
    held = etree.SubElement(signature, f"{DS}Object")
    qualifying = etree.SubElement(
        held, f"{XADES}QualifyingProperties", Target=f"#signature-{mark}"
    )
    signed = etree.SubElement(
        qualifying, f"{XADES}SignedProperties", Id=f"signed-properties-{mark}"
    )
    own = etree.SubElement(signed, f"{XADES}SignedSignatureProperties")
    stated = f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    _text(own, f"{XADES}SigningTime", stated)
    bound = etree.SubElement(own, f"{XADES}SigningCertificateV2")
    certificate = etree.SubElement(bound, f"{XADES}Cert")
    _digest(
        etree.SubElement(certificate, f"{XADES}CertDigest"),
        Digest.SHA256,
        signing.certificate,
    )
    formats = etree.SubElement(signed, f"{XADES}SignedDataObjectProperties")
    for number, part in enumerate(parts, 1):
        described = etree.SubElement(
            formats,
            f"{XADES}DataObjectFormat",
            ObjectReference=f"#reference-{mark}-{number}",
        )
        _text(described, f"{XADES}MimeType", part.media_type)
    return signed


def _digest(parent: Element, digest: Digest, octets: bytes) -> None:
    _algorithm(parent, "DigestMethod", digest_uri(digest))
    _text(parent, f"{DS}DigestValue", _base64(_hash(digest, octets)))


def _hash(digest: Digest, octets: bytes) -> bytes:
    return hashlib.new(digest.value, octets).digest()


def _algorithm(parent: Element, name: str, uri: str) -> None:
    etree.SubElement(parent, f"{DS}{name}", Algorithm=uri)


def _text(parent: Element, tag: str, text: str) -> None:
    etree.SubElement(parent, tag).text = text


def _base64(octets: bytes) -> str:
    return b64encode(octets).decode("ascii")
