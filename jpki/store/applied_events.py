"""The register's events that have taken effect, and how far they have been followed."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select, update

from jpki.errors import Conflict
from jpki.store import authority_tables as tables
from jpki.store.authority_records import AppliedEvent
from jpki.store.rows import Rows

__all__ = ["AppliedEvents"]

_CURSOR: Final = select(tables.head.c.feed_position)


class AppliedEvents(Rows):
    """The register's events that have taken effect, and the cursor behind them."""

    def position(self) -> int:
        """The cursor: the newest event that has taken effect; 0 when there is none."""
        return int(self._connection.execute(_CURSOR).scalar_one())

    def add(self, event: AppliedEvent) -> None:
        """Move the cursor to the next event.

        Raises:
            Conflict: it is not the next one.
        """
        if event.sequence != self.position() + 1:
            raise Conflict(f"event {event.sequence} is not the next one")
        self._insert(tables.applied_event, event)
        self._connection.execute(
            update(tables.head).values(feed_position=event.sequence)
        )

    def find(self, sequence: int) -> AppliedEvent | None:
        """The event that took effect at this position."""
        table = tables.applied_event
        row = self._connection.execute(
            select(table).where(table.c.sequence == sequence)
        ).first()
        return None if row is None else AppliedEvent(**row._mapping)
