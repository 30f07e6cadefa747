"""Certificate and CRL profiles from TOML: the only place where they are made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Final

from jpki.data.substitution import substitutions
from jpki.data.tables import Table
from jpki.data.templates import Templates
from jpki.der import oids
from jpki.model import profiles as model
from jpki.model.profiles import (
    ISSUER_VALUES,
    CertificateProfile,
    CRLExtensionRule,
    CRLProfile,
    ExtensionRule,
    KeyUsage,
    NameTemplate,
    PolicyTemplate,
    Validity,
)

__all__ = ["PLACEHOLDERS", "read_certificate_profile", "read_crl_profile"]

PLACEHOLDERS: Final = ISSUER_VALUES | {
    "arl_url",
    "crl_url",
    "issuer_policy",
    "municipality",
    "municipality_code",
    "ocsp_url",
    "opaque",
    "operator",
    "prefecture",
    "shard",
    "subject_policy",
}
"""What templates may name. `crl_url` and `arl_url` are where the issuer's lists of end
entities' and of authorities' certificates are; `opaque` tells certificates apart and
not whose they are; `prefecture` and `municipality` are in romaji; the policies are
those of the two authorities of a cross certificate. `shard`, in a distribution point,
spreads certificates over so many lists as the installation wants, such as `3 of 16`."""

_USAGES: Final = {usage.label: usage for usage in KeyUsage}
_PURPOSES: Final = {
    "clientAuth": oids.KP_CLIENT_AUTH,
    "serverAuth": oids.KP_SERVER_AUTH,
    "emailProtection": oids.KP_EMAIL_PROTECTION,
    "OCSPSigning": oids.KP_OCSP_SIGNING,
    "timeStamping": oids.KP_TIME_STAMPING,
}


# -- certificate extensions -----------------------------------------------------------

_Reader = Callable[[Table, bool, Templates], ExtensionRule]


def _key_usage(table: Table, critical: bool, _: Templates) -> ExtensionRule:
    usages = table.choices("usages", _USAGES)
    return model.KeyUsageRule(critical=critical, usages=frozenset(usages))


def _extended_key_usage(table: Table, critical: bool, _: Templates) -> ExtensionRule:
    return model.ExtendedKeyUsageRule(
        critical=critical, purposes=table.choices("purposes", _PURPOSES)
    )


def _basic_constraints(table: Table, critical: bool, _: Templates) -> ExtensionRule:
    ca = table.boolean("ca")
    length = table.optional_count("path_length")
    if length is not None and not ca:
        raise table.error("path_length", "only an authority has one")
    return model.BasicConstraintsRule(critical=critical, ca=ca, path_length=length)


def _policies(table: Table, critical: bool, texts: Templates) -> ExtensionRule:
    def policy(item: Table) -> PolicyTemplate:
        oid = texts.oid(item, "oid")
        cps = item.optional_string("cps")
        item.finish()
        return PolicyTemplate(oid, cps)

    return model.CertificatePoliciesRule(
        critical=critical, policies=tuple(map(policy, table.tables("policies")))
    )


def _policy_mappings(table: Table, critical: bool, texts: Templates) -> ExtensionRule:
    def pair(item: Table) -> tuple[str, str]:
        both = (texts.oid(item, "issuer"), texts.oid(item, "subject"))
        item.finish()
        return both

    return model.PolicyMappingsRule(
        critical=critical, pairs=tuple(map(pair, table.tables("mappings")))
    )


def _policy_constraints(table: Table, critical: bool, _: Templates) -> ExtensionRule:
    explicit = table.optional_count("require_explicit_policy")
    inhibit = table.optional_count("inhibit_policy_mapping")
    if explicit is None and inhibit is None:
        raise table.error("require_explicit_policy", "at least one constraint")
    return model.PolicyConstraintsRule(
        critical=critical,
        require_explicit_policy=explicit,
        inhibit_policy_mapping=inhibit,
    )


def _inhibit_any_policy(table: Table, critical: bool, _: Templates) -> ExtensionRule:
    return model.InhibitAnyPolicyRule(
        critical=critical, skip_certificates=table.count("skip_certificates")
    )


def _directory_name(table: Table, critical: bool, _: Templates) -> ExtensionRule:
    return model.DirectoryAlternativeNameRule(critical=critical)


def _basic_information(table: Table, critical: bool, _: Templates) -> ExtensionRule:
    order = table.counts("order")
    if sorted(order) != [1, 2, 3, 4, 5, 6]:
        raise table.error("order", "must name each of the items 1 to 6 once")
    return model.BasicInformationNamesRule(
        critical=critical, order=order, substitution=substitutions()
    )


def _issuer_name(table: Table, critical: bool, _: Templates) -> ExtensionRule:
    return model.IssuerAlternativeNameRule(critical=critical)


def _distribution_points(
    table: Table, critical: bool, texts: Templates
) -> ExtensionRule:
    return model.CRLDistributionPointsRule(
        critical=critical,
        name=_own_or_template(table, texts),
        uri=texts.text(table, "uri") if "uri" in table else None,
    )


def _own_or_template(table: Table, texts: Templates) -> NameTemplate | None:
    """`name = [...]`, or `issuer_name = true` for the issuer's own."""
    if "issuer_name" in table:
        if not table.boolean("issuer_name") or "name" in table:
            raise table.error("issuer_name", "is true, or there is a name instead")
        return None
    return texts.name(table, "name")


def _information_access(
    table: Table, critical: bool, texts: Templates
) -> ExtensionRule:
    return model.AuthorityInformationAccessRule(
        critical=critical, ocsp=texts.text(table, "ocsp")
    )


def _authority_key(table: Table, critical: bool, _: Templates) -> ExtensionRule:
    return model.AuthorityKeyIdentifierRule(
        critical=critical, full=table.boolean("full")
    )


def _subject_key(table: Table, critical: bool, _: Templates) -> ExtensionRule:
    return model.SubjectKeyIdentifierRule(critical=critical)


def _no_check(table: Table, critical: bool, _: Templates) -> ExtensionRule:
    return model.OCSPNoCheckRule(critical=critical)


_EXTENSIONS: Final[dict[str, _Reader]] = {
    "key-usage": _key_usage,
    "extended-key-usage": _extended_key_usage,
    "basic-constraints": _basic_constraints,
    "certificate-policies": _policies,
    "policy-mappings": _policy_mappings,
    "policy-constraints": _policy_constraints,
    "inhibit-any-policy": _inhibit_any_policy,
    "subject-directory-name": _directory_name,
    "basic-information": _basic_information,
    "issuer-directory-name": _issuer_name,
    "crl-distribution-points": _distribution_points,
    "authority-information-access": _information_access,
    "authority-key-identifier": _authority_key,
    "subject-key-identifier": _subject_key,
    "ocsp-no-check": _no_check,
}


def read_certificate_profile(table: Table) -> CertificateProfile:
    """The profile in this file.

    Raises:
        ProfileError: a key is missing, unknown or of no use.
    """
    texts = Templates(PLACEHOLDERS)
    extensions: list[ExtensionRule] = []
    for item in table.tables("extension"):
        read = item.choice("kind", _EXTENSIONS)
        extensions.append(read(item, item.boolean("critical", False), texts))
        item.optional_string("source")
        item.finish()
        _refuse_twice(item, extensions)
    subject = texts.name(table, "subject") if "subject" in table else None
    profile = CertificateProfile(
        id=table.string("id"),
        title=table.string("title"),
        validity=_validity(table.table("validity")),
        subject=subject,
        extensions=tuple(extensions),
        placeholders=texts.used - ISSUER_VALUES,
        source=table.string("source"),
    )
    table.remark("unconfirmed")
    table.finish()
    return profile


def _refuse_twice(
    item: Table, extensions: Iterable[ExtensionRule | CRLExtensionRule]
) -> None:
    *before, last = (rule.oid for rule in extensions)
    if last in before:
        raise item.error("kind", "an extension of this kind stands there already")


_LEAP_BIRTHDAYS: Final = {"02-28": (2, 28), "03-01": (3, 1)}


def _validity(table: Table) -> Validity:
    years, days = table.count("years", 0), table.count("days", 0)
    birthdays = table.count("birthdays", 0)
    end_of_day = table.boolean("end_of_day_jst", True)
    on_renewal = birthdays
    leap = _LEAP_BIRTHDAYS["02-28"]
    if birthdays:
        if years or days or not end_of_day:
            raise table.error("birthdays", "is counted alone, to the end of a day")
        on_renewal = table.count("birthdays_on_renewal", birthdays)
        if on_renewal < birthdays:
            raise table.error("birthdays_on_renewal", "is less than without renewal")
        leap = table.choice("leap_birthday", _LEAP_BIRTHDAYS)
    table.optional_string("source")
    table.remark("unconfirmed")
    table.finish()
    if not 0 < (years + on_renewal) * 366 + days < 100 * 366:
        raise table.error("years", "a validity is between one day and a century")
    return Validity(
        years=years,
        days=days,
        end_of_day_jst=end_of_day,
        birthdays=birthdays,
        birthdays_on_renewal=on_renewal,
        leap_birthday=leap,
    )


# -- CRLs -----------------------------------------------------------------------------

_SCOPES: Final = {"all": (False, False), "users": (True, False), "cas": (False, True)}


def _issuing_point(table: Table, critical: bool, texts: Templates) -> CRLExtensionRule:
    users, authorities = table.choice("scope", _SCOPES)
    name = None
    if "name" in table or "issuer_name" in table:
        name = _own_or_template(table, texts)
    elif not users and not authorities:
        raise table.error("scope", "without a name, the scope must say something")
    return model.IssuingDistributionPointRule(
        critical=critical,
        name=name,
        issuer_name="issuer_name" in table,
        only_user_certificates=users,
        only_authority_certificates=authorities,
    )


def _crl_extension(table: Table, texts: Templates) -> CRLExtensionRule:
    kinds = {
        word: word
        for word in (
            "authority-key-identifier",
            "crl-number",
            "issuing-distribution-point",
        )
    }
    critical = table.boolean("critical", False)
    match table.choice("kind", kinds):
        case "authority-key-identifier":
            return model.AuthorityKeyIdentifierRule(
                critical=critical, full=table.boolean("full")
            )
        case "crl-number":
            return model.CRLNumberRule(critical=critical)
    return _issuing_point(table, critical, texts)


def read_crl_profile(table: Table) -> CRLProfile:
    """The CRL profile in this file.

    Raises:
        ProfileError: a key is missing, unknown or of no use.
    """
    texts = Templates(PLACEHOLDERS)
    extensions: list[CRLExtensionRule] = []
    for item in table.tables("extension"):
        extensions.append(_crl_extension(item, texts))
        item.optional_string("source")
        item.finish()
        _refuse_twice(item, extensions)
    period = timedelta(minutes=table.count("period_minutes"))
    lifetime = timedelta(minutes=table.count("lifetime_minutes"))
    if not timedelta(0) < period < lifetime:
        raise table.error(
            "lifetime_minutes", "a list must live longer than the period between two"
        )
    profile = CRLProfile(
        id=table.string("id"),
        title=table.string("title"),
        period=period,
        lifetime=lifetime,
        extensions=tuple(extensions),
        invalidity_dates=table.boolean("invalidity_dates", False),
        placeholders=texts.used - ISSUER_VALUES,
        source=table.string("source"),
    )
    table.remark("unconfirmed")
    table.finish()
    return profile
