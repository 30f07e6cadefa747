"""What the authorities' server says, as JSON members."""

from __future__ import annotations

import base64
from datetime import datetime

from jpki.authority.counter.holdings import Holding
from jpki.authority.issuing.issuance import Issued
from jpki.store.authority_records import ApplicationRecord

__all__ = [
    "application_document",
    "as_base64",
    "as_time",
    "holding_document",
    "issued_document",
    "open_application_document",
]


def application_document(record: ApplicationRecord) -> dict[str, object]:
    """An application, without its applicant."""
    return {
        "id": record.id,
        "state": record.state.value,
        "authority": record.authority,
        "municipality": str(record.municipality),
        "purpose": record.purpose.value,
        "challenge": record.challenge,
        "filed_at": as_time(record.filed_at),
        "filed_by": record.filed_by,
        "serial": None if record.serial is None else f"{record.serial:x}",
        "renews": None if record.renews is None else f"{record.renews:x}",
    }


def open_application_document(record: ApplicationRecord) -> dict[str, object]:
    """One that is under way, with its applicant, for the counter that took it."""
    return {**application_document(record), "resident": str(record.resident)}


def issued_document(issued: Issued) -> dict[str, object]:
    """What goes onto the card."""
    return {
        "application": application_document(issued.application),
        "authority": issued.authority,
        "serial": f"{issued.serial:x}",
        "certificate": as_base64(issued.certificate),
        "authority_certificate": as_base64(issued.authority_certificate),
    }


def holding_document(held: Holding, at: datetime) -> dict[str, object]:
    """A certificate of a resident and how it stands at this instant."""
    revocation = held.revocation
    return {
        "authority": held.authority,
        "serial": f"{held.serial:x}",
        "purpose": held.purpose.value,
        "live": held.lives_at(at),
        "not_before": as_time(held.not_before),
        "not_after": as_time(held.not_after),
        "renewable_from": as_time(held.renewable_from),
        "revoked_at": None if revocation is None else as_time(revocation.at),
        "reason": None if revocation is None else revocation.reason.label,
    }


def as_time(at: datetime) -> str:
    """RFC 3339, UTC."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def as_base64(content: bytes) -> str:
    """DER in JSON."""
    return base64.b64encode(content).decode("ascii")
