"""The audit log's rows: gapless, each bound to the one before it by its hash.

An entry is appended in the transaction that does what the entry records, so neither
exists without the other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, insert, select, update

from jpki.store import authority_tables as tables
from jpki.store.authority_records import AuditEntry

__all__ = ["AuditLog", "entry_hash"]

_DOMAIN: Final = b"jpki audit entry 1\x00"
_PAGE: Final = 1000


def entry_hash(
    previous: bytes,
    sequence: int,
    at: str,
    actor: str,
    act: str,
    subject: str,
    details: str,
) -> bytes:
    """SHA-256 over the previous hash and every field, each with its length."""
    digest = hashlib.sha256(_DOMAIN)
    digest.update(previous)
    digest.update(sequence.to_bytes(8, "big"))
    for text in (at, actor, act, subject, details):
        octets = text.encode()
        digest.update(len(octets).to_bytes(4, "big"))
        digest.update(octets)
    return digest.digest()


class AuditLog:
    """Append, or walk in order."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(
        self,
        *,
        at: datetime,
        by: str,
        act: str,
        subject: str,
        details: Mapping[str, str | int | bool | None] | None = None,
    ) -> AuditEntry:
        """Record what this transaction does; only inside a write transaction."""
        last, previous = self.head()
        sequence = last + 1
        moment = at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        written = json.dumps(
            details or {}, ensure_ascii=False, sort_keys=True, separators=(",", ":")
        )
        entry = AuditEntry(
            sequence=sequence,
            at=moment,
            actor=by,
            act=act,
            subject=subject,
            details=written,
            previous=previous,
            hash=entry_hash(previous, sequence, moment, by, act, subject, written),
        )
        self._connection.execute(
            insert(tables.audit_entry).values(
                sequence=sequence,
                at=moment,
                actor=by,
                act=act,
                subject=subject,
                details=written,
                previous=previous,
                hash=entry.hash,
            )
        )
        self._connection.execute(
            update(tables.head).values(audit_sequence=sequence, audit_hash=entry.hash)
        )
        return entry

    def head(self) -> tuple[int, bytes]:
        """Sequence and hash of the newest entry, as writers left them."""
        row = self._connection.execute(
            select(tables.head.c.audit_sequence, tables.head.c.audit_hash)
        ).one()
        return row.audit_sequence, row.audit_hash

    def walk(self, *, after: int = 0) -> Iterator[AuditEntry]:
        """Every entry in order of sequence, a page at a time."""
        table = tables.audit_entry
        while True:
            rows = self._connection.execute(
                select(table)
                .where(table.c.sequence > after)
                .order_by(table.c.sequence)
                .limit(_PAGE)
            ).all()
            for row in rows:
                yield AuditEntry(**row._mapping)
            if len(rows) < _PAGE:
                return
            after = rows[-1].sequence

    def of_subject(self, subject: str) -> tuple[AuditEntry, ...]:
        """What happened to one subject, in order."""
        table = tables.audit_entry
        rows = self._connection.execute(
            select(table).where(table.c.subject == subject).order_by(table.c.sequence)
        )
        return tuple(AuditEntry(**row._mapping) for row in rows)
