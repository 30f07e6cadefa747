"""The Merkle tree over the audit log, its key, and the signed checkpoints."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "r0002"
down_revision = "r0001"

_APPEND_ONLY = ("audit_node", "audit_key", "audit_checkpoint")
_SPAN = 256


def upgrade() -> None:
    """Create the tables, and the nodes over the entries that are there."""
    node = op.create_table(
        "audit_node",
        sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "audit_key",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("suite", sa.String(32), nullable=False),
        sa.Column("key_uri", sa.String(1024), nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "audit_checkpoint",
        sa.Column("entries", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("key", sa.String(64), sa.ForeignKey("audit_key.id"), nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
    )
    _grow(node)
    for table in _APPEND_ONLY:
        _protect(table)


def downgrade() -> None:
    """Drop them; whoever keeps a checkpoint elsewhere can still hold it."""
    if op.get_bind().dialect.name == "postgresql":
        for table in _APPEND_ONLY:
            op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
    for table in ("audit_checkpoint", "audit_key", "audit_node"):
        op.drop_table(table)


def _grow(node: sa.Table) -> None:
    """Every complete subtree of 256, 65,536, … entries, as appending makes them."""
    connection = op.get_bind()
    rows = connection.execute(sa.text("SELECT hash FROM audit_entry ORDER BY sequence"))
    hashes = [hashlib.sha256(b"\x00" + bytes(row.hash)).digest() for row in rows]
    level = 0
    while len(hashes) >= _SPAN:
        level += 8
        hashes = [
            _fold(hashes[start : start + _SPAN])
            for start in range(0, len(hashes) - _SPAN + 1, _SPAN)
        ]
        connection.execute(
            sa.insert(node),
            [
                {"level": level, "position": position, "hash": hash_}
                for position, hash_ in enumerate(hashes)
            ],
        )


def _fold(hashes: list[bytes]) -> bytes:
    while len(hashes) > 1:
        hashes = [
            hashlib.sha256(b"\x01" + hashes[i] + hashes[i + 1]).digest()
            for i in range(0, len(hashes), 2)
        ]
    return hashes[0]


def _protect(table: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE"
            f" ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for act in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table}"
            f" BEGIN SELECT RAISE(ABORT, '{table} is append only'); END"
        )
