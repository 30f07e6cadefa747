"""The registry database: residents and the feed, one unit of work at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from jpki.errors import Conflict, UnknownResident
from jpki.model.codes import MunicipalityCode, ResidentCode
from jpki.model.events import EventKind, RegistryEvent
from jpki.model.residents import BasicInformation, Resident
from jpki.store import registry_tables as tables
from jpki.store.base import Store
from jpki.store.nonces import Nonces

__all__ = ["Events", "RegistryStore", "RegistryUnitOfWork", "Residents"]


class Residents:
    """Table of residents (住民基本台帳, as far as certificates need it)."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, code: ResidentCode) -> Resident | None:
        """The resident of this code, erased records included."""
        row = self._connection.execute(
            select(tables.resident).where(tables.resident.c.code == code)
        ).first()
        return None if row is None else _resident(row)

    def get(self, code: ResidentCode) -> Resident:
        """The resident of this code.

        Raises:
            UnknownResident: there is none.
        """
        found = self.find(code)
        if found is None:
            raise UnknownResident
        return found

    def all(self) -> Iterator[Resident]:
        """Every record, by code."""
        rows = self._connection.execute(
            select(tables.resident).order_by(tables.resident.c.code)
        )
        return (_resident(row) for row in rows)

    def count(self) -> int:
        """How many records there are."""
        counted = select(func.count()).select_from(tables.resident)
        return int(self._connection.execute(counted).scalar_one())

    def add(self, resident: Resident) -> None:
        """Register somebody new.

        Raises:
            Conflict: the code is taken.
        """
        if self.find(resident.code) is not None:
            raise Conflict("a resident of this code is registered already")
        self._connection.execute(insert(tables.resident).values(**_columns(resident)))

    def replace(self, resident: Resident) -> None:
        """Write the record of the same code anew.

        Raises:
            UnknownResident: nobody has this code.
        """
        self._update(resident.code, resident)

    def change_code(self, old: ResidentCode, new: ResidentCode) -> Resident:
        """Give the resident another code.

        Raises:
            UnknownResident: nobody has the old code.
            Conflict: the new code is taken.
        """
        resident = self.get(old)
        if self.find(new) is not None:
            raise Conflict("a resident of this code is registered already")
        changed = Resident(
            code=new,
            municipality=resident.municipality,
            basic=resident.basic,
            japanese=resident.japanese,
            registered=resident.registered,
        )
        self._update(old, changed)
        return changed

    def _update(self, code: ResidentCode, resident: Resident) -> None:
        changed = self._connection.execute(
            update(tables.resident)
            .where(tables.resident.c.code == code)
            .values(**_columns(resident))
        )
        if changed.rowcount != 1:
            raise UnknownResident


class Events:
    """The feed: positions 1, 2, 3, … without gaps; nothing in it ever changes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def position(self) -> int:
        """The position of the newest event; 0 when there is none."""
        return int(
            self._connection.execute(select(tables.head.c.feed_position)).scalar_one()
        )

    def append(
        self,
        *,
        event_id: str,
        kind: EventKind,
        resident: ResidentCode,
        municipality: MunicipalityCode,
        effective_on: date,
        recorded_at: datetime,
        succeeded_by: ResidentCode | None = None,
    ) -> RegistryEvent:
        """Put an event at the end of the feed.

        Raises:
            Conflict: an event of this id is in the feed.
        """
        if self.by_id(event_id) is not None:
            raise Conflict(f"event {event_id} is recorded already")
        event = RegistryEvent(
            sequence=self.position() + 1,
            event_id=event_id,
            kind=kind,
            resident=resident,
            municipality=municipality,
            effective_on=effective_on,
            recorded_at=recorded_at,
            succeeded_by=succeeded_by,
        )
        self._connection.execute(
            insert(tables.event).values(
                {field: getattr(event, field) for field in tables.event.c.keys()}  # noqa: SIM118
            )
        )
        self._connection.execute(
            update(tables.head).values(feed_position=event.sequence)
        )
        return event

    def by_id(self, event_id: str) -> RegistryEvent | None:
        """The event of this id, so that a repeated request finds its first answer."""
        row = self._connection.execute(
            select(tables.event).where(tables.event.c.event_id == event_id)
        ).first()
        return None if row is None else RegistryEvent(**row._mapping)

    def newest_of(self, resident: ResidentCode) -> RegistryEvent | None:
        """The last thing that happened to this resident, under this code."""
        row = self._connection.execute(
            select(tables.event)
            .where(tables.event.c.resident == resident)
            .order_by(tables.event.c.sequence.desc())
            .limit(1)
        ).first()
        return None if row is None else RegistryEvent(**row._mapping)

    def after(self, position: int, *, limit: int) -> tuple[RegistryEvent, ...]:
        """At most `limit` events that follow this position, in order."""
        rows = self._connection.execute(
            select(tables.event)
            .where(tables.event.c.sequence > position)
            .order_by(tables.event.c.sequence)
            .limit(limit)
        )
        return tuple(RegistryEvent(**row._mapping) for row in rows)


class RegistryUnitOfWork:
    """One transaction over the register; without `commit` nothing has happened."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.residents = Residents(connection)
        self.events = Events(connection)
        self.nonces = Nonces(connection, tables.seen_nonce)

    def commit(self) -> None:
        """Make it all durable. The unit of work is over."""
        self._connection.commit()


class RegistryStore(Store[RegistryUnitOfWork]):
    """The register's database, by URL."""

    def __init__(self, url: str) -> None:
        super().__init__(url, schema="registry", work=RegistryUnitOfWork)


def _columns(resident: Resident) -> dict[str, object]:
    return {
        "code": resident.code,
        "municipality": resident.municipality,
        "name": resident.basic.name,
        "address": resident.basic.address,
        "date_of_birth": resident.basic.date_of_birth,
        "gender": resident.basic.gender,
        "japanese": resident.japanese,
        "registered": resident.registered,
    }


def _resident(row: Row[Any]) -> Resident:
    return Resident(
        code=row.code,
        municipality=row.municipality,
        basic=BasicInformation(
            name=row.name,
            address=row.address,
            date_of_birth=row.date_of_birth,
            gender=row.gender,
        ),
        japanese=row.japanese,
        registered=row.registered,
    )
