"""What an authentic CRL or OCSP response states about one certificate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from jpki.model.revocation import RevocationReason
from jpki.verify.budget import Budget
from jpki.verify.jobs import PathJob
from jpki.verify.outcomes import Evidence
from jpki.verify.signatures import SignatureFacts
from jpki.verify.validation import CandidatePath
from jpki.x509.parse import Certificate

__all__ = [
    "CLOCK_SKEW",
    "Context",
    "Statement",
    "is_current",
    "is_early",
    "reason_label",
]

CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far in the future a statement may have been made: clocks differ (the usual
allowance, as of `openssl ocsp`). Nothing is allowed beyond `nextUpdate`."""


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
    revocation_reason: str | None = None

    def evidence(self, certificate: Certificate) -> Evidence:
        """This statement for the verdict."""
        status = "good" if self.revoked_at is None else "revoked"
        return Evidence(
            kind=self.kind,
            certificate=certificate.fingerprint,
            status=status if self.current else "stale",
            issuer=self.issuer,
            fingerprint=self.fingerprint,
            this_update=self.this_update,
            next_update=self.next_update,
            number=self.number,
        )


class Context(Protocol):
    """What the readers of CRLs and OCSP responses need from the one who asks."""

    job: PathJob
    facts: SignatureFacts
    budget: Budget

    def may_speak(self, path: CandidatePath, *, as_responder: bool = False) -> bool:
        """Whether the last certificate of this path is valid and not revoked."""
        ...


def is_early(job: PathJob, this_update: datetime) -> bool:
    """Whether a statement was made after the job's instant: unknown then."""
    return this_update > job.at + CLOCK_SKEW


def is_current(
    job: PathJob, this_update: datetime, next_update: datetime | None
) -> bool:
    """Whether a statement may be relied on at the job's instant."""
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
