"""Which signature algorithms a verdict accepts, and until when.

What an algorithm is worth depends on the instant. The eras know; they are asked here
with what stands in certificates: an AlgorithmIdentifier and a public key.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from jpki.der.reader import read_one
from jpki.errors import EncodingError
from jpki.model.eras import Act, Era, Judgement
from jpki.model.suites import SUITES, Digest, SignatureSuite
from jpki.verify.reasons import Code
from jpki.verify.refusal import Refused, Undecided
from jpki.x509.keys import suite_fits

__all__ = [
    "AcceptAnyAlgorithm",
    "AlgorithmPolicy",
    "EraAlgorithms",
    "require_algorithm",
    "require_digest",
]


_ANY: Final = Judgement(allowed=True, until=None, reason="every algorithm is accepted")
_SIZES: Final = {digest.oid: hashlib.new(digest.value).digest_size for digest in Digest}
"""Octets of each digest."""
_NAMES: Final = {digest.oid: digest.value for digest in Digest}


class AlgorithmPolicy(Protocol):
    """Judges one signature by its algorithm and key."""

    def judge(self, algorithm: bytes, public_key: bytes, at: datetime) -> Judgement:
        """May a signature of this kind be relied on at this instant?"""
        ...

    def judge_digest(self, digest: str, at: datetime) -> Judgement:
        """May a digest (by OID) stand for what it is of, at this instant?"""
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

    def judge_digest(self, digest: str, at: datetime) -> Judgement:
        """As long as any suite with it may be verified, or with a longer one."""
        best = Judgement(allowed=False, until=None, reason="no known digest")
        size = _SIZES.get(digest)
        for suite_id, rule in self.era.rules.items():
            known = SUITES[suite_id].digest
            if size is None or known is None or _SIZES[known.oid] > size:
                continue
            judged = self.era.judge(rule.suite, Act.VERIFY, at)
            if judged.allowed:
                return judged
            if best.until is None or (judged.until or best.until) > best.until:
                best = judged
        return best


@dataclass(frozen=True, slots=True)
class AcceptAnyAlgorithm:
    """Accepts whatever can be computed, broken or not. For conformance tests."""

    def judge(self, algorithm: bytes, public_key: bytes, at: datetime) -> Judgement:
        """Yes."""
        return _ANY

    def judge_digest(self, digest: str, at: datetime) -> Judgement:
        """Yes."""
        return _ANY


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


def require_digest(policy: AlgorithmPolicy, digest: str, at: datetime) -> None:
    """Hold the digest of what was signed to the policy.

    Raises:
        Undecided: it was accepted once; with proof of existence it may be.
        Refused: it is not accepted.
    """
    judgement = policy.judge_digest(digest, at)
    if judgement.allowed:
        return
    name = _NAMES.get(digest, digest)
    if judgement.until is not None and at > judgement.until:
        raise Undecided(
            Code.ALGORITHM_EXPIRED, algorithm=name, until=f"{judgement.until:%Y-%m-%d}"
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
