"""Taking the register's events: each exactly once, in order, with its whole effect.

The cursor, the revocations and the audit entries of one event commit together. Killed
before the commit, nothing has happened and the event comes again; killed after it, the
event is known and is skipped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from jpki import data
from jpki.authority.auditing.checkpoints import seal_if_due
from jpki.authority.auditing.journaling import journal
from jpki.authority.office import Office, whole_second
from jpki.errors import Conflict
from jpki.model.events import EventKind, RegistryEvent
from jpki.model.revocation import RevocationReason
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import (
    AppliedEvent,
    CertificateKind,
    CertificateRecord,
    JournalEntry,
)

__all__ = ["Applied", "apply_event", "apply_events", "cursor"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """What one event did."""

    event: RegistryEvent
    repeated: bool
    """It had taken effect before; nothing was done."""
    revoked: tuple[JournalEntry, ...]


def cursor(office: Office) -> int:
    """The newest event that has taken effect; ask the feed for what follows it."""
    with office.store.read() as uow:
        return uow.events.position()


def apply_events(
    office: Office, events: Iterable[RegistryEvent], *, at: datetime, by: str = "intake"
) -> tuple[Applied, ...]:
    """Apply a batch of the feed in order, one transaction each."""
    return tuple(apply_event(office, event, at=at, by=by) for event in events)


def apply_event(
    office: Office, event: RegistryEvent, *, at: datetime, by: str = "intake"
) -> Applied:
    """Give one event its effect: 異動等失効 (平成14年法律第153号 art. 12).

    Certificates whose items the register gave at or after the event's position say
    already what the event changed; they are left alone.

    Raises:
        Conflict: an event is missing before this one, or another event took its place.
    """
    moment = whole_second(at)
    with office.store.write() as uow:
        if _is_repeated(uow, event):
            return Applied(event=event, repeated=True, revoked=())
        revoked = tuple(
            journal(
                uow,
                certificate,
                reason,
                ground=law,
                at=moment,
                by=by,
                event_id=event.event_id,
            )
            for certificate, reason, law in _affected(uow, event, moment)
        )
        if event.succeeded_by is not None:
            uow.certificates.follow(event.resident, event.succeeded_by)
            uow.applications.follow(event.resident, event.succeeded_by)
        uow.events.add(
            AppliedEvent(
                sequence=event.sequence,
                event_id=event.event_id,
                kind=event.kind.value,
                recorded_at=event.recorded_at,
                applied_at=at,
                revoked=len(revoked),
            )
        )
        uow.audit.append(
            at=moment,
            by=by,
            act="event.applied",
            subject=event.event_id,
            details={
                "sequence": event.sequence,
                "kind": event.kind.value,
                "revoked": len(revoked),
            },
        )
        seal_if_due(office, uow, moment)
        office.step("intake.revoked")
        uow.commit()
    office.step("intake.applied")
    return Applied(event=event, repeated=False, revoked=revoked)


def _is_repeated(uow: AuthorityUnitOfWork, event: RegistryEvent) -> bool:
    position = uow.events.position()
    if event.sequence > position + 1:
        raise Conflict(
            f"event {event.sequence} came, {position + 1} is missing",
            hint=f"ask the feed for the events after {position}",
        )
    if event.sequence == position + 1:
        return False
    known = uow.events.find(event.sequence)
    if known is None or known.event_id != event.event_id:
        raise Conflict(
            f"the feed has another event at position {event.sequence} than the one "
            "that took effect here",
            hint="was the register or this database restored from a backup?",
        )
    return True


def _affected(
    uow: AuthorityUnitOfWork, event: RegistryEvent, at: datetime
) -> list[tuple[CertificateRecord, RevocationReason, str]]:
    """Certificates that this event revokes, pending ones included."""
    ground = data.revocation_grounds().get(event.kind)
    if ground is None or event.kind is EventKind.CODE_CHANGE:
        return []
    reasons = {
        CertificateKind.SIGNATURE: ground.signature,
        CertificateKind.AUTHENTICATION: ground.authentication,
    }
    affected = []
    for certificate in uow.certificates.of_resident(event.resident):
        reason = reasons.get(certificate.kind)
        if (
            reason is not None
            and (certificate.as_of is None or certificate.as_of < event.sequence)
            and certificate.not_after >= at
            and uow.journal.find(certificate.authority, certificate.serial) is None
        ):
            affected.append((certificate, reason, ground.law))
    return affected
