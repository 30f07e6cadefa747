"""What an authentic CRL or OCSP response states about one certificate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from jpki.model.names import Name
from jpki.model.revocation import RevocationReason
from jpki.verify.budget import Budget
from jpki.verify.crls import RevocationList
from jpki.verify.jobs import PathJob
from jpki.verify.outcomes import Evidence
from jpki.verify.signatures import SignatureFacts
from jpki.verify.validation import CandidatePath
from jpki.x509.parse import Certificate

__all__ = [
    "CLOCK_SKEW",
    "Context",
    "Delegate",
    "Statement",
    "bound_from",
    "is_current",
    "is_early",
    "looks_back",
    "outlives",
    "reason_label",
    "spoken_at",
]

CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far in the future a statement may have been made: clocks differ (the usual
allowance, as of `openssl ocsp`). Nothing is allowed beyond `nextUpdate`."""

_COMPROMISED: Final = frozenset(
    {RevocationReason.KEY_COMPROMISE, RevocationReason.CA_COMPROMISE}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """One statement; its signature and its signer have been checked."""

    kind: str
    issuer: str
    fingerprint: str
    this_update: datetime
    next_update: datetime | None
    number: int | None
    covers: frozenset[int]
    """The revocation reasons that it would know of (ReasonFlags)."""
    current: bool
    revoked_at: datetime | None = None
    """From when on it is not to be relied on, whenever that was found out. Where there
    is a `problem`, only that the certificate's number is listed."""
    revocation_reason: str | None = None
    lists: tuple[RevocationList, ...] = ()
    """The CRLs in which the certificate was looked up."""
    problem: str | None = None
    """Why it tells nothing although it is authentic; then it is not current."""

    def evidence(self, certificate: Certificate) -> Evidence:
        """This statement for the verdict."""
        status = "good" if self.current else "stale"
        if self.problem is not None:
            status = "unusable"
        elif self.revoked_at is not None:
            status = "revoked"
        return Evidence(
            kind=self.kind,
            certificate=certificate.fingerprint,
            status=status,
            issuer=self.issuer,
            fingerprint=self.fingerprint,
            this_update=self.this_update,
            next_update=self.next_update,
            number=self.number,
        )


Delegate = tuple[Certificate, int]
"""A certificate, and the level of the path at which its issuer stands above it."""


class Context(Protocol):
    """What the readers of CRLs and OCSP responses need from the one who asks."""

    job: PathJob
    facts: SignatureFacts
    budget: Budget

    def delegates(
        self, path: CandidatePath, index: int, name: Name
    ) -> tuple[Delegate, ...]:
        """Whom the authorities above `index` on this path certified under this name."""
        ...

    def may_speak(
        self, path: CandidatePath, at: datetime, *, as_responder: bool = False
    ) -> bool:
        """Whether the last certificate of this path is valid then, and not revoked."""
        ...


def is_early(job: PathJob, this_update: datetime) -> bool:
    """Whether a statement was made after all that may be known for this job."""
    return this_update - (job.known_at or job.at) > CLOCK_SKEW


def looks_back(job: PathJob, this_update: datetime) -> bool:
    """Whether a statement was made after the instant that is asked about.

    Where that is now, clocks may differ. A proven instant of the past is compared as it
    stands: a revocation a minute later came later, whenever a list tells of it.
    """
    past = job.known_at is not None and job.known_at > job.at
    return this_update > job.at if past else this_update - job.at > CLOCK_SKEW


def spoken_at(job: PathJob, this_update: datetime) -> datetime:
    """At which instant the maker of a statement, and its signature, are judged."""
    return this_update if looks_back(job, this_update) else job.at


def outlives(job: PathJob, this_update: datetime, certificate: Certificate) -> bool:
    """Whether a statement that looks back was made when the certificate had expired.

    Lists need not tell of it any more (RFC 5280 5: entries go one CRL after expiry).
    """
    return looks_back(job, this_update) and this_update > certificate.not_after


def bound_from(revoked_at: datetime, reason: int, invalid: datetime | None) -> datetime:
    """From when on a revoked certificate is not to be relied on.

    Where the key is suspected to be in other hands, from the invalidity date on
    (RFC 5280 5.3.2); otherwise the signer has done nothing wrong until the revocation.
    """
    if invalid is None or reason not in _COMPROMISED:
        return revoked_at
    return min(revoked_at, invalid)


def is_current(
    job: PathJob, this_update: datetime, next_update: datetime | None
) -> bool:
    """Whether a statement may be relied on for the job's instant.

    One that looks back never grows old: what was revoked stays so.
    """
    if next_update is None or next_update < job.at or next_update < this_update:
        return False
    if is_early(job, this_update):
        return False
    age = job.max_revocation_age
    return age is None or job.at - this_update <= age


def reason_label(code: int) -> str:
    """The name of a CRLReason; its number where it has none."""
    try:
        return RevocationReason(code).label
    except ValueError:
        return f"reason {code}"
