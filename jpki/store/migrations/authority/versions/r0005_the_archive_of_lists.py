"""The CRL that was in force at an instant is found at once."""

from __future__ import annotations

from alembic import op

revision = "r0005"
down_revision = "r0004"


def upgrade() -> None:
    """An index over all that was published."""
    op.create_index(
        "crl_archive", "crl", ["authority", "generation", "scope", "completed_at"]
    )


def downgrade() -> None:
    """Without it lists are found all the same."""
    op.drop_index("crl_archive", "crl")
