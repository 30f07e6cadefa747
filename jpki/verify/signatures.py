"""Signature checks, each made once and counted."""

from __future__ import annotations

from collections import OrderedDict
from functools import lru_cache
from hashlib import sha256
from threading import Lock

from jpki.errors import EncodingError
from jpki.verify.budget import Budget
from jpki.x509.parse import Certificate
from jpki.x509.signatures import signature_cost, verify_signature

__all__ = ["SignatureFacts"]


@lru_cache(maxsize=1024)
def _digest(public_key: bytes) -> bytes:
    return sha256(public_key).digest()


_Fact = tuple[bytes, bytes]


class SignatureFacts:
    """Which object is signed by which key: true for ever, so remembered.

    Only what was computed here is remembered; the memory is bounded by forgetting the
    oldest. One instance may serve many verdicts and threads.
    """

    def __init__(self, capacity: int = 50_000) -> None:
        self._capacity = capacity
        # Of a dict, the first key is found by going over all that were deleted before.
        self._facts: OrderedDict[_Fact, bool] = OrderedDict()
        self._lock = Lock()

    def certificate_by(
        self, certificate: Certificate, public_key: bytes, budget: Budget
    ) -> bool:
        """Whether this key signed this certificate."""
        return self.signed(
            public_key,
            certificate.signature_algorithm,
            certificate.signature,
            certificate.tbs,
            budget,
            identity=certificate.digest,
        )

    def signed(
        self,
        public_key: bytes,
        algorithm: bytes,
        signature: bytes,
        message: bytes | memoryview,
        budget: Budget,
        *,
        identity: bytes,
    ) -> bool:
        """Whether this key made this signature.

        Args:
            identity: SHA-256 of what holds algorithm, signature and message.
        """
        fact = (_digest(public_key), identity)
        known = self._facts.get(fact)
        if known is not None:
            return known
        budget.signature(signature_cost(public_key))
        try:
            holds = verify_signature(public_key, algorithm, signature, message)
        except EncodingError:
            holds = False
        with self._lock:
            if len(self._facts) >= self._capacity:
                self._facts.popitem(last=False)
            self._facts[fact] = holds
        return holds
