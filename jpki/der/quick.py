"""The smallest step of reading DER where speed matters: is it of the usual form?

What is found here is what `jpki.der.reader` would find; whatever is out of the
ordinary, right or wrong, is `Unusual`, and the caller reads it there.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from jpki.der.frames import Frame
from jpki.der.reader import read_one
from jpki.errors import EncodingError

__all__ = ["Unusual", "identifier", "open_element", "open_frame", "quick_integer"]

_MAX_INTEGER: Final = 21


class Unusual(Exception):
    """To be read in full; never leaves the module that reads quickly."""


def open_element(data: bytes, at: int, end: int, tag: int) -> tuple[int, int]:
    """Where the content of the element that begins here begins and ends."""
    if end - at < 2 or data[at] != tag:
        raise Unusual
    size = data[at + 1]
    start = at + 2
    if size >= 0x80:
        if size == 0x82 and end - at >= 4:
            size = data[at + 2] << 8 | data[at + 3]
            if size < 0x100:
                raise Unusual
            start = at + 4
        elif size == 0x81 and end - at >= 3:
            size = data[at + 2]
            if size < 0x80:
                raise Unusual
            start = at + 3
        else:
            raise Unusual
    stop = start + size
    if stop > end:
        raise Unusual
    return start, stop


def open_frame(data: bytes, at: int, end: int, frame: Frame) -> int:
    """Where the content begins of what, in these layers, goes from here to the end.

    The content ends there as well: each layer holds nothing behind the next.
    """
    head = frame.around(end - at)
    if head is None or not data.startswith(head, at):
        raise Unusual
    return at + len(head)


def quick_integer(content: bytes) -> int:
    """The number, if it is of the size of serial numbers, and surely minimal."""
    if not 0 < len(content) <= _MAX_INTEGER or (
        # A leading octet of zeros or ones may be one too many.
        len(content) > 1
        and content[0] in (0x00, 0xFF)
        and content[0] ^ content[1] < 0x80
    ):
        raise Unusual
    return int.from_bytes(content, "big", signed=True)


@lru_cache(maxsize=1024)
def identifier(raw: bytes) -> str:
    """The object identifier, from all its octets."""
    try:
        return read_one(raw).object_identifier()
    except EncodingError:
        raise Unusual from None
