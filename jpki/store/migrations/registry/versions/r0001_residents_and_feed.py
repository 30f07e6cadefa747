"""Residents, the feed of their changes, and nonces of signed requests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the first schema."""
    head = op.create_table(
        "head",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("feed_position", sa.BigInteger, nullable=False),
        sa.CheckConstraint("id = 1", name="one_head"),
    )
    op.bulk_insert(head, [{"id": 1, "feed_position": 0}])
    op.create_table(
        "resident",
        sa.Column("code", sa.String(11), primary_key=True),
        sa.Column("municipality", sa.String(6), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("address", sa.String(200), nullable=False),
        sa.Column("date_of_birth", sa.Date, nullable=False),
        sa.Column("gender", sa.String(32), nullable=False),
        sa.Column("japanese", sa.Boolean, nullable=False),
        sa.Column("registered", sa.Boolean, nullable=False),
    )
    op.create_index("resident_municipality", "resident", ["municipality"])
    op.create_table(
        "event",
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("event_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("resident", sa.String(11), nullable=False),
        sa.Column("municipality", sa.String(6), nullable=False),
        sa.Column("effective_on", sa.Date, nullable=False),
        sa.Column("recorded_at", _MOMENT, nullable=False),
        sa.Column("succeeded_by", sa.String(11)),
        sa.UniqueConstraint("event_id", name="event_once"),
    )
    op.create_index("event_resident", "event", ["resident"])
    op.create_table(
        "seen_nonce",
        sa.Column("key_id", sa.String(128), primary_key=True),
        sa.Column("nonce", sa.String(128), primary_key=True),
        sa.Column("expires", _MOMENT, nullable=False),
    )
    op.create_index("seen_nonce_expires", "seen_nonce", ["expires"])


def downgrade() -> None:
    """Drop the first schema."""
    for table in ("seen_nonce", "event", "resident", "head"):
        op.drop_table(table)
