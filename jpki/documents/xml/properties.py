"""What qualifies an XML signature: XAdES (ETSI EN 319 132-1), read into values.

Signed properties count only where they are this signature's own and its reference
covers them. Unsigned ones prove nothing until they are checked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from lxml import etree

from jpki.documents.signature import Enclosed
from jpki.documents.xml.reading import Element, children, octets_of, text_of
from jpki.documents.xml.references import Covered
from jpki.documents.xml.signed_info import MAX_CERTIFICATES, Signature, read_digest
from jpki.errors import DocumentError, DocumentFault
from jpki.model.suites import Digest

__all__ = [
    "ARCHIVE_TIMESTAMP",
    "NO_PROPERTIES",
    "QUALIFYING",
    "SIGNATURE_TIMESTAMP",
    "SIGNED_PROPERTIES_TYPE",
    "XADES",
    "XADES_141",
    "Properties",
    "read_properties",
]

XADES: Final = "{http://uri.etsi.org/01903/v1.3.2#}"
QUALIFYING: Final = f"{XADES}QualifyingProperties"
SIGNED_PROPERTIES_TYPE: Final = "http://uri.etsi.org/01903#SignedProperties"
XADES_141: Final = "{http://uri.etsi.org/01903/v1.4.1#}"
SIGNATURE_TIMESTAMP: Final = f"{XADES}SignatureTimeStamp"
ARCHIVE_TIMESTAMP: Final = f"{XADES_141}ArchiveTimeStamp"
"""That of before version 1.4.1 of XAdES is over other octets, and is not judged."""
MAX_TIMESTAMPS: Final = 16
"""Of each kind. An archive timestamp every five years lasts for 80 years."""
MAX_UNSIGNED: Final = 256
"""Unsigned properties; each archive timestamp is over all that stand before it."""

_ANY: Final = "http://uri.etsi.org/01903/"
_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]{1,9})?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Properties:
    """What a signature says of itself, and what was added to help the verifier."""

    signing_time: datetime | None = None
    """The signer's claim, UTC; nothing proves it."""
    bindings: tuple[tuple[tuple[Digest, bytes], ...], ...] = ()
    """SigningCertificate and SigningCertificateV2, where they are there: digests of the
    signer's certificate, and perhaps of those above it."""
    enclosed: Enclosed = field(default_factory=Enclosed)
    unsigned: tuple[Element, ...] = field(default=(), repr=False)
    """UnsignedSignatureProperties, in order; the timestamps are among them."""
    notes: tuple[str, ...] = ()


NO_PROPERTIES: Final = Properties()


def read_properties(
    signature: Signature, inside: Mapping[Element, Covered]
) -> Properties:
    """Read them from the Object that holds them.

    Raises:
        DocumentError: not of this structure, another signature's, or not signed.
    """
    found = [part for held in signature.objects for part in held if _qualifies(part)]
    stated = [
        element
        for element, item in inside.items()
        if item.type == SIGNED_PROPERTIES_TYPE
    ]
    if not found:
        if stated:
            raise _not_covered("what is signed as properties is none")
        return NO_PROPERTIES
    if len(found) > 1:
        raise DocumentError("properties stand there twice")
    (qualifying,) = found
    if qualifying.tag != QUALIFYING:
        raise DocumentError("XAdES of another version", fault=DocumentFault.UNSUPPORTED)
    if signature.id is None or qualifying.get("Target") != f"#{signature.id}":
        raise _not_covered("the properties are of another signature")
    parts = {_local(part): part for part in children(qualifying)}
    signed = parts.pop("SignedProperties", None)
    unsigned = parts.pop("UnsignedProperties", None)
    if parts:
        raise DocumentError("unknown properties")
    if stated != ([] if signed is None else [signed]):
        raise _not_covered("the properties are not signed")
    return _read(signed, unsigned)


def _qualifies(element: Element) -> bool:
    name = etree.QName(element) if isinstance(element.tag, str) else None
    return (
        name is not None
        and (name.namespace or "").startswith(_ANY)
        and name.localname.startswith("QualifyingProperties")
    )


def _read(signed: Element | None, unsigned: Element | None) -> Properties:
    notes: list[str] = []
    time: datetime | None = None
    bindings: list[tuple[tuple[Digest, bytes], ...]] = []
    for item in _below(signed, "SignedSignatureProperties"):
        match _local(item):
            case "SigningTime":
                time = _time(text_of(item))
                if time is None:
                    notes.append("a signing time without time zone")
            case "SigningCertificate" | "SigningCertificateV2":
                bindings.append(_binding(item))
            case "SignaturePolicyIdentifier":
                if [_local(child) for child in children(item)] != [
                    "SignaturePolicyImplied"
                ]:
                    notes.append("made under a signature policy that is not judged")
    added = _below(unsigned, "UnsignedSignatureProperties")
    if len(added) > MAX_UNSIGNED:
        raise DocumentError(f"more than {MAX_UNSIGNED} unsigned properties")
    values: dict[str, list[bytes]] = {}
    for item in added:
        name = _local(item)
        if name.endswith("TimeStamp") or name.endswith("TimeStampV2"):
            if item.tag not in (SIGNATURE_TIMESTAMP, ARCHIVE_TIMESTAMP):
                notes.append(f"{name} proves nothing here")
        else:
            _collect(item, values)
    for tag in (SIGNATURE_TIMESTAMP, ARCHIVE_TIMESTAMP):
        if [item.tag for item in added].count(tag) > MAX_TIMESTAMPS:
            raise DocumentError(f"more than {MAX_TIMESTAMPS} timestamps")
    if any(len(items) > MAX_CERTIFICATES for items in values.values()):
        raise DocumentError(f"more than {MAX_CERTIFICATES} values of one kind")
    return Properties(
        signing_time=time,
        bindings=tuple(bindings),
        enclosed=Enclosed(
            certificates=tuple(values.get("EncapsulatedX509Certificate", ())),
            crls=tuple(values.get("EncapsulatedCRLValue", ())),
            ocsp_responses=tuple(values.get("EncapsulatedOCSPValue", ())),
        ),
        unsigned=tuple(added),
        notes=tuple(notes),
    )


def _below(element: Element | None, name: str) -> list[Element]:
    """What stands in the part of this name; nothing where there is no such part."""
    parts = [] if element is None else children(element)
    found = [part for part in parts if _local(part) == name]
    if len(found) > 1:
        raise DocumentError(f"{name} stands there twice")
    below = children(found[0]) if found else []
    names = [_local(item) for item in below]
    for single in ("SigningTime", "SigningCertificate", "SigningCertificateV2"):
        if names.count(single) > 1:
            raise DocumentError(f"{single} stands there twice")
    return below


def _binding(element: Element) -> tuple[tuple[Digest, bytes], ...]:
    """Digests in SigningCertificate or SigningCertificateV2 (5.2.2)."""
    found: list[tuple[Digest, bytes]] = []
    for certificate in children(element):
        parts = children(certificate)
        if not parts or _local(parts[0]) != "CertDigest":
            raise DocumentError("a signing certificate without digest")
        digest = children(parts[0])
        if len(digest) != 2:
            raise DocumentError("a signing certificate without digest")
        found.append(read_digest(*digest))
    if not 0 < len(found) <= MAX_CERTIFICATES:
        raise DocumentError(f"{len(found)} signing certificates")
    return tuple(found)


def _collect(element: Element, values: dict[str, list[bytes]]) -> None:
    """CertificateValues and RevocationValues, wherever they stand (5.4)."""
    for item in element.iter(
        f"{XADES}EncapsulatedX509Certificate",
        f"{XADES}EncapsulatedCRLValue",
        f"{XADES}EncapsulatedOCSPValue",
    ):
        values.setdefault(_local(item), []).append(octets_of(item))


def _time(text: str) -> datetime | None:
    """xs:dateTime in whole seconds; None where it has no zone and so names no instant.

    Raises:
        DocumentError: no such moment.
    """
    match = _TIME.fullmatch(text.strip())
    try:
        if match is not None:
            return datetime.fromisoformat(match[1] + match[2]).astimezone(UTC)
        datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        raise DocumentError("a signing time that is none") from None
    return None


def _local(element: Element) -> str:
    """The name of an element of XAdES; what is not of XAdES has another."""
    tag = str(element.tag)
    for namespace in (XADES, XADES_141):
        if tag.startswith(namespace):
            return tag.removeprefix(namespace)
    return tag


def _not_covered(message: str) -> DocumentError:
    return DocumentError(message, fault=DocumentFault.NOT_COVERED)
