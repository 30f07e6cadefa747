"""The audit log's rows: gapless, each bound to the one before it by its hash.

An entry is appended in the transaction that does what the entry records, so neither
exists without the other. Entries wait in memory until the transaction commits, or until
the log is read in it; then they are written together.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, insert, select, update

from jpki.store import authority_tables as tables
from jpki.store.audit_tree import AuditTree
from jpki.store.authority_records import AuditEntry

__all__ = ["AuditLog", "entry_hash", "written_instant"]

_DOMAIN: Final = b"jpki audit entry 1\x00"
_PAGE: Final = 1000

_ENTRY: Final = tables.audit_entry
_HEAD: Final = select(tables.head.c.audit_sequence, tables.head.c.audit_hash)
_APPEND: Final = insert(_ENTRY)
_MOVE_HEAD: Final = update(tables.head).values(
    audit_sequence=bindparam("sequence"), audit_hash=bindparam("hash")
)
_WALK: Final = (
    select(_ENTRY)
    .where(_ENTRY.c.sequence > bindparam("after"))
    .order_by(_ENTRY.c.sequence)
    .limit(_PAGE)
)
_OF_SUBJECT: Final = (
    select(_ENTRY)
    .where(_ENTRY.c.subject == bindparam("about"))
    .order_by(_ENTRY.c.sequence)
)


def written_instant(at: datetime) -> str:
    """An instant as the log writes it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


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
    parts = [_DOMAIN, previous, sequence.to_bytes(8, "big")]
    for text in (at, actor, act, subject, details):
        octets = text.encode()
        parts += (len(octets).to_bytes(4, "big"), octets)
    return hashlib.sha256(b"".join(parts)).digest()


class AuditLog:
    """Append, or walk in order."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._end: tuple[int, bytes] | None = None
        self._waiting: list[dict[str, Any]] = []
        self._tree = AuditTree(connection)

    @property
    def tree(self) -> AuditTree:
        """The Merkle tree over all entries."""
        self.flush()
        return self._tree

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
        if self._end is None:
            self._end = self._stored_head()
        last, previous = self._end
        written = json.dumps(
            details or {}, ensure_ascii=False, sort_keys=True, separators=(",", ":")
        )
        fields = (last + 1, written_instant(at), by, act, subject, written)
        entry = AuditEntry(
            sequence=fields[0],
            at=fields[1],
            actor=by,
            act=act,
            subject=subject,
            details=written,
            previous=previous,
            hash=entry_hash(previous, *fields),
        )
        self._waiting.append(
            {name: getattr(entry, name) for name in AuditEntry.__slots__}
        )
        self._end = entry.sequence, entry.hash
        return entry

    def flush(self) -> None:
        """Write what waits, and every node of the tree that it completes."""
        if not self._waiting or self._end is None:
            return
        waiting, self._waiting = self._waiting, []
        self._connection.execute(_APPEND, waiting)
        sequence, hash_ = self._end
        self._connection.execute(_MOVE_HEAD, {"sequence": sequence, "hash": hash_})
        self._tree.grow(waiting[0]["sequence"] - 1, sequence)

    def head(self) -> tuple[int, bytes]:
        """Sequence and hash of the newest entry, as writers left them."""
        return self._stored_head() if self._end is None else self._end

    def _stored_head(self) -> tuple[int, bytes]:
        row = self._connection.execute(_HEAD).one()
        return row.audit_sequence, row.audit_hash

    def walk(self, *, after: int = 0) -> Iterator[AuditEntry]:
        """Every entry in order of sequence, a page at a time."""
        self.flush()
        while True:
            rows = self._connection.execute(_WALK, {"after": after}).all()
            for row in rows:
                yield AuditEntry(**row._mapping)
            if len(rows) < _PAGE:
                return
            after = rows[-1].sequence

    def of_subject(self, subject: str) -> tuple[AuditEntry, ...]:
        """What happened to one subject, in order."""
        self.flush()
        rows = self._connection.execute(_OF_SUBJECT, {"about": subject})
        return tuple(AuditEntry(**row._mapping) for row in rows)
