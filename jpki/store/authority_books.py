"""Authorities, their keys, certificates, applications and operators, row by row.

Each class reads and writes one table (or two that belong together) over the connection
of one unit of work. Rules of the service are not here, only what a table demands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Table, bindparam, insert, null, select, update

from jpki.errors import Conflict, NotFound
from jpki.model.codes import ResidentCode
from jpki.model.purposes import Purpose
from jpki.store import authority_tables as tables
from jpki.store.authority_records import (
    ApplicationRecord,
    ApplicationState,
    AuthorityRecord,
    CertificateKind,
    CertificateRecord,
    CertificateState,
    KeyGenerationRecord,
    OperatorRecord,
    ResponderRecord,
)
from jpki.store.engine import stream

__all__ = ["Applications", "Authorities", "Certificates", "Operators", "values_of"]


def values_of(record: Any) -> dict[str, Any]:
    """A record's fields, as the columns of its table."""
    return {field.name: getattr(record, field.name) for field in fields(record)}


# Statements of the path that every certificate takes, made once. Those with a list of
# parameters are compiled once for all lengths.

_CERTIFICATE: Final = tables.certificate
_APPLICATION: Final = tables.application

_RESERVE: Final = insert(_CERTIFICATE)
_COMPLETE: Final = (
    update(_CERTIFICATE)
    .where(
        _CERTIFICATE.c.authority == bindparam("of"),
        _CERTIFICATE.c.serial == bindparam("number"),
    )
    .values(
        state=CertificateState.ISSUED,
        certificate=bindparam("signed"),
        tbs=null(),
        completed_at=bindparam("at"),
    )
)
_STATES: Final = select(
    _CERTIFICATE.c.authority, _CERTIFICATE.c.serial, _CERTIFICATE.c.state
).where(
    _CERTIFICATE.c.authority.in_(bindparam("authorities", expanding=True)),
    _CERTIFICATE.c.serial.in_(bindparam("serials", expanding=True)),
)
_KNOWN_KEYS: Final = select(_CERTIFICATE.c.subject_key).where(
    _CERTIFICATE.c.subject_key.in_(bindparam("keys", expanding=True))
)
_OF_RESIDENTS: Final = (
    select(
        *(c for c in _CERTIFICATE.c if c.name not in ("tbs", "certificate")),
    )
    .where(_CERTIFICATE.c.resident.in_(bindparam("residents", expanding=True)))
    .order_by(
        _CERTIFICATE.c.prepared_at, _CERTIFICATE.c.authority, _CERTIFICATE.c.serial
    )
)
_APPLICATIONS: Final = select(_APPLICATION).where(
    _APPLICATION.c.id.in_(bindparam("ids", expanding=True))
)
_MOVE: Final = (
    update(_APPLICATION)
    .where(_APPLICATION.c.id == bindparam("this"))
    .values(
        state=bindparam("to"), changed_at=bindparam("at"), serial=bindparam("number")
    )
)


def _columns(names: Iterable[tuple[str, int]]) -> tuple[list[str], list[int]]:
    pairs = list(names)
    return sorted({pair[0] for pair in pairs}), [pair[1] for pair in pairs]


class _Rows:
    """What every book here needs of its connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _insert(self, table: Table, record: object) -> None:
        self._connection.execute(insert(table).values(values_of(record)))


class Authorities(_Rows):
    """Authorities, their key generations and their responders."""

    def add(self, record: AuthorityRecord) -> None:
        """Enter a new authority."""
        self._insert(tables.authority, record)

    def find(self, authority: str) -> AuthorityRecord | None:
        """The authority of this identifier, if it is founded."""
        row = self._connection.execute(
            select(tables.authority).where(tables.authority.c.id == authority)
        ).first()
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


class Certificates(_Rows):
    """Every serial number ever reserved."""

    def reserve(self, record: CertificateRecord) -> None:
        """Enter a serial number with the bytes that are about to be signed.

        Raises:
            Conflict: this authority has used the serial number.
        """
        if self.find(record.authority, record.serial) is not None:
            raise Conflict(f"serial number {record.serial:x} is taken")
        self._insert(tables.certificate, record)

    def reserve_all(self, records: Sequence[CertificateRecord]) -> None:
        """Enter several at once; the caller has seen that they are free."""
        self._connection.execute(_RESERVE, [values_of(record) for record in records])

    def complete_all(self, records: Sequence[CertificateRecord]) -> None:
        """Complete several at once; the caller has seen that they are pending."""
        self._connection.execute(
            _COMPLETE,
            [
                {
                    "of": record.authority,
                    "number": record.serial,
                    "signed": record.certificate,
                    "at": record.completed_at,
                }
                for record in records
            ],
        )

    def complete(
        self, authority: str, serial: int, *, certificate: bytes, at: datetime
    ) -> None:
        """Put the certificate in the place of the bytes to be signed.

        Raises:
            Conflict: the serial number is not pending.
        """
        self._leave_pending(
            authority,
            serial,
            state=CertificateState.ISSUED,
            certificate=certificate,
            tbs=None,
            completed_at=at,
        )

    def abandon(self, authority: str, serial: int, *, at: datetime) -> None:
        """Say that this certificate is never handed out; its bytes stay on record.

        Raises:
            Conflict: the serial number is not pending.
        """
        self._leave_pending(
            authority, serial, state=CertificateState.ABANDONED, completed_at=at
        )

    def _leave_pending(self, authority: str, serial: int, **values: object) -> None:
        table = tables.certificate
        changed = self._connection.execute(
            update(table)
            .where(
                table.c.authority == authority,
                table.c.serial == serial,
                table.c.state == CertificateState.PENDING,
            )
            .values(**values)
        )
        if changed.rowcount != 1:
            raise Conflict(f"certificate {authority}/{serial:x} is not pending")

    def find(self, authority: str, serial: int) -> CertificateRecord | None:
        """What became of this serial number, if it was ever reserved."""
        table = tables.certificate
        row = self._connection.execute(
            select(table).where(
                table.c.authority == authority, table.c.serial == serial
            )
        ).first()
        return None if row is None else CertificateRecord(**row._mapping)

    def get(self, authority: str, serial: int) -> CertificateRecord:
        """What became of this serial number.

        Raises:
            NotFound: it was never reserved.
        """
        found = self.find(authority, serial)
        if found is None:
            raise NotFound("certificate", f"{authority}/{serial:x}")
        return found

    def states(
        self, names: Iterable[tuple[str, int]]
    ) -> Mapping[tuple[str, int], CertificateState]:
        """Where these serial numbers of these authorities stand, as far as reserved."""
        authorities, serials = _columns(names)
        rows = self._connection.execute(
            _STATES, {"authorities": authorities, "serials": serials}
        )
        return {(row[0], row[1]): row[2] for row in rows}

    def known_keys(self, digests: Sequence[bytes]) -> frozenset[bytes]:
        """Those of these keys (by SHA-256) that a certificate names."""
        rows = self._connection.execute(_KNOWN_KEYS, {"keys": digests})
        return frozenset(row[0] for row in rows)

    def of_residents(
        self, residents: Sequence[ResidentCode]
    ) -> Mapping[ResidentCode, Sequence[CertificateRecord]]:
        """Every certificate of these persons, oldest first, without its bytes."""
        found: dict[ResidentCode, list[CertificateRecord]] = {}
        rows = self._connection.execute(_OF_RESIDENTS, {"residents": residents})
        for row in rows:
            record = CertificateRecord(**row._mapping)
            if record.resident is not None:
                found.setdefault(record.resident, []).append(record)
        return found

    def pending(self) -> tuple[CertificateRecord, ...]:
        """What was recorded and not completed, oldest first."""
        return self._select(tables.PENDING)

    def of_resident(self, resident: ResidentCode) -> tuple[CertificateRecord, ...]:
        """Every certificate of this person, oldest first."""
        return self._select(tables.certificate.c.resident == resident)

    def of_key(self, subject_key: bytes) -> tuple[CertificateRecord, ...]:
        """Every certificate that names this public key (by SHA-256)."""
        return self._select(tables.certificate.c.subject_key == subject_key)

    def own(
        self, authority: str, kinds: Sequence[CertificateKind]
    ) -> tuple[CertificateRecord, ...]:
        """The authority's certificates of these kinds, citizens' excluded."""
        return self._select(
            tables.NOT_CITIZENS,
            tables.certificate.c.authority == authority,
            tables.certificate.c.kind.in_(kinds),
        )

    def follow(self, old: ResidentCode, new: ResidentCode) -> int:
        """Give the certificates of a person whose code changed to the new code."""
        table = tables.certificate
        return self._connection.execute(
            update(table).where(table.c.resident == old).values(resident=new)
        ).rowcount

    def walk(self) -> Iterator[CertificateRecord]:
        """Every serial number of every authority, by number."""
        table = tables.certificate
        rows = stream(
            self._connection,
            select(table).order_by(table.c.authority, table.c.serial),
        )
        for row in rows:
            yield CertificateRecord(**row._mapping)

    def _select(self, *conditions: Any) -> tuple[CertificateRecord, ...]:
        table = tables.certificate
        rows = self._connection.execute(
            select(table)
            .where(*conditions)
            .order_by(table.c.prepared_at, table.c.authority, table.c.serial)
        )
        return tuple(CertificateRecord(**row._mapping) for row in rows)


class Applications(_Rows):
    """Applications of residents for their certificates."""

    def find_all(self, applications: Iterable[str]) -> Mapping[str, ApplicationRecord]:
        """The applications of these identifiers, as far as there are any."""
        rows = self._connection.execute(_APPLICATIONS, {"ids": list(set(applications))})
        return {row.id: ApplicationRecord(**row._mapping) for row in rows}

    def move_all(self, records: Sequence[ApplicationRecord]) -> None:
        """Write state, time and serial number of several at once.

        The caller has seen, in this transaction, the state that each comes from.
        """
        self._connection.execute(
            _MOVE,
            [
                {
                    "this": record.id,
                    "to": record.state,
                    "at": record.changed_at,
                    "number": record.serial,
                }
                for record in records
            ],
        )

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


class Operators(_Rows):
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
