"""The process clock and the instants that people and requests name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jpki.errors import RequestError
from jpki.service.clock import (
    ProcessClock,
    RequestClock,
    offset_to,
    parse_instant,
    system_random,
)

THEN = datetime(2014, 10, 1, 3, 0, tzinfo=UTC)


def test_the_clock_shows_whole_seconds_of_now() -> None:
    """Aware, UTC, and close to the machine's."""
    now = ProcessClock()()
    assert (now.tzinfo, now.microsecond) == (UTC, 0)
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=5)


def test_the_clock_can_be_moved() -> None:
    """Moved to an instant, it begins there: whatever the machine's fraction is."""
    for fraction in range(0, 1_000_000, 125_000):
        moved = THEN + timedelta(microseconds=fraction)
        shown = datetime.now(UTC) + offset_to(moved)
        assert timedelta(0) <= shown - moved < timedelta(seconds=5)
    clock = ProcessClock(offset_to(THEN))
    assert timedelta(0) <= clock() - THEN < timedelta(seconds=5)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2014-10-01", datetime(2014, 9, 30, 15, 0, tzinfo=UTC)),
        ("2014-10-01T12:00:00+09:00", THEN),
        ("2014-10-01T03:00:00Z", THEN),
        ("2014-10-01T03:00:00.9Z", THEN),
    ],
)
def test_instants_are_read(text: str, instant: datetime) -> None:
    """A bare day begins in Japan; a time names its offset."""
    assert parse_instant(text) == instant


@pytest.mark.parametrize(
    "text", ["", "today", "2014-10-01T12:00:00", "2014-13-01", "0001-01-01", "x" * 9999]
)
def test_unclear_instants_are_refused(text: str) -> None:
    """Also those whose zone is a guess or that no calendar has."""
    with pytest.raises(RequestError):
        parse_instant(text)


def test_a_request_names_its_instant_only_where_allowed() -> None:
    """Without the field it is now."""
    assert RequestClock(clock=lambda: THEN, test_system=False).at(None) == THEN
    named = RequestClock(clock=lambda: THEN, test_system=True).at(
        "2020-01-01T00:00:00Z"
    )
    assert named == datetime(2020, 1, 1, tzinfo=UTC)
    with pytest.raises(RequestError, match="not accepted"):
        RequestClock(clock=lambda: THEN, test_system=False).at("2020-01-01T00:00:00Z")


def test_chance_does_not_repeat() -> None:
    """As many octets as asked for, never the same."""
    assert len(system_random(20)) == 20
    assert system_random(20) != system_random(20)
