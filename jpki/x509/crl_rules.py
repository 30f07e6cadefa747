"""The rules for CRLs: RFC 5280 section 5, and the profile.

As those for certificates, each has a citation and, where a standard changed, the days
between which it holds, counted by thisUpdate. An error stops the signature.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from jpki.der import oids
from jpki.der.reader import Element, read_one
from jpki.der.times import read_time, time_choice
from jpki.model.names import Name
from jpki.model.profiles import CRLProfile, IssuingDistributionPointRule
from jpki.model.revocation import RevocationReason
from jpki.model.suites import SignatureSuite
from jpki.x509 import extension_values as values
from jpki.x509.certificate_lists import read_tbs_cert_list
from jpki.x509.crl_entries import Entries, read_entries
from jpki.x509.extension_values import Extension
from jpki.x509.findings import Rule, Severity
from jpki.x509.names import parse_name

__all__ = ["CRL_RULES", "CRLToSign", "read_crl_to_sign"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CRLToSign:
    """A TBSCertList, and what its issuer signs with."""

    version: int
    algorithm: bytes
    suite: SignatureSuite
    issuer: Name
    this_update: datetime
    next_update: datetime | None
    times: tuple[Element, ...]
    """Both as they are encoded."""
    entries: Entries
    extensions: Mapping[str, Extension]

    def value(self, oid: str) -> Element | None:
        """The value of this extension, or None."""
        found = self.extensions.get(oid)
        return None if found is None else read_one(found.value)


def read_crl_to_sign(tbs: bytes, suite: SignatureSuite) -> CRLToSign:
    """Read bytes that a key of this suite is to sign.

    Raises:
        EncodingError: not a TBSCertList, or not DER.
    """
    fields = read_tbs_cert_list(read_one(tbs, 0x30))
    times = [fields.this_update]
    if fields.next_update is not None:
        times.append(fields.next_update)
    this_update, next_update = (*map(read_time, times), None)[:2]
    assert this_update is not None
    return CRLToSign(
        version=fields.version,
        algorithm=fields.algorithm,
        suite=suite,
        issuer=parse_name(fields.issuer),
        this_update=this_update,
        next_update=next_update,
        times=tuple(times),
        entries=read_entries(fields.revoked),
        extensions=fields.extensions,
    )


_Rule = Rule[CRLToSign, CRLProfile]
_Check = Callable[[CRLToSign, CRLProfile], str | None]

_rules: list[_Rule] = []

_RFC_3280: Final = datetime(2002, 4, 1, tzinfo=UTC)
"""The first to bound the CRL number and to count removeFromCRL to delta CRLs alone."""


def _rule(
    rule_id: str, citation: str, *, effective: datetime | None = None
) -> Callable[[_Check], _Check]:
    def register(check: _Check) -> _Check:
        _rules.append(
            Rule(
                id=rule_id,
                severity=Severity.ERROR,
                citation=citation,
                check=check,
                effective=effective,
            )
        )
        return check

    return register


# -- the fields -----------------------------------------------------------------------


@_rule("crl.version", "RFC 5280 5.1.2.1")
def _version(crl: CRLToSign, profile: CRLProfile) -> str | None:
    return None if crl.version == 2 else "not version 2"


@_rule("crl.signature", "RFC 5280 5.1.2.2")
def _signature(crl: CRLToSign, profile: CRLProfile) -> str | None:
    if crl.algorithm == crl.suite.algorithm_identifier:
        return None
    return f"the algorithm is not that of the issuer's key, {crl.suite.id}"


@_rule("crl.issuer", "RFC 5280 5.1.2.3")
def _issuer(crl: CRLToSign, profile: CRLProfile) -> str | None:
    return None if crl.issuer.rdns else "the issuer has no name"


@_rule("crl.time-form", "RFC 5280 5.1.2.4, 5.1.2.5")
def _time_form(crl: CRLToSign, profile: CRLProfile) -> str | None:
    if all(time.raw == time_choice(read_time(time)) for time in crl.times):
        return None
    return "a time before 2050 is not UTCTime, or a later one is"


@_rule("crl.next-update", "RFC 5280 5.1.2.5")
def _next_update(crl: CRLToSign, profile: CRLProfile) -> str | None:
    if crl.next_update is None:
        return "it is not said when the next list comes"
    if crl.next_update <= crl.this_update:
        return "the next list does not come after this one"
    return None


# -- the entries ----------------------------------------------------------------------


@_rule("crl.entries", "RFC 5280 5.1.2.6")
def _empty(crl: CRLToSign, profile: CRLProfile) -> str | None:
    return "a list without entries is there" if crl.entries.empty else None


@_rule("crl.serial", "RFC 5280 4.1.2.2, 5.1.2.6")
def _serials(crl: CRLToSign, profile: CRLProfile) -> str | None:
    if crl.entries.repeated:
        return "a serial number stands there twice"
    if all(0 < entry.serial < 1 << 159 for entry in crl.entries.odd):
        return None
    return "a serial number is not positive or longer than 20 octets"


@_rule("crl.revocation-date", "RFC 5280 5.1.2.6")
def _dates(crl: CRLToSign, profile: CRLProfile) -> str | None:
    if crl.entries.latest is not None and crl.entries.latest > crl.this_update:
        return "a certificate is revoked after the list was made"
    if all(entry.usual_time for entry in crl.entries.odd):
        return None
    return "a time before 2050 is not UTCTime, or a later one is"


_ENTRY_EXTENSIONS: Final = frozenset({oids.REASON_CODE, oids.INVALIDITY_DATE})


@_rule("crl.entry-extension", "RFC 5280 5.3; the list's profile")
def _details(crl: CRLToSign, profile: CRLProfile) -> str | None:
    for entry in crl.entries.odd:
        for oid, extension in entry.extensions.items():
            if oid not in _ENTRY_EXTENSIONS:
                return f"an entry has {oid}"
            if extension.critical:
                return f"{oid} of an entry is critical"
    return None


_REASONS: Final = frozenset(RevocationReason) - {RevocationReason.UNSPECIFIED}
_REMOVE_FROM_CRL: Final = 8


def _reason_codes(crl: CRLToSign) -> list[int]:
    return [
        read_one(entry.extensions[oids.REASON_CODE].value).integer(0x0A)
        for entry in crl.entries.odd
        if oids.REASON_CODE in entry.extensions
    ]


@_rule("crl.reason", "RFC 5280 5.3.1")
def _reason(crl: CRLToSign, profile: CRLProfile) -> str | None:
    for code in _reason_codes(crl):
        if code == RevocationReason.UNSPECIFIED:
            return "the reason unspecified is written out"
        if code not in _REASONS and code != _REMOVE_FROM_CRL:
            return f"there is no reason {code}"
    return None


@_rule("crl.removal", "RFC 5280 5.3.1", effective=_RFC_3280)
def _removal(crl: CRLToSign, profile: CRLProfile) -> str | None:
    if oids.DELTA_CRL_INDICATOR in crl.extensions:
        return None
    if _REMOVE_FROM_CRL in _reason_codes(crl):
        return "an entry is removed from a list that is no delta"
    return None


@_rule("crl.invalidity-date", "RFC 5280 5.3.2; the list's profile")
def _invalidity(crl: CRLToSign, profile: CRLProfile) -> str | None:
    dated = crl.entries.dated
    for entry in crl.entries.odd:
        if (extension := entry.extensions.get(oids.INVALIDITY_DATE)) is not None:
            read_time(read_one(extension.value, 0x18))
            dated = True
    if dated and not profile.invalidity_dates:
        return "an invalidity date in a list whose profile has none"
    return None


# -- the extensions -------------------------------------------------------------------


@_rule("crl.number", "RFC 5280 5.2.3")
def _number(crl: CRLToSign, profile: CRLProfile) -> str | None:
    value = crl.value(oids.CRL_NUMBER)
    if value is None or value.integer() < 0:
        return "the list has no number"
    return None


@_rule("crl.number-size", "RFC 5280 5.2.3", effective=_RFC_3280)
def _number_size(crl: CRLToSign, profile: CRLProfile) -> str | None:
    value = crl.value(oids.CRL_NUMBER)
    if value is None or value.integer() < 1 << 159:
        return None
    return "the number is longer than 20 octets"


@_rule("crl.delta", "RFC 5280 5.2.4, 5.2.6")
def _delta(crl: CRLToSign, profile: CRLProfile) -> str | None:
    base, number = crl.value(oids.DELTA_CRL_INDICATOR), crl.value(oids.CRL_NUMBER)
    if base is None:
        return None
    if oids.FRESHEST_CRL in crl.extensions:
        return "a delta says where deltas are"
    if number is not None and not 0 <= base.integer() < number.integer():
        return "the base does not come before the delta"
    return None


@_rule("crl.authority-key-identifier", "RFC 5280 5.2.1")
def _issuer_key(crl: CRLToSign, profile: CRLProfile) -> str | None:
    extension = crl.extensions.get(oids.AUTHORITY_KEY_IDENTIFIER)
    if extension is not None:
        found = values.read_authority_key_identifier(extension.value)
        if found.key_identifier is not None:
            return None
    return "the issuer's key is not identified"


_CRITICAL: Final = {
    oids.AUTHORITY_KEY_IDENTIFIER: False,
    oids.ISSUER_ALT_NAME: False,
    oids.CRL_NUMBER: False,
    oids.DELTA_CRL_INDICATOR: True,
    oids.ISSUING_DISTRIBUTION_POINT: True,
    oids.FRESHEST_CRL: False,
    oids.AUTHORITY_INFO_ACCESS: False,
}


@_rule("crl.criticality", "RFC 5280 5.2")
def _criticality(crl: CRLToSign, profile: CRLProfile) -> str | None:
    for oid, extension in crl.extensions.items():
        if extension.critical is not _CRITICAL.get(oid, extension.critical):
            return f"{oid} is {'' if extension.critical else 'not '}critical"
    return None


@_rule("crl.issuing-distribution-point", "RFC 5280 5.2.5; the list's profile")
def _point(crl: CRLToSign, profile: CRLProfile) -> str | None:
    extension = crl.extensions.get(oids.ISSUING_DISTRIBUTION_POINT)
    if extension is None:
        return None
    found = values.read_issuing_distribution_point(extension.value)
    if found.only_attribute_certificates or found.relative_name:
        return "the point is of a kind that no profile has"
    if found.only_some_reasons is not None:
        return "the list is about some reasons only"
    for rule in profile.extensions:
        if isinstance(rule, IssuingDistributionPointRule) and (
            found.only_user_certificates,
            found.only_authority_certificates,
            bool(found.full_name),
            found.indirect,
        ) == (
            rule.only_user_certificates,
            rule.only_authority_certificates,
            rule.issuer_name or rule.name is not None,
            rule.indirect,
        ):
            return None
    return "the list is about other certificates than its profile says"


@_rule("crl.extensions", "the list's profile")
def _extensions(crl: CRLToSign, profile: CRLProfile) -> str | None:
    expected = [(rule.oid, rule.critical) for rule in profile.extensions]
    found = [(item.oid, item.critical) for item in crl.extensions.values()]
    if found == expected:
        return None
    return "the extensions, their order or their criticality are not the profile's"


CRL_RULES: Final = tuple(_rules)
