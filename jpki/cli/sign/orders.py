"""What is asked of a format: one document, one key, one level."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Protocol

from jpki.documents.signature import CheckedSignature
from jpki.model.ports import Signer

__all__ = ["Collect", "Level", "Order", "Stamp", "ValidationData"]


class Level(Enum):
    """How long a signature is to be provable (ETSI EN 319 102-1 section 4.3)."""

    B = "b"
    """The bare signature."""
    T = "t"
    """With a timestamp."""
    LT = "lt"
    """With certificates and revocation data too."""
    LTA = "lta"
    """With an archive timestamp around all of it."""

    def includes(self, other: Level) -> bool:
        """Whether this level has all of the other, lower one."""
        order = list(Level)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, kw_only=True, slots=True)
class ValidationData:
    """What shows that a signature is valid now, DER each."""

    certificates: tuple[bytes, ...] = field(repr=False)
    crls: tuple[bytes, ...] = field(repr=False)
    ocsp_responses: tuple[bytes, ...] = field(repr=False)


class Stamp(Protocol):
    """Asks a time-stamp authority."""

    def __call__(self, covered: bytes) -> bytes:
        """A token over these octets, ContentInfo, DER."""
        ...


Collect = Callable[[CheckedSignature], ValidationData]
"""Finds what shows that the signature is valid. Raises where it cannot be shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """One document to sign."""

    content: bytes = field(repr=False)
    certificate: bytes = field(repr=False)
    """The signer's, DER."""
    signer: Signer
    chain: Sequence[bytes] = field(repr=False)
    at: datetime
    """The signer's claim of when."""
    enveloping: bool
    level: Level
    stamp: Stamp | None
    """There where the level asks for a timestamp."""
    collect: Collect | None
    """There where the level asks for validation data."""
