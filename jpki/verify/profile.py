"""What RFC 5280 section 4 forbids a certificate to be, beyond the steps of section 6.

The validation algorithm asks nothing of these; a certificate that breaks them was not
made by an authority that follows the profile, and such certificates have been the way
around checks that two programs carry out differently. What authorities in use are known
to neglect is not asked for: key identifiers, positive serial numbers, basicConstraints
and policyConstraints that are critical. NIST's suite has valid paths without.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from jpki.der import oids
from jpki.model.key_usage import KeyUsage
from jpki.verify.reasons import Code
from jpki.verify.refusal import Refused
from jpki.x509.parse import Certificate

__all__ = ["check_profile"]

_MAX_SERIAL_BITS: Final = 160
"""4.1.2.2: 20 octets; the sign's octet, which some do not count, is not counted."""

_NEVER_CRITICAL: Final = {
    oids.AUTHORITY_KEY_IDENTIFIER: "RFC 5280 4.2.1.1",
    oids.SUBJECT_KEY_IDENTIFIER: "RFC 5280 4.2.1.2",
}
_ALWAYS_CRITICAL: Final = {oids.NAME_CONSTRAINTS: "RFC 5280 4.2.1.10"}
_KNOWN_QUALIFIERS: Final = frozenset({"1.3.6.1.5.5.7.2.1", "1.3.6.1.5.5.7.2.2"})
"""CPS pointer and user notice (4.2.1.4)."""

_READERS: Final[dict[str, Callable[[Certificate], object]]] = {
    oids.AUTHORITY_INFO_ACCESS: lambda certificate: certificate.ocsp_urls,
    oids.AUTHORITY_KEY_IDENTIFIER: lambda c: c.authority_key_identifier,
    oids.BASIC_CONSTRAINTS: lambda certificate: certificate.basic_constraints,
    oids.CERTIFICATE_POLICIES: lambda certificate: certificate.policies,
    oids.CRL_DISTRIBUTION_POINTS: lambda c: c.crl_distribution_points,
    oids.EXTENDED_KEY_USAGE: lambda certificate: certificate.extended_key_usage,
    oids.INHIBIT_ANY_POLICY: lambda certificate: certificate.inhibit_any_policy,
    oids.ISSUER_ALT_NAME: lambda certificate: certificate.issuer_alternative_name,
    oids.KEY_USAGE: lambda certificate: certificate.key_usage,
    oids.NAME_CONSTRAINTS: lambda certificate: certificate.name_constraints,
    oids.POLICY_CONSTRAINTS: lambda certificate: certificate.policy_constraints,
    oids.POLICY_MAPPINGS: lambda certificate: certificate.policy_mappings,
    oids.SUBJECT_ALT_NAME: lambda certificate: certificate.subject_alternative_name,
    oids.SUBJECT_KEY_IDENTIFIER: lambda c: c.subject_key_identifier,
}


def check_profile(certificate: Certificate) -> None:
    """Hold one certificate, or an anchor's, to the profile.

    Raises:
        Refused: it breaks the profile.
        EncodingError: an extension cannot be read, whether it is needed or not.
    """
    for oid, extension in certificate.extensions.items():
        reader = _READERS.get(oid)
        if reader is not None:
            reader(certificate)
        if extension.critical and oid in _NEVER_CRITICAL:
            raise _broken(_NEVER_CRITICAL[oid], f"critical extension {oid}")
        if not extension.critical and oid in _ALWAYS_CRITICAL:
            raise _broken(_ALWAYS_CRITICAL[oid], f"extension {oid} is not critical")
    if certificate.serial.bit_length() > _MAX_SERIAL_BITS:
        raise _broken("RFC 5280 4.1.2.2", "serial number of more than 20 octets")
    _check_names(certificate)
    _check_role(certificate)
    _check_qualifiers(certificate)


def _check_names(certificate: Certificate) -> None:
    if not certificate.issuer.rdns:
        raise _broken("RFC 5280 4.1.2.4", "empty issuer")
    if certificate.subject.rdns:
        return
    constraints = certificate.basic_constraints
    if constraints is not None and constraints.ca:
        raise _broken("RFC 5280 4.1.2.6", "an authority without a name")
    names = certificate.extensions.get(oids.SUBJECT_ALT_NAME)
    if names is None or not names.critical:
        raise _broken("RFC 5280 4.1.2.6", "no subject, and no critical other name")


def _check_role(certificate: Certificate) -> None:
    """What only an authority's certificate may say (4.2.1.3, 4.2.1.9, 4.2.1.10)."""
    constraints = certificate.basic_constraints
    if constraints is not None and constraints.ca:
        return
    if constraints is not None and constraints.path_length is not None:
        raise _broken("RFC 5280 4.2.1.9", "path length without cA")
    usage = certificate.key_usage or ()
    if constraints is not None and KeyUsage.KEY_CERT_SIGN in usage:
        raise _broken("RFC 5280 4.2.1.9", "keyCertSign without cA")
    if oids.NAME_CONSTRAINTS in certificate.extensions:
        raise _broken("RFC 5280 4.2.1.10", "name constraints without cA")


def _check_qualifiers(certificate: Certificate) -> None:
    """4.2.1.4: who cannot interpret a critical extension's qualifiers must refuse."""
    extension = certificate.extensions.get(oids.CERTIFICATE_POLICIES)
    if extension is None or not extension.critical:
        return
    for policy in certificate.policies or ():
        for qualifier in policy.qualifiers:
            if qualifier.oid not in _KNOWN_QUALIFIERS:
                raise Refused(
                    Code.UNKNOWN_CRITICAL_EXTENSION,
                    "RFC 5280 4.2.1.4",
                    extension=qualifier.oid,
                )


def _broken(clause: str, problem: str) -> Refused:
    return Refused(Code.PROFILE_BROKEN, clause, problem=problem)
