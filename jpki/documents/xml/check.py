"""The one signature on an XML document, checked: which certificate's key made it.

1. Read document and signature, bounded, following nothing.
2. The key of an enclosed certificate signed SignedInfo (XMLDSIG 3.2.2).
3. Every reference is to what it was made of (3.2.1).
4. What is covered is what will be believed.
5. The properties are signed, and bind the certificate (EN 319 132-1 5.2).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from jpki.documents.signature import CheckedSignature, Content, Enclosed, Kind
from jpki.documents.xml.algorithms import value_to_der
from jpki.documents.xml.canonical import canonical
from jpki.documents.xml.coverage import require_coverage
from jpki.documents.xml.properties import Properties, read_properties
from jpki.documents.xml.reading import parse_xml
from jpki.documents.xml.references import Covered, References
from jpki.documents.xml.signed_info import Signature, find_signature, read_signature
from jpki.documents.xml.timestamps import read_timestamps
from jpki.errors import DocumentError, DocumentFault, EncodingError
from jpki.model.suites import Digest
from jpki.x509.parse import Certificate, parse_certificate
from jpki.x509.signatures import verify_signature

__all__ = ["SignedPart", "SignedXML", "check_xml", "examine_xml"]

_ALTERED: Final = DocumentFault.ALTERED


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedPart:
    """One thing that was signed, as the octets that the signature is over."""

    uri: str
    """As the reference has it: empty for the document itself."""
    octets: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedXML:
    """A signature, and what to read if it is to be believed."""

    signature: CheckedSignature
    parts: tuple[SignedPart, ...]


def check_xml(document: bytes, content: Content = None) -> CheckedSignature:
    """Check the signature in or on an XML document.

    Args:
        document: the document with its signature inside, or the signature.
        content: what was signed outside of it, by URI or by the name that the URI
            encodes; nothing is ever fetched.

    Raises:
        DocumentError: not one signature, no certificate of the signer, or it is not
            over all of this.
        EncodingError: a certificate's key cannot be read.
    """
    return examine_xml(document, content).signature


def examine_xml(document: bytes, content: Content = None) -> SignedXML:
    """Check it, and tell what exactly it is over.

    Raises:
        DocumentError, EncodingError: as `check_xml`.
    """
    tree = parse_xml(document)
    signature = read_signature(find_signature(tree))
    signed = canonical(signature.signed_info, signature.method)
    signers = _signed_by(signature, signed)
    references = References(document, tree, signature, content)
    covered = references.check()
    inside = {item.element: item for item in covered if item.element is not None}
    notes = require_coverage(tree, signature, covered, content)
    properties = read_properties(signature, inside)
    holder = _bound(signers, properties)
    enclosed = _enclosed(signature, properties)
    timestamps, doubts = read_timestamps(
        properties.unsigned, signature, references, enclosed.certificates
    )
    checked = CheckedSignature(
        kind=Kind.XML,
        holder=holder,
        algorithm=signature.algorithm.identifier,
        digests=_digests(signature),
        value=signature.value,
        claimed_at=properties.signing_time,
        enclosed=enclosed,
        timestamps=timestamps,
        notes=(*notes, *properties.notes, *doubts),
    )
    return SignedXML(signature=checked, parts=_parts(covered))


def _signed_by(signature: Signature, signed: bytes) -> list[Certificate]:
    """The enclosed certificates whose key made the signature; usually one."""
    holders: list[Certificate] = []
    readable = False
    for data in dict.fromkeys(signature.certificates):
        try:
            holder = parse_certificate(data)
            key = holder.public_key
            readable = True
            value: bytes | None = signature.value
            if signature.algorithm.elliptic:
                value = value_to_der(signature.value, key)
            if value is None:
                continue
            if verify_signature(key, signature.algorithm.identifier, value, signed):
                holders.append(holder)
        except EncodingError:
            continue
    if not readable:
        raise DocumentError(
            "the signer's certificate is not inside",
            fault=DocumentFault.NO_SIGNER_CERTIFICATE,
        )
    if not holders:
        raise DocumentError("the signature is wrong", fault=_ALTERED)
    return holders


def _bound(holders: list[Certificate], properties: Properties) -> Certificate:
    """The holder that the signature is bound to, as far as it is to one."""
    for holder in holders:
        if all(_names(binding, holder.raw) for binding in properties.bindings):
            return holder
    raise DocumentError("the signature is bound to another certificate", fault=_ALTERED)


def _names(binding: Iterable[tuple[Digest, bytes]], certificate: bytes) -> bool:
    return any(
        hashlib.new(digest.value, certificate).digest() == value
        for digest, value in binding
    )


def _digests(signature: Signature) -> frozenset[str]:
    used = {reference.digest for reference in signature.references}
    return frozenset(digest.oid for digest in (*used, signature.algorithm.digest))


def _enclosed(signature: Signature, properties: Properties) -> Enclosed:
    added = properties.enclosed
    return Enclosed(
        certificates=(*signature.certificates, *added.certificates),
        crls=(*signature.crls, *added.crls),
        ocsp_responses=added.ocsp_responses,
    )


def _parts(covered: tuple[Covered, ...]) -> tuple[SignedPart, ...]:
    return tuple(SignedPart(uri=item.uri or "", octets=item.octets) for item in covered)
