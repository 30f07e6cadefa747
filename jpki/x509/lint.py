"""The rules, run on the exact bytes that are about to be signed."""

from __future__ import annotations

from jpki.errors import EncodingError
from jpki.model.profiles import CertificateProfile, CRLProfile
from jpki.model.suites import SignatureSuite
from jpki.x509.certificate_rules import RULES
from jpki.x509.crl_rules import CRL_RULES, read_crl_to_sign
from jpki.x509.findings import Finding, Rule, Severity, findings_of, unreadable
from jpki.x509.parse import parse_tbs_certificate

__all__ = [
    "CRL_RULES",
    "RULES",
    "Finding",
    "Rule",
    "Severity",
    "lint_certificate",
    "lint_crl",
]


def lint_certificate(tbs: bytes, profile: CertificateProfile) -> tuple[Finding, ...]:
    """What the rules find in these to-be-signed bytes."""
    try:
        certificate = parse_tbs_certificate(tbs)
    except EncodingError as error:
        return (unreadable(error),)
    return findings_of(RULES, certificate, profile, certificate.not_before)


def lint_crl(
    tbs: bytes, profile: CRLProfile, suite: SignatureSuite
) -> tuple[Finding, ...]:
    """What the rules find in these bytes, which a key of this suite is to sign."""
    try:
        crl = read_crl_to_sign(tbs, suite)
    except EncodingError as error:
        return (unreadable(error),)
    return findings_of(CRL_RULES, crl, profile, crl.this_update)
