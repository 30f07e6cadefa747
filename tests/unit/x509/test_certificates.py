"""Certificates as the profiles make them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import pytest

from jpki import data
from jpki.der import oids
from jpki.errors import EncodingError, RuleViolation
from jpki.model.profiles import CertificateProfile, KeyUsage, KeyUsageRule
from jpki.model.residents import Gender
from jpki.x509.certificates import PreparedCertificate, prepare_certificate
from jpki.x509.general_names import DirectoryName, OtherName
from jpki.x509.names import rfc4514
from jpki.x509.parse import Certificate, parse_certificate, parse_tbs_certificate
from tests.support.reference_pki import FOUNDED, RESIDENT, VALUES, reference_pki

_ERA: Final = "prefectural-sha256"
_AT: Final = FOUNDED[_ERA]


def _prepare(**changed: Any) -> PreparedCertificate:
    """A signature certificate, with some arguments other than usual."""
    pki = reference_pki(_ERA)
    arguments: dict[str, Any] = {
        "profile": data.certificate_profile("signature"),
        "issuer": pki.a.view,
        "values": VALUES,
        "public_key": pki.keys["signature"].public_key,
        "serial": 1 << 70,
        "not_before": _AT,
        "basic": RESIDENT,
    } | changed
    return prepare_certificate(arguments.pop("profile"), **arguments)


def _certificate(name: str, era: str = _ERA) -> Certificate:
    return parse_certificate(reference_pki(era).certificates[name])


def test_the_signature_certificate_states_the_four_items() -> None:
    """Names, substitutions, gender, birth with its era digit, address."""
    attributes = _certificate("signature").basic_attributes
    assert attributes is not None
    assert attributes.name == "高橋　花子"
    assert attributes.name_substitutions == "10000"
    assert attributes.gender is Gender.FEMALE
    assert attributes.date_of_birth_text == "319800217"
    assert attributes.date_of_birth == date(1980, 2, 17)
    assert attributes.address == RESIDENT.address
    assert attributes.address_substitutions == "0" * len(RESIDENT.address)


def test_the_items_stand_in_the_services_order() -> None:
    """1, 4, 3, 5, 2, 6, each a UTF8String in an otherName."""
    names = _certificate("signature").subject_alternative_name
    found = [name.oid for name in names if isinstance(name, OtherName)]
    assert found == [f"{oids.JPKI}.5.{arc}" for arc in (1, 4, 3, 5, 2, 6)]
    birth = names[1]
    assert isinstance(birth, OtherName)
    assert birth.value.hex() == "0c09333139383030323137"


def test_the_signature_certificate_has_the_services_form() -> None:
    """Subject, usage, policy, distribution point, responder and key identifiers."""
    certificate = _certificate("signature")
    issuer = _certificate("a")
    assert rfc4514(certificate.subject) == (
        "CN=201410010102031322100001,L=Kiyose-shi,L=Tokyo-to,C=JP"
    )
    assert certificate.key_usage == frozenset(
        {KeyUsage.DIGITAL_SIGNATURE, KeyUsage.NON_REPUDIATION}
    )
    assert certificate.policies is not None
    assert [item.oid for item in certificate.policies] == ["1.2.392.200149.8.5.1.0.20"]
    assert certificate.extensions[oids.CERTIFICATE_POLICIES].critical
    (point,) = certificate.crl_distribution_points
    (where,) = point.full_name
    assert isinstance(where, DirectoryName)
    assert rfc4514(where.name) == (
        "CN=Kiyose-shi CRLDP,OU=Tokyo-to,OU=CRL Distribution Points,"
        "OU=JPKI for digital signature,O=JPKI Reference Test,C=JP"
    )
    assert certificate.ocsp_urls == ("http://ocsp.jpki.example/",)
    identifier = certificate.authority_key_identifier
    assert identifier is not None
    assert identifier.key_identifier == issuer.subject_key_identifier
    assert certificate.issuer_alternative_name == issuer.subject_alternative_name
    assert certificate.not_after == datetime(2017, 9, 30, 14, 59, 59, tzinfo=UTC)


def test_the_national_authority_names_its_own_certificate_too() -> None:
    """There, the authority key identifier has its full form."""
    identifier = _certificate("signature", "jlis").authority_key_identifier
    assert identifier is not None
    assert identifier.serial == 1
    assert identifier.issuer == (DirectoryName(_certificate("a", "jlis").subject),)


def test_the_authentication_certificate_states_nothing_about_the_person() -> None:
    """No items, no place; a purpose instead."""
    certificate = _certificate("authentication", "jlis")
    assert certificate.basic_attributes is None
    assert certificate.subject_alternative_name == ()
    assert certificate.extended_key_usage == frozenset({oids.KP_CLIENT_AUTH})
    assert RESIDENT.name.encode() not in certificate.raw


@pytest.mark.parametrize(
    ("day", "japanese", "text"),
    [
        (date(1912, 7, 29), True, "119120729"),
        (date(1912, 7, 30), True, "219120730"),
        (date(1926, 12, 24), True, "219261224"),
        (date(1926, 12, 25), True, "319261225"),
        (date(1989, 1, 7), True, "319890107"),
        (date(1989, 1, 8), True, "419890108"),
        (date(2019, 4, 30), True, "420190430"),
        (date(2019, 5, 1), True, "520190501"),
        (date(1980, 2, 17), False, "019800217"),
    ],
)
def test_birth_is_written_with_the_era_of_that_day(
    day: date, japanese: bool, text: str
) -> None:
    """The first day of an era belongs to it; foreign nationals have digit 0."""
    basic = replace(RESIDENT, date_of_birth=day)
    tbs = _prepare(basic=basic, japanese=japanese).tbs
    attributes = parse_tbs_certificate(tbs).basic_attributes
    assert attributes is not None
    assert attributes.date_of_birth_text == text
    assert attributes.date_of_birth == day


def test_the_same_arguments_give_the_same_bytes() -> None:
    """No clock and no chance; fractions of a second do not count."""
    later = _AT + timedelta(microseconds=999_999)
    assert _prepare().tbs == _prepare(not_before=later).tbs
    assert _prepare().tbs != _prepare(serial=(1 << 70) + 1).tbs


def test_a_certificate_may_end_earlier_than_its_profile_says() -> None:
    """A card that expires first, for instance."""
    ends = datetime(2015, 3, 31, 14, 59, 59, tzinfo=UTC)
    prepared = _prepare(not_after=ends)
    assert (prepared.not_before, prepared.not_after) == (_AT, ends)
    assert parse_tbs_certificate(prepared.tbs).not_after == ends


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"serial": 0}, "serial"),
        ({"serial": -5}, "serial"),
        ({"serial": 1 << 159}, "serial"),
        ({"values": {}}, "profile.value"),
        ({"values": {**VALUES, "opaque": ""}}, "profile.value"),
        ({"values": {**VALUES, "opaque": "x" * 65}}, "name.length"),
        ({"basic": None}, "profile.value"),
        ({"basic": replace(RESIDENT, name=" ")}, "basic.empty"),
        ({"basic": replace(RESIDENT, address="")}, "basic.empty"),
        ({"basic": replace(RESIDENT, address="東" * 201)}, "basic.address-length"),
        ({"not_after": _AT - timedelta(days=1)}, "validity.order"),
        (
            {"not_after": datetime(2017, 10, 1, 14, 59, 59, tzinfo=UTC)},
            "profile.validity",
        ),
        ({"not_after": datetime(2016, 1, 1, tzinfo=UTC)}, "profile.end-of-day"),
    ],
)
def test_what_a_rule_refuses_is_not_prepared(
    changed: dict[str, Any], rule: str
) -> None:
    """The rule is named, and there are no bytes that could be signed."""
    with pytest.raises(RuleViolation) as caught:
        _prepare(**changed)
    assert caught.value.rule == rule
    assert caught.value.citation


def test_a_subject_is_given_exactly_where_the_profile_has_none() -> None:
    """Residents' names come from the template, authorities' from the caller."""
    pki = reference_pki(_ERA)
    with pytest.raises(RuleViolation, match="fixed by the template"):
        _prepare(subject=pki.a.view.name)
    authority = data.certificate_profile("governor-authority")
    with pytest.raises(RuleViolation, match="not given"):
        _prepare(profile=authority, basic=None)
    with pytest.raises(RuleViolation, match="alternative name"):
        _prepare(profile=authority, basic=None, subject=pki.a.view.name)


def test_bytes_that_are_no_key_are_refused() -> None:
    """The key is read before anything is built from it."""
    with pytest.raises(EncodingError):
        _prepare(public_key=b"\x30\x03\x02\x01\x05")


@pytest.mark.parametrize("era", FOUNDED)
def test_every_certificate_of_every_era_is_prepared_without_findings(era: str) -> None:
    """Profiles and rules agree; each certificate is of its era's algorithms."""
    pki = reference_pki(era)
    issuers = [authority for authority in (pki.a, pki.b, pki.bridge) if authority]
    for name, raw in pki.certificates.items():
        certificate = parse_certificate(raw)
        (issuer,) = (
            authority
            for authority in issuers
            if authority.view.name == certificate.issuer
        )
        assert certificate.signature_algorithm == (
            issuer.signer.suite.algorithm_identifier
        ), name


# -- rules on profiles that nobody should write ---------------------------------------


def _with_usage(profile: CertificateProfile, *usages: KeyUsage) -> CertificateProfile:
    rule = KeyUsageRule(critical=True, usages=frozenset(usages))
    return replace(profile, extensions=(rule, *profile.extensions[1:]))


def _without(profile: CertificateProfile, oid: str) -> CertificateProfile:
    kept = tuple(rule for rule in profile.extensions if rule.oid != oid)
    return replace(profile, extensions=kept)


def _critical(profile: CertificateProfile, oid: str, flag: bool) -> CertificateProfile:
    return replace(
        profile,
        extensions=tuple(
            replace(rule, critical=flag) if rule.oid == oid else rule
            for rule in profile.extensions
        ),
    )


_SIGNATURE: Final = data.certificate_profile("signature")
_GOVERNOR: Final = data.certificate_profile("governor-authority")
_CROSS: Final = data.certificate_profile("cross")


@pytest.mark.parametrize(
    ("profile", "rule"),
    [
        (_with_usage(_SIGNATURE, KeyUsage.KEY_CERT_SIGN), "ca.key-usage"),
        (_with_usage(_GOVERNOR, KeyUsage.DIGITAL_SIGNATURE), "ca.key-usage"),
        (_critical(_GOVERNOR, oids.BASIC_CONSTRAINTS, False), "ca.basic-constraints"),
        (
            _without(_GOVERNOR, oids.SUBJECT_KEY_IDENTIFIER),
            "ca.subject-key-identifier",
        ),
        (
            _without(_SIGNATURE, oids.AUTHORITY_KEY_IDENTIFIER),
            "authority-key-identifier",
        ),
        (
            _critical(_SIGNATURE, oids.AUTHORITY_INFO_ACCESS, True),
            "extension.criticality",
        ),
        (_critical(_CROSS, oids.POLICY_CONSTRAINTS, False), "extension.criticality"),
        (_without(_CROSS, oids.CERTIFICATE_POLICIES), "policy-mappings"),
    ],
)
def test_a_profile_against_the_standard_is_stopped_by_the_rules(
    profile: CertificateProfile, rule: str
) -> None:
    """Whatever a deployer writes, such bytes are not signed."""
    pki = reference_pki(_ERA)
    authority = profile.subject is None
    changed: dict[str, Any] = {"profile": profile, "basic": RESIDENT}
    if authority:
        changed |= {
            "subject": pki.b.view.name,
            "subject_alternative": pki.b.view.alternative_name,
            "basic": None,
            "values": {"issuer_policy": "2.999.1", "subject_policy": "2.999.2"},
        }
    with pytest.raises(RuleViolation) as caught:
        _prepare(**changed)
    assert caught.value.rule == rule


def test_any_policy_is_not_mapped() -> None:
    """RFC 5280 4.2.1.5."""
    pki = reference_pki(_ERA)
    with pytest.raises(RuleViolation, match="anyPolicy"):
        _prepare(
            profile=_CROSS,
            basic=None,
            subject=pki.b.view.name,
            subject_alternative=pki.b.view.alternative_name,
            values={"issuer_policy": oids.ANY_POLICY, "subject_policy": "2.999.2"},
        )


def test_a_warning_is_recorded_and_does_not_stop() -> None:
    """Key usage SHOULD be critical; a profile may say otherwise."""
    prepared = _prepare(profile=_critical(_SIGNATURE, oids.KEY_USAGE, False))
    (finding,) = prepared.findings
    assert (finding.rule, finding.severity.value) == ("key-usage.critical", "warning")
