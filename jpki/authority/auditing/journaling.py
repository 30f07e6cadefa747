"""The revocation journal and the audit log, told of one certificate together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from jpki.model.revocation import Revocation, RevocationReason
from jpki.store import AuthorityUnitOfWork
from jpki.store.audit_log import written_instant
from jpki.store.authority_records import CertificateRecord, JournalEntry

__all__ = ["journal", "log_revocation", "revocation_details", "subject_of"]


def subject_of(authority: str, serial: int) -> str:
    """How the audit log names a certificate."""
    return f"{authority}/{serial:x}"


def journal(
    uow: AuthorityUnitOfWork,
    certificate: CertificateRecord,
    reason: RevocationReason,
    *,
    ground: str,
    at: datetime,
    by: str,
    invalidity_date: datetime | None = None,
    event_id: str | None = None,
) -> JournalEntry:
    """Put a serial number into the journal and the audit log; the caller commits.

    Raises:
        Conflict: it is in the journal.
    """
    entry = uow.journal.append(
        Revocation(
            serial=certificate.serial,
            at=at,
            reason=reason,
            invalidity_date=invalidity_date,
        ),
        authority=certificate.authority,
        ground=ground,
        actor=by,
        event_id=event_id,
        shard=certificate.shard,
    )
    log_revocation(uow, entry)
    return entry


def log_revocation(uow: AuthorityUnitOfWork, entry: JournalEntry) -> None:
    """Tell the audit log of a line of the journal."""
    uow.audit.append(
        at=entry.revoked_at,
        by=entry.actor,
        act="certificate.revoked",
        subject=subject_of(entry.authority, entry.serial),
        details=revocation_details(entry),
    )


def revocation_details(entry: JournalEntry) -> Mapping[str, str | None]:
    """What the log says of a line of the journal, beside who, when and which."""
    invalid = entry.invalidity_date
    return {
        "reason": entry.reason.label,
        "ground": entry.ground,
        "event": entry.event_id,
        "invalidity_date": None if invalid is None else written_instant(invalid),
    }
