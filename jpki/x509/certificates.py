"""Certificates to be signed: a profile filled with values, linted, as exact bytes.

Nothing here signs. `prepare_certificate` gives the bytes that a signer is to sign;
`assemble` joins them with the signature. The same arguments give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

from jpki.der.times import time_choice
from jpki.der.writer import sequence
from jpki.errors import RuleViolation
from jpki.model.names import Name
from jpki.model.profiles import CertificateProfile
from jpki.model.residents import BasicInformation
from jpki.model.suites import SignatureSuite
from jpki.x509.basic_information import encode_basic_information
from jpki.x509.issuers import IssuerView, assemble
from jpki.x509.keys import key_identifier
from jpki.x509.lint import Finding, Severity
from jpki.x509.names import encode_value
from jpki.x509.template_lint import lint_filled
from jpki.x509.templates import Template, template_of

__all__ = ["IssuerView", "PreparedCertificate", "assemble", "prepare_certificate"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedCertificate:
    """The bytes to sign, and what they say."""

    tbs: bytes = field(repr=False)
    suite: SignatureSuite
    """The issuer's suite: what signs."""
    serial: int
    not_before: datetime
    not_after: datetime
    findings: tuple[Finding, ...]
    """What the rules said, short of an error; kept for the audit log."""


def prepare_certificate(
    profile: CertificateProfile,
    *,
    issuer: IssuerView,
    values: Mapping[str, str],
    public_key: bytes,
    serial: int,
    not_before: datetime,
    basic: BasicInformation | None = None,
    japanese: bool = True,
    not_after: datetime | None = None,
    subject: Name | None = None,
    subject_alternative: Name | None = None,
) -> PreparedCertificate:
    """Fill the profile, encode, and lint the bytes that are to be signed.

    Args:
        issuer: the signing key; for a self-signed certificate, the subject itself.
        values: fills the `{placeholders}` of the profile.
        public_key: SubjectPublicKeyInfo, DER.
        basic: the four items, where the profile certifies them.
        japanese: whether the date of birth is written with a Japanese era.
        not_after: instead of the end that the profile's validity gives.
        subject: the name, where the profile has no template for it.
        subject_alternative: the Japanese name, where the profile has one.

    Raises:
        RuleViolation: a value is missing, or a rule refuses the result.
        EncodingError: a value cannot be encoded, or the key is not one.
    """
    if (profile.subject is None) == (subject is None):
        problem = "is not given" if subject is None else "is fixed by the template"
        raise RuleViolation(
            "profile.subject", f"profile {profile.id}", f"the subject {problem}"
        )
    template = template_of(profile, issuer, values, subject, subject_alternative)
    begins, ends, period = _period(profile, not_before, not_after)
    last = template.last_attribute(values)
    items = _items(template, basic, japanese=japanese)
    tbs = template.fill(
        serial=serial,
        period=period,
        value=b"" if last is None else encode_value(last),
        public_key=public_key,
        identifier=key_identifier(public_key),
        items=items,
    )
    findings = lint_filled(template, tbs, items)
    for finding in findings:
        if finding.severity is Severity.ERROR:
            raise RuleViolation(finding.rule, finding.citation, finding.message)
    return PreparedCertificate(
        tbs=tbs,
        suite=issuer.suite,
        serial=serial,
        not_before=begins,
        not_after=ends,
        findings=findings,
    )


@lru_cache(maxsize=1024)
def _period(
    profile: CertificateProfile, not_before: datetime, not_after: datetime | None
) -> tuple[datetime, datetime, bytes]:
    """First and last second, and the Validity; many begin in the same second."""
    begins = not_before.astimezone(UTC).replace(microsecond=0)
    ends = profile.validity.ends(begins) if not_after is None else not_after
    ends = ends.astimezone(UTC).replace(microsecond=0)
    return begins, ends, sequence(time_choice(begins), time_choice(ends))


def _items(
    template: Template, basic: BasicInformation | None, *, japanese: bool
) -> bytes:
    if template.items is None:
        return b""
    if basic is None:
        raise RuleViolation(
            "profile.value",
            f"extension {template.items.rule.oid}",
            "needs the basic information",
        )
    return encode_basic_information(basic, template.items.rule, japanese=japanese)
