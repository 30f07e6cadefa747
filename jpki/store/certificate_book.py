"""Every serial number ever reserved, row by row, and what became of it.

Rules of the service are not here, only what the table demands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from jpki.store.bulk import Bulk
from jpki.store.engine import stream
from jpki.store.rows import Rows

__all__ = ["Certificates"]

# Statements of the path that every certificate takes, made once. Those with a list of
# parameters are compiled once for all lengths.

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


def _columns(names: Iterable[tuple[str, int]]) -> tuple[list[str], list[int]]:
    pairs = list(names)
    return sorted({pair[0] for pair in pairs}), [pair[1] for pair in pairs]


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
