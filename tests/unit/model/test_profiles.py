"""Templates and validity."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from jpki.errors import RuleViolation
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
