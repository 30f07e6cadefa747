"""What a certificate's status was at an instant, as it was known at another.

Two times are asked for: when a signature was made, and when somebody judged it. The
journal never takes a line back and never dates one to before it was written, so what
was known at an instant is what had been revoked by then. An invalidity date (RFC 5280
5.3.2) reaches further back: before it was told nobody could know it, afterwards what
was signed since then is suspect.

The signed lists say the same to whoever does not trust the books: the one that was in
force then, and the first whose word settles the question for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from jpki.authority.office import Office
from jpki.authority.publication.deltas import beside
from jpki.authority.publication.scopes import lists_about
from jpki.errors import NotFound, RequestError
from jpki.model.revocation import Revocation
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import CertificateRecord, CRLRecord

__all__ = ["PastStatus", "Standing", "past_status"]


class Standing(StrEnum):
    """In the words of OCSP (RFC 6960 2.2)."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    """It had not been issued."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PastStatus:
    """What was known of one certificate. Every instant is in UTC, to the second."""

    certificate: CertificateRecord
    at: datetime
    """The instant that is asked about."""
    known_at: datetime
    """The instant of whoever asks; nothing later was known."""
    standing: Standing
    revocation: Revocation | None
    """What had been told by `known_at`, also if it came after `at`."""
    in_force: CRLRecord | None
    """The list that a verifier had at `known_at`, without its bytes."""
    proof: CRLRecord | None
    """The first list that settles what the status at `at` was, without its bytes.

    It may be younger than `known_at`; None until one is published, and for a
    certificate that no list is about.
    """

    @property
    def suspect(self) -> bool:
        """Whether the key was already not to be trusted, as it was told by then."""
        told = self.revocation
        return (
            self.standing is Standing.GOOD
            and told is not None
            and told.invalidity_date is not None
            and told.invalidity_date <= self.at
        )

    @property
    def within_validity(self) -> bool:
        """Whether the certificate's own dates cover the instant (RFC 5280 4.1.2.5)."""
        return self.certificate.not_before <= self.at <= self.certificate.not_after


def past_status(
    office: Office,
    uow: AuthorityUnitOfWork,
    authority: str,
    serial: int,
    *,
    at: datetime,
    known_at: datetime,
    now: datetime,
) -> PastStatus:
    """Look up a certificate's status at one instant, as known at another.

    Raises:
        NotFound: no certificate of this serial number exists.
        RequestError: `at` is after `known_at`, or one of them is yet to come.
    """
    if max(at, known_at) > now:
        raise RequestError("nobody knows yet what will be", hint="name a past instant")
    if at > known_at:
        raise RequestError(
            "at that time the later instant was still to come",
            hint="name an instant of knowledge that is not before the one asked about",
        )
    certificate = uow.certificates.get(authority, serial)
    issued = certificate.completed_at
    if certificate.certificate is None or issued is None:
        raise NotFound("certificate", f"{authority}/{serial:x}")
    entry = uow.journal.find(authority, serial)
    told = None if entry is None else entry.revocation
    if told is not None and told.at > known_at:
        told = None
    if told is not None and told.at <= at:
        standing = Standing.REVOKED
    elif issued <= at:
        standing = Standing.GOOD
    else:
        standing = Standing.UNKNOWN
    names = lists_about(office, certificate)
    held = [uow.archive.at(name, known_at) for name in names]
    proofs: list[CRLRecord | None] = []
    if standing is Standing.REVOKED:
        assert entry is not None
        deltas = [delta for delta in map(beside, names) if delta is not None]
        proofs = [
            uow.archive.first_with(name, entry.position) for name in (*names, *deltas)
        ]
    elif standing is Standing.GOOD:
        proofs = [uow.archive.first_since(name, at) for name in names]
    in_force = next((record for record in held if record is not None), None)
    proof = min(
        (record for record in proofs if record is not None),
        key=lambda record: record.number,
        default=None,
    )
    return PastStatus(
        certificate=certificate,
        at=at,
        known_at=known_at,
        standing=standing,
        revocation=told,
        in_force=in_force,
        proof=proof,
    )
