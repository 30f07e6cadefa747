"""What can be wrong, by name."""

from __future__ import annotations

import hashlib
from enum import Enum
from typing import Final

__all__ = ["ON_ANSWERS", "ON_LISTS", "ON_THE_WAY", "Fault", "drawn"]


class Fault(Enum):
    """One way to be wrong; the value is its name in addresses."""

    STALE = "stale"
    """nextUpdate was yesterday; the signature is right."""
    EARLY = "early"
    """thisUpdate is in an hour: the clock of one of the two is wrong."""
    BAD_SIGNATURE = "bad-signature"
    """One bit of the signature is another."""

    WRONG_NUMBER = "wrong-number"
    """A list of today whose number is lower than those before."""
    WRONG_LIST = "wrong-list"
    """Another list in the place of the one asked for."""
    EMPTY_LIST = "empty-list"
    """A list of today, rightly signed, from which every entry is gone."""

    TRY_LATER = "try-later"
    UNAUTHORIZED = "unauthorized"
    NO_NONCE = "no-nonce"
    """A nonce is not repeated."""
    WRONG_NONCE = "wrong-nonce"
    """A nonce that nobody sent."""
    EXPIRED_DELEGATE = "expired-delegate"
    """The responder's certificate has ended."""
    FOREIGN_DELEGATE = "foreign-delegate"
    """The responder's certificate is signed by a key that nobody knows."""
    NO_DELEGATE = "no-delegate"
    """The responder's certificate is left out."""
    OTHER_CERTIFICATE = "other-certificate"
    """An answer about the certificate with the next serial number."""
    NO_NEXT_UPDATE = "no-next-update"
    """An answer that does not say until when (RFC 9919 asks for it)."""
    FALSE_GOOD = "false-good"
    """Good, rightly signed, whatever the certificate is."""

    TRUNCATED = "truncated"
    """The connection breaks in the middle of the body."""
    SLOW = "slow"
    """The body drips for twenty seconds."""
    ERROR = "error"
    """500."""
    EMPTY = "empty"
    """200 without a body."""
    JUNK = "junk"
    """200 with octets that are no DER."""
    WRONG_TYPE = "wrong-type"
    """The right octets as text/html."""


ON_THE_WAY: Final = frozenset(
    {
        Fault.TRUNCATED,
        Fault.SLOW,
        Fault.ERROR,
        Fault.EMPTY,
        Fault.JUNK,
        Fault.WRONG_TYPE,
    }
)
"""Faults of HTTP, which lists and answers can have."""

_STATEMENT: Final = {Fault.STALE, Fault.EARLY, Fault.BAD_SIGNATURE}

ON_LISTS: Final = (
    ON_THE_WAY
    | _STATEMENT
    | {
        Fault.WRONG_NUMBER,
        Fault.WRONG_LIST,
        Fault.EMPTY_LIST,
    }
)
ON_ANSWERS: Final = ON_THE_WAY | (frozenset(Fault) - ON_LISTS) | _STATEMENT


def drawn(seed: str, number: int, among: frozenset[Fault]) -> Fault:
    """The fault of the request of this number under a seed; the same each time."""
    names = sorted(fault.value for fault in among)
    lot = hashlib.sha256(f"{seed}/{number}".encode()).digest()
    return Fault(names[int.from_bytes(lot, "big") % len(names)])
