"""The revocation journal and the audit log, told of one certificate together."""

from __future__ import annotations

from datetime import datetime

from jpki.model.revocation import Revocation, RevocationReason
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import CertificateRecord, JournalEntry

__all__ = ["journal", "subject_of"]


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
    )
    uow.audit.append(
        at=at,
        by=by,
        act="certificate.revoked",
        subject=subject_of(certificate.authority, certificate.serial),
        details={"reason": reason.label, "ground": ground, "event": event_id},
    )
    return entry
