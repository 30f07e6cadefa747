"""Every CRL that was ever in force, to be looked up by name, number and instant.

Records come without their bytes: those of a nation are tens of megabytes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, exists, select

from jpki.store import authority_tables as tables
from jpki.store.authority_records import CRLRecord, CRLState, ListName
from jpki.store.list_octets import ListOctets
from jpki.store.rows import Rows

__all__ = ["ListArchive"]

_LIST: Final = tables.crl.c
_PUBLISHED: Final = _LIST.state.in_((CRLState.PUBLISHED, CRLState.SUPERSEDED))


class ListArchive(Rows):
    """What was published. Nothing is ever taken out."""

    def numbered(self, authority: str, number: int) -> CRLRecord | None:
        """The list of this number, if it was ever in force."""
        row = self._connection.execute(
            select(tables.crl).where(
                _PUBLISHED, _LIST.authority == authority, _LIST.number == number
            )
        ).first()
        return None if row is None else CRLRecord(**row._mapping)

    def at(self, name: ListName, instant: datetime) -> CRLRecord | None:
        """The list of this name that was in force at this instant."""
        row = self._connection.execute(
            select(tables.crl)
            .where(_PUBLISHED, *_is(name), _LIST.completed_at <= instant)
            .order_by(_LIST.completed_at.desc(), _LIST.number.desc())
            .limit(1)
        ).first()
        return None if row is None else CRLRecord(**row._mapping)

    def first_since(self, name: ListName, instant: datetime) -> CRLRecord | None:
        """The first list of this name whose thisUpdate is not before an instant."""
        return self._first(name, _LIST.this_update >= instant)

    def first_until(self, name: ListName, instant: datetime) -> CRLRecord | None:
        """The first list of this name whose nextUpdate is after an instant."""
        return self._first(name, _LIST.next_update > instant)

    def first_with(self, name: ListName, position: int) -> CRLRecord | None:
        """The first list of this name that has seen a line of the journal."""
        return self._first(name, _LIST.journal_position >= position)

    def _first(
        self, name: ListName, condition: ColumnElement[bool]
    ) -> CRLRecord | None:
        row = self._connection.execute(
            select(tables.crl)
            .where(_PUBLISHED, *_is(name), condition)
            .order_by(_LIST.number)
            .limit(1)
        ).first()
        return None if row is None else CRLRecord(**row._mapping)

    def is_alone_in_its_second(self, record: CRLRecord) -> bool:
        """Whether the time of this list tells it from those before it."""
        before = exists().where(
            _PUBLISHED,
            *_is(record.name),
            _LIST.completed_at >= record.this_update,
            _LIST.this_update == record.this_update,
            _LIST.number < record.number,
        )
        return not self._connection.execute(select(before)).scalar_one()

    def octets(self, record: CRLRecord) -> bytes | None:
        """The signed list; None if it is gone."""
        octets = ListOctets(self._connection)
        return octets.whole(record.authority, record.number) or None


def _is(name: ListName) -> tuple[ColumnElement[bool], ...]:
    return (
        _LIST.authority == name.authority,
        _LIST.generation == name.generation,
        _LIST.scope == name.scope,
    )
