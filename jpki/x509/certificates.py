"""Certificates to be signed: a profile filled with values, linted, as exact bytes.

Nothing here signs. `prepare_certificate` gives the bytes that a signer is to sign;
`assemble` joins them with the signature. The same arguments give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from jpki.der.times import time_choice
from jpki.der.writer import explicit, integer, sequence
from jpki.errors import RuleViolation
from jpki.model.names import Name
from jpki.model.profiles import CertificateProfile
from jpki.model.residents import BasicInformation
from jpki.model.suites import SignatureSuite
from jpki.x509.contents import Contents, extension_of
from jpki.x509.issuers import IssuerView, assemble, fill_name, template_values
from jpki.x509.keys import key_identifier
from jpki.x509.lint import Finding, Severity, lint_certificate
from jpki.x509.names import encode_name

__all__ = ["IssuerView", "PreparedCertificate", "assemble", "prepare_certificate"]

_VERSION_3 = explicit(0, integer(2))


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedCertificate:
    """The bytes to sign, and what they say."""

    tbs: bytes = field(repr=False)
    suite: SignatureSuite
    """The issuer's suite: what signs."""
    serial: int
    not_before: datetime
    not_after: datetime
    subject: Name
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
    filled = template_values(issuer, values)
    name = _subject(profile, filled, subject)
    begins = not_before.astimezone(UTC).replace(microsecond=0)
    ends = profile.validity.ends(begins) if not_after is None else not_after
    contents = Contents(
        issuer=issuer,
        values=filled,
        key_identifier=key_identifier(public_key),
        subject_alternative=subject_alternative,
        basic=basic,
        japanese=japanese,
    )
    tbs = sequence(
        _VERSION_3,
        integer(serial),
        issuer.suite.algorithm_identifier,
        encode_name(issuer.name),
        sequence(time_choice(begins), time_choice(ends)),
        encode_name(name),
        public_key,
        explicit(
            3, sequence(*(extension_of(rule, contents) for rule in profile.extensions))
        ),
    )
    findings = lint_certificate(tbs, profile)
    for finding in findings:
        if finding.severity is Severity.ERROR:
            raise RuleViolation(finding.rule, finding.citation, finding.message)
    return PreparedCertificate(
        tbs=tbs,
        suite=issuer.suite,
        serial=serial,
        not_before=begins,
        not_after=ends.astimezone(UTC).replace(microsecond=0),
        subject=name,
        findings=findings,
    )


def _subject(
    profile: CertificateProfile, values: Mapping[str, str], given: Name | None
) -> Name:
    if (profile.subject is None) == (given is None):
        problem = "is not given" if given is None else "is fixed by the template"
        raise RuleViolation(
            "profile.subject", f"profile {profile.id}", f"the subject {problem}"
        )
    return given if given is not None else fill_name(profile.subject or (), values)
