"""BER made DER (ITU-T X.690), as far as CMS envelopes of other programs need it.

Programs that sign while they read write indefinite lengths and OCTET STRINGs in pieces
(RFC 5652 section 5.2 lets them). Here these become definite, minimal and whole. Nothing
else is put right: what is still no DER is for the strict reader to refuse.
"""

from __future__ import annotations

from typing import Final

from jpki.der.writer import tlv
from jpki.errors import EncodingError

__all__ = ["MAX_DEPTH", "MAX_ELEMENTS", "to_der"]

MAX_DEPTH: Final = 32
"""A signature with a chain and timestamps in it is some 20 deep."""
MAX_ELEMENTS: Final = 200_000
"""Content of 16 MiB in pieces of 100 octets, and all the rest."""

_OCTET_STRING: Final = 0x04
_IN_PIECES: Final = 0x24
_CONSTRUCTED: Final = 0x20
_INDEFINITE: Final = 0x80
_MAX_LENGTH_OCTETS: Final = 8


def to_der(data: bytes, *, elements: int = MAX_ELEMENTS) -> bytes:
    """The one BER element that fills `data`, in DER; what is DER comes out as it is.

    Args:
        elements: how many are read at most.

    Raises:
        EncodingError: not one element, or nested or cut up beyond all bounds.
    """
    reader = _Reader(data, elements)
    tag, content, end = reader.element(0, len(data), 0)
    if end != len(data):
        raise EncodingError("trailing bytes", offset=end)
    return tlv(tag, content)


class _Reader:
    """Walks through one buffer and counts what it meets."""

    def __init__(self, data: bytes, elements: int) -> None:
        self._data = data
        self._left = elements

    def element(self, start: int, end: int, depth: int) -> tuple[int, bytes, int]:
        """Tag, content and end of the element that starts here."""
        self._left -= 1
        if self._left < 0 or depth > MAX_DEPTH:
            raise EncodingError("too many elements, or too deep", offset=start)
        tag, size, inside = self._header(start, end)
        if not tag & _CONSTRUCTED:
            if size is None:
                raise EncodingError("a primitive value without end", offset=start)
            stop = inside + size
            return tag, self._data[inside:stop], stop
        stop = end if size is None else inside + size
        parts, inside = self._parts(inside, stop, depth, endless=size is None)
        if tag != _IN_PIECES:
            return tag, b"".join(tlv(*part) for part in parts), inside
        if any(kind != _OCTET_STRING for kind, _ in parts):
            raise EncodingError("an octet string of other pieces", offset=start)
        return _OCTET_STRING, b"".join(piece for _, piece in parts), inside

    def _parts(
        self, position: int, stop: int, depth: int, *, endless: bool
    ) -> tuple[list[tuple[int, bytes]], int]:
        parts: list[tuple[int, bytes]] = []
        while endless or position < stop:
            if endless and self._data[position : position + 2] == b"\0\0":
                if position + 2 > stop:
                    break
                return parts, position + 2
            tag, content, position = self.element(position, stop, depth + 1)
            parts.append((tag, content))
        if endless:
            raise EncodingError("truncated", offset=position)
        return parts, position

    def _header(self, start: int, end: int) -> tuple[int, int | None, int]:
        """Tag, number of content octets if it is told, and where they start."""
        data = self._data
        if end - start < 2:
            raise EncodingError("truncated", offset=start)
        tag, size = data[start], data[start + 1]
        if tag & 0x1F == 0x1F:
            raise EncodingError("high tag number", offset=start, tag=tag)
        inside = start + 2
        if size == _INDEFINITE:
            return tag, None, inside
        if size > _INDEFINITE:
            count = size & 0x7F
            inside += count
            if count > _MAX_LENGTH_OCTETS or inside > end:
                raise EncodingError("oversized length", offset=start, tag=tag)
            size = int.from_bytes(data[start + 2 : inside], "big")
        if inside + size > end:
            raise EncodingError("truncated", offset=start, tag=tag)
        return tag, size, inside
