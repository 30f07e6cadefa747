"""Days as Japanese offices count them."""

from __future__ import annotations

from bisect import bisect_right
from calendar import monthrange
from datetime import date, datetime, timedelta, timezone
from typing import Final

__all__ = [
    "JST",
    "MonthDay",
    "birthday_in",
    "day_in_japan",
    "japanese_era",
    "japanese_year",
    "months_before",
    "nth_birthday",
]

JST: Final = timezone(timedelta(hours=9), "JST")
"""日本標準時; no summer time since 1952."""

MonthDay = tuple[int, int]
"""A day of any year: its month, and its number in the month."""


_ERAS: Final = (
    date(1868, 10, 23),
    date(1912, 7, 30),
    date(1926, 12, 25),
    date(1989, 1, 8),
    date(2019, 5, 1),
)
"""First days of 明治, 大正, 昭和, 平成, 令和."""


def japanese_era(day: date) -> int:
    """The era of a day: 1 to 5 for 明治 to 令和, 0 before them."""
    return bisect_right(_ERAS, day)


def japanese_year(day: date) -> int:
    """The year of its era (和暦), 1 for the first; before 明治 the Gregorian year."""
    era = japanese_era(day)
    return day.year - _ERAS[era - 1].year + 1 if era else day.year


def day_in_japan(at: datetime) -> date:
    """The calendar day in Japan at this instant."""
    return at.astimezone(JST).date()


def birthday_in(year: int, born: date, *, leap: MonthDay = (3, 1)) -> date:
    """The day of this year on which somebody has a birthday, or something its own.

    Args:
        year: may be a common year where `born` is a 29 February.
        born: the day itself.
        leap: what counts as 29 February then.
    """
    try:
        return born.replace(year=year)
    except ValueError:
        return date(year, *leap)


def nth_birthday(
    count: int, born: date, *, after: date, leap: MonthDay = (2, 28)
) -> date:
    """The so-manieth birthday after a day; one on the day itself does not count.

    Args:
        count: 1 for the next.
        born: the date of birth.
        after: such as the day of issue.
        leap: the birthday in common years of who was born on 29 February.
    """
    has_been = birthday_in(after.year, born, leap=leap) <= after
    return birthday_in(after.year + count - (not has_been), born, leap=leap)


def months_before(count: int, day: date) -> date:
    """The day of the same number so many months earlier.

    Where that month has no such day, it is the month's last: months are counted by the
    calendar (民法 art. 143).
    """
    months = day.year * 12 + day.month - 1 - count
    year, month = months // 12, months % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))
