"""Authorities, certificates, applications, the journal, CRLs and the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision = None

_MOMENT = sa.DateTime(timezone=True)
_SERIAL = sa.String(40)
_APPEND_ONLY = ("revocation", "audit_entry")


def upgrade() -> None:
    """Create the first schema."""
    _head()
    _authorities()
    _certificates()
    _applications()
    _journal()
    _people_and_machines()
    _feed_and_log()
    for table in _APPEND_ONLY:
        _protect(table)


def downgrade() -> None:
    """Drop the first schema."""
    if op.get_bind().dialect.name == "postgresql":
        for table in _APPEND_ONLY:
            op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
        op.execute("DROP FUNCTION refuse_change")
    for table in (
        "seen_nonce",
        "audit_entry",
        "applied_event",
        "responder",
        "operator",
        "crl",
        "revocation",
        "application",
        "key_generation",
        "certificate",
        "authority",
        "head",
    ):
        op.drop_table(table)


def _head() -> None:
    head = op.create_table(
        "head",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("audit_sequence", sa.BigInteger, nullable=False),
        sa.Column("audit_hash", sa.LargeBinary, nullable=False),
        sa.Column("journal_position", sa.BigInteger, nullable=False),
        sa.Column("feed_position", sa.BigInteger, nullable=False),
        sa.CheckConstraint("id = 1", name="one_head"),
    )
    op.bulk_insert(
        head,
        [
            {
                "id": 1,
                "audit_sequence": 0,
                "audit_hash": bytes(32),
                "journal_position": 0,
                "feed_position": 0,
            }
        ],
    )


def _authorities() -> None:
    op.create_table(
        "authority",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("prefecture", sa.String(2)),
        sa.Column("era", sa.String(64), nullable=False),
        sa.Column("name", sa.LargeBinary, nullable=False),
        sa.Column("alternative_name", sa.LargeBinary),
        sa.Column("founded_at", _MOMENT, nullable=False),
    )
    op.create_table(
        "key_generation",
        _authority(),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("suite", sa.String(32), nullable=False),
        sa.Column("key_uri", sa.String(1024), nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("key_identifier", sa.LargeBinary, nullable=False),
        sa.Column("serial", _SERIAL, nullable=False),
        sa.Column("signs_from", _MOMENT, nullable=False),
        sa.Column("signs_until", _MOMENT, nullable=False),
    )


def _certificates() -> None:
    op.create_table(
        "certificate",
        _authority(),
        sa.Column("serial", _SERIAL, primary_key=True),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("profile", sa.String(64), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("subject_key", sa.LargeBinary, nullable=False),
        sa.Column("not_before", _MOMENT, nullable=False),
        sa.Column("not_after", _MOMENT, nullable=False),
        sa.Column("prepared_at", _MOMENT, nullable=False),
        sa.Column("prepared_by", sa.String(128), nullable=False),
        sa.Column("completed_at", _MOMENT),
        sa.Column("tbs", sa.LargeBinary),
        sa.Column("certificate", sa.LargeBinary),
        sa.Column("application", sa.String(36)),
        sa.Column("resident", sa.String(11)),
        sa.Column("as_of", sa.BigInteger),
        sa.CheckConstraint(
            "(state = 'issued') = (certificate IS NOT NULL)", name="issued_or_not"
        ),
    )
    op.create_index("certificate_subject_key", "certificate", ["subject_key"])
    op.create_index("certificate_resident", "certificate", ["resident"])
    _partial(
        "certificate_own",
        "certificate",
        ["authority", "kind"],
        "kind NOT IN ('signature', 'authentication')",
    )
    _partial("certificate_pending", "certificate", ["state"], "state = 'pending'")


def _applications() -> None:
    op.create_table(
        "application",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("idempotency_key", sa.String(128), nullable=False),
        _authority(key=False),
        sa.Column("resident", sa.String(11), nullable=False),
        sa.Column("municipality", sa.String(6), nullable=False),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("challenge", sa.String(64), nullable=False),
        sa.Column("filed_at", _MOMENT, nullable=False),
        sa.Column("filed_by", sa.String(128), nullable=False),
        sa.Column("changed_at", _MOMENT, nullable=False),
        sa.Column("serial", _SERIAL),
        sa.Column("renews", _SERIAL),
        sa.UniqueConstraint("filed_by", "idempotency_key", name="application_once"),
    )
    _partial(
        "application_live",
        "application",
        ["resident", "purpose"],
        "state IN ('filed', 'issuing', 'issued')",
        unique=True,
    )


def _journal() -> None:
    op.create_table(
        "revocation",
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("authority", sa.String(32), nullable=False),
        sa.Column("serial", _SERIAL, nullable=False),
        sa.Column("revoked_at", _MOMENT, nullable=False),
        sa.Column("reason", sa.SmallInteger, nullable=False),
        sa.Column("invalidity_date", _MOMENT),
        sa.Column("ground", sa.String(200), nullable=False),
        sa.Column("event_id", sa.String(36)),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.UniqueConstraint("authority", "serial", name="revoked_once"),
        sa.ForeignKeyConstraint(
            ["authority", "serial"], ["certificate.authority", "certificate.serial"]
        ),
    )
    op.create_table(
        "crl",
        _authority(),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("scope", sa.String(64), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("this_update", _MOMENT, nullable=False),
        sa.Column("next_update", _MOMENT, nullable=False),
        sa.Column("journal_position", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("prepared_at", _MOMENT, nullable=False),
        sa.Column("completed_at", _MOMENT),
        sa.Column("tbs", sa.LargeBinary),
        sa.Column("crl", sa.LargeBinary),
    )
    _partial(
        "crl_in_force",
        "crl",
        ["authority", "scope", "generation"],
        "state = 'published'",
        unique=True,
    )
    _partial("crl_prepared", "crl", ["state"], "state = 'prepared'")


def _people_and_machines() -> None:
    op.create_table(
        "operator",
        sa.Column("id", sa.String(128), primary_key=True),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("municipality", sa.String(6)),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        _authority(key=False),
        sa.Column("serial", _SERIAL, nullable=False),
        sa.Column("enrolled_at", _MOMENT, nullable=False),
        sa.Column("enrolled_by", sa.String(128), nullable=False),
        sa.Column("dismissed_at", _MOMENT),
    )
    op.create_table(
        "responder",
        _authority(),
        sa.Column("serial", _SERIAL, primary_key=True),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("suite", sa.String(32), nullable=False),
        sa.Column("key_uri", sa.String(1024), nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "seen_nonce",
        sa.Column("key_id", sa.String(128), primary_key=True),
        sa.Column("nonce", sa.String(128), primary_key=True),
        sa.Column("expires", _MOMENT, nullable=False),
    )
    op.create_index("seen_nonce_expires", "seen_nonce", ["expires"])


def _feed_and_log() -> None:
    op.create_table(
        "applied_event",
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("event_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("recorded_at", _MOMENT, nullable=False),
        sa.Column("applied_at", _MOMENT, nullable=False),
        sa.Column("revoked", sa.Integer, nullable=False),
        sa.UniqueConstraint("event_id", name="applied_once"),
    )
    op.create_table(
        "audit_entry",
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("act", sa.String(64), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("previous", sa.LargeBinary, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
    )
    op.create_index("audit_entry_subject", "audit_entry", ["subject"])


def _authority(*, key: bool = True) -> sa.Column[str]:
    return sa.Column(
        "authority",
        sa.String(32),
        sa.ForeignKey("authority.id"),
        primary_key=key,
        nullable=False,
    )


def _partial(
    name: str, table: str, columns: list[str], where: str, *, unique: bool = False
) -> None:
    predicate = sa.text(where)
    op.create_index(
        name,
        table,
        columns,
        unique=unique,
        sqlite_where=predicate,
        postgresql_where=predicate,
    )


def _protect(table: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger AS $$ BEGIN"
            " RAISE EXCEPTION '% is append only', TG_TABLE_NAME; END $$"
            " LANGUAGE plpgsql"
        )
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
