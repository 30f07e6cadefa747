"""The lists that certificates name, beside the complete list of each key."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, select

from jpki.store import authority_tables as tables
from jpki.store.authority_records import ShardRecord
from jpki.store.rows import Rows

__all__ = ["Shards"]


class Shards(Rows):
    """What was named once stays; there are as many as municipalities, or some more."""

    def enter(
        self, authority: str, generation: int, name: str, point: bytes, at: datetime
    ) -> str:
        """The shard of this point; a new one is called `name`, or so with a number."""
        known = self.find(authority, generation, point)
        if known is not None:
            return known.id
        taken = {shard.id for shard in self.of_key(authority, generation)}
        chosen, count = name, 1
        while chosen in taken:
            count += 1
            chosen = f"{name}-{count}"
        record = ShardRecord(
            authority=authority,
            generation=generation,
            id=chosen,
            point=point,
            since=at,
        )
        self._insert(tables.crl_shard, record)
        return chosen

    def find(self, authority: str, generation: int, point: bytes) -> ShardRecord | None:
        """The shard of this point, if a certificate of this key names it."""
        column = tables.crl_shard.c
        found = self._select(
            column.authority == authority,
            column.generation == generation,
            column.point == point,
        )
        return found[0] if found else None

    def of_key(self, authority: str, generation: int) -> tuple[ShardRecord, ...]:
        """Those that certificates of one key name, by name."""
        column = tables.crl_shard.c
        return self._select(
            column.authority == authority, column.generation == generation
        )

    def all(self) -> tuple[ShardRecord, ...]:
        """Those of all keys of all authorities."""
        return self._select()

    def _select(self, *conditions: ColumnElement[bool]) -> tuple[ShardRecord, ...]:
        column = tables.crl_shard.c
        rows = self._connection.execute(
            select(tables.crl_shard)
            .where(*conditions)
            .order_by(column.authority, column.generation, column.id)
        )
        return tuple(ShardRecord(**row._mapping) for row in rows)
