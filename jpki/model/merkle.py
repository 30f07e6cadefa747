"""Merkle trees of RFC 9162 section 2.1: heads, inclusion and consistency proofs.

Pure arithmetic over SHA-256. Whoever makes proofs hands in `subtree(level, index)`: the
hash of the complete subtree over leaves `index << level` to `(index + 1) << level`.
Whoever checks them needs nothing but the proof.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

__all__ = [
    "EMPTY",
    "MAX_PATH",
    "CompactRange",
    "Subtree",
    "consistency_path",
    "inclusion_path",
    "leaf_hash",
    "node_hash",
    "root_from_path",
    "root_of",
    "verify_consistency",
]

EMPTY: Final = hashlib.sha256().digest()
"""The head of a tree without leaves (RFC 9162 section 2.1.1)."""

MAX_PATH: Final = 64
"""No tree here has more than 2^63 leaves: positions are 64-bit integers."""

Subtree = Callable[[int, int], bytes]
"""Level and index of a complete subtree to its hash; level 0 is a leaf's."""


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256 over 0x00 and the entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 over 0x01 and both children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class CompactRange:
    """A tree that grows by a leaf at a time and remembers only complete subtrees.

    It holds one hash for each bit that is set in its size.
    """

    def __init__(self) -> None:
        self.size = 0
        self._hashes: list[bytes] = []

    def append(self, leaf: bytes) -> list[bytes]:
        """Put the hash of a leaf at the end.

        The answer holds the subtrees that it completes, by level: itself, then each
        that it is the last leaf of.
        """
        completed, size = [leaf], self.size
        while size & 1:
            completed.append(node_hash(self._hashes.pop(), completed[-1]))
            size >>= 1
        self._hashes.append(completed[-1])
        self.size += 1
        return completed

    def root(self) -> bytes:
        """The tree's head."""
        if not self._hashes:
            return EMPTY
        hash_ = self._hashes[-1]
        for left in reversed(self._hashes[:-1]):
            hash_ = node_hash(left, hash_)
        return hash_


def root_of(size: int, subtree: Subtree) -> bytes:
    """The head of the tree over the first `size` leaves."""
    return _hash_of(0, size, subtree) if size else EMPTY


def _hash_of(start: int, end: int, subtree: Subtree) -> bytes:
    """MTH over the leaves from start to before end; start is a multiple of its span."""
    span = end - start
    if span & (span - 1) == 0:
        level = span.bit_length() - 1
        return subtree(level, start >> level)
    middle = start + _split(span)
    return node_hash(_hash_of(start, middle, subtree), _hash_of(middle, end, subtree))


def _split(size: int) -> int:
    """The largest power of two that is smaller than the size."""
    return 1 << (size - 1).bit_length() - 1


def inclusion_path(index: int, size: int, subtree: Subtree) -> tuple[bytes, ...]:
    """PATH of RFC 9162 section 2.1.3.1: what joins a leaf to the head."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} of a tree of {size}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_hash_of(middle, end, subtree))
            end = middle
        else:
            path.append(_hash_of(start, middle, subtree))
            start = middle
    return tuple(reversed(path))


def root_from_path(
    leaf: bytes, index: int, size: int, path: Sequence[bytes]
) -> bytes | None:
    """The head that this path leads to (section 2.1.3.2); None if it cannot fit."""
    if not 0 <= index < size or len(path) > MAX_PATH:
        return None
    position, last, hash_ = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if position & 1 or position == last:
            hash_ = node_hash(sibling, hash_)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            hash_ = node_hash(hash_, sibling)
        position >>= 1
        last >>= 1
    return hash_ if last == 0 else None


def consistency_path(old: int, size: int, subtree: Subtree) -> tuple[bytes, ...]:
    """PROOF of RFC 9162 section 2.1.4.1: the old tree is the new one's beginning."""
    if not 0 < old <= size:
        raise ValueError(f"a tree of {old} in one of {size}")
    path: list[bytes] = []
    start, end, whole = 0, size, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(_hash_of(middle, end, subtree))
            end = middle
        else:
            path.append(_hash_of(start, middle, subtree))
            start, whole = middle, False
    if not whole:
        path.append(_hash_of(start, end, subtree))
    return tuple(reversed(path))


def verify_consistency(
    old: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether the path shows it (section 2.1.4.2)."""
    if not 0 < old <= size or len(path) > MAX_PATH + 1:
        return False
    if old == size:
        return not path and old_root == root
    hashes = list(path)
    if old & (old - 1) == 0:
        hashes.insert(0, old_root)
    if not hashes:
        return False
    position, last = old - 1, size - 1
    while position & 1:
        position >>= 1
        last >>= 1
    before = after = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            after = node_hash(after, sibling)
        position >>= 1
        last >>= 1
    return last == 0 and before == old_root and after == root
