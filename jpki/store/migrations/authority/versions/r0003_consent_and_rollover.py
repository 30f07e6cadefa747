"""Requests for acts that need two people; from when on a key certifies subscribers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0003"
down_revision = "r0002"

_MOMENT = sa.DateTime(timezone=True)
_OPEN = sa.text("refused_at IS NULL AND used_at IS NULL")


def upgrade() -> None:
    """Every key so far certifies subscribers since it was made."""
    op.create_table(
        "consent",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("act", sa.String(32), nullable=False),
        sa.Column("parameters", sa.Text, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("requested_by", sa.String(64), nullable=False),
        sa.Column("requester_key", sa.LargeBinary, nullable=False),
        sa.Column("requested_at", _MOMENT, nullable=False),
        sa.Column("expires", _MOMENT, nullable=False),
        sa.Column("approved_by", sa.String(64)),
        sa.Column("approver_key", sa.LargeBinary),
        sa.Column("approved_at", _MOMENT),
        sa.Column("refused_by", sa.String(64)),
        sa.Column("refused_at", _MOMENT),
        sa.Column("used_at", _MOMENT),
        sa.Column("outcome", sa.String(200)),
        sa.CheckConstraint(
            "approved_by <> requested_by AND approver_key <> requester_key",
            name="two_people",
        ),
        sa.CheckConstraint(
            "used_at IS NULL OR approved_at IS NOT NULL", name="approved_before_use"
        ),
    )
    op.create_index("consent_digest", "consent", ["digest"])
    op.create_index(
        "consent_open",
        "consent",
        ["requested_at"],
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    with op.batch_alter_table("key_generation") as table:
        table.add_column(sa.Column("issues_from", _MOMENT))
    op.execute("UPDATE key_generation SET issues_from = signs_from")
    with op.batch_alter_table("key_generation") as table:
        table.alter_column("issues_from", existing_type=_MOMENT, nullable=False)


def downgrade() -> None:
    """Forget who agreed to what."""
    with op.batch_alter_table("key_generation") as table:
        table.drop_column("issues_from")
    op.drop_table("consent")
