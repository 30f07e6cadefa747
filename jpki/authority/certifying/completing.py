"""Completing certificates, those of several callers in one transaction.

Everything is looked up for all of them first, then each is judged, then everything is
written at once. The number of statements does not grow with the number of callers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from jpki.authority.auditing.checkpoints import seal_if_due
from jpki.authority.auditing.journaling import journal, subject_of
from jpki.authority.office import Office
from jpki.errors import Conflict, IssuanceError, JpkiError
from jpki.model.revocation import RevocationReason
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import (
    ApplicationMove,
    ApplicationRecord,
    ApplicationStanding,
    ApplicationState,
    CertificateRecord,
    CertificateState,
)

__all__ = ["Completed", "Completion", "complete_all", "settled"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """A certificate whose signature was checked, on its way into the books."""

    office: Office
    pending: CertificateRecord
    application: ApplicationRecord | None
    """As it was when the bytes were recorded; None for what nobody applied for."""
    certificate: bytes
    at: datetime
    by: str

    @property
    def name(self) -> tuple[str, int]:
        """Authority and serial number."""
        return self.pending.authority, self.pending.serial


@dataclass(frozen=True, kw_only=True, slots=True)
class Completed:
    """What stands in the books now."""

    certificate: CertificateRecord
    application: ApplicationRecord | None
    """What became of its application; None also where somebody else was faster."""
    new: bool


def settled(entry: CertificateRecord) -> CertificateRecord:
    """A certificate that is no longer pending, if it was issued.

    Raises:
        IssuanceError: it was abandoned.
    """
    if entry.state is CertificateState.ABANDONED:
        raise IssuanceError(
            f"serial number {entry.serial:x} was abandoned",
            hint="file a new application",
        )
    return entry


def complete_all(
    uow: AuthorityUnitOfWork, items: Sequence[Completion]
) -> Sequence[Completed | JpkiError]:
    """Put signed certificates in the place of their bytes; the caller commits."""
    names = [item.name for item in items]
    states = uow.certificates.states(names)
    revoked = uow.journal.among(names)
    standings = uow.applications.standings(
        item.application.id for item in items if item.application is not None
    )
    done: dict[tuple[str, int], Completed] = {}
    answers: list[Completed | JpkiError] = []
    for item in items:
        known = done.get(item.name)
        if known is not None:
            # Another thread finished the same bytes: its signature counts.
            answers.append(replace(known, new=False))
            continue
        try:
            if states.get(item.name) is not CertificateState.PENDING:
                now = settled(uow.certificates.get(*item.name))
                answers.append(Completed(certificate=now, application=None, new=False))
                continue
            completed = _completed(item, item.name in revoked, standings)
        except JpkiError as error:
            answers.append(error)
            continue
        # From here on an error is everybody's: nothing of this may be half done.
        _log(uow, item, completed.application)
        done[item.name] = completed
        answers.append(completed)
    if done:
        uow.certificates.complete_all([entry.certificate for entry in done.values()])
        moved = [
            ApplicationMove(one.id, one.state, one.changed_at, one.serial)
            for one in (entry.application for entry in done.values())
            if one is not None
        ]
        if moved:
            uow.applications.move_all(moved)
        seal_if_due(items[0].office, uow, items[0].at)
    return answers


def _completed(
    item: Completion, revoked: bool, standings: Mapping[str, ApplicationStanding]
) -> Completed:
    """What will stand in the books."""
    pending, application = item.pending, item.application
    if application is not None:
        standing = standings[application.id]
        if standing.state is not ApplicationState.ISSUING:
            raise Conflict(f"application {application.id} is no longer issuing")
        application = replace(
            application,
            resident=standing.resident,
            state=ApplicationState.CANCELLED if revoked else ApplicationState.ISSUED,
            changed_at=item.at,
            serial=pending.serial,
        )
    certificate = replace(
        pending,
        state=CertificateState.ISSUED,
        certificate=item.certificate,
        tbs=None,
        completed_at=item.at,
    )
    return Completed(certificate=certificate, application=application, new=True)


def _log(
    uow: AuthorityUnitOfWork, item: Completion, application: ApplicationRecord | None
) -> None:
    subject = subject_of(*item.name)
    uow.audit.append(
        at=item.at,
        by=item.by,
        act="certificate.completed",
        subject=subject,
        details={"sha256": hashlib.sha256(item.certificate).hexdigest()},
    )
    if application is None:
        return
    if application.state is ApplicationState.CANCELLED:
        uow.audit.append(
            at=item.at,
            by=item.by,
            act="application.cancelled",
            subject=application.id,
            details={"certificate": subject},
        )
    elif application.renews is not None:
        authority, _ = item.name
        _supersede(uow, authority, application.renews, at=item.at, by=item.by)


def _supersede(
    uow: AuthorityUnitOfWork, authority: str, serial: int, *, at: datetime, by: str
) -> None:
    if uow.journal.find(authority, serial) is None:
        journal(
            uow,
            uow.certificates.get(authority, serial),
            RevocationReason.SUPERSEDED,
            ground="renewed",
            at=at,
            by=by,
        )
