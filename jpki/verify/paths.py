"""Path verification: build candidate paths, validate each, and reach one verdict.

    verify_path(job) -> Valid | Invalid | Indeterminate

The first candidate for which everything holds decides. If none does, the one that came
nearest gives the reason; a path that fails only for want of information makes the
verdict indeterminate.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from jpki.verify.budget import Budget, WorkExceeded
from jpki.verify.building import PathBuilder
from jpki.verify.jobs import PathJob
from jpki.verify.memory import Memory
from jpki.verify.outcomes import (
    Indeterminate,
    Invalid,
    JudgedDocument,
    Outcome,
    Valid,
    Work,
)
from jpki.verify.reasons import Code, Reason
from jpki.verify.refusal import Undecided
from jpki.verify.revocation import CertificateStatus, RevocationChecker
from jpki.verify.siblings import Told
from jpki.verify.signatures import SignatureFacts
from jpki.verify.validation import CandidatePath, PathProblem, about, validate_path

__all__ = ["verify_path"]


_VALID: Final = Reason(code=Code.VALID)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What became of one candidate path."""

    rank: tuple[int, int]
    """How near it came: undecided before refused, later checks before earlier ones."""
    reason: Reason
    decided: bool
    path: CandidatePath
    policies: frozenset[str] = frozenset()
    statuses: tuple[CertificateStatus, ...] = ()

    @property
    def statements(self) -> Told:
        """About all certificates, from the top."""
        return _told(self.path, self.statuses)


def verify_path(
    job: PathJob,
    memory: Memory | None = None,
    document: JudgedDocument | None = None,
) -> Outcome:
    """The verdict on the job's end entity.

    Args:
        memory: what is shared with other verdicts.
        document: what the end entity signed; it goes into the verdict as it is.
    """
    memory = Memory() if memory is None else memory
    facts, siblings = memory.facts, memory.siblings
    budget = Budget()
    kin = siblings.kin_of(job)
    if kin is not None and facts.certificate_by(job.end_entity, kin.issuer_key, budget):
        budget.path()
        return Valid(
            at=job.at,
            reason=_VALID,
            anchor=kin.anchor,
            path=(*kin.above, job.end_entity),
            policies=kin.policies,
            statements=kin.told(job.end_entity),
            work=_work(budget),
            document=document,
        )
    # Whom a path is looked for may have certified others, or signed a list.
    job = replace(job, pool=job.pool.holding(job.end_entity))
    builder = PathBuilder(job, facts, budget)
    best: _Attempt | None = None
    try:
        for candidate in builder.paths():
            attempt = _attempt(candidate, job, facts, budget)
            if attempt.reason.code is Code.VALID:
                siblings.learn(
                    job,
                    candidate,
                    attempt.policies,
                    _told(candidate, attempt.statuses[:-1]),
                    attempt.statuses[-1].statements,
                )
                return Valid(
                    at=job.at,
                    reason=attempt.reason,
                    anchor=attempt.path.anchor,
                    path=attempt.path.certificates,
                    policies=attempt.policies,
                    statements=attempt.statements,
                    work=_work(budget),
                    document=document,
                )
            if best is None or attempt.rank > best.rank:
                best = attempt
    except WorkExceeded as exceeded:
        reason = Reason(code=Code.TOO_MUCH_WORK, data={"limit": exceeded.limit})
        return Indeterminate(
            at=job.at, reason=reason, work=_work(budget), document=document
        )
    if best is None:
        reason = builder.dead_end or Reason(
            code=Code.NO_PATH, data=about(job.end_entity)
        )
        # Where not all certificates could be fetched there may well be a path.
        missing = reason.code is Code.NO_PATH and not job.pool.is_complete
        verdict = Indeterminate if missing else Invalid
        return verdict(at=job.at, reason=reason, work=_work(budget), document=document)
    outcome = Invalid if best.decided else Indeterminate
    return outcome(
        at=job.at,
        reason=best.reason,
        anchor=best.path.anchor,
        path=best.path.certificates,
        policies=best.policies,
        statements=best.statements,
        work=_work(budget),
        document=document,
    )


def _attempt(
    candidate: CandidatePath, job: PathJob, facts: SignatureFacts, budget: Budget
) -> _Attempt:
    try:
        validated = validate_path(candidate, job, facts, budget)
    except PathProblem as problem:
        position = problem.reason.position or 0
        return _Attempt((0, position), problem.reason, True, candidate)
    statuses = RevocationChecker(job, facts, budget).check(candidate)
    reasons = [
        (
            not isinstance(status.problem, Undecided),
            status.problem.reason(about(certificate), position),
        )
        for position, (certificate, status) in enumerate(
            zip(candidate.certificates, statuses, strict=True), 1
        )
        if status.problem is not None
    ]
    reasons += [(False, doubt) for doubt in validated.doubts]
    # What is certain is said first; of the rest, what is nearest to the anchor.
    reasons.sort(key=lambda found: not found[0])
    decided, reason = reasons[0] if reasons else (True, _VALID)
    return _Attempt(
        (1 if decided else 2, reason.position or 0),
        reason,
        decided,
        candidate,
        policies=validated.policies,
        statuses=statuses,
    )


def _told(path: CandidatePath, statuses: tuple[CertificateStatus, ...]) -> Told:
    return tuple(
        (certificate, statement)
        for certificate, status in zip(path.certificates, statuses, strict=False)
        for statement in status.statements
    )


def _work(budget: Budget) -> Work:
    return Work(signatures=budget.signatures, paths=budget.paths)
