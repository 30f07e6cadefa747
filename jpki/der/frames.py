"""TLVs nested around one content, whose headers depend on nothing but its size.

Many structures differ only in a value deep inside. Their tags, lengths and fixed
leading bytes are then one run of octets that is made once for each size, and written
or recognised as one.
"""

from __future__ import annotations

from functools import lru_cache

from jpki.der.writer import header

__all__ = ["Frame"]


class Frame:
    """Layers from the outside in: a tag, and the bytes that stand before the next."""

    __slots__ = ("_layers", "around", "head")

    def __init__(self, *layers: tuple[int, bytes]) -> None:
        self._layers = layers
        self.head = lru_cache(maxsize=1024)(self._head)
        """The bytes that stand before a content of this size."""
        self.around = lru_cache(maxsize=1024)(self._around)
        """The same by the size of it all, content included; None if nothing fits."""

    def _head(self, size: int) -> bytes:
        head = b""
        for tag, lead in reversed(self._layers):
            head = lead + head
            head = header(tag, len(head) + size) + head
        return head

    def _around(self, size: int) -> bytes | None:
        if size < 0:
            return None
        # Sizes grow with the content; where a length needs one more octet, some do not
        # occur. No head is longer than that of a content of this size.
        content = max(0, size - len(self._head(size)))
        while content + len(self._head(content)) < size:
            content += 1
        head = self._head(content)
        return head if content + len(head) == size else None
