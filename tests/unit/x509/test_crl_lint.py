"""Rules on lists that `prepare_crl` would not make."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from jpki import data
from jpki.der import oids
from jpki.der.times import generalized_time, time_choice, utc_time
from jpki.der.writer import enumerated, explicit, integer, sequence, tlv
from jpki.model.names import Name
from jpki.model.suites import SignatureSuite, suite
from jpki.x509 import extensions
from jpki.x509.lint import CRL_RULES, lint_crl
from jpki.x509.names import encode_name

_SUITE: Final = suite("rsa2048-sha256")
_NAME: Final = encode_name(data.topology().governor_name(data.prefectures()["13"]))
_AT: Final = datetime(2014, 10, 1, tzinfo=UTC)
_KEY: Final = extensions.authority_key_identifier(bytes(20))
_GOOD: Final = (
    extensions.extension(oids.AUTHORITY_KEY_IDENTIFIER, False, _KEY),
    extensions.extension(oids.CRL_NUMBER, False, integer(7)),
)
_REASON: Final = extensions.extension(oids.REASON_CODE, False, enumerated(1))
_DATE: Final = extensions.extension(oids.INVALIDITY_DATE, False, generalized_time(_AT))


def _tbs(
    *entries: bytes,
    version: bytes = integer(1),
    signed_with: SignatureSuite = _SUITE,
    issuer: bytes = _NAME,
    times: bytes = utc_time(_AT) + utc_time(_AT + timedelta(days=2)),
    own: tuple[bytes, ...] = _GOOD,
) -> bytes:
    return sequence(
        version,
        signed_with.algorithm_identifier,
        issuer,
        times,
        tlv(0x30, b"".join(entries)) if entries else b"",
        explicit(0, sequence(*own)) if own else b"",
    )


def _entry(serial: int, *details: bytes, at: bytes = utc_time(_AT)) -> bytes:
    return sequence(integer(serial), at, sequence(*details) if details else b"")


def _found(tbs: bytes, profile: str = "crl") -> set[str]:
    found = lint_crl(tbs, data.crl_profile(profile), _SUITE)
    return {finding.rule for finding in found}


def _extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    return extensions.extension(oid, critical, value)


@pytest.mark.parametrize(
    "entry",
    [
        _entry(1),
        _entry((1 << 159) - 1, _REASON),
        _entry(200, _DATE),
        _entry(1 << 70, _REASON, _DATE),
        _entry(5, _DATE, _REASON),
        _entry(5, at=utc_time(datetime(1999, 12, 31, tzinfo=UTC))),
    ],
)
def test_good_lists_have_no_findings(entry: bytes) -> None:
    """Entries of the usual shape, and others that are as good."""
    assert _found(_tbs()) == set()
    assert _found(_tbs(entry)) == set()
    assert _found(_tbs(_entry(3), entry, _entry(4, _REASON))) == set()


_POINT_NAME: Final = extensions.distribution_point_name(Name(()))
_POINT: Final = extensions.issuing_distribution_point(
    _POINT_NAME, only_user_certificates=True
)


@pytest.mark.parametrize(
    ("tbs", "rules"),
    [
        (
            _tbs(version=b"", own=()),
            {
                "crl.version",
                "crl.authority-key-identifier",
                "crl.number",
                "crl.extensions",
            },
        ),
        (_tbs(signed_with=suite("p256-sha256")), {"crl.signature"}),
        (_tbs(issuer=sequence()), {"crl.issuer"}),
        (_tbs(times=utc_time(_AT)), {"crl.next-update"}),
        (_tbs(times=utc_time(_AT) * 2), {"crl.next-update"}),
        (
            _tbs(times=utc_time(_AT) + generalized_time(_AT + timedelta(1))),
            {"crl.time-form"},
        ),
        (_tbs(b""), {"crl.entries"}),
        (_tbs(_entry(5), _entry(5, _REASON)), {"crl.serial"}),
        (_tbs(_entry(5), _entry(5, _DATE, _REASON)), {"crl.serial"}),
        (_tbs(_entry(0)), {"crl.serial"}),
        (_tbs(_entry(-5)), {"crl.serial"}),
        (_tbs(_entry(1 << 159)), {"crl.serial"}),
        (
            _tbs(_entry(5, at=utc_time(_AT + timedelta(seconds=1)))),
            {"crl.revocation-date"},
        ),
        (_tbs(_entry(5, at=generalized_time(_AT))), {"crl.revocation-date"}),
        (
            _tbs(_entry(5, _extension(oids.REASON_CODE, enumerated(0)))),
            {"crl.reason"},
        ),
        (
            _tbs(_entry(5, _extension(oids.REASON_CODE, enumerated(7)))),
            {"crl.reason"},
        ),
        (
            _tbs(_entry(5, _extension(oids.REASON_CODE, enumerated(8)))),
            {"crl.removal"},
        ),
        (
            _tbs(_entry(5, _extension(oids.REASON_CODE, enumerated(1), critical=True))),
            {"crl.entry-extension"},
        ),
        (_tbs(_entry(5, _extension("2.999.1", b""))), {"crl.entry-extension"}),
        (_tbs(_entry(5, _extension(oids.INVALIDITY_DATE, utc_time(_AT)))), {"der"}),
        (_tbs(_entry(5, at=tlv(0x17, b"130230000000Z"))), {"der"}),
        (_tbs(_entry(5, at=tlv(0x17, b"130228240000Z"))), {"der"}),
        (_tbs(sequence(integer(5), utc_time(_AT), sequence())), {"der"}),
        (_tbs(sequence(integer(5))), {"der"}),
        (_tbs(_entry(5) + b"\x30"), {"der"}),
        (_tbs(own=_GOOD[:1]), {"crl.number", "crl.extensions"}),
        (
            _tbs(own=(_GOOD[0], _extension(oids.CRL_NUMBER, integer(-1)))),
            {"crl.number"},
        ),
        (
            _tbs(own=(_GOOD[0], _extension(oids.CRL_NUMBER, integer(1 << 159)))),
            {"crl.number-size"},
        ),
        (
            _tbs(
                own=(_GOOD[0], _extension(oids.CRL_NUMBER, integer(1), critical=True))
            ),
            {"crl.criticality", "crl.extensions"},
        ),
        (
            _tbs(own=_GOOD[1:]),
            {"crl.authority-key-identifier", "crl.extensions"},
        ),
        (_tbs(own=_GOOD[::-1]), {"crl.extensions"}),
        (
            _tbs(
                _entry(5, _extension(oids.REASON_CODE, enumerated(8))),
                own=(*_GOOD, _extension(oids.DELTA_CRL_INDICATOR, integer(1))),
            ),
            {"crl.criticality", "crl.extensions"},
        ),
        (b"", {"der"}),
        (_tbs()[:-1], {"der"}),
    ],
)
def test_each_rule_finds_what_it_is_about(tbs: bytes, rules: set[str]) -> None:
    """And no other rule does."""
    assert rules == _found(tbs)


@pytest.mark.parametrize(
    ("value", "critical", "rules"),
    [
        (extensions.issuing_distribution_point(_POINT_NAME), True, {"point"}),
        (_POINT, True, {"point"}),
        (
            extensions.issuing_distribution_point(
                None, only_authority_certificates=True
            ),
            True,
            {"point"},
        ),
        (sequence(tlv(0x84, b"\xff")), True, {"point"}),
        (sequence(tlv(0x83, b"\x06\x40")), True, {"point"}),
        (
            extensions.issuing_distribution_point(
                _POINT_NAME, only_authority_certificates=True
            ),
            False,
            {"criticality", "extensions"},
        ),
    ],
)
def test_the_point_is_the_profiles(
    value: bytes, critical: bool, rules: set[str]
) -> None:
    """Who is listed, and that it cannot be overlooked."""
    names = {"point": "crl.issuing-distribution-point"}
    point = _extension(oids.ISSUING_DISTRIBUTION_POINT, value, critical=critical)
    expected = {names.get(rule, f"crl.{rule}") for rule in rules}
    assert expected == _found(_tbs(own=(*_GOOD, point)), "arl")


def test_dates_stand_only_where_the_profile_has_them() -> None:
    """In whatever order the extensions of the entry are."""
    assert not data.crl_profile("arl").invalidity_dates
    for details in ((_DATE,), (_REASON, _DATE), (_DATE, _REASON)):
        assert "crl.invalidity-date" in _found(_tbs(_entry(5, *details)), "arl")


def test_what_a_standard_added_was_no_error_before() -> None:
    """RFC 2459 knew no bound of the number."""
    at = datetime(2001, 1, 1, tzinfo=UTC)
    times = utc_time(at) + utc_time(at + timedelta(days=1))
    own = (_GOOD[0], _extension(oids.CRL_NUMBER, integer(1 << 159)))
    assert _found(_tbs(times=times, own=own)) == set()


def test_from_2050_times_are_generalized() -> None:
    """In the head of the list and in its entries."""
    at = datetime(2050, 1, 1, tzinfo=UTC)
    times = time_choice(at) + time_choice(at + timedelta(days=1))
    before = time_choice(at - timedelta(seconds=1))
    entries = _entry(5, at=time_choice(at)), _entry(6, at=before)
    assert _found(_tbs(*entries, times=times)) == set()
    late = _entry(5, at=time_choice(at + timedelta(seconds=1)))
    assert _found(_tbs(late, times=times)) == {"crl.revocation-date"}


def test_crl_rules_are_named_once_and_cite_something() -> None:
    """So that a finding means something years later."""
    assert len({rule.id for rule in CRL_RULES}) == len(CRL_RULES)
    assert all(rule.citation for rule in CRL_RULES)
