"""Small readers that extension values share: lists, counts and flags."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Final, TypeVar

from jpki.der.reader import Element, Reader
from jpki.errors import EncodingError

__all__ = [
    "MAX_ITEMS",
    "non_empty",
    "read_count",
    "read_flag",
    "read_items",
    "remembered",
]

MAX_ITEMS: Final = 1024
"""Policies, mappings, distribution points: bounds what one extension can ask for."""

_REMEMBERED: Final = 1024
_SHORT: Final = 512
"""How many values are remembered, and up to how many octets: bounds the memory."""

T = TypeVar("T")


def remembered(read: Callable[[bytes], T]) -> Callable[[bytes], T]:
    """The same reader, which reads a short value once.

    For values that the certificates of one authority have in common. What the reader
    gives must not be changeable.
    """
    known = lru_cache(maxsize=_REMEMBERED)(read)

    @wraps(read)
    def reader(value: bytes) -> T:
        return known(value) if len(value) <= _SHORT else read(value)

    return reader


def read_flag(fields: Reader, tag: int) -> bool:
    """A BOOLEAN DEFAULT FALSE under this tag: TRUE, or not there."""
    element = fields.optional(tag)
    if element is None:
        return False
    if not element.boolean(tag):
        raise EncodingError("FALSE is written out", offset=element.start)
    return True


def read_count(element: Element, tag: int) -> int:
    """An INTEGER (0..MAX)."""
    value = element.integer(tag)
    if value < 0:
        raise EncodingError("negative count", offset=element.start)
    return value


def non_empty(element: Element) -> Reader:
    """The elements of a list that must have some."""
    items = element.enter()
    if not items:
        raise EncodingError("empty list", offset=element.start)
    return items


def read_items(element: Element, read: Callable[[Element], T]) -> tuple[T, ...]:
    """Read each element of a list of at least one and at most MAX_ITEMS."""
    items = non_empty(element)
    found: list[T] = []
    while items:
        if len(found) == MAX_ITEMS:
            raise EncodingError("too many items", offset=element.start)
        found.append(read(items.next()))
    return tuple(found)
