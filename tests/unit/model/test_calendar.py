"""Days as Japanese offices count them."""

from __future__ import annotations

from datetime import date

import pytest

from jpki.model.calendar import months_before


@pytest.mark.parametrize(
    ("months", "day", "earlier"),
    [
        (3, date(2017, 10, 1), date(2017, 7, 1)),
        (3, date(2017, 5, 31), date(2017, 2, 28)),
        (3, date(2016, 5, 31), date(2016, 2, 29)),
        (3, date(2017, 1, 15), date(2016, 10, 15)),
        (1, date(2017, 1, 31), date(2016, 12, 31)),
        (12, date(2016, 2, 29), date(2015, 2, 28)),
        (0, date(2017, 1, 31), date(2017, 1, 31)),
    ],
)
def test_months_are_counted_by_the_calendar(
    months: int, day: date, earlier: date
) -> None:
    """The day of the same number, or the last one of a month that has none such."""
    assert months_before(months, day) == earlier
