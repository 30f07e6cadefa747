"""Extensions that all certificates of one template share, from the profile's rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jpki.der.writer import sequence
from jpki.errors import RuleViolation
from jpki.model import profiles as rules
from jpki.model.names import Name
from jpki.model.profiles import CertificateProfile, ExtensionRule, fill
from jpki.x509 import extensions
from jpki.x509.general_names import DirectoryName, encode_general_names
from jpki.x509.issuers import (
    IssuerView,
    authority_key_identifier,
    fill_name,
    template_values,
)

__all__ = ["Contents", "extension_of", "point_of"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """What these extensions are made from."""

    issuer: IssuerView
    values: Mapping[str, str]
    subject_alternative: Name | None


def extension_of(rule: ExtensionRule, contents: Contents) -> bytes:
    """One Extension, as the rule has it.

    Raises:
        RuleViolation: a value that the rule needs is not there.
    """
    return extensions.extension(rule.oid, rule.critical, _value(rule, contents))


def _value(rule: ExtensionRule, contents: Contents) -> bytes:
    issuer = contents.issuer
    match rule:
        case rules.KeyUsageRule():
            return extensions.key_usage(rule.usages)
        case rules.ExtendedKeyUsageRule():
            return extensions.extended_key_usage(rule.purposes)
        case rules.BasicConstraintsRule():
            return extensions.basic_constraints(rule.ca, rule.path_length)
        case rules.PolicyConstraintsRule():
            return extensions.policy_constraints(
                rule.require_explicit_policy, rule.inhibit_policy_mapping
            )
        case rules.InhibitAnyPolicyRule():
            return extensions.inhibit_any_policy(rule.skip_certificates)
        case rules.OCSPNoCheckRule():
            return extensions.OCSP_NO_CHECK
        case rules.CertificatePoliciesRule():
            return extensions.certificate_policies(
                (fill(policy.oid, contents.values), policy.cps)
                for policy in rule.policies
            )
        case rules.PolicyMappingsRule():
            return extensions.policy_mappings(
                (fill(ours, contents.values), fill(theirs, contents.values))
                for ours, theirs in rule.pairs
            )
        case rules.DirectoryAlternativeNameRule():
            if contents.subject_alternative is None:
                raise _missing(rule, "needs the subject's alternative name")
            return encode_general_names(DirectoryName(contents.subject_alternative))
        case rules.IssuerAlternativeNameRule():
            if issuer.alternative_name is None:
                raise _missing(rule, "needs the issuer's alternative name")
            return encode_general_names(DirectoryName(issuer.alternative_name))
        case rules.CRLDistributionPointsRule():
            own = sequence(_point(rule, issuer, contents.values))
            if rule.crl_issuer is None:
                return sequence(own)
            return sequence(own, extensions.indirect_point(rule.crl_issuer))
        case rules.AuthorityInformationAccessRule():
            return extensions.authority_information_access(
                fill(rule.ocsp, contents.values)
            )
        case rules.AuthorityKeyIdentifierRule():
            return authority_key_identifier(rule, issuer)
    raise _missing(rule, "cannot be made")


def point_of(
    profile: CertificateProfile, issuer: IssuerView, values: Mapping[str, str]
) -> bytes | None:
    """Which list such certificates name: a DistributionPointName, DER.

    None where they name none, or the complete list of their issuer.

    Raises:
        RuleViolation: a value that the profile needs is not there.
    """
    for rule in profile.extensions:
        if isinstance(rule, rules.CRLDistributionPointsRule):
            if rule.name is None:
                return None
            return _point(rule, issuer, template_values(issuer, values))
    return None


def _point(
    rule: rules.CRLDistributionPointsRule,
    issuer: IssuerView,
    values: Mapping[str, str],
) -> bytes:
    name = issuer.name if rule.name is None else fill_name(rule.name, values)
    uri = None if rule.uri is None else fill(rule.uri, values)
    return extensions.distribution_point_name(name, uri)


def _missing(rule: ExtensionRule, reason: str) -> RuleViolation:
    return RuleViolation("profile.value", f"extension {rule.oid}", reason)
