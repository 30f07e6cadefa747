"""What is asked of path validation: one question, complete, with everything at hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from jpki.der.oids import ANY_POLICY
from jpki.errors import RequestError
from jpki.verify.algorithms import AlgorithmPolicy
from jpki.verify.anchors import TrustAnchor
from jpki.verify.pool import Pool
from jpki.verify.subject_names import SubjectName
from jpki.x509.once import once
from jpki.x509.parse import Certificate

__all__ = ["ANY_POLICY_SET", "PathJob", "RevocationMode"]

ANY_POLICY_SET: Final = frozenset({ANY_POLICY})


class RevocationMode(Enum):
    """How much must be known about revocation."""

    REQUIRE = "require"
    """Every certificate below the anchor must be shown not to be revoked."""
    IF_PRESENT = "if-present"
    """Authentic data at hand counts; where there is none, nothing is asked."""
    NONE = "none"
    """Revocation is not looked at."""


@dataclass(frozen=True, kw_only=True)
class PathJob:
    """The inputs of RFC 5280 6.1.1 and 6.3.1, and what is asked beyond them."""

    anchors: tuple[TrustAnchor, ...]
    end_entity: Certificate
    at: datetime
    """The instant to judge at; also how fresh revocation data must be. Whole seconds,
    as certificates count (RFC 5280 4.1.2.5): the second of notAfter is inside."""
    known_at: datetime | None = None
    """Until when evidence may have been made; by default `at`. A later one makes the
    question one about the past: what is known by now of the status at `at`."""
    algorithms: AlgorithmPolicy
    """Which signature algorithms are accepted at which instant."""
    pool: Pool = field(default_factory=Pool)
    """Intermediate certificates, CRLs and OCSP responses. Nothing in it is trusted."""
    revocation: RevocationMode = RevocationMode.REQUIRE
    use_deltas: bool = False
    max_revocation_age: timedelta | None = None
    """How old `thisUpdate` may be, however late `nextUpdate` is."""
    initial_policies: frozenset[str] = ANY_POLICY_SET
    require_explicit_policy: bool = False
    inhibit_policy_mapping: bool = False
    inhibit_any_policy: bool = False
    max_path_length: int | None = None
    """Intermediate certificates that are not self-issued; None leaves it open."""
    purpose: str | None = None
    """The extended key usage that the end entity must be allowed."""
    name: SubjectName | None = None
    """A name that the end entity must bear."""

    def __post_init__(self) -> None:
        """Refuse a question that has no answer.

        Raises:
            RequestError: the instant has no zone, or nothing could ever be accepted.
        """
        if self.at.tzinfo is None:
            raise RequestError("the instant to judge at has no time zone")
        if self.known_at is not None and (
            self.known_at.tzinfo is None or self.known_at < self.at
        ):
            raise RequestError("what is known ends before the instant to judge at")
        if self.at.microsecond:
            object.__setattr__(self, "at", self.at.replace(microsecond=0))
        if not self.anchors:
            raise RequestError("no trust anchor: nothing could ever be valid")
        if not self.initial_policies:
            raise RequestError("no initial policy: say anyPolicy to accept all")
        if self.max_path_length is not None and self.max_path_length < 0:
            raise RequestError("the maximal path length is negative")
        if (
            self.max_revocation_age is not None
            and self.max_revocation_age < timedelta()
        ):
            raise RequestError("the maximal age of revocation data is negative")

    @once
    def question(self) -> tuple[object, ...]:
        """All that is asked but for whom, and with what at hand."""
        return (
            self.anchors,
            self.at,
            self.known_at,
            self.algorithms,
            self.revocation,
            self.use_deltas,
            self.max_revocation_age,
            self.initial_policies,
            self.require_explicit_policy,
            self.inhibit_policy_mapping,
            self.inhibit_any_policy,
            self.max_path_length,
            self.purpose,
            self.name,
        )

    def about(self, end_entity: Certificate, pool: Pool) -> PathJob:
        """The same question about this certificate, with this at hand."""
        # The question was checked before; to set each field anew takes long.
        job = object.__new__(PathJob)
        job.__dict__.update(
            self.__dict__, end_entity=end_entity, pool=pool, question=self.question
        )
        return job
