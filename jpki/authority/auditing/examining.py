"""Examining the books: the chain of the log, and an account of every serial number."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from jpki.authority.auditing.checkpoints import (
    KEY_MADE,
    SEALED,
    Checkpoint,
    key_details,
    seal_details,
    stored_checkpoints,
)
from jpki.authority.auditing.journaling import revocation_details, subject_of
from jpki.authority.auditing.serial_blocks import (
    RESERVED,
    UnusedSerials,
    block_problems,
    unused_serials,
)
from jpki.errors import AuditError, EncodingError, StoreError
from jpki.model.merkle import CompactRange, leaf_hash
from jpki.store import AuthorityUnitOfWork
from jpki.store.audit_log import entry_hash, written_instant
from jpki.store.audit_tree import STEP
from jpki.store.authority_records import (
    ApplicationState,
    AuditEntry,
    CertificateRecord,
    CertificateState,
)
from jpki.x509.parse import parse_certificate

__all__ = [
    "AuditSummary",
    "SerialAccount",
    "SerialLine",
    "account_for_serials",
    "verify_audit",
]

_START: Final = bytes(32)
"""What the first entry is chained to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditSummary:
    """A log that verifies: how long it is, and how it ends."""

    entries: int
    head: str
    """Hash of the newest entry; whoever knows it can tell a rewritten log."""
    root: str
    """Head of the Merkle tree over all entries."""
    checkpoints: int
    """Signed heads in the database; all of them verify."""
    unsigned: int
    """Entries after the last of them and the log's own entry about it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SerialLine:
    """What became of one serial number."""

    authority: str
    serial: int
    kind: str
    state: CertificateState
    revoked: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class SerialAccount:
    """Every serial number ever reserved, and what does not agree."""

    lines: tuple[SerialLine, ...]
    problems: tuple[str, ...]
    """Each a sentence; none when the books agree with the log."""
    unused: tuple[UnusedSerials, ...] = ()
    """Counted numbers that were reserved and never given to a certificate."""

    @property
    def counts(self) -> Mapping[CertificateState, int]:
        """How many numbers stand in which state."""
        return Counter(line.state for line in self.lines)

    @property
    def summary(self) -> Mapping[str, int]:
        """The account in a few figures."""
        unused = sum(run.count for run in self.unused)
        return {
            "reserved": len(self.lines) + unused,
            **{state.value: count for state, count in self.counts.items()},
            **({"unused": unused} if unused else {}),
        }


def verify_audit(
    uow: AuthorityUnitOfWork, kept: Checkpoint | None = None
) -> AuditSummary:
    """Check every entry and link, the tree over them, and every checkpoint.

    Args:
        uow: the books.
        kept: a checkpoint from elsewhere. With it also a log is found out that was
            rewritten or cut off consistently, together with its own checkpoints.

    Raises:
        AuditError: an entry was altered, moved, taken out or cut off; says which.
    """
    reading = _Reading(uow, kept)
    for entry in uow.audit.walk():
        reading.take(entry)
    reading.end()
    return AuditSummary(
        entries=reading.sequence,
        head=reading.previous.hex(),
        root=reading.tree.root().hex(),
        checkpoints=len(reading.signed),
        unsigned=reading.sequence - reading.signed_to,
    )


class _Reading:
    """One reading of the log, entry by entry."""

    def __init__(self, uow: AuthorityUnitOfWork, kept: Checkpoint | None) -> None:
        self._uow = uow
        self.sequence, self.previous = 0, _START
        self.tree = CompactRange()
        self.good = 0
        """Entries that a checkpoint has vouched for."""
        self.signed: tuple[Checkpoint, ...] = ()
        self._spoiled: AuditError | None = None
        """A checkpoint that was altered; told last, because it locates nothing."""
        try:
            self.signed = stored_checkpoints(uow)
            for head in self.signed:
                head.verify()
        except AuditError as error:
            self._spoiled = error
        if kept is not None:
            kept.verify()
        self._kept = kept
        heads = [] if self._spoiled else [*self.signed]
        heads += [] if kept is None else [kept]
        self._due = sorted(heads, key=lambda head: head.entries, reverse=True)
        self._strangers = {head.key for head in self.signed}
        self._sealed: dict[int, tuple[int, str]] = {}
        """By how many entries a checkpoint is over: who says so, and what."""
        self._keys: dict[str, tuple[int, str]] = {}

    @property
    def signed_to(self) -> int:
        """The last entry that a checkpoint vouches for, or that is about it."""
        return self.good + (self.good in self._sealed)

    def take(self, entry: AuditEntry) -> None:
        """The next entry."""
        self.sequence += 1
        if entry.previous != self.previous:
            raise AuditError(self.sequence, "does not follow from the entry before it")
        if entry.hash != _hash_of(entry):
            raise AuditError(self.sequence, "was altered")
        if entry.act == KEY_MADE:
            self._strangers.discard(entry.subject)
            self._keys[entry.subject] = entry.sequence, entry.details
        if entry.act == SEALED:
            self._sealed[entry.sequence - 1] = entry.sequence, entry.details
        self.previous = entry.hash
        self._compare_nodes(self.tree.append(leaf_hash(entry.hash)))
        while self._due and self._due[-1].entries == self.sequence:
            self._compare_head(self._due.pop())

    def _compare_nodes(self, completed: Sequence[bytes]) -> None:
        for level in range(STEP, len(completed), STEP):
            position = (self.sequence >> level) - 1
            if self._uow.audit.tree.node(level, position) != completed[level]:
                first = (position << level) + 1
                raise AuditError(
                    first, f"or one up to {self.sequence} is not what the tree holds"
                )

    def _compare_head(self, head: Checkpoint) -> None:
        if self.tree.root() != head.root:
            raise AuditError(
                self.good + 1,
                f"or one up to {self.sequence} was rewritten: it is not what the "
                f"checkpoint of {head.at} signed",
            )
        self.good = self.sequence

    def end(self) -> None:
        """After the last entry: does the log end where its writers left it?"""
        try:
            last, end = self._uow.audit.head()
        except StoreError as error:
            raise AuditError(None, error.message) from None
        promised = max([last, *(head.entries for head in self._due)])
        if promised > self.sequence:
            raise AuditError(
                self.sequence + 1, f"is missing, with all up to {promised}"
            )
        if last < self.sequence or end != self.previous:
            raise AuditError(last + 1, "is not what the last writer left")
        if self._uow.audit.tree.nodes() > _nodes_over(self.sequence):
            raise AuditError(
                self.sequence + 1, "is missing: the tree has a node over it"
            )
        if self._spoiled is not None:
            raise self._spoiled
        kept = self._kept
        if kept is not None and kept.key not in {head.key for head in self.signed}:
            raise AuditError(
                kept.entries, "ends a checkpoint by a key that this log does not have"
            )
        for key in sorted(self._strangers):
            raise AuditError(
                self.sequence, f"ends a log that does not name its key {key}"
            )
        self._compare_checkpoints()
        self._compare_keys()

    def _compare_checkpoints(self) -> None:
        """Those in the database are those of the log, each as it was made.

        Before its first entry about one, the log was written without such entries.
        """
        held = {head.entries: head for head in self.signed}
        for entries, (sequence, said) in self._sealed.items():
            if entries not in held:
                raise AuditError(sequence, "is about a checkpoint that was taken out")
            if _details(said) != seal_details(held[entries]):
                raise AuditError(sequence, "is about another checkpoint than is there")
        first = min(self._sealed, default=self.sequence)
        for entries in held.keys() - self._sealed.keys():
            if entries >= first:
                raise AuditError(
                    entries, "ends a checkpoint that the log does not have"
                )

    def _compare_keys(self) -> None:
        try:
            keys = {key.id: key for key in self._uow.audit.tree.signing_keys()}
        except StoreError as error:
            raise AuditError(None, error.message) from None
        for name, (sequence, said) in self._keys.items():
            details = _details(said)
            if name not in keys:
                raise AuditError(sequence, "is about a key of the log that is gone")
            if details and details != key_details(keys[name]):
                raise AuditError(sequence, "is about a key that was altered since")


def _details(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _nodes_over(entries: int) -> int:
    """How many subtrees are stored over so many entries."""
    return sum(entries >> level for level in range(STEP, entries.bit_length(), STEP))


def _hash_of(entry: AuditEntry) -> bytes:
    return entry_hash(
        entry.previous,
        entry.sequence,
        entry.at,
        entry.actor,
        entry.act,
        entry.subject,
        entry.details,
    )


# -- serial numbers -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Claim:
    """A certificate's word about whose application it answers."""

    application: str
    state: CertificateState


@dataclass(slots=True)
class _Logged:
    """What the log says about one certificate."""

    acts: set[str] = field(default_factory=set)
    tbs: str = ""
    sha256: str = ""
    revoked: tuple[str, str, Mapping[str, object]] | None = None
    """When, by whom, and the rest."""


def account_for_serials(uow: AuthorityUnitOfWork) -> SerialAccount:
    """Hold every serial number against the log, the journal and its application."""
    problems: list[str] = []
    blocks = list(uow.serials.walk())
    logged, logged_blocks = _read_log(uow, problems)
    revoked = set()
    for entry in uow.journal.walk():
        name = subject_of(entry.authority, entry.serial)
        revoked.add(name)
        line = written_instant(entry.revoked_at), entry.actor, revocation_details(entry)
        said = logged.get(name)
        if said is not None and said.revoked not in (None, line):
            problems.append(f"{name} was revoked otherwise, by the log")
    lines: list[SerialLine] = []
    applications: dict[str, _Claim] = {}
    for certificate in uow.certificates.walk():
        name = subject_of(certificate.authority, certificate.serial)
        said = logged.pop(name, _Logged())
        problems += _disagreements(name, certificate, said, name in revoked)
        if certificate.application is not None:
            applications[name] = _Claim(certificate.application, certificate.state)
        lines.append(
            SerialLine(
                authority=certificate.authority,
                serial=certificate.serial,
                kind=certificate.kind.value,
                state=certificate.state,
                revoked=name in revoked,
            )
        )
    problems += [f"{name} is in the log, but in no book" for name in logged]
    known = {subject_of(line.authority, line.serial) for line in lines}
    problems += [
        f"{name} is in the journal, but was never reserved" for name in revoked - known
    ]
    problems += _applications(uow, applications)
    certified = [(line.authority, line.serial) for line in lines]
    problems += block_problems(blocks, logged_blocks, certified)
    return SerialAccount(
        lines=tuple(lines),
        problems=tuple(problems),
        unused=tuple(unused_serials(blocks, certified)),
    )


def _read_log(
    uow: AuthorityUnitOfWork, problems: list[str]
) -> tuple[dict[str, _Logged], set[str]]:
    """What was logged of each certificate, and the blocks of numbers."""
    logged: dict[str, _Logged] = {}
    blocks: set[str] = set()
    for entry in uow.audit.walk():
        if entry.act == RESERVED:
            blocks.add(entry.subject)
        kind, _, act = entry.act.partition(".")
        if kind != "certificate":
            continue
        said = logged.setdefault(entry.subject, _Logged())
        said.acts.add(act)
        try:
            details = json.loads(entry.details)
            said.tbs = details.get("tbs", said.tbs)
            said.sha256 = details.get("sha256", said.sha256)
            if act == "revoked":
                said.revoked = entry.at, entry.actor, details
        except (ValueError, AttributeError):
            problems.append(f"audit entry {entry.sequence} has unreadable details")
    return logged, blocks


_ACTS_OF_STATE: Final = {
    CertificateState.PENDING: {"prepared"},
    CertificateState.ISSUED: {"prepared", "completed"},
    CertificateState.ABANDONED: {"prepared", "abandoned"},
}


def _disagreements(
    name: str, certificate: CertificateRecord, said: _Logged, revoked: bool
) -> list[str]:
    problems = []
    expected = _ACTS_OF_STATE[certificate.state] | ({"revoked"} if revoked else set())
    if "recovered" in said.acts:
        # What the log said of it before was lost with the database.
        expected = {"recovered", "revoked"}
    state = certificate.state.value
    for act in sorted(expected - said.acts):
        problems.append(f"{name} is {state}, but the log never says it was {act}")
    for act in sorted(said.acts - expected):
        problems.append(f"{name} was {act} by the log, but the books do not have it")
    if certificate.state is CertificateState.ABANDONED and not revoked:
        problems.append(f"{name} is abandoned, but not in the journal")
    tbs = certificate.tbs
    if certificate.certificate is not None:
        if hashlib.sha256(certificate.certificate).hexdigest() != said.sha256:
            problems.append(f"{name} has another certificate than the log says")
        try:
            parsed = parse_certificate(certificate.certificate)
        except EncodingError:
            problems.append(f"{name} has an unreadable certificate")
            return problems
        tbs = parsed.tbs
        if parsed.serial != certificate.serial:
            problems.append(f"{name} has the certificate of another serial number")
    if tbs is None or hashlib.sha256(tbs).hexdigest() != said.tbs:
        problems.append(f"{name} has other bytes than were prepared by the log")
    return problems


def _applications(
    uow: AuthorityUnitOfWork, certificates: Mapping[str, _Claim]
) -> list[str]:
    """Every certificate has its application, every finished application its one."""
    problems = []
    claimed = set()
    for application in uow.applications.walk():
        if application.serial is None:
            if application.state not in (
                ApplicationState.FILED,
                ApplicationState.CANCELLED,
            ):
                problems.append(
                    f"application {application.id} is {application.state.value} "
                    "without a certificate"
                )
            continue
        name = subject_of(application.authority, application.serial)
        claimed.add(name)
        certificate = certificates.get(name)
        if certificate is None or certificate.application != application.id:
            problems.append(f"application {application.id} names a foreign {name}")
        elif (
            application.state in (ApplicationState.ISSUED, ApplicationState.DELIVERED)
            and certificate.state is not CertificateState.ISSUED
        ):
            problems.append(
                f"application {application.id} is {application.state.value}, "
                f"but {name} is {certificate.state.value}"
            )
    problems += [
        f"{name} belongs to no application" for name in certificates.keys() - claimed
    ]
    return problems
