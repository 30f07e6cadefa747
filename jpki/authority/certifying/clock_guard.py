"""The clock does not turn back: nothing is certified before what is logged already.

A clock that steps back would date certificates before others that exist already. It is
held against the newest entry of the log about something to be signed, which all
processes share. Applications, events and revocations are not held up: they only rest on
the register or on a person, and must not wait.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from jpki.authority.office import Office, whole_second
from jpki.errors import ClockBehind
from jpki.store import AuthorityUnitOfWork

__all__ = ["confirm_clock", "require_clock"]

_CONFIRMED: Final = "clock.confirmed"
_SIGNED: Final = ("certificate.prepared", "crl.prepared", _CONFIRMED)

TOLERANCE: Final = timedelta(minutes=5)
"""Callers who read the clock, then waited for a register and for one another."""


def require_clock(uow: AuthorityUnitOfWork, at: datetime) -> None:
    """Say that this instant does not lie before what was made already.

    Raises:
        ClockBehind: it does.
    """
    newest = uow.audit.newest_at(*_SIGNED)
    if newest is not None and at < newest - TOLERANCE:
        raise ClockBehind(at, newest, "the newest certificate or list")


def confirm_clock(office: Office, *, at: datetime, by: str) -> bool:
    """Where what was made lies ahead: record that an operator finds the clock right.

    So the authorities go on after a clock that stood ahead was set right. False where
    there was nothing to say.
    """
    moment = whole_second(at)
    with office.store.write() as uow:
        try:
            require_clock(uow, moment)
        except ClockBehind as behind:
            uow.audit.append(
                at=moment,
                by=by,
                act=_CONFIRMED,
                subject="clock",
                details={"ahead": f"{behind.recorded:%Y-%m-%dT%H:%M:%SZ}"},
            )
            uow.commit()
            return True
    return False
