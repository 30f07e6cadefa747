"""Signature checks, each made once and counted."""

from __future__ import annotations

from hashlib import sha256
from threading import Lock

from jpki.errors import EncodingError
from jpki.verify.budget import Budget
from jpki.x509.keys import verify_signature
from jpki.x509.parse import Certificate

__all__ = ["SignatureFacts"]

_Fact = tuple[bytes, bytes]


class SignatureFacts:
    """Which object is signed by which key: true for ever, so remembered.

    Only what was computed here is remembered; the memory is bounded by forgetting the
    oldest. One instance may serve many verdicts and threads.
    """

    def __init__(self, capacity: int = 50_000) -> None:
        self._capacity = capacity
        self._facts: dict[_Fact, bool] = {}
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
            identity=bytes.fromhex(certificate.fingerprint),
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
        fact = (sha256(public_key).digest(), identity)
        known = self._facts.get(fact)
        if known is not None:
            return known
        budget.signature()
        try:
            holds = verify_signature(public_key, algorithm, signature, message)
        except EncodingError:
            holds = False
        with self._lock:
            if len(self._facts) >= self._capacity:
                del self._facts[next(iter(self._facts))]
            self._facts[fact] = holds
        return holds
