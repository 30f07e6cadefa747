"""Many revocations at a time: a few hundred in one transaction.

Each is permitted, journaled and logged as `revoke` does it for one. What is shared is
the waiting for the disk, so that a day on which thousands are revoked takes seconds,
and those who read or issue meanwhile wait for a few milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from jpki.authority.auditing.checkpoints import seal_if_due
from jpki.authority.auditing.journaling import log_revocation, subject_of
from jpki.authority.office import Office, whole_second
from jpki.authority.revoking.revocation import checked, permit, permit_end_of_office
from jpki.errors import JpkiError, NotFound
from jpki.model.operators import Caller
from jpki.model.revocation import RevocationReason
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import CertificateRecord, JournalEntry

__all__ = ["RevocationRequest", "revoke_all"]

_AT_ONCE: Final = 256
"""Revocations in one transaction."""

_Name = tuple[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class RevocationRequest:
    """What one person asks to be revoked, and why."""

    authority: str
    serial: int
    reason: RevocationReason
    ground: str
    """1 to 200 characters, for the books."""
    invalidity_date: datetime | None = None
    """Since when the certificate should not be trusted; aware."""


def revoke_all(
    office: Office,
    requests: Sequence[RevocationRequest],
    *,
    at: datetime,
    by: Caller,
    progress: Callable[[int], None] = lambda done: None,
) -> Sequence[JournalEntry | JpkiError]:
    """Revoke many certificates; a line of the journal, or an error, for each.

    One that is revoked already keeps its line. What is refused hinders no other.

    Args:
        office: the authorities.
        requests: in the order in which they are to stand in the journal.
        at: now.
        by: who asks; a CA operator, or the counter that issued them all.
        progress: told, after each transaction, how many are done.

    Raises:
        StoreError: the database failed; what is done until then stays. Doing the whole
            again changes nothing about that.
    """
    moment = whole_second(at)
    answers: list[JournalEntry | JpkiError] = []
    for start in range(0, len(requests), _AT_ONCE):
        with office.store.write() as uow:
            group = _Group(office, uow, moment, by)
            answers += group.enter(requests[start : start + _AT_ONCE])
            uow.commit()
        office.step("revocation.recorded")
        progress(len(answers))
    return answers


class _Group:
    """Those of one transaction."""

    def __init__(
        self, office: Office, uow: AuthorityUnitOfWork, at: datetime, by: Caller
    ) -> None:
        self._office, self._uow, self._at, self._by = office, uow, at, by
        self._position = uow.journal.position()
        self._known: dict[_Name, JournalEntry | None] = {}
        self._new: list[JournalEntry] = []

    def enter(
        self, requests: Sequence[RevocationRequest]
    ) -> list[JournalEntry | JpkiError]:
        names = [(request.authority, request.serial) for request in requests]
        certificates = self._uow.certificates.about(names)
        for name in self._uow.journal.among(names):
            self._known[name] = self._uow.journal.find(*name)
        answers: list[JournalEntry | JpkiError] = []
        for name, request in zip(names, requests, strict=True):
            try:
                answers.append(self._one(request, certificates.get(name)))
            except JpkiError as error:
                answers.append(error)
        self._uow.journal.append_all(self._new)
        for entry in self._new:
            log_revocation(self._uow, entry)
        if self._new:
            seal_if_due(self._office, self._uow, self._at)
        return answers

    def _one(
        self, request: RevocationRequest, certificate: CertificateRecord | None
    ) -> JournalEntry:
        name = (request.authority, request.serial)
        since = checked(request.ground, request.invalidity_date, self._at)
        if certificate is None:
            raise NotFound("certificate", subject_of(*name))
        permit(self._uow, certificate, request.reason, self._by)
        known = self._known.get(name)
        if known is not None:
            return known
        permit_end_of_office(
            self._office, self._uow, certificate, request.reason, self._by
        )
        self._position += 1
        entry = JournalEntry(
            position=self._position,
            authority=request.authority,
            serial=request.serial,
            revoked_at=self._at,
            reason=request.reason,
            invalidity_date=since,
            ground=request.ground,
            event_id=None,
            actor=self._by.id,
            shard=certificate.shard,
        )
        self._known[name] = entry
        self._new.append(entry)
        return entry
