"""The Merkle tree over the audit log (RFC 9162 section 2.1), and its checkpoints.

Its leaves are the entries' hashes. Of its nodes only the complete subtrees of 256,
65,536, … entries are stored, each by the transaction that completes it; the levels
between are computed when somebody asks. So a head costs a few hundred hashes, however
long the log is, and an appended entry almost nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, bindparam, func, insert, select

from jpki.errors import AuditError
from jpki.model.merkle import (
    consistency_path,
    inclusion_path,
    leaf_hash,
    node_hash,
    root_of,
)
from jpki.model.suites import SuiteId
from jpki.store import authority_tables as tables
from jpki.store.authority_records import AuditKeyRecord, CheckpointRecord
from jpki.store.octets import octets_of

__all__ = ["STEP", "AuditTree", "SignedHead"]

STEP: Final = 8
"""Levels between the stored ones."""

_SPAN: Final = 1 << STEP

_LEAVES: Final = (
    select(tables.audit_entry.c.sequence, tables.audit_entry.c.hash)
    .where(
        tables.audit_entry.c.sequence > bindparam("start"),
        tables.audit_entry.c.sequence <= bindparam("end"),
    )
    .order_by(tables.audit_entry.c.sequence)
)
_NODES: Final = (
    select(tables.audit_node.c.position, tables.audit_node.c.hash)
    .where(
        tables.audit_node.c.level == bindparam("level"),
        tables.audit_node.c.position >= bindparam("start"),
        tables.audit_node.c.position < bindparam("end"),
    )
    .order_by(tables.audit_node.c.position)
)
_CHECKPOINT: Final = tables.audit_checkpoint
_KEY: Final = tables.audit_key


class AuditTree:
    """Heads and proofs from the rows as they are stored; `audit` judges the rows."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # -- nodes ------------------------------------------------------------------------

    def grow(self, before: int, now: int) -> None:
        """Store the subtrees that become complete when the log grows so far."""
        level = STEP
        while now >> level:
            made = [
                {"level": level, "position": position, "hash": self._fold(*below)}
                for position in range(before >> level, now >> level)
                for below in [self._row(level - STEP, position << STEP, _SPAN)]
            ]
            if not made:
                return
            self._connection.execute(insert(tables.audit_node), made)
            level += STEP

    def node(self, level: int, position: int) -> bytes | None:
        """A stored subtree's hash."""
        rows = self._connection.execute(
            _NODES, {"level": level, "start": position, "end": position + 1}
        ).all()
        return rows[0].hash if rows else None

    def nodes(self) -> int:
        """How many subtrees are stored."""
        counted = select(func.count()).select_from(tables.audit_node)
        return int(self._connection.execute(counted).scalar_one())

    def subtree(self, level: int, position: int) -> bytes:
        """The hash of any complete subtree.

        Raises:
            AuditError: a row that it needs is missing.
        """
        below = level % STEP
        return self._fold(*self._row(level - below, position << below, 1 << below))

    def root(self, entries: int) -> bytes:
        """The head over the first entries."""
        return root_of(entries, self.subtree)

    def inclusion(self, sequence: int, entries: int) -> tuple[bytes, ...]:
        """What joins one entry to the head over the first entries."""
        return inclusion_path(sequence - 1, entries, self.subtree)

    def consistency(self, old: int, entries: int) -> tuple[bytes, ...]:
        """What joins an earlier head to a later one."""
        return consistency_path(old, entries, self.subtree)

    def _row(self, level: int, start: int, count: int) -> list[bytes]:
        """Stored hashes of one level, side by side."""
        if level == 0:
            leaves = self._connection.execute(
                _LEAVES, {"start": start, "end": start + count}
            ).all()
            found = {row.sequence - 1: leaf_hash(row.hash) for row in leaves}
        else:
            nodes = self._connection.execute(
                _NODES, {"level": level, "start": start, "end": start + count}
            ).all()
            found = {row.position: row.hash for row in nodes}
        hashes = []
        for position in range(start, start + count):
            if position not in found:
                first = (position << level) + 1
                raise AuditError(
                    first, "is missing" if level == 0 else "has no node in the tree"
                )
            hashes.append(found[position])
        return hashes

    @staticmethod
    def _fold(*hashes: bytes) -> bytes:
        while len(hashes) > 1:
            hashes = tuple(
                node_hash(hashes[i], hashes[i + 1]) for i in range(0, len(hashes), 2)
            )
        return hashes[0]

    # -- checkpoints ------------------------------------------------------------------

    def add_key(self, record: AuditKeyRecord) -> None:
        """Enter a key; the newest signs."""
        self._connection.execute(
            insert(_KEY),
            {name: getattr(record, name) for name in AuditKeyRecord.__slots__},
        )

    def signing_keys(self) -> tuple[AuditKeyRecord, ...]:
        """All keys, oldest first."""
        rows = self._connection.execute(
            select(_KEY).order_by(_KEY.c.made_at, _KEY.c.id)
        )
        return tuple(AuditKeyRecord(**row._mapping) for row in rows)

    def add_checkpoint(self, record: CheckpointRecord) -> None:
        """Enter a signed head."""
        self._connection.execute(
            insert(_CHECKPOINT),
            {name: getattr(record, name) for name in CheckpointRecord.__slots__},
        )

    def checkpoints(self) -> tuple[SignedHead, ...]:
        """All signed heads with their keys, shortest first.

        Raises:
            AuditError: one cannot be read, or its key is not there; says which.
        """
        statement = _heads(self._connection.dialect.name)
        rows = self._connection.execute(statement).all()
        return tuple(_signed_head(row) for row in rows)

    def newest(self) -> SignedHead | None:
        """The signed head over the most entries.

        Raises:
            AuditError: it cannot be read, or its key is not there.
        """
        statement = _newest_head(self._connection.dialect.name)
        row = self._connection.execute(statement).first()
        return None if row is None else _signed_head(row)


def _columns(dialect: str) -> Select[Any]:
    return select(
        _CHECKPOINT.c.entries,
        _CHECKPOINT.c.root,
        octets_of(dialect, _CHECKPOINT.c.at),
        octets_of(dialect, _CHECKPOINT.c.key),
        _CHECKPOINT.c.signature,
        octets_of(dialect, _KEY.c.suite),
        _KEY.c.public_key,
    ).outerjoin(_KEY, _KEY.c.id == _CHECKPOINT.c.key)


@cache
def _heads(dialect: str) -> Select[Any]:
    return _columns(dialect).order_by(_CHECKPOINT.c.entries)


@cache
def _newest_head(dialect: str) -> Select[Any]:
    """Every transaction that writes to the log asks for it: made once."""
    return _columns(dialect).order_by(_CHECKPOINT.c.entries.desc()).limit(1)


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedHead:
    """A checkpoint with what its signature is verified with; nothing is verified."""

    record: CheckpointRecord
    suite: SuiteId
    public_key: bytes


def _signed_head(row: Row[Any]) -> SignedHead:
    if type(row.entries) is not int:
        raise AuditError(None, "a checkpoint does not say over how many entries")
    octets = (row.root, row.at, row.key, row.signature, row.suite, row.public_key)
    if any(type(each) is not bytes for each in octets):
        raise AuditError(row.entries, "ends a checkpoint that cannot be read")
    return SignedHead(
        record=CheckpointRecord(
            entries=row.entries,
            root=row.root,
            at=row.at.decode(errors="backslashreplace"),
            key=row.key.decode(errors="backslashreplace"),
            signature=row.signature,
        ),
        suite=row.suite.decode(errors="backslashreplace"),
        public_key=row.public_key,
    )
