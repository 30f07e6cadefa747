"""The octets of lists in a table of their own, in pieces."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0008"
down_revision = "r0007"

_PIECE = 1 << 20
_LISTS = sa.text(
    "SELECT authority, number, state, length(coalesce(crl, tbs)) FROM crl"
    " WHERE crl IS NOT NULL OR tbs IS NOT NULL"
)
_ENTER = sa.text(
    "INSERT INTO crl_piece (authority, number, place, octets)"
    " SELECT authority, number, :place, substr(coalesce(crl, tbs), :begin, :size)"
    " FROM crl WHERE authority = :authority AND number = :number"
)
_ALL = sa.text("SELECT authority, number, state FROM crl")
_PIECES = sa.text(
    "SELECT octets FROM crl_piece WHERE authority = :authority AND number = :number"
    " ORDER BY place"
)


def upgrade() -> None:
    """Lists so far are cut into pieces."""
    op.create_table(
        "crl_piece",
        sa.Column("authority", sa.String(32), primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("octets", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(
            ["authority", "number"],
            ["crl.authority", "crl.number"],
            name="piece_of_a_list",
        ),
    )
    connection = op.get_bind()
    for authority, number, _, length in connection.execute(_LISTS).all():
        for place, begin in enumerate(range(0, length, _PIECE), start=1):
            where = {"authority": authority, "number": number}
            piece = {"place": place, "begin": begin + 1, "size": _PIECE}
            connection.execute(_ENTER, {**where, **piece})
    op.drop_column("crl", "tbs")
    op.drop_column("crl", "crl")


def downgrade() -> None:
    """Each list in its row again."""
    op.add_column("crl", sa.Column("tbs", sa.LargeBinary))
    op.add_column("crl", sa.Column("crl", sa.LargeBinary))
    connection = op.get_bind()
    for authority, number, state in connection.execute(_ALL).all():
        where = {"authority": authority, "number": number}
        octets = b"".join(
            bytes(row.octets) for row in connection.execute(_PIECES, where)
        )
        signed = state in ("published", "superseded")
        column = "crl" if signed else "tbs"
        tell = sa.text(
            f"UPDATE crl SET {column} = :octets"
            " WHERE authority = :authority AND number = :number"
        )
        connection.execute(tell, {**where, "octets": octets})
    op.drop_table("crl_piece")
