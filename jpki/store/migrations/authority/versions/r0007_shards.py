"""Which list each certificate names: shards, beside the complete list of each key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from jpki.store.distribution_points import named_point

revision = "r0007"
down_revision = "r0006"

_MOMENT = sa.DateTime(timezone=True)
_SOME = sa.text(
    "SELECT c.authority, c.serial, c.generation, c.certificate, c.tbs, c.prepared_at,"
    " a.municipality FROM certificate c JOIN application a ON a.id = c.application"
    " WHERE c.kind IN ('signature', 'authentication') AND (c.authority > :authority"
    " OR (c.authority = :authority AND c.serial > :serial))"
    " ORDER BY c.authority, c.serial LIMIT 1000"
)
_ENTER = sa.text(
    "INSERT INTO crl_shard VALUES (:authority, :generation, :shard, :point, :since)"
)
_TELL = sa.text(
    "UPDATE certificate SET shard = :shard"
    " WHERE authority = :authority AND serial = :serial"
)


def upgrade() -> None:
    """Certificates so far are in the shard that they name, and that is now told."""
    op.create_table(
        "crl_shard",
        sa.Column(
            "authority", sa.String(32), sa.ForeignKey("authority.id"), primary_key=True
        ),
        sa.Column("generation", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("point", sa.LargeBinary, nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.UniqueConstraint(
            "authority", "generation", "point", name="one_shard_for_a_point"
        ),
    )
    op.add_column("certificate", sa.Column("shard", sa.String(32)))
    op.add_column("revocation", sa.Column("shard", sa.String(32)))
    _sort_in()
    _let_change()
    op.execute(
        "UPDATE revocation SET shard = (SELECT c.shard FROM certificate c"
        " WHERE c.authority = revocation.authority AND c.serial = revocation.serial)"
    )
    _protect()
    op.create_index("revocation_shard", "revocation", ["authority", "shard"])


def _sort_in() -> None:
    """Each by what it says itself: a profile may have changed in between."""
    connection = op.get_bind()
    known: dict[tuple[str, int, bytes], str] = {}
    last = {"authority": "", "serial": ""}
    while rows := connection.execute(_SOME, last).all():
        told = []
        for row in rows:
            last = {"authority": row.authority, "serial": row.serial}
            point = named_point(row.certificate, row.tbs)
            if point is None:
                continue
            name = (row.authority, row.generation, point)
            if name not in known:
                taken = {known[each] for each in known if each[:2] == name[:2]}
                known[name] = _free(row.municipality[:5], taken)
                entered = {"generation": row.generation, "point": point}
                entered |= {"shard": known[name], "since": row.prepared_at}
                connection.execute(_ENTER, {"authority": row.authority, **entered})
            told.append({**last, "shard": known[name]})
        if told:
            connection.execute(_TELL, told)


def _free(name: str, taken: set[str]) -> str:
    chosen, count = name, 1
    while chosen in taken:
        count += 1
        chosen = f"{name}-{count}"
    return chosen


def downgrade() -> None:
    """Only complete lists again."""
    op.drop_index("revocation_shard", "revocation")
    op.drop_column("revocation", "shard")
    op.drop_column("certificate", "shard")
    op.drop_table("crl_shard")


def _let_change() -> None:
    """Take the guard away that keeps every line of the journal as it is."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER revocation_append_only ON revocation")
        return
    for act in ("update", "delete"):
        op.execute(f"DROP TRIGGER revocation_no_{act}")


def _protect() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER revocation_append_only BEFORE UPDATE OR DELETE OR TRUNCATE"
            " ON revocation FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for act in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER revocation_no_{act.lower()} BEFORE {act} ON revocation"
            " BEGIN SELECT RAISE(ABORT, 'revocation is append only'); END"
        )
