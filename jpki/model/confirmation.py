"""有効性確認: what a resident is told who asks about their own certificate.

The numbers are those of the client software that JPKI has published for residents and
portals (`jp.go.jpki.appli`, API 2.0 of 2006), so that programs written for it need not
learn others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Final, Self

from jpki.errors import RequestError
from jpki.model.calendar import JST

__all__ = ["ConfirmResult", "ServiceHours"]

_HOURS: Final = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")
_DAY: Final = timedelta(days=1)


class ConfirmResult(IntEnum):
    """The result of an enquiry; from 700 on clients find out for themselves, too."""

    JPKI_CONFIRM_OK = 200
    JPKI_SERVER_VERIFY_ERROR = 600
    """The signature of the enquiry does not verify."""
    JPKI_SERVER_EXPIRED_ERROR = 602
    JPKI_SERVER_DATA_ERROR = 603
    """The enquiry cannot be read."""
    JPKI_SERVER_ISSUER_ERROR = 604
    """No authority of this service issued the certificate."""
    JPKI_SERVER_VALIDITY_ERROR = 605
    """The enquiry was not made just now."""
    JPKI_SERVER_REVOKED_ERROR = 607
    JPKI_SERVER_DB_ERROR = 609
    JPKI_SERVER_JAM_ERROR = 611
    """Too many ask at the same time."""
    JPKI_SERVER_OTHER_ERROR = 612
    JPKI_SERVER_HOLD_ERROR = 613
    """Revoked for the time being (certificateHold)."""
    JPKI_SERVER_CERT_UNMATCH_ERROR = 622
    """The authority's books have another certificate of this number, or none."""
    JPKI_ONLINE_TIME_ERROR = 706
    """Outside the hours of this service."""
    JPKI_NOT_YET_VALID_ERROR = 709


@dataclass(frozen=True, slots=True)
class ServiceHours:
    """A part of each day in Japan; it may go over midnight."""

    begins: timedelta
    """Since midnight."""
    ends: timedelta

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read hours such as `07:30-23:30`.

        Raises:
            RequestError: they are none.
        """
        match = _HOURS.fullmatch(text)
        if match is not None:
            first, second, third, fourth = map(int, match.groups())
            begins = timedelta(hours=first, minutes=second)
            ends = timedelta(hours=third, minutes=fourth)
            minutes_fit = max(second, fourth) < 60
            if minutes_fit and begins != ends and max(begins, ends) <= _DAY:
                return cls(begins, ends)
        raise RequestError(
            f"{text[:40]!r} are no hours of a day", hint="such as 07:30-23:30"
        )

    def hold_at(self, at: datetime) -> bool:
        """Whether this instant is within them."""
        here = at.astimezone(JST)
        since = here - here.replace(hour=0, minute=0, second=0, microsecond=0)
        if self.begins < self.ends:
            return self.begins <= since < self.ends
        return since >= self.begins or since < self.ends
