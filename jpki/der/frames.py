"""TLVs nested around one content, whose headers depend on nothing but its size.

Many structures differ only in a value deep inside. Their tags, lengths and fixed
leading bytes are then one run of octets that is made once for each size.
"""

from __future__ import annotations

from functools import lru_cache

from jpki.der.writer import header

__all__ = ["Frame"]


class Frame:
    """Layers from the outside in: a tag, and the bytes that stand before the next."""

    __slots__ = ("_layers", "head")

    def __init__(self, *layers: tuple[int, bytes]) -> None:
        self._layers = layers
        self.head = lru_cache(maxsize=1024)(self._head)
        """The bytes that stand before a content of this size."""

    def _head(self, size: int) -> bytes:
        head = b""
        for tag, lead in reversed(self._layers):
            head = lead + head
            head = header(tag, len(head) + size) + head
        return head
