"""What was read of the journal for publishing, kept from one time to the next."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0009"
down_revision = "r0008"


def upgrade() -> None:
    """Nothing is kept yet."""
    op.create_table(
        "news_board",
        sa.Column(
            "id",
            sa.Integer,
            sa.CheckConstraint("id = 1", name="one_news_board"),
            primary_key=True,
        ),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("newest", sa.String(80), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
    )


def downgrade() -> None:
    """The journal is read again each time."""
    op.drop_table("news_board")
