"""Policy extensions read: policies, mappings and constraints (RFC 5280 4.2.1)."""

from __future__ import annotations

from dataclasses import dataclass

from jpki.der.reader import Element, read_one
from jpki.errors import EncodingError
from jpki.x509.reading import read_count, read_items, remembered

__all__ = [
    "PolicyConstraints",
    "PolicyInformation",
    "PolicyMapping",
    "PolicyQualifier",
    "read_certificate_policies",
    "read_inhibit_any_policy",
    "read_policy_constraints",
    "read_policy_mappings",
]


@dataclass(frozen=True, slots=True)
class PolicyQualifier:
    """PolicyQualifierInfo: its kind, and the DER of the qualifier."""

    oid: str
    value: bytes


@dataclass(frozen=True, slots=True)
class PolicyInformation:
    """PolicyInformation (4.2.1.4)."""

    oid: str
    qualifiers: tuple[PolicyQualifier, ...]


@dataclass(frozen=True, slots=True)
class PolicyMapping:
    """One pair of PolicyMappings (4.2.1.5)."""

    issuer_policy: str
    subject_policy: str


@dataclass(frozen=True, slots=True)
class PolicyConstraints:
    """PolicyConstraints (4.2.1.11)."""

    require_explicit_policy: int | None
    inhibit_policy_mapping: int | None


@remembered
def read_certificate_policies(value: bytes) -> tuple[PolicyInformation, ...]:
    """CertificatePolicies; no policy may appear twice (4.2.1.4)."""
    policies = read_items(read_one(value, 0x30), _policy)
    if len({policy.oid for policy in policies}) < len(policies):
        raise EncodingError("a certificate policy appears twice")
    return policies


def _policy(element: Element) -> PolicyInformation:
    fields = element.expect(0x30).enter()
    oid = fields.next().object_identifier()
    qualifiers = read_items(fields.next(0x30), _qualifier) if fields else ()
    fields.finish()
    return PolicyInformation(oid, qualifiers)


def _qualifier(element: Element) -> PolicyQualifier:
    fields = element.expect(0x30).enter()
    oid = fields.next().object_identifier()
    value = fields.next().raw
    fields.finish()
    return PolicyQualifier(oid, value)


@remembered
def read_policy_mappings(value: bytes) -> tuple[PolicyMapping, ...]:
    """PolicyMappings."""
    return read_items(read_one(value, 0x30), _mapping)


def _mapping(element: Element) -> PolicyMapping:
    fields = element.expect(0x30).enter()
    issuer = fields.next().object_identifier()
    subject = fields.next().object_identifier()
    fields.finish()
    return PolicyMapping(issuer, subject)


@remembered
def read_policy_constraints(value: bytes) -> PolicyConstraints:
    """PolicyConstraints, not empty."""
    fields = read_one(value, 0x30).enter()
    explicit = fields.optional(0x80)
    inhibit = fields.optional(0x81)
    fields.finish()
    if explicit is None and inhibit is None:
        raise EncodingError("policy constraints are empty")
    return PolicyConstraints(
        None if explicit is None else read_count(explicit, 0x80),
        None if inhibit is None else read_count(inhibit, 0x81),
    )


@remembered
def read_inhibit_any_policy(value: bytes) -> int:
    """InhibitAnyPolicy (4.2.1.14): SkipCerts."""
    return read_count(read_one(value), 0x02)
