"""The only place where the library's servers read the clock and draw random octets."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Final

from jpki.errors import RequestError
from jpki.model.calendar import JST
from jpki.model.ports import Clock

__all__ = [
    "TEST_INSTANT_HEADER",
    "ProcessClock",
    "RequestClock",
    "offset_to",
    "parse_instant",
    "system_random",
]

TEST_INSTANT_HEADER: Final = "JPKI-Test-Instant"
"""Names the instant of one request, where the settings allow a test clock."""


class ProcessClock:
    """The time of one process: the machine's, moved by a fixed offset.

    A fixed offset, not a fixed start: a server that is restarted goes on where it
    was, and all servers of one installation agree.
    """

    __slots__ = ("offset",)

    def __init__(self, offset: timedelta = timedelta(0)) -> None:
        self.offset = offset

    def __call__(self) -> datetime:
        """Now: aware, UTC, whole seconds."""
        return (datetime.now(UTC) + self.offset).replace(microsecond=0)

    def __repr__(self) -> str:
        return f"ProcessClock(offset={self.offset!r})"


def system_random(count: int) -> bytes:
    """So many octets from the operating system's generator."""
    return secrets.token_bytes(count)


def offset_to(at: datetime) -> timedelta:
    """The whole seconds by which a clock must move to show `at` now, never less."""
    return timedelta(seconds=ceil((at - datetime.now(UTC)) / timedelta(seconds=1)))


def parse_instant(text: str) -> datetime:
    """Read `2014-10-01` (midnight in Japan) or an RFC 3339 date-time with offset.

    Raises:
        RequestError: neither form, or a date-time that does not name its offset.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            if len(text) > len("2014-10-01"):
                raise RequestError(
                    f"{text!r} does not name its offset from UTC",
                    hint="write it as 2014-10-01T09:00:00+09:00",
                )
            moment = moment.replace(tzinfo=JST)
        return moment.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        raise RequestError(
            f"{text[:40]!r} is not a date or date-time",
            hint="write it as 2014-10-01 or 2014-10-01T09:00:00+09:00",
        ) from None


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestClock:
    """Decides the one instant that each request is served at."""

    clock: Clock
    test_system: bool
    """Whether a request may name its own instant."""

    def at(self, named: str | None) -> datetime:
        """The instant of a request.

        Args:
            named: the value of its `JPKI-Test-Instant`, if it carries one.

        Raises:
            RequestError: it is not accepted here, or unreadable.
        """
        if named is None:
            return self.clock()
        if not self.test_system:
            raise RequestError(
                f"{TEST_INSTANT_HEADER} is not accepted here",
                hint="common.test_system enables it on a test system",
            )
        return parse_instant(named)
