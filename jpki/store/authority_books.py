"""Authorities, their keys, applications and operators, row by row.

Each class reads and writes one table (or two that belong together) over the connection
of one unit of work. Rules of the service are not here, only what a table demands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, select, update

from jpki.errors import Conflict, NotFound
from jpki.model.codes import MunicipalityCode, ResidentCode
from jpki.model.purposes import Purpose
from jpki.store import authority_tables as tables
from jpki.store.authority_records import (
    ApplicationMove,
    ApplicationRecord,
    ApplicationStanding,
    ApplicationState,
    AuthorityRecord,
    KeyGenerationRecord,
    KeyStanding,
    OperatorRecord,
    OperatorStanding,
    ResponderRecord,
)
from jpki.store.bulk import Bulk, Lookup
from jpki.store.engine import stream
from jpki.store.rows import Rows

__all__ = ["Applications", "Authorities", "Operators"]


# Statements of the path that every certificate takes, made once.

_AUTHORITY: Final = select(tables.authority).where(
    tables.authority.c.id == bindparam("this")
)
_APPLICATION: Final = tables.application

_APPLICATION_FIELDS: Final = tuple(field.name for field in fields(ApplicationRecord))
_APPLICATIONS: Final = Lookup(
    *(_APPLICATION.c[name] for name in _APPLICATION_FIELDS), among=_APPLICATION.c.id
)
_APPLICATION_STANDINGS: Final = Lookup(
    _APPLICATION.c.id,
    _APPLICATION.c.state,
    _APPLICATION.c.resident,
    among=_APPLICATION.c.id,
)
_MOVE: Final = Bulk(
    update(_APPLICATION)
    .where(_APPLICATION.c.id == bindparam("this"))
    .values(
        state=bindparam("to"), changed_at=bindparam("at"), serial=bindparam("number")
    ),
    "this",
    "to",
    "at",
    "number",
)
_KEY: Final = tables.key_generation
_KEY_FIELDS: Final = tuple(field.name for field in fields(KeyGenerationRecord))
_STANDINGS: Final = (
    select(
        _KEY,
        tables.certificate.c.certificate.label("own_certificate"),
        tables.revocation.c.position.label("revoked_in"),
    )
    .join(
        tables.certificate,
        (tables.certificate.c.authority == _KEY.c.authority)
        & (tables.certificate.c.serial == _KEY.c.serial),
    )
    .outerjoin(
        tables.revocation,
        (tables.revocation.c.authority == _KEY.c.authority)
        & (tables.revocation.c.serial == _KEY.c.serial),
    )
    .where(_KEY.c.authority == bindparam("of"))
    .order_by(_KEY.c.number)
)
_OPERATOR: Final = tables.operator
_OPERATOR_FIELDS: Final = tuple(field.name for field in fields(OperatorRecord))
_OPERATOR_STANDING: Final = (
    select(
        _OPERATOR,
        tables.certificate.c.state.label("certificate_state"),
        tables.certificate.c.not_before,
        tables.certificate.c.not_after,
        tables.revocation.c.position.label("revoked_in"),
    )
    .join(
        tables.certificate,
        (tables.certificate.c.authority == _OPERATOR.c.authority)
        & (tables.certificate.c.serial == _OPERATOR.c.serial),
    )
    .outerjoin(
        tables.revocation,
        (tables.revocation.c.authority == _OPERATOR.c.authority)
        & (tables.revocation.c.serial == _OPERATOR.c.serial),
    )
    .where(_OPERATOR.c.id == bindparam("this"))
)


class Authorities(Rows):
    """Authorities, their key generations and their responders."""

    def add(self, record: AuthorityRecord) -> None:
        """Enter a new authority."""
        self._insert(tables.authority, record)

    def find(self, authority: str) -> AuthorityRecord | None:
        """The authority of this identifier, if it is founded."""
        row = self._connection.execute(_AUTHORITY, {"this": authority}).first()
        return None if row is None else AuthorityRecord(**row._mapping)

    def get(self, authority: str) -> AuthorityRecord:
        """The authority of this identifier.

        Raises:
            NotFound: it is not founded.
        """
        found = self.find(authority)
        if found is None:
            raise NotFound("authority", authority)
        return found

    def all(self) -> tuple[AuthorityRecord, ...]:
        """Every authority, by identifier."""
        rows = self._connection.execute(
            select(tables.authority).order_by(tables.authority.c.id)
        )
        return tuple(AuthorityRecord(**row._mapping) for row in rows)

    def add_generation(self, record: KeyGenerationRecord) -> None:
        """Enter a new key of an authority."""
        self._insert(tables.key_generation, record)

    def generation(self, authority: str, number: int) -> KeyGenerationRecord:
        """One key of an authority.

        Raises:
            NotFound: there is no such key.
        """
        for generation in self.generations(authority):
            if generation.number == number:
                return generation
        raise NotFound("key generation", f"{authority}/{number}")

    def generations(self, authority: str) -> tuple[KeyGenerationRecord, ...]:
        """All keys of an authority, oldest first."""
        table = tables.key_generation
        rows = self._connection.execute(
            select(table).where(table.c.authority == authority).order_by(table.c.number)
        )
        return tuple(KeyGenerationRecord(**row._mapping) for row in rows)

    def standings(self, authority: str) -> tuple[KeyStanding, ...]:
        """All keys of an authority with their own certificates, oldest first."""
        rows = self._connection.execute(_STANDINGS, {"of": authority})
        return tuple(
            KeyStanding(
                key=KeyGenerationRecord(**{n: r[n] for n in _KEY_FIELDS}),
                certificate=r["own_certificate"],
                revoked=r["revoked_in"] is not None,
            )
            for r in rows.mappings()
        )

    def every_generation(self) -> tuple[KeyGenerationRecord, ...]:
        """All keys of all authorities, each authority's oldest first."""
        table = tables.key_generation
        rows = self._connection.execute(
            select(table).order_by(table.c.authority, table.c.number)
        )
        return tuple(KeyGenerationRecord(**row._mapping) for row in rows)

    def add_responder(self, record: ResponderRecord) -> None:
        """Enter a key to which OCSP answers are delegated."""
        self._insert(tables.responder, record)

    def responders(self, authority: str) -> tuple[ResponderRecord, ...]:
        """The responders of an authority, in the order of their certificates."""
        table, own = tables.responder, tables.certificate
        rows = self._connection.execute(
            select(table)
            .join(
                own,
                (own.c.authority == table.c.authority)
                & (own.c.serial == table.c.serial),
            )
            .where(table.c.authority == authority)
            .order_by(own.c.prepared_at, table.c.serial)
        )
        return tuple(ResponderRecord(**row._mapping) for row in rows)


class Applications(Rows):
    """Applications of residents for their certificates."""

    def find_all(self, applications: Iterable[str]) -> Mapping[str, ApplicationRecord]:
        """The applications of these identifiers, as far as there are any."""
        rows = _APPLICATIONS(self._connection, set(applications))
        records = (
            ApplicationRecord(**dict(zip(_APPLICATION_FIELDS, row, strict=True)))
            for row in rows
        )
        return {record.id: record for record in records}

    def standings(
        self, applications: Iterable[str]
    ) -> Mapping[str, ApplicationStanding]:
        """Where these applications stand, as far as there are any."""
        rows = _APPLICATION_STANDINGS(self._connection, set(applications))
        return {row[0]: ApplicationStanding(row[1], row[2]) for row in rows}

    def move_all(self, moves: Sequence[ApplicationMove]) -> None:
        """Write state, time and serial number of several at once.

        The caller has seen, in this transaction, the state that each comes from.
        """
        _MOVE(self._connection, moves)

    def add(self, record: ApplicationRecord) -> None:
        """Enter a new application."""
        self._insert(tables.application, record)

    def get(self, application: str) -> ApplicationRecord:
        """The application of this identifier.

        Raises:
            NotFound: there is none.
        """
        table = tables.application
        row = self._connection.execute(
            select(table).where(table.c.id == application)
        ).first()
        if row is None:
            raise NotFound("application", application)
        return ApplicationRecord(**row._mapping)

    def of_request(
        self, filed_by: str, idempotency_key: str
    ) -> ApplicationRecord | None:
        """What this caller filed under this key before."""
        table = tables.application
        row = self._connection.execute(
            select(table).where(
                table.c.filed_by == filed_by,
                table.c.idempotency_key == idempotency_key,
            )
        ).first()
        return None if row is None else ApplicationRecord(**row._mapping)

    def walk(self) -> Iterator[ApplicationRecord]:
        """Every application, oldest first."""
        table = tables.application
        rows = stream(
            self._connection,
            select(table).order_by(table.c.filed_at, table.c.id),
        )
        for row in rows:
            yield ApplicationRecord(**row._mapping)

    def live(
        self, resident: ResidentCode, purpose: Purpose
    ) -> ApplicationRecord | None:
        """The application of this person that is not yet delivered or cancelled."""
        table = tables.application
        row = self._connection.execute(
            select(table).where(
                tables.LIVE_APPLICATION,
                table.c.resident == resident,
                table.c.purpose == purpose,
            )
        ).first()
        return None if row is None else ApplicationRecord(**row._mapping)

    def open_at(self, municipality: MunicipalityCode) -> tuple[ApplicationRecord, ...]:
        """What was filed at this counter and is not yet delivered or cancelled."""
        table = tables.application
        rows = self._connection.execute(
            select(table)
            .where(tables.LIVE_APPLICATION, table.c.municipality == municipality)
            .order_by(table.c.filed_at, table.c.id)
        )
        return tuple(ApplicationRecord(**row._mapping) for row in rows)

    def move(
        self,
        application: str,
        *,
        from_: ApplicationState,
        to: ApplicationState,
        at: datetime,
        serial: int | None = None,
    ) -> None:
        """Go from one state to another.

        Raises:
            Conflict: the application is not in the first state.
        """
        table = tables.application
        values: dict[str, object] = {"state": to, "changed_at": at}
        if serial is not None:
            values["serial"] = serial
        changed = self._connection.execute(
            update(table)
            .where(table.c.id == application, table.c.state == from_)
            .values(**values)
        )
        if changed.rowcount != 1:
            raise Conflict(f"application {application} is no longer {from_.value}")

    def follow(self, old: ResidentCode, new: ResidentCode) -> None:
        """Give the live applications of a person whose code changed to the new code."""
        self._connection.execute(
            update(tables.application)
            .where(
                tables.LIVE_APPLICATION,
                tables.application.c.resident == old,
            )
            .values(resident=new)
        )


class Operators(Rows):
    """People and machines with a certificate of an authority."""

    def add(self, record: OperatorRecord) -> None:
        """Enter a new operator.

        Raises:
            Conflict: the identifier is taken.
        """
        if self.find(record.id) is not None:
            raise Conflict(f"operator {record.id} is enrolled already")
        self._insert(tables.operator, record)

    def find(self, operator: str) -> OperatorRecord | None:
        """The operator of this identifier, dismissed ones included."""
        table = tables.operator
        row = self._connection.execute(
            select(table).where(table.c.id == operator)
        ).first()
        return None if row is None else OperatorRecord(**row._mapping)

    def standing(self, operator: str) -> OperatorStanding | None:
        """The same with what became of the operator's certificate, in one look."""
        row = self._connection.execute(_OPERATOR_STANDING, {"this": operator}).first()
        if row is None:
            return None
        values = row._mapping
        return OperatorStanding(
            operator=OperatorRecord(**{n: values[n] for n in _OPERATOR_FIELDS}),
            certificate=values["certificate_state"],
            not_before=values["not_before"],
            not_after=values["not_after"],
            revoked=values["revoked_in"] is not None,
        )

    def get(self, operator: str) -> OperatorRecord:
        """The operator of this identifier.

        Raises:
            NotFound: there is none.
        """
        found = self.find(operator)
        if found is None:
            raise NotFound("operator", operator)
        return found

    def all(self) -> tuple[OperatorRecord, ...]:
        """Every operator, by identifier."""
        rows = self._connection.execute(
            select(tables.operator).order_by(tables.operator.c.id)
        )
        return tuple(OperatorRecord(**row._mapping) for row in rows)

    def dismiss(self, operator: str, *, at: datetime) -> None:
        """Take the role away, for good.

        Raises:
            NotFound: no such operator in office.
        """
        table = tables.operator
        changed = self._connection.execute(
            update(table)
            .where(table.c.id == operator, table.c.dismissed_at.is_(None))
            .values(dismissed_at=at)
        )
        if changed.rowcount != 1:
            raise NotFound("operator in office", operator)
