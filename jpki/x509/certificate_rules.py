"""The rules for certificates: RFC 5280 where a profile can go wrong; the profile.

Each rule has a citation and, where a standard changed, the days between which it holds,
counted by the certificate's notBefore. An error stops issuance; a warning is recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from jpki.der import oids
from jpki.der.reader import read_one
from jpki.der.times import time_choice
from jpki.model import profiles as rules
from jpki.model.key_usage import KeyUsage
from jpki.model.names import Attribute, Name, StringType
from jpki.model.profiles import CertificateProfile
from jpki.x509.findings import Rule, Severity
from jpki.x509.keys import key_identifier
from jpki.x509.parse import TBSCertificate

__all__ = ["RULES"]

_Rule = Rule[TBSCertificate, CertificateProfile]
_Check = Callable[[TBSCertificate, CertificateProfile], str | None]

_rules: list[_Rule] = []

_UTF8_SINCE: Final = datetime(2003, 12, 31, tzinfo=UTC)


def _rule(
    rule_id: str,
    citation: str,
    severity: Severity = Severity.ERROR,
    *,
    effective: datetime | None = None,
) -> Callable[[_Check], _Check]:
    def register(check: _Check) -> _Check:
        _rules.append(
            Rule(
                id=rule_id,
                severity=severity,
                citation=citation,
                check=check,
                effective=effective,
            )
        )
        return check

    return register


def _is_authority(certificate: TBSCertificate) -> bool:
    constraints = certificate.basic_constraints
    return constraints is not None and constraints.ca


# -- RFC 5280: the fields -------------------------------------------------------------


@_rule("serial", "RFC 5280 4.1.2.2")
def _serial(certificate: TBSCertificate, profile: CertificateProfile) -> str | None:
    if 0 < certificate.serial < 1 << 159:
        return None
    return "the serial number is not positive or longer than 20 octets"


@_rule("version", "RFC 5280 4.1.2.1")
def _version(certificate: TBSCertificate, profile: CertificateProfile) -> str | None:
    return None if certificate.version == 3 else "not version 3"


@_rule("validity.order", "RFC 5280 4.1.2.5")
def _order(certificate: TBSCertificate, profile: CertificateProfile) -> str | None:
    if certificate.not_before <= certificate.not_after:
        return None
    return "the certificate ends before it begins"


@_rule("validity.form", "RFC 5280 4.1.2.5")
def _time_form(certificate: TBSCertificate, profile: CertificateProfile) -> str | None:
    fields = read_one(certificate.tbs, 0x30).enter()
    while fields.peek() != 0xA0:
        fields.next()
    for _ in range(4):
        fields.next()
    validity = fields.next(0x30).enter()
    for at in (certificate.not_before, certificate.not_after):
        if validity.next().raw != time_choice(at):
            return "a time before 2050 is not UTCTime, or a later one is"
    return None


@_rule("issuer.empty", "RFC 5280 4.1.2.4")
def _issuer(certificate: TBSCertificate, profile: CertificateProfile) -> str | None:
    return None if certificate.issuer.rdns else "the issuer has no name"


@_rule("subject.empty", "RFC 5280 4.1.2.6")
def _subject(certificate: TBSCertificate, profile: CertificateProfile) -> str | None:
    return None if certificate.subject.rdns else "the subject has no name"


@_rule("name.country", "RFC 5280 A.1 X520countryName")
def _country(certificate: TBSCertificate, profile: CertificateProfile) -> str | None:
    for attribute in _attributes(certificate.issuer, certificate.subject):
        if attribute.oid == oids.COUNTRY and (
            len(attribute.value) != 2
            or attribute.string_type is not StringType.PRINTABLE
        ):
            return "a country is not two letters in a PrintableString"
    return None


@_rule("name.string-type", "RFC 5280 4.1.2.4", effective=_UTF8_SINCE)
def _strings(certificate: TBSCertificate, profile: CertificateProfile) -> str | None:
    allowed = {StringType.UTF8, StringType.PRINTABLE}
    for attribute in _attributes(certificate.issuer, certificate.subject):
        if (
            attribute.oid not in (oids.DOMAIN_COMPONENT, oids.EMAIL_ADDRESS)
            and attribute.string_type not in allowed
        ):
            return "a name is neither UTF8String nor PrintableString"
    return None


@_rule("name.value", "RFC 5280 A.1, upper bounds")
def _bounds(certificate: TBSCertificate, profile: CertificateProfile) -> str | None:
    for attribute in _attributes(certificate.issuer, certificate.subject):
        limit = 128 if attribute.oid == oids.LOCALITY else 64
        if not attribute.value.strip() or len(attribute.value) > limit:
            return f"{attribute.value!r} is empty or longer than {limit} characters"
    return None


def _attributes(*names: Name) -> list[Attribute]:
    return [attribute for name in names for rdn in name.rdns for attribute in rdn]


# -- RFC 5280: the extensions ---------------------------------------------------------


@_rule("ca.key-usage", "RFC 5280 4.2.1.3")
def _ca_usage(certificate: TBSCertificate, profile: CertificateProfile) -> str | None:
    usage = certificate.key_usage or frozenset()
    if (KeyUsage.KEY_CERT_SIGN in usage) != _is_authority(certificate):
        return "keyCertSign and cA do not go together"
    return None


@_rule("ca.basic-constraints", "RFC 5280 4.2.1.9")
def _ca_basic(certificate: TBSCertificate, profile: CertificateProfile) -> str | None:
    extension = certificate.extensions.get(oids.BASIC_CONSTRAINTS)
    if _is_authority(certificate) and extension is not None and not extension.critical:
        return "the basic constraints of an authority are not critical"
    constraints = certificate.basic_constraints
    if constraints and constraints.path_length is not None and not constraints.ca:
        return "a path length without cA"
    return None


@_rule("ca.subject-key-identifier", "RFC 5280 4.2.1.2")
def _ca_key_id(certificate: TBSCertificate, profile: CertificateProfile) -> str | None:
    if _is_authority(certificate) and certificate.subject_key_identifier is None:
        return "an authority without subject key identifier"
    return None


@_rule("subject-key-identifier", "RFC 5280 4.2.1.2 (1)")
def _key_id(certificate: TBSCertificate, profile: CertificateProfile) -> str | None:
    stated = certificate.subject_key_identifier
    if stated is not None and stated != key_identifier(certificate.public_key):
        return "the subject key identifier is not that of the key"
    return None


@_rule("authority-key-identifier", "RFC 5280 4.2.1.1")
def _issuer_key(certificate: TBSCertificate, profile: CertificateProfile) -> str | None:
    if certificate.self_issued:
        return None
    identifier = certificate.authority_key_identifier
    if identifier is None or identifier.key_identifier is None:
        return "the issuer's key is not identified"
    return None


_CRITICAL: Final = {
    oids.POLICY_CONSTRAINTS: "RFC 5280 4.2.1.11",
    oids.INHIBIT_ANY_POLICY: "RFC 5280 4.2.1.14",
    oids.NAME_CONSTRAINTS: "RFC 5280 4.2.1.10",
}
_NOT_CRITICAL: Final = {
    oids.SUBJECT_KEY_IDENTIFIER: "RFC 5280 4.2.1.2",
    oids.AUTHORITY_KEY_IDENTIFIER: "RFC 5280 4.2.1.1",
    oids.AUTHORITY_INFO_ACCESS: "RFC 5280 4.2.2.1",
    oids.SUBJECT_INFO_ACCESS: "RFC 5280 4.2.2.2",
    oids.FRESHEST_CRL: "RFC 5280 4.2.1.15",
}


@_rule("extension.criticality", "RFC 5280 4.2")
def _critical(certificate: TBSCertificate, profile: CertificateProfile) -> str | None:
    for oid, extension in certificate.extensions.items():
        if oid in _CRITICAL and not extension.critical:
            return f"{oid} is not critical ({_CRITICAL[oid]})"
        if oid in _NOT_CRITICAL and extension.critical:
            return f"{oid} is critical ({_NOT_CRITICAL[oid]})"
    return None


@_rule("key-usage.critical", "RFC 5280 4.2.1.3", Severity.WARNING)
def _usage_flag(certificate: TBSCertificate, profile: CertificateProfile) -> str | None:
    extension = certificate.extensions.get(oids.KEY_USAGE)
    if extension is None or extension.critical:
        return None
    return "key usage is not critical"


@_rule("policy-mappings", "RFC 5280 4.2.1.5")
def _mappings(certificate: TBSCertificate, profile: CertificateProfile) -> str | None:
    stated = {policy.oid for policy in certificate.policies or ()}
    for mapping in certificate.policy_mappings:
        if oids.ANY_POLICY in (mapping.issuer_policy, mapping.subject_policy):
            return "anyPolicy is mapped"
        if mapping.issuer_policy not in stated | {oids.ANY_POLICY}:
            return f"{mapping.issuer_policy} is mapped but not among the policies"
    return None


@_rule("policies.read", "RFC 5280 4.2.1")
def _readable(certificate: TBSCertificate, profile: CertificateProfile) -> str | None:
    # Every value is decoded here once, so that nothing unreadable is signed.
    _ = (
        certificate.extended_key_usage,
        certificate.policy_constraints,
        certificate.inhibit_any_policy,
        certificate.name_constraints,
        certificate.crl_distribution_points,
        certificate.ocsp_urls,
        certificate.issuer_alternative_name,
        certificate.basic_attributes,
    )
    return None


@_rule("ocsp.no-check", "RFC 6960 4.2.2.2.1", Severity.WARNING)
def _no_check(certificate: TBSCertificate, profile: CertificateProfile) -> str | None:
    purposes = certificate.extended_key_usage or frozenset()
    if oids.KP_OCSP_SIGNING in purposes and (
        oids.OCSP_NOCHECK not in certificate.extensions
    ):
        return "clients are not told how to check the responder itself"
    return None


# -- the profile ----------------------------------------------------------------------


@_rule("profile.extensions", "the certificate's profile")
def _extensions(certificate: TBSCertificate, profile: CertificateProfile) -> str | None:
    expected = [(rule.oid, rule.critical) for rule in profile.extensions]
    found = [(item.oid, item.critical) for item in certificate.extensions.values()]
    if found == expected:
        return None
    return "the extensions, their order or their criticality are not the profile's"


@_rule("profile.subject", "the certificate's profile")
def _template(certificate: TBSCertificate, profile: CertificateProfile) -> str | None:
    if profile.subject is None:
        return None
    expected = [(item.oid, item.string_type) for item in profile.subject]
    found = [(item.oid, item.string_type) for item in _attributes(certificate.subject)]
    return None if found == expected else "the subject is not the profile's"


@_rule("profile.validity", "the certificate's profile")
def _period(certificate: TBSCertificate, profile: CertificateProfile) -> str | None:
    if certificate.not_after > profile.validity.ends(certificate.not_before):
        return "the certificate is valid for longer than its profile allows"
    return None


@_rule("profile.end-of-day", "the certificate's profile: 23:59:59 JST")
def _last_second(
    certificate: TBSCertificate, profile: CertificateProfile
) -> str | None:
    last = certificate.not_after + timedelta(hours=9)
    if profile.validity.end_of_day_jst and (last.hour, last.minute, last.second) != (
        23,
        59,
        59,
    ):
        return "the certificate does not end with a day in Japan"
    return None


@_rule("basic.personal-data", "公的個人認証法 art. 7, the certificate's profile")
def _personal(certificate: TBSCertificate, profile: CertificateProfile) -> str | None:
    states = certificate.basic_attributes is not None
    wanted = any(
        isinstance(rule, rules.BasicInformationNamesRule) for rule in profile.extensions
    )
    if states == wanted:
        return None
    if states:
        return "personal data in a certificate whose profile has none"
    return "the basic information is missing"


RULES: Final = tuple(_rules)
