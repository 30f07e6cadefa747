"""Extensions read: the list itself, and the value of each kind as its own type.

Every function raises only `EncodingError`, and what it accepts is DER: default values
that are written out, empty sequences and unknown choices are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from jpki.der.reader import Element, read_one
from jpki.der.writer import sequence, tlv
from jpki.errors import EncodingError
from jpki.model.key_usage import KeyUsage
from jpki.model.names import Attribute, Name
from jpki.x509.general_names import (
    GeneralName,
    read_general_name,
    read_general_names,
)
from jpki.x509.names import read_name
from jpki.x509.reading import non_empty, read_count, read_flag, read_items, remembered

__all__ = [
    "MAX_EXTENSIONS",
    "AccessDescription",
    "AuthorityKeyIdentifier",
    "BasicConstraints",
    "DistributionPoint",
    "Extension",
    "IssuingDistributionPoint",
    "NameConstraints",
    "read_access_descriptions",
    "read_authority_key_identifier",
    "read_basic_constraints",
    "read_crl_distribution_points",
    "read_extended_key_usage",
    "read_extensions",
    "read_general_names_value",
    "read_issuing_distribution_point",
    "read_key_usage",
    "read_name_constraints",
    "read_subject_key_identifier",
]

MAX_EXTENSIONS: Final = 64
"""Certificates in use have about ten."""


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension as it stands: the value is the DER inside the OCTET STRING."""

    oid: str
    critical: bool
    value: bytes


def read_extensions(element: Element) -> Mapping[str, Extension]:
    """Extensions (RFC 5280 4.1.2.9) by identifier, in their order; none twice."""
    found: dict[str, Extension] = {}
    items = non_empty(element.expect(0x30))
    while items:
        item = items.next(0x30)
        fields = item.enter()
        oid = fields.next().object_identifier()
        flag = fields.optional(0x01)
        if flag is not None and not flag.boolean():
            raise EncodingError("critical FALSE is written out", offset=flag.start)
        value = fields.next().octet_string()
        fields.finish()
        if oid in found:
            raise EncodingError(f"extension {oid} appears twice", offset=item.start)
        if len(found) == MAX_EXTENSIONS:
            raise EncodingError("too many extensions", offset=item.start)
        found[oid] = Extension(oid, flag is not None, value)
    return MappingProxyType(found)


# -- keys and usage -------------------------------------------------------------------


@remembered
def read_key_usage(value: bytes) -> frozenset[KeyUsage]:
    """KeyUsage (4.2.1.3), at least one bit."""
    bits = read_one(value).named_bits()
    if not bits or max(bits) > KeyUsage.DECIPHER_ONLY.value:
        raise EncodingError("key usage has no bit, or an unknown one")
    return frozenset(map(KeyUsage, bits))


@remembered
def read_extended_key_usage(value: bytes) -> frozenset[str]:
    """ExtKeyUsageSyntax (4.2.1.12): identifiers of purposes."""
    return frozenset(read_items(read_one(value, 0x30), Element.object_identifier))


def read_subject_key_identifier(value: bytes) -> bytes:
    """SubjectKeyIdentifier (4.2.1.2)."""
    return read_one(value).octet_string()


@dataclass(frozen=True, slots=True)
class AuthorityKeyIdentifier:
    """AuthorityKeyIdentifier (4.2.1.1)."""

    key_identifier: bytes | None
    issuer: tuple[GeneralName, ...]
    serial: int | None


@remembered
def read_authority_key_identifier(value: bytes) -> AuthorityKeyIdentifier:
    """AuthorityKeyIdentifier; issuer and serial come together or not at all."""
    fields = read_one(value, 0x30).enter()
    key = fields.optional(0x80)
    issuer = fields.optional(0xA1)
    serial = fields.optional(0x82)
    fields.finish()
    if (issuer is None) != (serial is None):
        raise EncodingError("authority key identifier has half an issuer and serial")
    return AuthorityKeyIdentifier(
        None if key is None else key.content,
        () if issuer is None else read_general_names(issuer.enter()),
        None if serial is None else serial.integer(0x82),
    )


# -- constraints ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BasicConstraints:
    """BasicConstraints (4.2.1.9)."""

    ca: bool
    path_length: int | None


@remembered
def read_basic_constraints(value: bytes) -> BasicConstraints:
    """BasicConstraints. A path length without CA is read; rules judge it."""
    fields = read_one(value, 0x30).enter()
    flag = fields.optional(0x01)
    if flag is not None and not flag.boolean():
        raise EncodingError("cA FALSE is written out", offset=flag.start)
    length = fields.optional(0x02)
    fields.finish()
    return BasicConstraints(
        flag is not None, None if length is None else read_count(length, 0x02)
    )


@dataclass(frozen=True, slots=True)
class NameConstraints:
    """NameConstraints (4.2.1.10); the bases of the subtrees."""

    permitted: tuple[GeneralName, ...]
    excluded: tuple[GeneralName, ...]


@remembered
def read_name_constraints(value: bytes) -> NameConstraints:
    """NameConstraints; minimum and maximum may not be used (4.2.1.10)."""
    fields = read_one(value, 0x30).enter()
    permitted = fields.optional(0xA0)
    excluded = fields.optional(0xA1)
    fields.finish()
    if permitted is None and excluded is None:
        raise EncodingError("name constraints are empty")
    return NameConstraints(
        () if permitted is None else read_items(permitted, _subtree),
        () if excluded is None else read_items(excluded, _subtree),
    )


def _subtree(element: Element) -> GeneralName:
    fields = element.expect(0x30).enter()
    base = read_general_name(fields.next())
    fields.finish()
    return base


# -- where to look --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AccessDescription:
    """One AccessDescription (4.2.2.1)."""

    method: str
    location: GeneralName


@remembered
def read_access_descriptions(value: bytes) -> tuple[AccessDescription, ...]:
    """AuthorityInfoAccessSyntax."""
    return read_items(read_one(value, 0x30), _access)


def _access(element: Element) -> AccessDescription:
    fields = element.expect(0x30).enter()
    method = fields.next().object_identifier()
    location = read_general_name(fields.next())
    fields.finish()
    return AccessDescription(method, location)


def read_general_names_value(value: bytes) -> tuple[GeneralName, ...]:
    """SubjectAltName or IssuerAltName (4.2.1.6, 4.2.1.7)."""
    return read_general_names(read_one(value, 0x30).enter())


@dataclass(frozen=True, slots=True)
class DistributionPoint:
    """DistributionPoint (4.2.1.13)."""

    full_name: tuple[GeneralName, ...]
    relative_name: tuple[Attribute, ...]
    """nameRelativeToCRLIssuer; at most one of the two names is not empty."""
    reasons: frozenset[int] | None
    """Positions in ReasonFlags; None means all reasons."""
    crl_issuer: tuple[GeneralName, ...]


@remembered
def read_crl_distribution_points(value: bytes) -> tuple[DistributionPoint, ...]:
    """CRLDistributionPoints or FreshestCRL."""
    return read_items(read_one(value, 0x30), _distribution_point)


def _distribution_point(element: Element) -> DistributionPoint:
    fields = element.expect(0x30).enter()
    full, relative = _distribution_point_name(fields.optional(0xA0))
    reasons = fields.optional(0x81)
    issuer = fields.optional(0xA2)
    fields.finish()
    if not full and not relative and issuer is None:
        raise EncodingError("distribution point without a name", offset=element.start)
    return DistributionPoint(
        full,
        relative,
        None if reasons is None else reasons.named_bits(0x81),
        () if issuer is None else read_general_names(issuer.enter()),
    )


def _distribution_point_name(
    element: Element | None,
) -> tuple[tuple[GeneralName, ...], tuple[Attribute, ...]]:
    if element is None:
        return (), ()
    choice = element.inside()
    if choice.tag == 0xA0:
        return read_general_names(choice.enter()), ()
    choice.expect(0xA1)
    # A single RDN with the SET's tag replaced: put it back and read it as a name.
    return (), _single_rdn(choice)


def _single_rdn(choice: Element) -> tuple[Attribute, ...]:
    name: Name = read_name(read_one(sequence(tlv(0x31, choice.content))))
    return name.rdns[0]


@dataclass(frozen=True, slots=True)
class IssuingDistributionPoint:
    """IssuingDistributionPoint of a CRL (5.2.5)."""

    full_name: tuple[GeneralName, ...]
    relative_name: tuple[Attribute, ...]
    only_user_certificates: bool
    only_authority_certificates: bool
    only_some_reasons: frozenset[int] | None
    indirect: bool
    only_attribute_certificates: bool


def read_issuing_distribution_point(value: bytes) -> IssuingDistributionPoint:
    """IssuingDistributionPoint, not empty, at most one of the three `only` flags."""
    fields = read_one(value, 0x30).enter()
    if not fields:
        raise EncodingError("issuing distribution point is empty")
    full, relative = _distribution_point_name(fields.optional(0xA0))
    user = read_flag(fields, 0x81)
    authority = read_flag(fields, 0x82)
    reasons = fields.optional(0x83)
    indirect = read_flag(fields, 0x84)
    attribute = read_flag(fields, 0x85)
    fields.finish()
    if user + authority + attribute > 1:
        raise EncodingError("issuing distribution point excludes every certificate")
    return IssuingDistributionPoint(
        full,
        relative,
        user,
        authority,
        None if reasons is None else reasons.named_bits(0x83),
        indirect,
        attribute,
    )
