"""Templates and validity."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from jpki.errors import RuleViolation
from jpki.model.calendar import JST
from jpki.model.profiles import KeyUsage, Validity, fill, placeholders


@pytest.mark.parametrize(
    ("begins", "years", "ends"),
    [
        ("2003-12-27T05:08:15", 10, "2013-12-26T14:59:59"),
        ("2019-09-14T23:41:56", 10, "2029-09-14T14:59:59"),
        ("2014-10-01T14:59:59", 3, "2017-09-30T14:59:59"),
        ("2014-10-01T15:00:00", 3, "2017-10-01T14:59:59"),
        ("2016-02-28T16:00:00", 3, "2019-02-28T14:59:59"),
    ],
)
def test_validity_counts_days_in_japan(begins: str, years: int, ends: str) -> None:
    """The day before the anniversary, by the Japanese calendar day of the beginning."""
    at = datetime.fromisoformat(begins).replace(tzinfo=UTC)
    expected = datetime.fromisoformat(ends).replace(tzinfo=UTC)
    assert expected == Validity(years=years).ends(at)


def test_validity_can_be_counted_to_the_second() -> None:
    """Without the end-of-day rule, the last second is the one before."""
    at = datetime(2014, 10, 1, 2, 3, 4, tzinfo=UTC)
    ends = Validity(days=30, end_of_day_jst=False).ends(at)
    assert datetime(2014, 10, 31, 2, 3, 3, tzinfo=UTC) == ends


@pytest.mark.parametrize(
    ("begins", "born", "renewal", "ends"),
    [
        # In Japan it is the 16th, the 17th and the 18th.
        ("2020-02-16T14:59:59", "1980-02-17", False, "2024-02-17T14:59:59"),
        ("2020-02-16T15:00:00", "1980-02-17", False, "2025-02-17T14:59:59"),
        ("2020-02-17T15:00:00", "1980-02-17", False, "2025-02-17T14:59:59"),
        ("2020-02-16T14:59:59", "1980-02-17", True, "2025-02-17T14:59:59"),
        ("2019-11-20T03:00:00", "1980-02-17", True, "2025-02-17T14:59:59"),
        ("2020-12-31T15:00:00", "2001-01-01", False, "2026-01-01T14:59:59"),
        ("2021-03-01T03:00:00", "1980-02-29", False, "2026-02-28T14:59:59"),
        ("2019-03-01T03:00:00", "1980-02-29", False, "2024-02-29T14:59:59"),
        ("2021-02-28T03:00:00", "1980-02-29", False, "2026-02-28T14:59:59"),
    ],
)
def test_validity_ends_with_a_birthday(
    begins: str, born: str, renewal: bool, ends: str
) -> None:
    """At the end of the fifth after the day of issue, or of the sixth."""
    at = datetime.fromisoformat(begins).replace(tzinfo=UTC)
    expected = datetime.fromisoformat(ends).replace(tzinfo=UTC)
    born_on = date.fromisoformat(born)
    validity = Validity(birthdays=5, birthdays_on_renewal=6)
    assert expected == validity.ends(at, born_on, renewal=renewal)
    if not renewal:
        alone = Validity(birthdays=5, birthdays_on_renewal=5)
        assert at < expected <= alone.ends(at) <= validity.ends(at)


def test_nobodys_birthday_is_later_than_the_limit() -> None:
    """Whoever was born when, and whatever day it is, leap days included."""
    validity = Validity(birthdays=5, birthdays_on_renewal=6)
    days = [date(1980, 1, 1) + timedelta(days=n) for n in range(366)]
    for begins in (date(2023, 3, 1), date(2024, 2, 28), date(2024, 2, 29)):
        at = datetime.combine(begins, time(9), JST)
        ends = [validity.ends(at, born, renewal=True) for born in days]
        assert max(ends) == validity.ends(at)
        assert min(ends) > at + timedelta(days=5 * 365)
        fixed = Validity(years=3)
        assert {fixed.ends(at, born) for born in days} == {fixed.ends(at)}


def test_placeholders_are_filled() -> None:
    """Each is replaced; text around it stays."""
    text = "{municipality} CRLDP, {prefecture}"
    assert frozenset({"municipality", "prefecture"}) == placeholders(text)
    values = {"municipality": "Kiyose-shi", "prefecture": "Tokyo-to"}
    assert fill(text, values) == "Kiyose-shi CRLDP, Tokyo-to"


@pytest.mark.parametrize("values", [{}, {"opaque": ""}])
def test_a_missing_value_is_an_error(values: dict[str, str]) -> None:
    """Nothing is signed with a hole in it."""
    with pytest.raises(RuleViolation):
        fill("{opaque}", values)


def test_key_usages_have_their_names() -> None:
    """The names of RFC 5280."""
    assert KeyUsage.NON_REPUDIATION.label == "nonRepudiation"
    assert KeyUsage.CRL_SIGN.label == "cRLSign"
