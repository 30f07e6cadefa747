"""Days as Japanese offices count them."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Final

__all__ = ["JST", "day_in_japan"]

JST: Final = timezone(timedelta(hours=9), "JST")
"""日本標準時; no summer time since 1952."""


def day_in_japan(at: datetime) -> date:
    """The calendar day in Japan at this instant."""
    return at.astimezone(JST).date()
