"""Counted serial numbers, block by block, as they were reserved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import bindparam, select

from jpki.store import authority_tables as tables
from jpki.store.authority_records import SerialBlockRecord
from jpki.store.engine import stream
from jpki.store.rows import Rows

__all__ = ["SerialBlocks"]

_BLOCK: Final = tables.serial_block
_LAST: Final = (
    select(_BLOCK.c.last)
    .where(_BLOCK.c.authority == bindparam("authority"))
    .order_by(_BLOCK.c.first.desc())
    .limit(1)
)


class SerialBlocks(Rows):
    """The counters of all authorities: nothing in them is ever changed."""

    def last(self, authority: str) -> int:
        """The highest number ever reserved; 0 if there is none."""
        last = self._connection.execute(_LAST, {"authority": authority}).scalar()
        return last or 0

    def add(self, record: SerialBlockRecord) -> None:
        """Enter a block; in a write transaction, after a look at `last`.

        Raises:
            Conflict: it begins where another one does.
        """
        self._insert(_BLOCK, record)

    def walk(self) -> Iterator[SerialBlockRecord]:
        """Every block, by authority and number."""
        rows = stream(
            self._connection,
            select(_BLOCK).order_by(_BLOCK.c.authority, _BLOCK.c.first),
        )
        for row in rows:
            yield SerialBlockRecord(**row._mapping)
