"""TLVs nested around one content, whose headers depend on nothing but its size.

Many structures differ only in a value deep inside. Their tags, lengths and fixed
leading bytes are then one run of octets that is made once for each size: writing joins
it with the content, and reading compares it as a whole.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from jpki.der.writer import tlv

__all__ = ["NOT_THERE", "Frame"]

NOT_THERE: Final = (-1, -1)
"""What `Frame.read` says when the bytes are not those of the frame."""

_MORE_OCTETS: Final = 4
"""A length is written in one octet, or in up to four more."""


class Frame:
    """Layers from the outside in: a tag, and the bytes that stand before the next."""

    __slots__ = ("_layers", "_sizes", "head")

    def __init__(self, *layers: tuple[int, bytes]) -> None:
        self._layers = layers
        self.head = lru_cache(maxsize=1024)(self._head)
        """The bytes that stand before a content of this size."""
        self._sizes = lru_cache(maxsize=1024)(self._size)

    def _head(self, size: int) -> bytes:
        head = b""
        for tag, lead in reversed(self._layers):
            content = lead + head
            whole = tlv(tag, content + bytes(size))
            head = whole[: len(whole) - size]
        return head

    def _size(self, length: int) -> int | None:
        """The size of the content, given the length that the outermost layer states."""
        most = length - sum(2 + len(lead) for _, lead in self._layers) + 2
        least = most - _MORE_OCTETS * (len(self._layers) - 1)
        for size in range(max(least, 0), most + 1):
            lead = self._layers[0][1]
            inner = Frame(*self._layers[1:])._head(size) if self._layers[1:] else b""
            if len(lead) + len(inner) + size == length:
                return size
        return None

    def read(self, data: bytes, at: int) -> tuple[int, int]:
        """Where the content starts and ends in `data`, if the frame stands at `at`.

        Says `NOT_THERE` of anything else: another form, a length that is not minimal,
        or more than the data has.
        """
        if len(data) < at + 4:
            return NOT_THERE
        length = data[at + 1]
        if length >= 0x80:
            if length == 0x81:
                length = data[at + 2]
            elif length == 0x82:
                length = data[at + 2] << 8 | data[at + 3]
            else:
                return NOT_THERE
        size = self._sizes(length)
        if size is None:
            return NOT_THERE
        head = self.head(size)
        start = at + len(head)
        if start + size > len(data) or not data.startswith(head, at):
            return NOT_THERE
        return start, start + size
