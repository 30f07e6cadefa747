"""Which signature algorithms a verdict accepts, and until when.

What an algorithm is worth depends on the instant. The eras know; they are asked here
with what stands in certificates: an AlgorithmIdentifier and a public key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from jpki.der.reader import read_one
from jpki.errors import EncodingError
from jpki.model.eras import Act, Era, Judgement
from jpki.model.suites import SUITES, SignatureSuite
from jpki.verify.reasons import Code
from jpki.verify.refusal import Refused, Undecided
from jpki.x509.keys import suite_fits

__all__ = [
    "AcceptAnyAlgorithm",
    "AlgorithmPolicy",
    "EraAlgorithms",
    "require_algorithm",
]


class AlgorithmPolicy(Protocol):
    """Judges one signature by its algorithm and key."""

    def judge(self, algorithm: bytes, public_key: bytes, at: datetime) -> Judgement:
        """May a signature of this kind be relied on at this instant?"""
        ...


@dataclass(frozen=True, slots=True)
class EraAlgorithms:
    """What the era's rules allow to be verified (移行指針)."""

    era: Era

    def judge(self, algorithm: bytes, public_key: bytes, at: datetime) -> Judgement:
        """The era's judgement of the suite; what is no suite is not allowed."""
        suite = _suite_of(algorithm, public_key)
        if suite is None:
            return Judgement(allowed=False, until=None, reason="no known suite")
        return self.era.judge(suite.id, Act.VERIFY, at)


@dataclass(frozen=True, slots=True)
class AcceptAnyAlgorithm:
    """Accepts whatever can be computed, broken or not. For conformance tests."""

    def judge(self, algorithm: bytes, public_key: bytes, at: datetime) -> Judgement:
        """Yes."""
        return Judgement(allowed=True, until=None, reason="every algorithm is accepted")


def require_algorithm(
    policy: AlgorithmPolicy, algorithm: bytes, public_key: bytes, at: datetime
) -> None:
    """Hold one signature to the policy.

    Raises:
        Undecided: the algorithm was accepted once; with proof of existence it may be.
        Refused: it is not accepted.
    """
    judgement = policy.judge(algorithm, public_key, at)
    if judgement.allowed:
        return
    name = _name(algorithm, public_key)
    if judgement.until is not None and at > judgement.until:
        raise Undecided(
            Code.ALGORITHM_EXPIRED,
            algorithm=name,
            until=f"{judgement.until:%Y-%m-%d}",
        )
    raise Refused(Code.ALGORITHM_NOT_ALLOWED, algorithm=name, ground=judgement.reason)


def _suite_of(algorithm: bytes, public_key: bytes) -> SignatureSuite | None:
    for suite in SUITES.values():
        if suite.algorithm_identifier == algorithm and suite_fits(public_key, suite):
            return suite
    return None


def _name(algorithm: bytes, public_key: bytes) -> str:
    suite = _suite_of(algorithm, public_key)
    if suite is not None:
        return suite.id
    try:
        return read_one(algorithm, 0x30).enter().next().object_identifier()
    except EncodingError:
        return algorithm[:32].hex()
