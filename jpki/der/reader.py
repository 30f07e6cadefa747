"""Strict DER reading (ITU-T X.690) over one buffer, without copying until asked.

A `Reader` walks the elements of one constructed value. It refuses what DER refuses:
indefinite or non-minimal lengths, high tag numbers (no structure here uses them),
truncated and trailing bytes, non-minimal integers, sloppy booleans and bit strings.
Nothing but `EncodingError` is ever raised, whatever the bytes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from jpki.errors import EncodingError

__all__ = ["MAX_INTEGER_OCTETS", "MAX_OID_OCTETS", "Element", "Reader", "read_one"]

MAX_INTEGER_OCTETS: Final = 2049
"""A 16,384-bit RSA modulus and its sign octet: the largest integer that is read."""

MAX_OID_OCTETS: Final = 128
"""Far above any OID in use; bounds the quadratic cost of decoding huge arcs."""


class Element:
    """One TLV: its tag octet, and where it stands in the buffer."""

    __slots__ = ("_buffer", "content_start", "end", "start", "tag")

    def __init__(
        self, buffer: memoryview, tag: int, start: int, content_start: int, end: int
    ) -> None:
        self._buffer = buffer
        self.tag = tag
        self.start = start
        self.content_start = content_start
        self.end = end

    @property
    def raw(self) -> bytes:
        """The whole TLV."""
        return bytes(self._buffer[self.start : self.end])

    @property
    def content(self) -> bytes:
        """The content octets."""
        return bytes(self._buffer[self.content_start : self.end])

    def __len__(self) -> int:
        """The number of content octets."""
        return self.end - self.content_start

    def expect(self, tag: int) -> Element:
        """This element, if it bears `tag`."""
        if self.tag != tag:
            raise EncodingError(
                f"expected tag {tag:02X}, found {self.tag:02X}",
                offset=self.start,
                tag=self.tag,
            )
        return self

    def enter(self) -> Reader:
        """Walk the elements inside this constructed value."""
        if not self.tag & 0x20:
            raise EncodingError(
                "a constructed value was expected", offset=self.start, tag=self.tag
            )
        return Reader(self._buffer, self.content_start, self.end)

    def inside(self) -> Element:
        """The single element that an OCTET STRING or explicit tag wraps."""
        reader = Reader(self._buffer, self.content_start, self.end)
        element = reader.next()
        reader.finish()
        return element

    # Values. Each checks the tag it is asked for, so that implicit tags can be read.

    def integer(self, tag: int = 0x02) -> int:
        """INTEGER or ENUMERATED, minimal."""
        self.expect(tag)
        size = len(self)
        content = self._buffer[self.content_start : self.end]
        if size == 0 or size > MAX_INTEGER_OCTETS:
            raise EncodingError(f"integer of {size} octets", offset=self.start)
        if size > 1 and (
            (content[0] == 0 and content[1] < 0x80)
            or (content[0] == 0xFF and content[1] >= 0x80)
        ):
            raise EncodingError("integer is not minimal", offset=self.start)
        return int.from_bytes(content, "big", signed=True)

    def boolean(self, tag: int = 0x01) -> bool:
        """BOOLEAN; only 00 and FF are DER."""
        self.expect(tag)
        content = self.content
        if content not in (b"\x00", b"\xff"):
            raise EncodingError("boolean is neither 00 nor FF", offset=self.start)
        return content == b"\xff"

    def null(self) -> None:
        """NULL, empty."""
        self.expect(0x05)
        if len(self):
            raise EncodingError("NULL is not empty", offset=self.start)

    def octet_string(self, tag: int = 0x04) -> bytes:
        """OCTET STRING."""
        return self.expect(tag).content

    def bit_string(self, tag: int = 0x03) -> tuple[bytes, int]:
        """BIT STRING: octets and the number of unused bits."""
        self.expect(tag)
        content = self.content
        if not content or content[0] > 7 or (len(content) == 1 and content[0]):
            raise EncodingError("bit string has a bad first octet", offset=self.start)
        unused = content[0]
        if unused and content[-1] & ((1 << unused) - 1):
            raise EncodingError("bit string has padding bits set", offset=self.start)
        return content[1:], unused

    def bit_octets(self, tag: int = 0x03) -> bytes:
        """BIT STRING that must be whole octets, as keys and signatures are."""
        octets, unused = self.bit_string(tag)
        if unused:
            raise EncodingError(
                "bit string is not a whole number of octets", offset=self.start
            )
        return octets

    def named_bits(self, tag: int = 0x03) -> frozenset[int]:
        """BIT STRING of a named bit list: the positions that are set."""
        octets, unused = self.bit_string(tag)
        if octets and not octets[-1] >> unused & 1:
            raise EncodingError("named bits have trailing zeros", offset=self.start)
        return frozenset(
            index * 8 + bit
            for index, octet in enumerate(octets)
            for bit in range(8)
            if octet & 0x80 >> bit
        )

    def object_identifier(self, tag: int = 0x06) -> str:
        """OBJECT IDENTIFIER as dotted decimal."""
        self.expect(tag)
        dotted = _dotted(self.content) if len(self) <= MAX_OID_OCTETS else None
        if dotted is None:
            raise EncodingError("bad object identifier", offset=self.start)
        return dotted


@lru_cache(maxsize=1024)
def _dotted(content: bytes) -> str | None:
    """Dotted decimal; None if these octets are no object identifier (X.690 8.19)."""
    if not content or content[-1] & 0x80:
        return None
    arcs: list[int] = []
    value = 0
    fresh = True
    for octet in content:
        if fresh and octet == 0x80:
            return None  # a leading zero: not minimal
        value = value << 7 | octet & 0x7F
        fresh = not octet & 0x80
        if fresh:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


class Reader:
    """A cursor over the elements of one constructed value."""

    __slots__ = ("_buffer", "_end", "_position")

    def __init__(
        self, data: bytes | memoryview, start: int = 0, end: int | None = None
    ) -> None:
        self._buffer = data if isinstance(data, memoryview) else memoryview(data)
        self._position = start
        self._end = len(self._buffer) if end is None else end

    @property
    def position(self) -> int:
        """Where the next element starts in the whole buffer."""
        return self._position

    def __bool__(self) -> bool:
        """Whether anything is left."""
        return self._position < self._end

    def peek(self) -> int | None:
        """The tag of the next element, or None at the end."""
        return self._buffer[self._position] if self else None

    def next(self, tag: int | None = None) -> Element:
        """The next element; with `tag`, it must bear it."""
        start = self._position
        end = self._end
        buffer = self._buffer
        if end - start < 2:
            raise EncodingError("truncated", offset=start)
        found = buffer[start]
        if found & 0x1F == 0x1F:
            raise EncodingError("high tag number", offset=start, tag=found)
        size = buffer[start + 1]
        content_start = start + 2
        if size >= 0x80:
            count = size & 0x7F
            if not 1 <= count <= 4:
                raise EncodingError(
                    "indefinite or oversized length", offset=start, tag=found
                )
            content_start += count
            if content_start > end:
                raise EncodingError("truncated", offset=start, tag=found)
            size = int.from_bytes(buffer[start + 2 : content_start], "big")
            if size < 0x80 or size >> 8 * (count - 1) == 0:
                raise EncodingError("length is not minimal", offset=start, tag=found)
        stop = content_start + size
        if stop > end:
            raise EncodingError("truncated", offset=start, tag=found)
        self._position = stop
        element = Element(buffer, found, start, content_start, stop)
        return element if tag is None else element.expect(tag)

    def optional(self, tag: int) -> Element | None:
        """The next element if it bears `tag`, else None and nothing is consumed."""
        return self.next() if self.peek() == tag else None

    def finish(self) -> None:
        """Refuse anything left."""
        if self:
            raise EncodingError("trailing bytes", offset=self._position)


def read_one(data: bytes | memoryview, tag: int | None = None) -> Element:
    """The single element that fills `data`.

    Raises:
        EncodingError: not exactly one DER element.
    """
    reader = Reader(data)
    element = reader.next(tag)
    reader.finish()
    return element
