"""Tables of the registry database: residents and the feed of their changes."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

from jpki.model.events import EventKind
from jpki.model.residents import Gender
from jpki.store.columns import Choice, Instant, Municipality, ResidentRecord

__all__ = ["METADATA", "event", "head", "resident", "seen_nonce"]

METADATA: Final = MetaData()

head: Final = Table(
    "head",
    METADATA,
    Column("id", Integer, CheckConstraint("id = 1", name="one_head"), primary_key=True),
    Column("feed_position", BigInteger, nullable=False),
)
"""One row, locked by every writer."""

resident: Final = Table(
    "resident",
    METADATA,
    Column("code", ResidentRecord, primary_key=True),
    Column("municipality", Municipality, nullable=False),
    Column("name", String(200), nullable=False),
    Column("address", String(200), nullable=False),
    Column("date_of_birth", Date, nullable=False),
    Column("gender", Choice(Gender), nullable=False),
    Column("japanese", Boolean, nullable=False),
    Column("registered", Boolean, nullable=False),
    Index("resident_municipality", "municipality"),
)

event: Final = Table(
    "event",
    METADATA,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("event_id", String(36), nullable=False),
    Column("kind", Choice(EventKind), nullable=False),
    Column("resident", ResidentRecord, nullable=False),
    Column("municipality", Municipality, nullable=False),
    Column("effective_on", Date, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("succeeded_by", ResidentRecord),
    UniqueConstraint("event_id", name="event_once"),
    Index("event_resident", "resident"),
)

seen_nonce: Final = Table(
    "seen_nonce",
    METADATA,
    Column("key_id", String(128), primary_key=True),
    Column("nonce", String(128), primary_key=True),
    Column("expires", Instant, nullable=False),
    Index("seen_nonce_expires", "expires"),
)
"""Nonces of signed requests that may still be replayed."""
