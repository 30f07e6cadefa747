"""Databases."""

from __future__ import annotations

from datetime import datetime

from jpki.errors.base import JpkiError

__all__ = [
    "ClockBehind",
    "Conflict",
    "Damaged",
    "DiskFull",
    "JournalAhead",
    "NotFound",
    "StoreError",
]


class StoreError(JpkiError):
    """The database refused or cannot be used."""

    code = "store"


class DiskFull(StoreError):
    """The disk takes nothing more: it is full, at a limit, or broken."""

    code = "store.disk"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the database cannot be written: {reason}",
            hint="free some disk space, then try the same step again",
        )
        self.reason = reason


class JournalAhead(StoreError):
    """The database lacks revocations that the journal outside it tells."""

    code = "store.journal-ahead"

    def __init__(self, position: int, told: int) -> None:
        super().__init__(
            f"the database knows {position} revocations, or others than the journal "
            f"outside it, which tells {told}: it was restored from a backup",
            hint="bring them back with `jpki revocation replay`",
        )
        self.position = position
        self.told = told


class Damaged(StoreError):
    """What is kept is not what was put there."""

    code = "store.damaged"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} is not as it was published",
            hint="put it back from a backup; `jpki audit verify` tells what else was "
            "altered",
        )
        self.what = what


class NotFound(StoreError):
    """There is no such thing."""

    code = "not-found"

    def __init__(
        self, kind: str, identifier: object, *, hint: str | None = None
    ) -> None:
        super().__init__(f"no {kind} {identifier}", hint=hint)
        self.kind = kind
        self.identifier = str(identifier)


class Conflict(StoreError):
    """Another writer was first, or the thing exists already."""

    code = "conflict"


class ClockBehind(Conflict):
    """The clock stands before what is recorded already."""

    code = "clock.behind"

    def __init__(self, at: datetime, recorded: datetime, what: str) -> None:
        super().__init__(
            f"the clock says {at:%Y-%m-%d %H:%M:%SZ}, but {what} was recorded at "
            f"{recorded:%Y-%m-%d %H:%M:%SZ}",
            hint="set the clock right (NTP) and do it again; if it is right and stood "
            "ahead before, a CA operator says so: `jpki ca run`",
        )
        self.at = at
        self.recorded = recorded
