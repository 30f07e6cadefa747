"""Blocks of counted serial numbers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0004"
down_revision = "r0003"

_TABLE = "serial_block"


def upgrade() -> None:
    """No authority has counted until now."""
    op.create_table(
        _TABLE,
        sa.Column("authority", sa.String(32), primary_key=True),
        sa.Column("first", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("reserved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reserved_by", sa.String(128), nullable=False),
        sa.CheckConstraint('"first" BETWEEN 1 AND "last"', name="block_of_one_or_more"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {_TABLE}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE"
            f" ON {_TABLE} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for act in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {_TABLE}_no_{act.lower()} BEFORE {act} ON {_TABLE}"
            f" BEGIN SELECT RAISE(ABORT, '{_TABLE} is append only'); END"
        )


def downgrade() -> None:
    """Forget the counters."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP TRIGGER {_TABLE}_append_only ON {_TABLE}")
    op.drop_table(_TABLE)
