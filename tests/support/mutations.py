"""Octets that were right once, damaged as networks, programs and attackers do it.

Everything follows from the number that the generator was started with: a failure names
it and the octets, and both make it happen again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final

__all__ = ["Damage", "Mutator"]

_LENGTHS: Final = (
    b"\x00",
    b"\x7f",
    b"\x80",
    b"\x81\x00",
    b"\x81\x80",
    b"\x82\xff\xff",
    b"\x84\x7f\xff\xff\xff",
    b"\x84\xff\xff\xff\xff",
    b"\x88\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xff",
)
"""Of DER, and what is none."""
_TAGS: Final = bytes.fromhex("0002030405060a1317181f303180a0a1a3bfff")
_LONGEST: Final = 64
"""Octets that are taken out, doubled or put in at once."""
_MOST: Final = 3
"""Kinds of damage to one input."""

Damage = Callable[[random.Random, bytearray], None]


class Mutator:
    """An endless source of damaged copies."""

    def __init__(self, samples: Sequence[bytes], seed: int) -> None:
        """Take what is right, and the number from which all chance follows."""
        self._samples = samples
        self._chance = random.Random(seed)
        self._frames = [_frames(sample) for sample in samples]

    def next(self) -> bytes:
        """One damaged copy of one sample."""
        chance = self._chance
        chosen = chance.randrange(len(self._samples))
        octets = bytearray(self._samples[chosen])
        if chance.random() < 0.4 and self._frames[chosen]:
            _reframe(chance, octets, self._frames[chosen])
        if chance.random() < 0.05:
            _splice(chance, octets, chance.choice(self._samples))
        for _ in range(chance.randint(0, _MOST)):
            if octets:
                chance.choice(_DAMAGE)(chance, octets)
        return bytes(octets)


def _frames(sample: bytes) -> Sequence[int]:
    """Where elements of DER begin, as far as the octets are DER."""
    found: list[int] = []
    _walk(sample, 0, len(sample), found)
    return found


def _walk(data: bytes, start: int, end: int, found: list[int]) -> None:
    while start + 2 <= end:
        tag, length, header = data[start], data[start + 1], 2
        if length & 0x80:
            count = length & 0x7F
            header += count
            length = int.from_bytes(data[start + 2 : start + header], "big")
        if tag == 0 or start + header + length > end:
            return
        found.append(start)
        if tag & 0x20 or tag in (0x03, 0x04):
            inside = start + header + (tag == 0x03)
            _walk(data, inside, start + header + length, found)
        start += header + length


def _reframe(chance: random.Random, octets: bytearray, frames: Sequence[int]) -> None:
    """Another tag or length at the begin of an element."""
    at = chance.choice(frames)
    if chance.random() < 0.4:
        octets[at] = chance.choice(_TAGS)
    else:
        octets[at + 1 : at + 2] = chance.choice(_LENGTHS)


def _splice(chance: random.Random, octets: bytearray, other: bytes) -> None:
    octets[chance.randrange(len(octets) + 1) :] = other[chance.randrange(len(other)) :]


def _flip(chance: random.Random, octets: bytearray) -> None:
    octets[chance.randrange(len(octets))] ^= 1 << chance.randrange(8)


def _set(chance: random.Random, octets: bytearray) -> None:
    octets[chance.randrange(len(octets))] = chance.randrange(256)


def _cut(chance: random.Random, octets: bytearray) -> None:
    del octets[chance.randrange(len(octets)) :]


def _take(chance: random.Random, octets: bytearray) -> None:
    at = chance.randrange(len(octets))
    del octets[at : at + chance.randint(1, _LONGEST)]


def _double(chance: random.Random, octets: bytearray) -> None:
    at = chance.randrange(len(octets))
    octets[at:at] = octets[at : at + chance.randint(1, _LONGEST)]


def _put(chance: random.Random, octets: bytearray) -> None:
    at = chance.randrange(len(octets) + 1)
    octets[at:at] = chance.randbytes(chance.randint(1, _LONGEST))


def _step(chance: random.Random, octets: bytearray) -> None:
    at = chance.randrange(len(octets))
    octets[at] = (octets[at] + chance.choice((-1, 1))) & 0xFF


_DAMAGE: Final[Sequence[Damage]] = (_flip, _set, _cut, _take, _double, _put, _step)
