"""Bringing revocations back into a database that was restored from a backup.

The journal outside the database (`jpki.store.outside_journal`) tells every revocation
in order. Those that the database lacks are entered as they were made: same instant,
reason, ground and actor. A certificate that was issued after the backup, which the
database has never seen, is entered from the journal with them, because it exists in the
world and must stay revoked. CRL numbers that were used are used up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Final

from jpki.access import require_role
from jpki.authority.auditing.checkpoints import seal_if_due
from jpki.authority.auditing.journaling import log_revocation, subject_of
from jpki.authority.office import Office, whole_second
from jpki.errors import EncodingError, NotFound
from jpki.model.operators import Caller, Role
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import (
    CertificateKind,
    CertificateRecord,
    CRLRecord,
    CRLState,
    JournalEntry,
)
from jpki.store.distribution_points import named_point
from jpki.store.outside_journal import Damage, OutsideJournal, read_lines
from jpki.store.outside_lines import LineKind, OutsideLine, list_of, revocation_of
from jpki.x509.parse import parse_certificate

__all__ = ["Replayed", "replay"]

_BATCH: Final = 256
"""Lines of the journal that are brought back in one transaction."""
_REPLAYED: Final = "journal.replayed"
_SINCE: Final = "a number that was used before the database was restored"


@dataclass(kw_only=True, slots=True)
class Replayed:
    """What was brought back, or would be."""

    lines: int = 0
    known: int = 0
    """Revocations that the database had."""
    revoked: list[str] = field(default_factory=list)
    """Certificates, as the audit log names them."""
    recovered: list[str] = field(default_factory=list)
    """Those of them that the database had never seen."""
    numbers: dict[str, int] = field(default_factory=dict)
    """By authority, the highest CRL number that was used and not known."""
    problems: list[str] = field(default_factory=list)
    """What could not be read or brought back: a person has to look at each."""


def replay(
    office: Office,
    journal: OutsideJournal,
    *,
    at: datetime,
    by: Caller,
    dry_run: bool = False,
    progress: Callable[[int], None] = lambda lines: None,
) -> Replayed:
    """Bring back what the journal tells and the database lacks; exactly once.

    Safe to do again, also after it was interrupted in the middle. Only when all of it
    is done does the journal go on: until then nobody revokes here. What a line does not
    tell any more is named among the problems, and hinders no other line.

    Args:
        office: over the restored database.
        journal: need not be the one that the office keeps now.
        at: now.
        by: a CA operator.
        dry_run: only say what would be done.
        progress: told, after each group of lines, how many were read.

    Raises:
        PermissionDenied: not a CA operator.
        StoreError: the journal cannot be read, or the database cannot be written.
    """
    require_role(by, "replay revocations", Role.CA_OPERATOR)
    done, work = Replayed(), _Work(office, whole_second(at), by, dry_run)
    lines = iter(read_lines(journal.path))
    while group := list(islice(lines, _BATCH)):
        work.take(group, done)
        done.lines += len(group)
        progress(done.lines)
    done.numbers = work.use_up_numbers()
    outside = office.store.outside
    if not dry_run and outside is not None and outside.path == journal.path:
        outside.restored(
            office.store.read, known=work.agreed, told=frozenset(work.told)
        )
    return done


class _Work:
    """One run over the journal's lines."""

    def __init__(self, office: Office, at: datetime, by: Caller, dry: bool) -> None:
        self._office, self._at, self._by, self._dry = office, at, by, dry
        self._numbers: dict[str, OutsideLine] = {}
        self._agrees = True
        self.agreed = 0
        """The position up to which the database has just what the lines tell."""
        self.told: set[str] = set()
        """Certificates that lines after that tell of."""

    def take(self, group: Sequence[OutsideLine | Damage], done: Replayed) -> None:
        """Bring back what some lines tell, in one transaction."""
        entries: list[tuple[JournalEntry, CertificateRecord]] = []
        for line in group:
            if isinstance(line, Damage):
                done.problems.append(f"line {line.number}: {line.reason}")
                continue
            try:
                if line.kind is LineKind.REVOCATION:
                    entries.append(revocation_of(line))
                elif line.kind is LineKind.LIST:
                    self._note_number(line)
            except EncodingError as error:
                done.problems.append(f"line {line.number}: {error.message}")
        store = self._office.store
        with store.read() if self._dry else store.database_only() as uow:
            before = len(done.revoked)
            for entry, certificate in entries:
                self._bring_back(uow, entry, certificate, done)
            if self._dry or len(done.revoked) == before:
                return
            self._say_so(uow, done.revoked[before:])
            seal_if_due(self._office, uow, self._at)
            uow.commit()

    def _bring_back(
        self,
        uow: AuthorityUnitOfWork,
        entry: JournalEntry,
        certificate: CertificateRecord,
        done: Replayed,
    ) -> None:
        name = subject_of(entry.authority, entry.serial)
        known = uow.journal.find(entry.authority, entry.serial)
        self._agrees = self._agrees and known == entry
        if self._agrees:
            self.agreed = entry.position
        else:
            self.told.add(name)
        if known is not None:
            done.known += 1
            if known.revocation != entry.revocation:
                done.problems.append(f"{name} was revoked otherwise in the database")
            return
        try:
            uow.authorities.generation(entry.authority, certificate.generation)
        except NotFound as error:
            done.problems.append(f"{name} cannot be brought back: {error.message}")
            return
        done.revoked.append(name)
        held = uow.certificates.find(entry.authority, entry.serial)
        unseen = held is None
        if unseen:
            done.recovered.append(name)
        if self._dry:
            return
        certificate = held or _sorted_in(uow, certificate)
        if unseen:
            uow.certificates.reserve(certificate)
            _log_recovered(uow, certificate, at=self._at, by=self._by.id)
        uow.journal.append(
            entry.revocation,
            authority=entry.authority,
            ground=entry.ground,
            actor=entry.actor,
            event_id=entry.event_id,
            shard=certificate.shard,
        )
        # As it was said when it was done.
        log_revocation(uow, entry)

    def _say_so(self, uow: AuthorityUnitOfWork, names: Sequence[str]) -> None:
        uow.audit.append(
            at=self._at,
            by=self._by.id,
            act=_REPLAYED,
            subject=names[0],
            details={"revocations": len(names), "last": names[-1]},
        )

    def _note_number(self, line: OutsideLine) -> None:
        authority, number = list_of(line)
        highest = self._numbers.get(authority)
        if highest is None or list_of(highest)[1] < number:
            self._numbers[authority] = line

    def use_up_numbers(self) -> dict[str, int]:
        """Enter the highest number of each authority, so that the next is higher."""
        used: dict[str, int] = {}
        store = self._office.store
        with store.read() if self._dry else store.database_only() as uow:
            for authority, line in sorted(self._numbers.items()):
                number = list_of(line)[1]
                if uow.crls.last_number(authority) >= number:
                    continue
                used[authority] = number
                if not self._dry:
                    self._use_up(uow, authority, number, line)
            if used and not self._dry:
                uow.commit()
        return used

    def _use_up(
        self, uow: AuthorityUnitOfWork, authority: str, number: int, line: OutsideLine
    ) -> None:
        record = CRLRecord(
            authority=authority,
            scope=str(line.content["scope"]),
            number=number,
            generation=int(line.content["generation"]),
            this_update=datetime.fromisoformat(line.content["this_update"]),
            next_update=datetime.fromisoformat(line.content["next_update"]),
            journal_position=0,
            state=CRLState.REFUSED,
            prepared_at=self._at,
            completed_at=self._at,
        )
        uow.crls.reserve(record, tbs=b"")
        uow.audit.append(
            at=self._at,
            by=self._by.id,
            act="crl.refused",
            subject=f"{authority}/crl/{number}",
            details={"reason": _SINCE},
        )


def _log_recovered(
    uow: AuthorityUnitOfWork, certificate: CertificateRecord, *, at: datetime, by: str
) -> None:
    signed, tbs = certificate.certificate, certificate.tbs
    uow.audit.append(
        at=at,
        by=by,
        act="certificate.recovered",
        subject=subject_of(certificate.authority, certificate.serial),
        details={
            "sha256": None if signed is None else hashlib.sha256(signed).hexdigest(),
            "tbs": _digest_of_tbs(signed, tbs),
        },
    )


def _digest_of_tbs(signed: bytes | None, tbs: bytes | None) -> str | None:
    if signed is not None:
        tbs = parse_certificate(signed).tbs
    return None if tbs is None else hashlib.sha256(tbs).hexdigest()


def _sorted_in(
    uow: AuthorityUnitOfWork, certificate: CertificateRecord
) -> CertificateRecord:
    """The record with the shard that the certificate names."""
    if certificate.kind not in (
        CertificateKind.SIGNATURE,
        CertificateKind.AUTHENTICATION,
    ):
        return certificate
    point = named_point(certificate.certificate, certificate.tbs)
    if point is None:
        return certificate
    shard = uow.shards.enter(
        certificate.authority,
        certificate.generation,
        hashlib.sha256(point).hexdigest()[:12],
        point,
        certificate.prepared_at,
    )
    return replace(certificate, shard=shard)
