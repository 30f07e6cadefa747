"""Since when does a signature exist? Timestamps, from the outermost in.

A timestamp is a signature too: its authority's certificate expires, its algorithm
grows weak. It still proves something while it holds, or while a later timestamp around
it proves that it was there when it held. So each is judged at the earliest instant that
is proven so far, and brings that instant further back (ETSI EN 319 102-1 section 5.5).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from jpki.der import oids
from jpki.documents.signature import CheckedSignature, Timestamp
from jpki.errors import EncodingError
from jpki.verify.algorithms import AlgorithmPolicy
from jpki.verify.outcomes import Existence, Outcome, Proof, Valid
from jpki.verify.reasons import Code
from jpki.x509.parse import Certificate

__all__ = ["MAX_CHECKS", "proven_existence"]

MAX_CHECKS: Final = 400
"""Signatures checked for all timestamps together; the path of one has its own limits.
Sixteen honest ones, each with a chain of its own, need fewer than 100."""
_CLOCK_SKEW: Final = timedelta(minutes=5)

JudgeAuthority = Callable[[Certificate, CheckedSignature, datetime], Outcome]
"""The verdict on a time-stamp authority's certificate at an instant."""


def proven_existence(
    timestamps: tuple[Timestamp, ...],
    at: datetime,
    algorithms: AlgorithmPolicy,
    judge: JudgeAuthority,
) -> Existence:
    """Go from what is there now to what was there then.

    All of them together may cost about as much as one path.

    Args:
        timestamps: from the innermost out.
        at: now, or any instant at which the document is at hand.
        algorithms: what may be relied on when.
        judge: asked about each authority, at the instant proven so far.
    """
    if not timestamps:
        return Existence(at=at)
    proofs, notes = list[Proof](), list[str]()
    instant = earliest = at
    spent = 0
    for stamp in reversed(timestamps):
        if spent > MAX_CHECKS:
            notes.append("timestamps further in are not looked at: too much work")
            break
        problem, outcome = _problem(stamp, instant, algorithms, judge)
        spent += _cost(outcome)
        if problem is not None or outcome is None:
            notes.append(f"timestamp of {stamp.at:%Y-%m-%dT%H:%M:%SZ}: {problem}")
        else:
            # It was there by the latest instant that the authority allows for.
            earliest = min(earliest, stamp.at + stamp.accuracy)
            proofs.append(
                Proof(
                    at=stamp.at,
                    accuracy=stamp.accuracy,
                    authority=outcome.path[-1],
                    evidence=outcome.evidence,
                )
            )
        # One that stands beside the next says of the signature when it was there, but
        # not of that next one: both are judged at the same instant.
        if not stamp.beside:
            instant = earliest
    return Existence(at=earliest, proofs=tuple(proofs), notes=tuple(notes))


def _cost(outcome: Outcome | None) -> int:
    """Signature checks; who came to a limit has had enough for all."""
    if outcome is None:
        return 0
    if outcome.code is Code.TOO_MUCH_WORK:
        return MAX_CHECKS + 1
    return outcome.work.signatures


def _problem(
    stamp: Timestamp,
    instant: datetime,
    algorithms: AlgorithmPolicy,
    judge: JudgeAuthority,
) -> tuple[str | None, Outcome | None]:
    if stamp.at > instant + _CLOCK_SKEW:
        return "later than what is around it", None
    for digest in sorted({stamp.imprint_digest, *stamp.signature.digests}):
        judgement = algorithms.judge_digest(digest, instant)
        if not judgement.allowed:
            return f"digest {digest}: {judgement.reason}", None
    certificate = stamp.signature.holder
    try:
        if not _is_for_timestamps(certificate):
            return "not made with a certificate for timestamps (RFC 3161 2.3)", None
        judgement = algorithms.judge(
            stamp.signature.algorithm, certificate.public_key, instant
        )
    except EncodingError as error:
        return error.message, None
    # The path says what the certificates were signed with, not the timestamp itself.
    if not judgement.allowed:
        return f"its signature: {judgement.reason}", None
    if not certificate.not_before <= stamp.at <= certificate.not_after:
        return "made outside the validity of its authority's certificate", None
    outcome = judge(certificate, stamp.signature, instant)
    if not isinstance(outcome, Valid):
        return outcome.reason.text("en"), outcome
    return None, outcome


def _is_for_timestamps(certificate: Certificate) -> bool:
    """RFC 3161 2.3: the one purpose is timestamps, and that is critical."""
    purposes = certificate.extended_key_usage
    extension = certificate.extensions.get(oids.EXTENDED_KEY_USAGE)
    return (
        purposes == frozenset({oids.KP_TIME_STAMPING})
        and extension is not None
        and extension.critical
    )
