"""Every serial number ever reserved, row by row, and what became of it.

Rules of the service are not here, only what the table demands.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import bindparam, insert, null, select, update

from jpki.errors import Conflict, NotFound
from jpki.model.codes import ResidentCode
from jpki.store import authority_tables as tables
from jpki.store.authority_records import (
    CertificateKind,
    CertificateRecord,
    CertificateState,
)
from jpki.store.bulk import Bulk, Lookup
from jpki.store.engine import stream
from jpki.store.rows import Rows

__all__ = ["Certificates"]

# Statements of the path that every certificate takes, made once.

_CERTIFICATE: Final = tables.certificate

_FIELDS: Final = tuple(field.name for field in fields(CertificateRecord))
_RESERVE: Final = Bulk(insert(_CERTIFICATE), *_FIELDS)
_COMPLETE: Final = Bulk(
    update(_CERTIFICATE)
    .where(
        _CERTIFICATE.c.authority == bindparam("of"),
        _CERTIFICATE.c.serial == bindparam("number"),
    )
    .values(
        state=bindparam("issued"),
        certificate=bindparam("signed"),
        tbs=null(),
        completed_at=bindparam("at"),
    ),
    "of",
    "number",
    "issued",
    "signed",
    "at",
)
_STATES: Final = Lookup(
    _CERTIFICATE.c.serial,
    _CERTIFICATE.c.state,
    among=_CERTIFICATE.c.serial,
    of=_CERTIFICATE.c.authority,
)
_STANDING: Final = Lookup(
    _CERTIFICATE.c.serial,
    _CERTIFICATE.c.generation,
    _CERTIFICATE.c.state,
    among=_CERTIFICATE.c.serial,
    of=_CERTIFICATE.c.authority,
)
_ENDS: Final = Lookup(
    _CERTIFICATE.c.serial,
    _CERTIFICATE.c.not_after,
    among=_CERTIFICATE.c.serial,
    of=_CERTIFICATE.c.authority,
)
_KINDS: Final = Lookup(
    _CERTIFICATE.c.serial,
    _CERTIFICATE.c.kind,
    among=_CERTIFICATE.c.serial,
    of=_CERTIFICATE.c.authority,
)
_KNOWN_KEYS: Final = Lookup(
    _CERTIFICATE.c.subject_key, among=_CERTIFICATE.c.subject_key
)
_BRIEF: Final = tuple(name for name in _FIELDS if name not in ("tbs", "certificate"))
_OF_RESIDENTS: Final = Lookup(
    *(_CERTIFICATE.c[name] for name in _BRIEF), among=_CERTIFICATE.c.resident
)
_SERIAL_AT: Final = _BRIEF.index("serial")
_ABOUT: Final = Lookup(
    *(_CERTIFICATE.c[name] for name in _BRIEF),
    among=_CERTIFICATE.c.serial,
    of=_CERTIFICATE.c.authority,
)
_AGE: Final = attrgetter("prepared_at", "authority", "serial")


class Certificates(Rows):
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
        _RESERVE(self._connection, map(attrgetter(*_FIELDS), records))

    def complete_all(self, records: Sequence[CertificateRecord]) -> None:
        """Complete several at once; the caller has seen that they are pending."""
        state = CertificateState.ISSUED
        _COMPLETE(
            self._connection,
            (
                (one.authority, one.serial, state, one.certificate, one.completed_at)
                for one in records
            ),
        )

    def abandon(self, authority: str, serial: int, *, at: datetime) -> None:
        """Say that this certificate is never handed out; its bytes stay on record.

        Raises:
            Conflict: the serial number is not pending.
        """
        table = tables.certificate
        changed = self._connection.execute(
            update(table)
            .where(
                table.c.authority == authority,
                table.c.serial == serial,
                table.c.state == CertificateState.PENDING,
            )
            .values(state=CertificateState.ABANDONED, completed_at=at)
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

    def about(
        self, names: Iterable[tuple[str, int]]
    ) -> Mapping[tuple[str, int], CertificateRecord]:
        """What became of these serial numbers of these authorities, without bytes."""
        return {
            (authority, row[_SERIAL_AT]): CertificateRecord(
                **dict(zip(_BRIEF, row, strict=True))
            )
            for authority, *row in _ABOUT.of_pairs(self._connection, names)
        }

    def states(
        self, names: Iterable[tuple[str, int]]
    ) -> Mapping[tuple[str, int], CertificateState]:
        """Where these serial numbers of these authorities stand, as far as reserved."""
        rows = _STATES.of_pairs(self._connection, names)
        return {(authority, serial): state for authority, serial, state in rows}

    def standing(
        self, authority: str, serials: Sequence[int]
    ) -> Mapping[int, tuple[int, CertificateState]]:
        """Key generation and state of these of an authority's, as far as reserved."""
        rows = _STANDING(self._connection, serials, authority)
        return {serial: (generation, state) for serial, generation, state in rows}

    def ends(self, authority: str, serials: Sequence[int]) -> Mapping[int, datetime]:
        """Until when these of an authority's certificates hold, as far as reserved."""
        rows: Iterable[Any] = _ENDS(self._connection, serials, authority)
        return dict(rows)

    def kinds(
        self, authority: str, serials: Sequence[int]
    ) -> Mapping[int, CertificateKind]:
        """What these of an authority's certificates are for, as far as reserved."""
        rows: Iterable[Any] = _KINDS(self._connection, serials, authority)
        return dict(rows)

    def known_keys(self, digests: Sequence[bytes]) -> frozenset[bytes]:
        """Those of these keys (by SHA-256) that a certificate names."""
        return frozenset(row[0] for row in _KNOWN_KEYS(self._connection, digests))

    def of_residents(
        self, residents: Collection[ResidentCode]
    ) -> Mapping[ResidentCode, Sequence[CertificateRecord]]:
        """Every certificate of these persons, oldest first, without its bytes."""
        found: dict[ResidentCode, list[CertificateRecord]] = {}
        for row in _OF_RESIDENTS(self._connection, residents):
            record = CertificateRecord(**dict(zip(_BRIEF, row, strict=True)))
            assert record.resident is not None
            found.setdefault(record.resident, []).append(record)
        for records in found.values():
            records.sort(key=_AGE)
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
