"""How the municipal counter proves itself to a card (受付窓口端末, 鍵ペア生成装置).

The real scheme is not public; only its purpose is: before a key pair is made on the
card, an authentication key of the key-pair generator stands between the card and
everyone else. This is ours, and data of no real card:

* the issuer holds one secret; each card holds a key derived from it and its serial
  number, so that one opened card betrays no other;
* the card gives a challenge, the counter answers with HMAC-SHA-256 over it
  (EXTERNAL AUTHENTICATE, ISO/IEC 7816-4 11.5.4);
* the right so won lasts until the application is selected again or power is lost;
* it allows to read the public half of a key again, for a counter that was interrupted,
  and to erase a card that is given back (TERMINATE DF), all of it in one step;
* certificates are written to drafts in volatile memory and put in place all at once
  (ACTIVATE FILE), so that a card taken away too early is as it was before.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

__all__ = [
    "CHALLENGE_OCTETS",
    "counter_cryptogram",
    "counter_key",
    "is_counter_cryptogram",
]

CHALLENGE_OCTETS: Final = 16


def counter_key(issuer_secret: bytes, serial: str) -> bytes:
    """The key that one card shares with the counters of its issuer."""
    label = b"jpki counter key\0" + serial.encode()
    return hmac.digest(issuer_secret, label, hashlib.sha256)


def counter_cryptogram(key: bytes, challenge: bytes) -> bytes:
    """The counter's answer to a card's challenge."""
    return hmac.digest(key, b"jpki counter\0" + challenge, hashlib.sha256)


def is_counter_cryptogram(key: bytes, challenge: bytes, answer: bytes) -> bool:
    """Whether the answer is right, in constant time."""
    return hmac.compare_digest(counter_cryptogram(key, challenge), answer)
