"""A PDF file: its sections, and the objects as they were after each of them.

Nothing is searched for and nothing repaired: an object is where the sections say, and
is what stands there. All work is bounded, by `MAX_PDF` and the limits beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from jpki.documents.pdf.objects import Dictionary, Object, Parser, Ref, Stream
from jpki.documents.pdf.sections import (
    ENDING,
    MAX_OBJECTS,
    Free,
    InFile,
    InStream,
    Place,
    Section,
    decoded,
    read_header,
    read_table,
    stream_entries,
)
from jpki.errors import DocumentError, DocumentFault

__all__ = ["MAX_PDF", "Located", "PdfFile", "View"]

MAX_PDF: Final = 64 << 20
"""Octets."""
MAX_SECTIONS: Final = 128
MAX_DECODED: Final = 128 << 20
"""Octets that all streams may decode to, together."""
MAX_SYNTAX: Final = 16 << 20
"""Octets of objects that are read, without the data of streams."""
_CHAIN: Final = 16
"""References that lead to references."""

_VERSION: Final = re.compile(rb"%PDF-[12]\.\d")
_STREAM: Final = re.compile(rb"stream(?:\r\n|\n)")
_END_STREAM: Final = re.compile(
    rb"[\x00\t\n\x0c\r ]*+endstream[\x00\t\n\x0c\r ]*+endobj"
)


class Located(NamedTuple):
    """An object with where it stands."""

    ref: Ref
    value: Object
    start: int
    end: int
    """After `endobj`."""


class PdfFile:
    """The octets, and what the cross-reference sections say of them."""

    def __init__(self, data: bytes) -> None:
        """Read all sections.

        Raises:
            DocumentError: it is no PDF that can be judged.
        """
        if len(data) > MAX_PDF:
            raise DocumentError(f"a PDF of {len(data)} octets")
        if _VERSION.match(data) is None:
            raise DocumentError("not a PDF: it does not begin with its version")
        self.data = data
        self._syntax = 0
        self._values: dict[int, tuple[Ref, Object, int]] = {}
        self._located: dict[int, Located] = {}
        self._streams: dict[int, Sequence[tuple[int, Object]]] = {}
        self._pending: list[int] = []
        self._decodable = MAX_DECODED
        self._copied = 0
        self.sections: Sequence[Section] = self._read_sections()
        """The oldest first."""

    def _read_sections(self) -> Sequence[Section]:
        begin = self.data.rfind(b"startxref")
        ending = None if begin < 0 else ENDING.match(self.data, begin)
        if ending is None:
            raise DocumentError("not a PDF: no cross-references at the end")
        found: list[Section] = []
        seen: set[int] = set()
        offset: int | None = int(ending.group(2))
        while offset is not None:
            if offset in seen or len(found) == MAX_SECTIONS:
                raise DocumentError("not a PDF: cross-references without end")
            seen.add(offset)
            budget = MAX_OBJECTS - sum(len(section.entries) for section in found)
            section = self._read_section(offset, budget)
            if section.trailer.get("Encrypt") is not None:
                raise DocumentError(
                    "an encrypted PDF",
                    fault=DocumentFault.UNSUPPORTED,
                    hint="remove the password in a program that can, before signing",
                )
            found.append(section)
            offset = section.previous
        return found[::-1]

    def _read_section(self, offset: int, budget: int) -> Section:
        if self.data.startswith(b"xref", offset):
            return read_table(self.data, offset, budget)
        located = self._object(offset, None)
        value = located.value
        if not isinstance(value, Stream) or value.dictionary.get("Type") != "XRef":
            raise DocumentError(f"not a PDF: no cross-references at byte {offset}")
        return Section(
            start=offset,
            end=located.end,
            trailer=value.dictionary,
            entries=stream_entries(value.dictionary, value.data, budget),
            stream=located.ref,
        )

    def syntax_at(self, offset: int) -> tuple[Ref, Object, int]:
        """The object there without its stream, and where its syntax ends."""
        known = self._values.get(offset)
        if known is not None:
            return known
        head = read_header(self.data, offset)
        if head is None:
            raise DocumentError(f"not a PDF: no object at byte {offset}")
        parser = Parser(self.data, head[1])
        value = parser.read()
        parser.skip()
        self._spend(parser.position - offset)
        found = self._values[offset] = (head[0], value, parser.position)
        return found

    def _spend(self, octets: int) -> None:
        self._syntax += octets
        if self._syntax > MAX_SYNTAX:
            raise DocumentError("a PDF with too many objects")

    def _object(self, offset: int, view: View | None) -> Located:
        """The object there; a view tells the length of its stream, if it must."""
        known = self._located.get(offset)
        if known is not None:
            return known
        ref, value, position = self.syntax_at(offset)
        opened = _STREAM.match(self.data, position)
        if opened is not None and isinstance(value, dict):
            length = self._length(value, offset, view)
            if type(length) is not int or length < 0:
                raise DocumentError(f"not a PDF: bad stream at byte {offset}")
            stop = opened.end() + length
            closed = _END_STREAM.match(self.data, stop)
            if closed is None:
                raise DocumentError(f"not a PDF: bad stream at byte {offset}")
            end = closed.end()
            self._copied += length
            if self._copied > 2 * len(self.data):
                raise DocumentError("not a PDF: streams inside each other")
            value = Stream(dictionary=value, data=self.data[opened.end() : stop])
        elif self.data.startswith(b"endobj", position):
            end = position + len(b"endobj")
        else:
            raise DocumentError(f"not a PDF: bad object at byte {offset}")
        found = Located(ref, value, offset, end)
        if view is not None:
            self._located[offset] = found
        return found

    def decoded(self, stream: Stream) -> bytes:
        """The octets of a stream; all that are asked for are bounded together.

        Raises:
            DocumentError: they are too many, or encoded in a way that is not read.
        """
        plain = decoded(stream.dictionary, stream.data, self._decodable)
        self._decodable -= len(plain)
        return plain

    def _length(self, value: Dictionary, offset: int, view: View | None) -> Object:
        length = value.get("Length")
        if not isinstance(length, Ref) or view is None:
            return length
        # It may be in an object stream, whose length is told elsewhere in turn.
        if offset in self._pending or len(self._pending) == _CHAIN:
            raise DocumentError("not a PDF: references without end")
        self._pending.append(offset)
        try:
            return view.get(length)
        finally:
            self._pending.pop()

    def located(self, number: int, place: InFile, view: View) -> Located:
        """The object that an entry says is there.

        Raises:
            DocumentError: another is, or none.
        """
        found = self._object(place.offset, view)
        if found.ref != (number, place.generation):
            raise DocumentError(f"not a PDF: object {number} is not where it should be")
        return found

    def in_stream(self, stream: Located) -> Sequence[tuple[int, Object]]:
        """The objects of an object stream (7.5.7), by their index."""
        known = self._streams.get(stream.start)
        if known is not None:
            return known
        bad = DocumentError(f"not a PDF: bad object stream at byte {stream.start}")
        value = stream.value
        if not isinstance(value, Stream) or value.dictionary.get("Type") != "ObjStm":
            raise bad
        count, first = (value.dictionary.get(key) for key in ("N", "First"))
        if type(count) is not int or type(first) is not int:
            raise bad
        data = self.decoded(value)
        numbers = data[: max(first, 0)].split()
        if (
            count < 0
            or len(numbers) != 2 * count
            or not all(map(bytes.isdigit, numbers))
        ):
            raise bad
        found: list[tuple[int, Object]] = []
        for number, offset in zip(numbers[::2], numbers[1::2], strict=True):
            if len(number) > 10 or len(offset) > 10:
                raise bad
            parser = Parser(data, first + int(offset))
            found.append((int(number), parser.read()))
            self._spend(parser.position - first - int(offset))
        self._streams[stream.start] = found
        return found

    def view(self, count: int | None = None) -> View:
        """The file as it was after so many sections; None: as it is."""
        return View(self, self.sections[:count])


class View:
    """Objects by number, as of one of the sections."""

    def __init__(self, file: PdfFile, sections: Sequence[Section]) -> None:
        self.file = file
        self.trailer: Dictionary = sections[-1].trailer if sections else {}
        places: dict[int, Place] = {}
        for section in sections:
            places.update(section.entries)
        self.places: Mapping[int, Place] = places

    def has(self, number: int) -> bool:
        """Whether there is such an object."""
        return not isinstance(self.places.get(number, _NONE), Free)

    def get(self, ref: Ref) -> Object:
        """The object; null where there is none (7.3.10).

        Raises:
            DocumentError: what is there is another object, or none at all.
        """
        place = self.places.get(ref.number, _NONE)
        if isinstance(place, InFile):
            if place.generation != ref.generation:
                return None
            return self.file.located(ref.number, place, self).value
        if isinstance(place, InStream) and ref.generation == 0:
            around = self.places.get(place.stream, _NONE)
            if not isinstance(around, InFile):
                raise DocumentError("not a PDF: an object stream is missing")
            held = self.file.in_stream(self.file.located(place.stream, around, self))
            if place.position >= len(held) or held[place.position][0] != ref.number:
                raise DocumentError(f"not a PDF: object {ref.number} is missing")
            return held[place.position][1]
        return None

    def resolved(self, value: Object) -> Object:
        """The object itself, where a reference to it is given."""
        for _ in range(_CHAIN):
            if not isinstance(value, Ref):
                return value
            value = self.get(value)
        raise DocumentError("not a PDF: references without end")

    def dictionary(self, value: Object, what: str) -> Dictionary:
        """A dictionary, or what a reference to one leads to.

        Raises:
            DocumentError: it is none.
        """
        found = self.resolved(value)
        if not isinstance(found, dict):
            raise DocumentError(f"not a PDF: {what} is no dictionary")
        return found

    def array(self, value: Object, what: str) -> list[Object]:
        """An array, or what a reference to one leads to; null is an empty one.

        Raises:
            DocumentError: it is none.
        """
        found = self.resolved(value)
        if found is None:
            return []
        if not isinstance(found, list):
            raise DocumentError(f"not a PDF: {what} is no array")
        return found


_NONE: Final = Free(generation=0)
