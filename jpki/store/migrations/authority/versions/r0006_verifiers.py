"""Verifiers, their credentials, and how often they asked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0006"
down_revision = "r0005"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Nobody is registered yet."""
    op.create_table(
        "verifier",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("signature", sa.Boolean, nullable=False),
        sa.Column("authentication", sa.Boolean, nullable=False),
        sa.Column("daily_quota", sa.Integer),
        sa.Column("registered_at", _MOMENT, nullable=False),
        sa.Column("registered_by", sa.String(128), nullable=False),
        sa.Column("suspended_at", _MOMENT),
        sa.CheckConstraint("signature OR authentication", name="verifies_something"),
    )
    op.create_table(
        "verifier_credential",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column(
            "verifier", sa.String(64), sa.ForeignKey("verifier.id"), nullable=False
        ),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("begins", _MOMENT, nullable=False),
        sa.Column("ends", _MOMENT, nullable=False),
        sa.Column("made_by", sa.String(128), nullable=False),
    )
    op.create_index("verifier_credential_of", "verifier_credential", ["verifier"])
    op.create_table(
        "verifier_usage",
        sa.Column(
            "verifier", sa.String(64), sa.ForeignKey("verifier.id"), primary_key=True
        ),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("service", sa.String(32), primary_key=True),
        sa.Column("answered", sa.BigInteger, nullable=False),
        sa.Column("refused", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Forget who was registered and how often they asked."""
    op.drop_table("verifier_usage")
    op.drop_table("verifier_credential")
    op.drop_table("verifier")
