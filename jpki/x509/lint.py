"""The rules, run on the exact bytes that are about to be signed."""

from __future__ import annotations

from jpki.errors import EncodingError
from jpki.model.profiles import CertificateProfile
from jpki.x509.certificate_rules import RULES
from jpki.x509.findings import Finding, Rule, Severity
from jpki.x509.parse import parse_tbs_certificate

__all__ = ["RULES", "Finding", "Rule", "Severity", "lint_certificate"]


def lint_certificate(tbs: bytes, profile: CertificateProfile) -> tuple[Finding, ...]:
    """What the rules find in these to-be-signed bytes."""
    try:
        certificate = parse_tbs_certificate(tbs)
    except EncodingError as error:
        return (_unreadable(error),)
    findings: list[Finding] = []
    for rule in RULES:
        if not rule.holds(certificate.not_before):
            continue
        try:
            message = rule.check(certificate, profile)
        except EncodingError as error:
            return (*findings, _unreadable(error))
        if message is not None:
            findings.append(
                Finding(
                    rule=rule.id,
                    severity=rule.severity,
                    citation=rule.citation,
                    message=message,
                )
            )
    return tuple(findings)


def _unreadable(error: EncodingError) -> Finding:
    return Finding(
        rule="der",
        severity=Severity.ERROR,
        citation="X.690, RFC 5280 4.1",
        message=error.message,
    )
