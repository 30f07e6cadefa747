"""Certificates to be signed: a profile filled with values, linted, as exact bytes.

Nothing here signs. `prepare_certificate` gives the bytes that a signer is to sign;
`assemble` joins them with the signature. The same arguments give the same bytes.

Who prepares many of one template asks for the `Series` once: what its certificates
have in common is then looked up once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from jpki.der.times import time_choice
from jpki.der.writer import sequence
from jpki.errors import RuleViolation
from jpki.model.names import Name
from jpki.model.profiles import CertificateProfile
from jpki.model.residents import BasicInformation
from jpki.model.suites import SignatureSuite
from jpki.x509.basic_information import encode_basic_information
from jpki.x509.findings import Finding, refuse_errors
from jpki.x509.issuers import IssuerView, assemble
from jpki.x509.template_lint import TemplateLint, lint_of
from jpki.x509.templates import Template, template_of

__all__ = [
    "IssuerView",
    "PreparedCertificate",
    "Series",
    "assemble",
    "prepare_certificate",
    "series_of",
]


class PreparedCertificate(NamedTuple):
    """The bytes to sign, and what they say."""

    tbs: bytes
    suite: SignatureSuite
    """The issuer's suite: what signs."""
    serial: int
    not_before: datetime
    not_after: datetime
    findings: tuple[Finding, ...]
    """What the rules said, short of an error; kept for the audit log."""

    def __repr__(self) -> str:
        # The bytes hold personal data.
        return f"PreparedCertificate({self.serial:x}, {self.suite.id})"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Series:
    """Certificates of one template that begin and end together."""

    template: Template
    not_before: datetime
    not_after: datetime
    lint: TemplateLint

    def prepare(
        self,
        *,
        serial: int,
        public_key: bytes,
        values: Mapping[str, str],
        basic: BasicInformation | None = None,
        japanese: bool = True,
    ) -> PreparedCertificate:
        """Fill the template, and lint the bytes that are to be signed.

        Args:
            public_key: SubjectPublicKeyInfo, DER.
            values: fills the `{placeholders}` of the subject's last attribute.
            basic: the four items, where the profile certifies them.
            japanese: whether the date of birth is written with a Japanese era.

        Raises:
            RuleViolation: a value is missing, or a rule refuses the result.
            EncodingError: a value cannot be encoded, or the key is not one.
        """
        template = self.template
        slots = template.slots(
            serial=serial,
            period=self.lint.period,
            value=template.value(values),
            public_key=public_key,
            items=_items(template, basic, japanese),
        )
        mold = template.mold(slots)
        tbs = mold.fill(slots)
        findings = self.lint.findings(tbs, mold, slots)
        refuse_errors(findings)
        suite = template.issuer.suite
        return PreparedCertificate(
            tbs, suite, serial, self.not_before, self.not_after, findings
        )


def series_of(
    profile: CertificateProfile,
    *,
    issuer: IssuerView,
    values: Mapping[str, str],
    not_before: datetime,
    not_after: datetime | None = None,
    subject: Name | None = None,
    subject_alternative: Name | None = None,
) -> Series:
    """The series of certificates that have all this in common.

    Args:
        issuer: the signing key; for a self-signed certificate, the subject itself.
        values: fills the `{placeholders}` of the profile, but for the last attribute
            of the subject.
        not_after: instead of the end that the profile's validity gives.
        subject: the name, where the profile has no template for it.
        subject_alternative: the Japanese name, where the profile has one.

    Raises:
        RuleViolation: a value is missing, or does not fit.
        EncodingError: a value cannot be encoded.
    """
    if (profile.subject is None) == (subject is None):
        problem = "is not given" if subject is None else "is fixed by the template"
        raise RuleViolation(
            "profile.subject", f"profile {profile.id}", f"the subject {problem}"
        )
    template = template_of(profile, issuer, values, subject, subject_alternative)
    return _series(template, not_before, not_after)


@lru_cache(maxsize=1024)
def _series(
    template: Template, not_before: datetime, not_after: datetime | None
) -> Series:
    begins = not_before.astimezone(UTC).replace(microsecond=0)
    validity = template.profile.validity
    ends = validity.ends(begins) if not_after is None else not_after
    ends = ends.astimezone(UTC).replace(microsecond=0)
    period = sequence(time_choice(begins), time_choice(ends))
    return Series(
        template=template,
        not_before=begins,
        not_after=ends,
        lint=lint_of(template, period),
    )


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
    """Fill the profile, encode, and lint: one certificate of its series.

    Args and errors are those of `series_of` and `Series.prepare`.
    """
    series = series_of(
        profile,
        issuer=issuer,
        values=values,
        not_before=not_before,
        not_after=not_after,
        subject=subject,
        subject_alternative=subject_alternative,
    )
    return series.prepare(
        serial=serial,
        public_key=public_key,
        values=values,
        basic=basic,
        japanese=japanese,
    )


def _items(template: Template, basic: BasicInformation | None, japanese: bool) -> bytes:
    if template.items is None:
        return b""
    if basic is None:
        raise RuleViolation(
            "profile.value",
            f"extension {template.items.rule.oid}",
            "needs the basic information",
        )
    return encode_basic_information(basic, template.items.rule, japanese=japanese)
