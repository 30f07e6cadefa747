"""Extension values to bytes: one function for each kind, without policy of its own.

Each returns the DER that goes into the extension's OCTET STRING; `extension` wraps it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from jpki.der import oids
from jpki.der.times import generalized_time
from jpki.der.writer import (
    NULL,
    boolean,
    enumerated,
    explicit,
    ia5_string,
    implicit,
    integer,
    named_bits,
    object_identifier,
    octet_string,
    sequence,
)
from jpki.model.key_usage import KeyUsage
from jpki.model.names import Name
from jpki.model.revocation import RevocationReason
from jpki.x509.general_names import (
    DirectoryName,
    GeneralName,
    URIName,
    encode_general_name,
    encode_general_names,
)

__all__ = [
    "OCSP_NO_CHECK",
    "authority_information_access",
    "authority_key_identifier",
    "basic_constraints",
    "certificate_issuer",
    "certificate_policies",
    "crl_distribution_points",
    "delta_crl_indicator",
    "distribution_point_name",
    "extended_key_usage",
    "extension",
    "indirect_point",
    "inhibit_any_policy",
    "invalidity_date",
    "issuing_distribution_point",
    "key_usage",
    "policy_constraints",
    "policy_mappings",
    "reason_code",
    "subject_key_identifier",
]

OCSP_NO_CHECK = NULL
"""The value of id-pkix-ocsp-nocheck (RFC 6960 4.2.2.2.1)."""


def extension(oid: str, critical: bool, value: bytes) -> bytes:
    """One Extension; DER leaves FALSE out."""
    flag = boolean(True) if critical else b""
    return sequence(object_identifier(oid), flag, octet_string(value))


def key_usage(usages: Iterable[KeyUsage]) -> bytes:
    """KeyUsage (RFC 5280 4.2.1.3)."""
    return named_bits(usage.value for usage in usages)


def extended_key_usage(purposes: Iterable[str]) -> bytes:
    """ExtKeyUsageSyntax (RFC 5280 4.2.1.12)."""
    return sequence(*map(object_identifier, purposes))


def basic_constraints(ca: bool, path_length: int | None) -> bytes:
    """BasicConstraints (RFC 5280 4.2.1.9)."""
    return sequence(
        boolean(True) if ca else b"",
        b"" if path_length is None else integer(path_length),
    )


def certificate_policies(policies: Iterable[tuple[str, str | None]]) -> bytes:
    """CertificatePolicies (RFC 5280 4.2.1.4): identifiers and CPS addresses."""
    return sequence(*(_policy(oid, cps) for oid, cps in policies))


def _policy(oid: str, cps: str | None) -> bytes:
    if cps is None:
        return sequence(object_identifier(oid))
    qualifier = sequence(object_identifier(oids.CPS_URI), ia5_string(cps))
    return sequence(object_identifier(oid), sequence(qualifier))


def policy_mappings(pairs: Iterable[tuple[str, str]]) -> bytes:
    """PolicyMappings (RFC 5280 4.2.1.5): issuer's and subject's policy."""
    return sequence(
        *(sequence(*map(object_identifier, pair)) for pair in pairs),
    )


def policy_constraints(
    require_explicit_policy: int | None, inhibit_policy_mapping: int | None
) -> bytes:
    """PolicyConstraints (RFC 5280 4.2.1.11)."""
    counts = (require_explicit_policy, inhibit_policy_mapping)
    return sequence(
        *(
            implicit(number, integer(count))
            for number, count in enumerate(counts)
            if count is not None
        )
    )


def inhibit_any_policy(skip_certificates: int) -> bytes:
    """InhibitAnyPolicy (RFC 5280 4.2.1.14)."""
    return integer(skip_certificates)


def indirect_point(issuer: Name) -> bytes:
    """DistributionPoint (RFC 5280 4.2.1.13) of an indirect list, at its issuer."""
    names = encode_general_names(DirectoryName(issuer))
    return sequence(distribution_point_name(issuer), implicit(2, names))


def crl_distribution_points(name: Name, uri: str | None = None) -> bytes:
    """CRLDistributionPoints (RFC 5280 4.2.1.13): one point, its directoryName first."""
    return sequence(sequence(distribution_point_name(name, uri)))


def distribution_point_name(name: Name, uri: str | None = None) -> bytes:
    """DistributionPointName (RFC 5280 4.2.1.13), as it stands in a point or a list."""
    address = () if uri is None else (URIName(uri),)
    names = encode_general_names(DirectoryName(name), *address)
    return explicit(0, implicit(0, names))


def authority_information_access(ocsp: str) -> bytes:
    """AuthorityInfoAccessSyntax (RFC 5280 4.2.2.1) with one OCSP address."""
    location = encode_general_name(URIName(ocsp))
    return sequence(sequence(object_identifier(oids.AD_OCSP), location))


def subject_key_identifier(identifier: bytes) -> bytes:
    """SubjectKeyIdentifier (RFC 5280 4.2.1.2)."""
    return octet_string(identifier)


def authority_key_identifier(
    identifier: bytes, issuer: Sequence[GeneralName] = (), serial: int | None = None
) -> bytes:
    """AuthorityKeyIdentifier (RFC 5280 4.2.1.1); with a serial, in full form."""
    full = b""
    if serial is not None:
        full = implicit(1, encode_general_names(*issuer)) + implicit(2, integer(serial))
    return sequence(implicit(0, octet_string(identifier)), full)


# -- CRLs -----------------------------------------------------------------------------


def issuing_distribution_point(
    point: bytes | None,
    *,
    only_user_certificates: bool = False,
    only_authority_certificates: bool = False,
    indirect: bool = False,
) -> bytes:
    """IssuingDistributionPoint (RFC 5280 5.2.5) of a DistributionPointName."""
    true = boolean(True)
    return sequence(
        point or b"",
        implicit(1, true) if only_user_certificates else b"",
        implicit(2, true) if only_authority_certificates else b"",
        implicit(4, true) if indirect else b"",
    )


def certificate_issuer(issuer: Name) -> bytes:
    """CertificateIssuer (RFC 5280 5.3.3)."""
    return encode_general_names(DirectoryName(issuer))


def delta_crl_indicator(base: int) -> bytes:
    """BaseCRLNumber (RFC 5280 5.2.4)."""
    return integer(base)


def freshest_crl(uri: str) -> bytes:
    """FreshestCRL (RFC 5280 5.2.6): one point, with an address."""
    name = implicit(0, encode_general_names(URIName(uri)))
    return sequence(sequence(explicit(0, name)))


def reason_code(reason: RevocationReason) -> bytes:
    """CRLReason (RFC 5280 5.3.1)."""
    return enumerated(reason.value)


def invalidity_date(at: datetime) -> bytes:
    """InvalidityDate (RFC 5280 5.3.2)."""
    return generalized_time(at)
