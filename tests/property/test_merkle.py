"""Merkle trees: proofs fit the recursive definition, and nothing else fits."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from jpki.model.merkle import (
    CompactRange,
    Subtree,
    consistency_path,
    inclusion_path,
    leaf_hash,
    root_from_path,
    root_of,
    verify_consistency,
)

_ENTRIES = [str(number).encode() for number in range(200)]


def _head(entries: Sequence[bytes]) -> bytes:
    """MTH, word for word as RFC 9162 section 2.1.1 defines it."""
    if not entries:
        return hashlib.sha256().digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    k = 1
    while k * 2 < len(entries):
        k *= 2
    return hashlib.sha256(b"\x01" + _head(entries[:k]) + _head(entries[k:])).digest()


def _subtree(entries: Sequence[bytes]) -> Subtree:
    def subtree(level: int, index: int) -> bytes:
        start, end = index << level, index + 1 << level
        assert end <= len(entries), "only complete subtrees are asked for"
        return _head(entries[start:end])

    return subtree


@given(st.integers(0, 200))
def test_heads_are_those_of_the_definition(size: int) -> None:
    """Grown leaf by leaf or put together from subtrees, the head is the same."""
    entries = _ENTRIES[:size]
    grown = CompactRange()
    for entry in entries:
        grown.append(leaf_hash(entry))
    assert grown.size == size
    assert grown.root() == root_of(size, _subtree(entries)) == _head(entries)


@given(st.data())
def test_every_leaf_is_proven_in_its_place_only(data: st.DataObject) -> None:
    """The path leads to the head; from another place or leaf it leads elsewhere."""
    size = data.draw(st.integers(1, 200))
    index, other = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, 199))
    entries = _ENTRIES[:size]
    path = inclusion_path(index, size, _subtree(entries))
    assert root_from_path(leaf_hash(entries[index]), index, size, path) == _head(
        entries
    )
    if other != index:
        assert root_from_path(leaf_hash(_ENTRIES[index]), other, size, path) != _head(
            entries
        )
        assert root_from_path(leaf_hash(_ENTRIES[other]), index, size, path) != _head(
            entries
        )


@given(st.data())
def test_a_grown_tree_is_proven_to_begin_with_the_old_one(data: st.DataObject) -> None:
    """And a tree whose past was altered is not."""
    size = data.draw(st.integers(1, 200))
    old = data.draw(st.integers(1, size))
    entries = _ENTRIES[:size]
    path = consistency_path(old, size, _subtree(entries))
    before, now = _head(entries[:old]), _head(entries)
    assert verify_consistency(old, before, size, now, path)
    altered = list(entries)
    altered[data.draw(st.integers(0, old - 1))] = b"altered"
    forged = consistency_path(old, size, _subtree(altered))
    assert not verify_consistency(old, before, size, _head(altered), forged)
    assert not verify_consistency(old, before, size, _head(altered), path)


@given(
    st.integers(-2, 2**70),
    st.integers(-2, 2**70),
    st.lists(st.binary(min_size=32, max_size=32), max_size=80),
)
def test_no_made_up_path_is_taken(index: int, size: int, path: Sequence[bytes]) -> None:
    """Hostile numbers and paths of any length are refused, in bounded time."""
    assert root_from_path(bytes(32), index, size, path) != bytes(32) or size == 1
    if index != size:
        assert not verify_consistency(index, bytes(32), size, bytes(32), path)
