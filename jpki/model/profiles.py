"""Profiles: what certificates and CRLs of a kind must look like.

These are the validated values; `jpki.data` makes them from files. Text in templates may
hold `{placeholders}` that are filled when a certificate is prepared. Extensions are
encoded in the order in which they stand here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import ClassVar, Final

from jpki.der import oids
from jpki.errors import RuleViolation
from jpki.model.calendar import JST, MonthDay, birthday_in, nth_birthday
from jpki.model.characters import Substitution
from jpki.model.key_usage import KeyUsage
from jpki.model.names import Name, StringType

__all__ = [
    "ISSUER_VALUES",
    "AttributeTemplate",
    "AuthorityInformationAccessRule",
    "AuthorityKeyIdentifierRule",
    "BasicConstraintsRule",
    "BasicInformationNamesRule",
    "CRLDistributionPointsRule",
    "CRLExtensionRule",
    "CRLNumberRule",
    "CRLProfile",
    "CertificatePoliciesRule",
    "CertificateProfile",
    "DeltaCRLIndicatorRule",
    "DirectoryAlternativeNameRule",
    "ExtendedKeyUsageRule",
    "ExtensionRule",
    "FreshestCRLRule",
    "InhibitAnyPolicyRule",
    "IssuerAlternativeNameRule",
    "IssuingDistributionPointRule",
    "KeyUsage",
    "KeyUsageRule",
    "NameTemplate",
    "OCSPNoCheckRule",
    "PolicyConstraintsRule",
    "PolicyMappingsRule",
    "PolicyTemplate",
    "SubjectKeyIdentifierRule",
    "Validity",
    "fill",
    "placeholders",
    "template_texts",
]

ISSUER_VALUES: Final = frozenset({"issuer_organisation", "issuer_unit"})
"""Placeholders that are taken from the issuer's name: its O and its last OU."""

_LAST_SECOND: Final = time(23, 59, 59)

_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")


# -- names ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AttributeTemplate:
    """One attribute of a name, its value with placeholders."""

    oid: str
    value: str
    string_type: StringType = StringType.UTF8


NameTemplate = tuple[AttributeTemplate, ...]
"""One attribute per RDN, in encoded order."""


# -- certificate extensions -----------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rule:
    oid: ClassVar[str]
    critical: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyUsageRule(_Rule):
    """RFC 5280 4.2.1.3."""

    oid: ClassVar[str] = oids.KEY_USAGE
    usages: frozenset[KeyUsage]


@dataclass(frozen=True, kw_only=True, slots=True)
class ExtendedKeyUsageRule(_Rule):
    """RFC 5280 4.2.1.12."""

    oid: ClassVar[str] = oids.EXTENDED_KEY_USAGE
    purposes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class BasicConstraintsRule(_Rule):
    """RFC 5280 4.2.1.9."""

    oid: ClassVar[str] = oids.BASIC_CONSTRAINTS
    ca: bool
    path_length: int | None


@dataclass(frozen=True, slots=True)
class PolicyTemplate:
    """One policy; the identifier may be a placeholder."""

    oid: str
    cps: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CertificatePoliciesRule(_Rule):
    """RFC 5280 4.2.1.4."""

    oid: ClassVar[str] = oids.CERTIFICATE_POLICIES
    policies: tuple[PolicyTemplate, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyMappingsRule(_Rule):
    """RFC 5280 4.2.1.5: pairs of issuer's and subject's domain policy."""

    oid: ClassVar[str] = oids.POLICY_MAPPINGS
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyConstraintsRule(_Rule):
    """RFC 5280 4.2.1.11."""

    oid: ClassVar[str] = oids.POLICY_CONSTRAINTS
    require_explicit_policy: int | None
    inhibit_policy_mapping: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class InhibitAnyPolicyRule(_Rule):
    """RFC 5280 4.2.1.14."""

    oid: ClassVar[str] = oids.INHIBIT_ANY_POLICY
    skip_certificates: int


@dataclass(frozen=True, kw_only=True, slots=True)
class DirectoryAlternativeNameRule(_Rule):
    """subjectAltName holding the subject's Japanese directoryName."""

    oid: ClassVar[str] = oids.SUBJECT_ALT_NAME


@dataclass(frozen=True, kw_only=True, slots=True)
class BasicInformationNamesRule(_Rule):
    """subjectAltName holding the four items as otherNames with their substitutions."""

    oid: ClassVar[str] = oids.SUBJECT_ALT_NAME
    order: tuple[int, ...]
    """Last arcs of 1.2.392.200149.8.5.5.n in the order in which they are encoded."""
    substitution: Substitution


@dataclass(frozen=True, kw_only=True, slots=True)
class IssuerAlternativeNameRule(_Rule):
    """issuerAltName holding the issuer's Japanese directoryName."""

    oid: ClassVar[str] = oids.ISSUER_ALT_NAME


@dataclass(frozen=True, kw_only=True, slots=True)
class CRLDistributionPointsRule(_Rule):
    """One point, a directoryName; without a template the issuer's own name."""

    oid: ClassVar[str] = oids.CRL_DISTRIBUTION_POINTS
    name: NameTemplate | None
    uri: str | None = None
    """An address of the same list, in the same point (RFC 5280 4.2.1.13)."""
    crl_issuer: Name | None = None
    """Who lists such certificates too, in an indirect CRL at its own name: a second
    point."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthorityInformationAccessRule(_Rule):
    """RFC 5280 4.2.2.1 with an OCSP address."""

    oid: ClassVar[str] = oids.AUTHORITY_INFO_ACCESS
    ocsp: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthorityKeyIdentifierRule(_Rule):
    """RFC 5280 4.2.1.1."""

    oid: ClassVar[str] = oids.AUTHORITY_KEY_IDENTIFIER
    full: bool
    """Also authorityCertIssuer and authorityCertSerialNumber."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SubjectKeyIdentifierRule(_Rule):
    """RFC 5280 4.2.1.2, method (1)."""

    oid: ClassVar[str] = oids.SUBJECT_KEY_IDENTIFIER


@dataclass(frozen=True, kw_only=True, slots=True)
class OCSPNoCheckRule(_Rule):
    """RFC 6960 4.2.2.2.1."""

    oid: ClassVar[str] = oids.OCSP_NOCHECK


ExtensionRule = (
    KeyUsageRule
    | ExtendedKeyUsageRule
    | BasicConstraintsRule
    | CertificatePoliciesRule
    | PolicyMappingsRule
    | PolicyConstraintsRule
    | InhibitAnyPolicyRule
    | DirectoryAlternativeNameRule
    | BasicInformationNamesRule
    | IssuerAlternativeNameRule
    | CRLDistributionPointsRule
    | AuthorityInformationAccessRule
    | AuthorityKeyIdentifierRule
    | SubjectKeyIdentifierRule
    | OCSPNoCheckRule
)


# -- whole profiles -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Validity:
    """How long, in years and days or in the holder's birthdays, and where it ends."""

    years: int = 0
    days: int = 0
    end_of_day_jst: bool = True
    birthdays: int = 0
    """Instead of years and days: ends with the holder's so-manieth birthday after the
    day of issue."""
    birthdays_on_renewal: int = 0
    """The same where it replaces a certificate that is about to end."""
    leap_birthday: MonthDay = (2, 28)
    """The birthday, in common years, of who was born on 29 February."""

    def ends(
        self, not_before: datetime, born: date | None = None, *, renewal: bool = False
    ) -> datetime:
        """The last second of validity.

        By the end-of-day rule the period counts calendar days in Japan: it ends at
        23:59:59 JST (14:59:59Z) of the day before the anniversary, as in the
        certificates of the service. A 29 February counts as 1 March. A birthday belongs
        to the period, to the end of its day.

        Args:
            not_before: the instant of issue.
            born: the holder's date of birth; without it the answer is the latest end
                that anybody's could give, a limit.
            renewal: whether a certificate that is about to end is replaced.
        """
        start = not_before.astimezone(JST).replace(microsecond=0)
        if self.birthdays:
            count = self.birthdays_on_renewal if renewal else self.birthdays
            if born is None:
                count = max(self.birthdays, self.birthdays_on_renewal)
                # The day of issue may be a birthday; the first after it is a year on.
                last = birthday_in(
                    start.year + count, start.date(), leap=self.leap_birthday
                )
            else:
                last = nth_birthday(
                    count, born, after=start.date(), leap=self.leap_birthday
                )
            return datetime.combine(last, _LAST_SECOND, JST).astimezone(UTC)
        anniversary = datetime.combine(
            birthday_in(start.year + self.years, start.date()), start.timetz()
        )
        anniversary += timedelta(days=self.days)
        if self.end_of_day_jst:
            anniversary = anniversary.replace(hour=0, minute=0, second=0)
        return (anniversary - timedelta(seconds=1)).astimezone(UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class CertificateProfile:
    """What a certificate of one kind holds."""

    id: str
    title: str
    validity: Validity
    subject: NameTemplate | None
    """None: the caller gives the name, as for authorities."""
    extensions: tuple[ExtensionRule, ...]
    placeholders: frozenset[str]
    """What the caller must give in `values`."""
    source: str

    def __hash__(self) -> int:
        return hash(self.id)


@dataclass(frozen=True, kw_only=True, slots=True)
class IssuingDistributionPointRule(_Rule):
    """RFC 5280 5.2.5, as far as this service partitions its CRLs."""

    oid: ClassVar[str] = oids.ISSUING_DISTRIBUTION_POINT
    name: NameTemplate | None
    issuer_name: bool
    """Whether the point is named like the issuer itself."""
    only_user_certificates: bool
    only_authority_certificates: bool
    indirect: bool = False
    """Whether entries name their issuers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CRLNumberRule(_Rule):
    """RFC 5280 5.2.3."""

    oid: ClassVar[str] = oids.CRL_NUMBER


@dataclass(frozen=True, kw_only=True, slots=True)
class DeltaCRLIndicatorRule(_Rule):
    """RFC 5280 5.2.4."""

    oid: ClassVar[str] = oids.DELTA_CRL_INDICATOR


@dataclass(frozen=True, kw_only=True, slots=True)
class FreshestCRLRule(_Rule):
    """RFC 5280 5.2.6 with the address of the delta CRLs."""

    oid: ClassVar[str] = oids.FRESHEST_CRL
    uri: str


CRLExtensionRule = (
    AuthorityKeyIdentifierRule
    | CRLNumberRule
    | DeltaCRLIndicatorRule
    | IssuingDistributionPointRule
    | FreshestCRLRule
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CRLProfile:
    """What a CRL of one kind holds, and how often it appears."""

    id: str
    title: str
    period: timedelta
    """A new list is due this long after the last one, if nothing was revoked before."""
    lifetime: timedelta
    """nextUpdate is this long after thisUpdate."""
    extensions: tuple[CRLExtensionRule, ...]
    invalidity_dates: bool
    """Whether entries carry the invalidity date where it is known."""
    placeholders: frozenset[str]
    source: str


def template_texts(rule: ExtensionRule) -> tuple[str, ...]:
    """The texts of a rule that may hold placeholders."""
    match rule:
        case CertificatePoliciesRule():
            return tuple(policy.oid for policy in rule.policies)
        case PolicyMappingsRule():
            return tuple(oid for pair in rule.pairs for oid in pair)
        case CRLDistributionPointsRule():
            uri = () if rule.uri is None else (rule.uri,)
            return *(attribute.value for attribute in rule.name or ()), *uri
        case AuthorityInformationAccessRule():
            return (rule.ocsp,)
    return ()


@lru_cache(maxsize=1024)
def placeholders(text: str) -> frozenset[str]:
    """The placeholders in one template text."""
    return frozenset(_PLACEHOLDER.findall(text))


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put `values` in the place of the placeholders.

    Raises:
        RuleViolation: a value is missing or empty.
    """

    return "".join(
        [_value(part, values) if is_name else part for is_name, part in _pieces(text)]
    )


def _value(name: str, values: Mapping[str, str]) -> str:
    found = values.get(name)
    if not found:
        raise RuleViolation(
            "profile.value", "the profile's template", f"{name} is not given"
        )
    return found


@lru_cache(maxsize=1024)
def _pieces(text: str) -> tuple[tuple[bool, str], ...]:
    """Literal text and the names of placeholders, in turns."""
    return tuple(
        (index % 2 == 1, part)
        for index, part in enumerate(_PLACEHOLDER.split(text))
        if part
    )
