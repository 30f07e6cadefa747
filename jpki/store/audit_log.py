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
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, bindparam, insert, select, update

from jpki.errors import AuditError, StoreError
from jpki.store import authority_tables as tables
from jpki.store.audit_tree import AuditTree
from jpki.store.authority_records import AuditEntry
from jpki.store.bulk import Bulk
from jpki.store.octets import octets_of

__all__ = ["AuditLog", "entry_hash", "written_instant"]

_DOMAIN: Final = b"jpki audit entry 1\x00"
_PAGE: Final = 1000

_ENTRY: Final = tables.audit_entry
_HEAD: Final = select(tables.head.c.audit_sequence, tables.head.c.audit_hash)
_APPEND: Final = Bulk(insert(_ENTRY), *AuditEntry.__slots__)
_MOVE_HEAD: Final = update(tables.head).values(
    audit_sequence=bindparam("sequence"), audit_hash=bindparam("hash")
)
_NEWEST: Final = (
    select(_ENTRY.c.at)
    .where(_ENTRY.c.act.in_(bindparam("acts", expanding=True)))
    .order_by(_ENTRY.c.sequence.desc())
    .limit(1)
)
_TEXTS: Final = ("at", "actor", "act", "subject", "details")
_HASH: Final = 32


_write: Final = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":")
).encode


@lru_cache(maxsize=64)
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
        parts.append(len(octets).to_bytes(4, "big"))
        parts.append(octets)
    return hashlib.sha256(b"".join(parts)).digest()


class AuditLog:
    """Append, or walk in order."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._end: tuple[int, bytes] | None = None
        self._waiting: list[tuple[int, str, str, str, str, str, bytes, bytes]] = []
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
    ) -> None:
        """Record what this transaction does; only inside a write transaction."""
        if self._end is None:
            self._end = self._stored_head()
        last, previous = self._end
        sequence, instant = last + 1, written_instant(at)
        written = _write(details or {})
        hash_ = entry_hash(previous, sequence, instant, by, act, subject, written)
        self._waiting.append(
            (sequence, instant, by, act, subject, written, previous, hash_)
        )
        self._end = sequence, hash_

    def flush(self) -> None:
        """Write what waits, and every node of the tree that it completes."""
        if not self._waiting or self._end is None:
            return
        waiting, self._waiting = self._waiting, []
        _APPEND(self._connection, waiting)
        sequence, hash_ = self._end
        self._connection.execute(_MOVE_HEAD, {"sequence": sequence, "hash": hash_})
        self._tree.grow(waiting[0][0] - 1, sequence)

    def head(self) -> tuple[int, bytes]:
        """Sequence and hash of the newest entry, as writers left them.

        Raises:
            StoreError: they are not there, or are no such things.
        """
        return self._stored_head() if self._end is None else self._end

    def newest_at(self, *acts: str) -> datetime | None:
        """When the newest stored entry of these acts was written, if that is readable.

        What waits in memory is of this transaction, and of its instant.
        """
        found = self._connection.execute(_NEWEST, {"acts": acts})
        try:
            at = datetime.fromisoformat(found.scalar_one_or_none() or "")
        except (TypeError, ValueError):
            return None
        return at if at.tzinfo is not None else None

    def _stored_head(self) -> tuple[int, bytes]:
        row = self._connection.execute(_HEAD).first()
        if row is not None and type(row[0]) is int and type(row[1]) is bytes:
            return row.audit_sequence, row.audit_hash
        raise StoreError(
            "the audit log's head cannot be read",
            hint="find out with `jpki audit verify` what else was altered",
        )

    def walk(self, *, after: int = 0) -> Iterator[AuditEntry]:
        """Every entry in order of sequence, a page at a time.

        Raises:
            AuditError: a row is no entry; says which.
        """
        self.flush()
        page = (
            self._entries()
            .where(_ENTRY.c.sequence > bindparam("after"))
            .order_by(_ENTRY.c.sequence)
            .limit(_PAGE)
        )
        while True:
            rows = self._connection.execute(page, {"after": after}).all()
            for row in rows:
                entry = _entry(row, after + 1)
                yield entry
                after = entry.sequence
            if len(rows) < _PAGE:
                return

    def of_subject(self, subject: str) -> tuple[AuditEntry, ...]:
        """What happened to one subject, in order.

        Raises:
            AuditError: a row is no entry; says which.
        """
        self.flush()
        rows = self._connection.execute(
            self._entries()
            .where(_ENTRY.c.subject == subject)
            .order_by(_ENTRY.c.sequence)
        ).all()
        return tuple(_entry(row) for row in rows)

    def _entries(self) -> Select[Any]:
        return select(
            _ENTRY.c.sequence,
            *(
                octets_of(self._connection.dialect.name, _ENTRY.c[name])
                for name in _TEXTS
            ),
            _ENTRY.c.previous,
            _ENTRY.c.hash,
        )


def _entry(row: Row[Any], expected: int | None = None) -> AuditEntry:
    """The entry in this row, as far as it can be told to be one."""
    numbered = type(row.sequence) is int
    if numbered and expected is not None and row.sequence != expected:
        raise AuditError(expected, "is missing")
    try:
        texts = {name: getattr(row, name).decode() for name in _TEXTS}
    except (AttributeError, UnicodeDecodeError):
        texts = {}
    hashes = (row.previous, row.hash)
    if not (texts and numbered) or any(
        type(each) is not bytes or len(each) != _HASH for each in hashes
    ):
        where = row.sequence if numbered else expected
        raise AuditError(where, "was altered: its row is no entry")
    return AuditEntry(
        sequence=row.sequence, previous=row.previous, hash=row.hash, **texts
    )
