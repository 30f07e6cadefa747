"""What the core asks of the world: protocols that adapters and callers fulfil."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from jpki.model.suites import SignatureSuite

__all__ = ["Clock", "Random", "Secret", "Signer"]

Clock = Callable[[], datetime]
"""Now: aware, UTC. Read once per operation, at a composition root."""

Random = Callable[[int], bytes]
"""So many random octets. `secrets.token_bytes` in production."""

Secret = Callable[[], str]
"""Asks for a PIN or passphrase when it is needed; the answer is never kept."""


class Signer(Protocol):
    """A private key that is bound to one suite, wherever it lives."""

    @property
    def suite(self) -> SignatureSuite:
        """The only suite this key signs with."""
        ...

    @property
    def public_key(self) -> bytes:
        """SubjectPublicKeyInfo, DER (RFC 5280 4.1.2.7)."""
        ...

    def sign(self, message: bytes | memoryview) -> bytes:
        """Sign the message; hashing and padding are the signer's business.

        A long message is handed over as a view of where it stands: a signer that can
        hash reads it there, and ML-DSA, which takes the message itself, does too.
        """
        ...
