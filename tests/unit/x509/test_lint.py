"""Rules on bytes that the profiles alone would not make."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import pytest

from jpki import data
from jpki.der import oids
from jpki.der.times import generalized_time, utc_time
from jpki.der.writer import integer
from jpki.model.names import Attribute, Name, StringType
from jpki.x509.findings import Rule, Severity
from jpki.x509.lint import RULES, lint_certificate
from jpki.x509.names import encode_name
from jpki.x509.parse import parse_certificate
from tests.support.reference_pki import FOUNDED, reference_pki

_ERA: Final = "prefectural-sha256"
_SIGNATURE: Final = data.certificate_profile("signature")


def _tbs(name: str = "signature") -> bytes:
    return parse_certificate(reference_pki(_ERA).certificates[name]).tbs


def _swap(tbs: bytes, old: bytes, new: bytes) -> bytes:
    """Exchange one element for another of the same length, so that it stays DER."""
    assert tbs.count(old) == 1
    assert len(old) == len(new)
    return tbs.replace(old, new)


def _found(tbs: bytes) -> set[str]:
    return {finding.rule for finding in lint_certificate(tbs, _SIGNATURE)}


def test_good_bytes_have_no_findings() -> None:
    """Neither errors nor warnings."""
    assert lint_certificate(_tbs(), _SIGNATURE) == ()


def test_another_country_is_found() -> None:
    """Two letters, in a PrintableString; a UTF8String is not."""
    old = encode_name(Name.of(Attribute(oids.COUNTRY, "JP", StringType.PRINTABLE)))[2:]
    new = encode_name(Name.of(Attribute(oids.COUNTRY, "JP", StringType.UTF8)))[2:]
    tbs = _tbs().replace(old, new)
    assert {"name.country", "profile.subject"} <= _found(tbs)


def test_an_old_string_type_is_found() -> None:
    """Since 2004, names are UTF8String or PrintableString (RFC 5280 4.1.2.4)."""
    subject = parse_certificate(reference_pki(_ERA).certificates["signature"]).subject
    old = encode_name(subject)
    changed = [rdn[0] for rdn in subject.rdns]
    changed[3] = Attribute(oids.COMMON_NAME, changed[3].value, StringType.TELETEX)
    assert "name.string-type" in _found(
        _swap(_tbs(), old, encode_name(Name.of(*changed)))
    )


def test_an_empty_value_is_found() -> None:
    """A name of spaces is no name."""
    old = b"Kiyose-shi"
    tbs = _tbs()
    start = tbs.index(old)
    blank = tbs[:start] + b" " * len(old) + tbs[start + len(old) :]
    assert "name.value" in _found(blank)


def test_a_foreign_key_identifier_is_found() -> None:
    """It must be the digest of the certified key."""
    identifier = parse_certificate(
        reference_pki(_ERA).certificates["signature"]
    ).subject_key_identifier
    assert identifier is not None
    assert "subject-key-identifier" in _found(_swap(_tbs(), identifier, bytes(20)))


def test_a_missing_item_is_found() -> None:
    """All six otherNames or none; bytes that cannot be read are an error."""
    arc = bytes.fromhex("060a2a83088c9b5508050506")
    other = bytes.fromhex("060a2a83088c9b5508050507")
    (finding,) = lint_certificate(_swap(_tbs(), arc, other), _SIGNATURE)
    assert (finding.rule, finding.severity) == ("der", Severity.ERROR)


def test_bytes_that_are_no_certificate_are_an_error() -> None:
    """The lint never raises on what it is given."""
    for octets in (b"", b"\x30\x00", _tbs()[:-1], integer(5)):
        (finding,) = lint_certificate(octets, _SIGNATURE)
        assert finding.rule == "der"


def test_the_profile_is_held_to() -> None:
    """A certificate of one profile does not pass for one of another."""
    findings = lint_certificate(_tbs("operator"), _SIGNATURE)
    assert {"profile.extensions", "basic.personal-data"} <= {
        finding.rule for finding in findings
    }
    operator = data.certificate_profile("operator")
    assert "basic.personal-data" in {
        finding.rule for finding in lint_certificate(_tbs(), operator)
    }


def test_rules_are_named_once_and_cite_something() -> None:
    """So that an audit entry means something years later."""
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert all(rule.citation for rule in RULES)


def test_a_rule_holds_between_its_days() -> None:
    """Counted from effective until before ineffective."""
    rule: Rule[object, object] = Rule(
        id="x",
        severity=Severity.ERROR,
        citation="-",
        check=lambda certificate, profile: None,
        effective=datetime(2004, 1, 1, tzinfo=UTC),
        ineffective=datetime(2015, 1, 1, tzinfo=UTC),
    )
    days = [datetime(year, 1, 1, tzinfo=UTC) for year in (2003, 2004, 2014, 2015)]
    assert [rule.holds(day) for day in days] == [False, True, True, False]


def test_the_form_of_times_is_checked() -> None:
    """A year before 2050 in GeneralizedTime is legal DER and against RFC 5280."""
    at = FOUNDED[_ERA]
    tbs = _tbs()
    old, new = utc_time(at), generalized_time(at)
    start = tbs.index(old) - 2
    longer = bytearray(tbs)
    longer[start + 2 : start + 2 + len(old)] = new
    longer[start + 1] += 2
    longer[2:4] = (int.from_bytes(longer[2:4], "big") + 2).to_bytes(2, "big")
    assert "validity.form" in _found(bytes(longer))


@pytest.mark.parametrize("name", ["a", "bridge", "responder", "operator"])
def test_the_other_profiles_have_no_findings(name: str) -> None:
    """Authorities, responder and operator."""
    role = {"a": "authority"}.get(name, name)
    profile = data.certificate_profile(data.era(_ERA).profiles[role])
    assert lint_certificate(_tbs(name), profile) == ()
