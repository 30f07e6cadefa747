"""Tables of the authority database. Column names are the field names of the records."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from jpki.model.operators import Role
from jpki.model.purposes import Purpose
from jpki.store.authority_records import (
    ApplicationState,
    AuthorityKind,
    CertificateKind,
    CertificateState,
    CRLState,
)
from jpki.store.columns import (
    Choice,
    Instant,
    Municipality,
    Reason,
    ResidentRecord,
    Serial,
)
from jpki.store.verifier_records import CredentialKind, Service

__all__ = [
    "IN_FORCE",
    "LIVE_APPLICATION",
    "METADATA",
    "NOT_CITIZENS",
    "OPEN_CONSENT",
    "PENDING",
    "PREPARED",
    "application",
    "applied_event",
    "audit_checkpoint",
    "audit_entry",
    "audit_key",
    "audit_node",
    "authority",
    "certificate",
    "consent",
    "crl",
    "crl_piece",
    "crl_shard",
    "head",
    "key_generation",
    "news_board",
    "operator",
    "responder",
    "revocation",
    "seen_nonce",
    "serial_block",
    "verifier",
    "verifier_credential",
    "verifier_usage",
]

METADATA: Final = MetaData()

# Predicates of partial indexes; queries must use the same words to use the index.
LIVE_APPLICATION: Final = text("state IN ('filed', 'issuing', 'issued')")
PENDING: Final = text("state = 'pending'")
PREPARED: Final = text("state = 'prepared'")
IN_FORCE: Final = text("state = 'published'")
NOT_CITIZENS: Final = text("kind NOT IN ('signature', 'authentication')")
OPEN_CONSENT: Final = text("refused_at IS NULL AND used_at IS NULL")

head: Final = Table(
    "head",
    METADATA,
    Column("id", Integer, CheckConstraint("id = 1", name="one_head"), primary_key=True),
    Column("audit_sequence", BigInteger, nullable=False),
    Column("audit_hash", LargeBinary, nullable=False),
    Column("journal_position", BigInteger, nullable=False),
    Column("feed_position", BigInteger, nullable=False),
)

authority: Final = Table(
    "authority",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("kind", Choice(AuthorityKind), nullable=False),
    Column("prefecture", String(2)),
    Column("era", String(64), nullable=False),
    Column("name", LargeBinary, nullable=False),
    Column("alternative_name", LargeBinary),
    Column("founded_at", Instant, nullable=False),
)

certificate: Final = Table(
    "certificate",
    METADATA,
    Column("authority", ForeignKey("authority.id"), primary_key=True),
    Column("serial", Serial, primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("kind", Choice(CertificateKind), nullable=False),
    Column("profile", String(64), nullable=False),
    Column("state", Choice(CertificateState), nullable=False),
    Column("subject_key", LargeBinary, nullable=False),
    Column("not_before", Instant, nullable=False),
    Column("not_after", Instant, nullable=False),
    Column("prepared_at", Instant, nullable=False),
    Column("prepared_by", String(128), nullable=False),
    Column("completed_at", Instant),
    Column("tbs", LargeBinary),
    Column("certificate", LargeBinary),
    Column("application", String(36)),
    Column("resident", ResidentRecord),
    Column("as_of", BigInteger),
    Column("shard", String(32)),
    Index("certificate_subject_key", "subject_key"),
    Index("certificate_resident", "resident"),
    Index(
        "certificate_own",
        "authority",
        "kind",
        sqlite_where=NOT_CITIZENS,
        postgresql_where=NOT_CITIZENS,
    ),
    Index(
        "certificate_pending",
        "state",
        sqlite_where=PENDING,
        postgresql_where=PENDING,
    ),
    CheckConstraint(
        "(state = 'issued') = (certificate IS NOT NULL)", name="issued_or_not"
    ),
)

serial_block: Final = Table(
    "serial_block",
    METADATA,
    Column("authority", String(32), primary_key=True),
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
    Column("reserved_at", Instant, nullable=False),
    Column("reserved_by", String(128), nullable=False),
    CheckConstraint('"first" BETWEEN 1 AND "last"', name="block_of_one_or_more"),
)
"""Append only. An authority reserves its first number before it is founded."""

key_generation: Final = Table(
    "key_generation",
    METADATA,
    Column("authority", ForeignKey("authority.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("suite", String(32), nullable=False),
    Column("key_uri", String(1024), nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("key_identifier", LargeBinary, nullable=False),
    Column("serial", Serial, nullable=False),
    Column("signs_from", Instant, nullable=False),
    Column("signs_until", Instant, nullable=False),
    Column("issues_from", Instant, nullable=False),
)

application: Final = Table(
    "application",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("idempotency_key", String(128), nullable=False),
    Column("authority", ForeignKey("authority.id"), nullable=False),
    Column("resident", ResidentRecord, nullable=False),
    Column("municipality", Municipality, nullable=False),
    Column("purpose", Choice(Purpose), nullable=False),
    Column("state", Choice(ApplicationState), nullable=False),
    Column("challenge", String(64), nullable=False),
    Column("filed_at", Instant, nullable=False),
    Column("filed_by", String(128), nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("serial", Serial),
    Column("renews", Serial),
    UniqueConstraint("filed_by", "idempotency_key", name="application_once"),
    Index(
        "application_live",
        "resident",
        "purpose",
        unique=True,
        sqlite_where=LIVE_APPLICATION,
        postgresql_where=LIVE_APPLICATION,
    ),
)

revocation: Final = Table(
    "revocation",
    METADATA,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("authority", String(32), nullable=False),
    Column("serial", Serial, nullable=False),
    Column("revoked_at", Instant, nullable=False),
    Column("reason", Reason, nullable=False),
    Column("invalidity_date", Instant),
    Column("ground", String(200), nullable=False),
    Column("event_id", String(36)),
    Column("actor", String(128), nullable=False),
    Column("shard", String(32)),
    UniqueConstraint("authority", "serial", name="revoked_once"),
    Index("revocation_shard", "authority", "shard"),
    ForeignKeyConstraint(
        ["authority", "serial"], ["certificate.authority", "certificate.serial"]
    ),
)
"""Append only; triggers refuse to change or delete a line."""

crl: Final = Table(
    "crl",
    METADATA,
    Column("authority", ForeignKey("authority.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("scope", String(64), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("this_update", Instant, nullable=False),
    Column("next_update", Instant, nullable=False),
    Column("journal_position", BigInteger, nullable=False),
    Column("state", Choice(CRLState), nullable=False),
    Column("prepared_at", Instant, nullable=False),
    Column("completed_at", Instant),
    Index(
        "crl_in_force",
        "authority",
        "scope",
        "generation",
        unique=True,
        sqlite_where=IN_FORCE,
        postgresql_where=IN_FORCE,
    ),
    Index("crl_archive", "authority", "generation", "scope", "completed_at"),
    Index(
        "crl_prepared",
        "state",
        sqlite_where=PREPARED,
        postgresql_where=PREPARED,
    ),
)
"""Numbers are the authority's, over all its scopes and keys."""

crl_piece: Final = Table(
    "crl_piece",
    METADATA,
    Column("authority", String(32), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("octets", LargeBinary, nullable=False),
    ForeignKeyConstraint(
        ["authority", "number"],
        ["crl.authority", "crl.number"],
        name="piece_of_a_list",
    ),
)
"""The octets of a list, in order; see `jpki.store.list_octets`."""

crl_shard: Final = Table(
    "crl_shard",
    METADATA,
    Column("authority", ForeignKey("authority.id"), primary_key=True),
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("id", String(32), primary_key=True),
    Column("point", LargeBinary, nullable=False),
    Column("since", Instant, nullable=False),
    UniqueConstraint("authority", "generation", "point", name="one_shard_for_a_point"),
)
"""Which lists certificates name."""

news_board: Final = Table(
    "news_board",
    METADATA,
    Column(
        "id",
        Integer,
        CheckConstraint("id = 1", name="one_news_board"),
        primary_key=True,
    ),
    Column("since", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("newest", String(80), nullable=False),
    Column("content", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
)
"""What was read of the journal; see `jpki.store.news_board`."""

operator: Final = Table(
    "operator",
    METADATA,
    Column("id", String(128), primary_key=True),
    Column("role", Choice(Role), nullable=False),
    Column("municipality", Municipality),
    Column("public_key", LargeBinary, nullable=False),
    Column("authority", ForeignKey("authority.id"), nullable=False),
    Column("serial", Serial, nullable=False),
    Column("enrolled_at", Instant, nullable=False),
    Column("enrolled_by", String(128), nullable=False),
    Column("dismissed_at", Instant),
)

responder: Final = Table(
    "responder",
    METADATA,
    Column("authority", ForeignKey("authority.id"), primary_key=True),
    Column("serial", Serial, primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("suite", String(32), nullable=False),
    Column("key_uri", String(1024), nullable=False),
    Column("public_key", LargeBinary, nullable=False),
)

consent: Final = Table(
    "consent",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("act", String(32), nullable=False),
    Column("parameters", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("requested_by", String(64), nullable=False),
    Column("requester_key", LargeBinary, nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("expires", Instant, nullable=False),
    Column("approved_by", String(64)),
    Column("approver_key", LargeBinary),
    Column("approved_at", Instant),
    Column("refused_by", String(64)),
    Column("refused_at", Instant),
    Column("used_at", Instant),
    Column("outcome", String(200)),
    Index("consent_digest", "digest"),
    Index(
        "consent_open",
        "requested_at",
        sqlite_where=OPEN_CONSENT,
        postgresql_where=OPEN_CONSENT,
    ),
    CheckConstraint(
        "approved_by <> requested_by AND approver_key <> requester_key",
        name="two_people",
    ),
    CheckConstraint(
        "used_at IS NULL OR approved_at IS NOT NULL", name="approved_before_use"
    ),
)

applied_event: Final = Table(
    "applied_event",
    METADATA,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("event_id", String(36), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("applied_at", Instant, nullable=False),
    Column("revoked", Integer, nullable=False),
    UniqueConstraint("event_id", name="applied_once"),
)

audit_entry: Final = Table(
    "audit_entry",
    METADATA,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    Column("actor", String(128), nullable=False),
    Column("act", String(64), nullable=False),
    Column("subject", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index("audit_entry_subject", "subject"),
)
"""Append only; triggers refuse to change or delete an entry."""

audit_node: Final = Table(
    "audit_node",
    METADATA,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
)
"""Complete subtrees of the Merkle tree over the log, of 256, 65,536, … entries."""

audit_key: Final = Table(
    "audit_key",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("suite", String(32), nullable=False),
    Column("key_uri", String(1024), nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("made_at", Instant, nullable=False),
)

audit_checkpoint: Final = Table(
    "audit_checkpoint",
    METADATA,
    Column("entries", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("at", String(32), nullable=False),
    Column("key", ForeignKey("audit_key.id"), nullable=False),
    Column("signature", LargeBinary, nullable=False),
)
"""Append only, as the nodes are."""

seen_nonce: Final = Table(
    "seen_nonce",
    METADATA,
    Column("key_id", String(128), primary_key=True),
    Column("nonce", String(128), primary_key=True),
    Column("expires", Instant, nullable=False),
    Index("seen_nonce_expires", "expires"),
)

verifier: Final = Table(
    "verifier",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("name", String(256), nullable=False),
    Column("signature", Boolean, nullable=False),
    Column("authentication", Boolean, nullable=False),
    Column("daily_quota", Integer),
    Column("registered_at", Instant, nullable=False),
    Column("registered_by", String(128), nullable=False),
    Column("suspended_at", Instant),
    CheckConstraint("signature OR authentication", name="verifies_something"),
)

verifier_credential: Final = Table(
    "verifier_credential",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("verifier", ForeignKey("verifier.id"), nullable=False),
    Column("kind", Choice(CredentialKind), nullable=False),
    Column("begins", Instant, nullable=False),
    Column("ends", Instant, nullable=False),
    Column("made_by", String(128), nullable=False),
    Index("verifier_credential_of", "verifier"),
)
"""Of a token only its digest is known here."""

verifier_usage: Final = Table(
    "verifier_usage",
    METADATA,
    Column("verifier", ForeignKey("verifier.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("service", Choice(Service), primary_key=True),
    Column("answered", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
)
"""How often, by calendar day in Japan."""
