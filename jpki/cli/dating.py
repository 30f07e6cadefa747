"""On which day an era's authorities are founded, as `--at` or the era decides."""

from __future__ import annotations

from datetime import timedelta

from jpki.cli.pki.plan import instant_for
from jpki.errors import ConfigurationError
from jpki.model.calendar import JST
from jpki.model.eras import Era
from jpki.service.clock import ProcessClock, offset_to, parse_instant

__all__ = ["offset_for", "require_open"]


def offset_for(era: Era, date: str | None) -> timedelta:
    """How far a clock is moved to this day, or by default to one that the era admits.

    Raises:
        ConfigurationError: the era may not issue on that day.
    """
    if date is None:
        now = ProcessClock()()
        opening, reason = instant_for(era, now)
        return timedelta(0) if reason is None else opening - now
    offset = offset_to(parse_instant(date))
    require_open(era, offset)
    return offset


def require_open(era: Era, offset: timedelta) -> None:
    """Say that the era may issue by a clock that is moved so far.

    Raises:
        ConfigurationError: it may not; says on which day it may.
    """
    at = ProcessClock(offset)()
    opening, reason = instant_for(era, at)
    if reason is not None:
        raise ConfigurationError(
            "command line",
            "--era",
            f"{era.id} cannot be founded on {at.astimezone(JST):%Y-%m-%d}: {reason}",
            hint="set the clock of the installation to a day in the era's time, "
            f"such as --at {opening.astimezone(JST):%Y-%m-%d}",
        )
