"""Cross-reference sections (ISO 32000-2 7.5.4 to 7.5.8): where which object stands.

A file that was changed by appending has one for each change. Hybrid files, which tell
old programs something else than new ones, and encrypted ones are refused.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from jpki.documents.pdf.objects import Dictionary, Object, Parser, Ref
from jpki.errors import DocumentError, DocumentFault

__all__ = [
    "ENDING",
    "MAX_OBJECTS",
    "Free",
    "InFile",
    "InStream",
    "Place",
    "Section",
    "decoded",
    "read_header",
    "read_table",
    "stream_entries",
]

MAX_OBJECTS: Final = 1 << 18
"""Entries of all sections together."""

_COLUMNS: Final = 64
"""Octets in a row of what a predictor was applied to."""

_SPACES: Final = rb"[\x00\t\n\x0c\r ]"
_SUBSECTION: Final = re.compile(rb"%s*+(\d{1,10}) (\d{1,10})%s++" % ((_SPACES,) * 2))
_LINE: Final = 20
"""Octets of an entry in a table; some programs leave out one of the line's end."""
_WIDE: Final = re.compile(rb"(\d{10}) (\d{5}) ([nf])(?: \r| \n|\r\n)")
_ENTRY: Final = re.compile(rb"(\d{10}) (\d{5}) ([nf])(?: \r| \n|\r\n|\n|\r)")
_HEADER: Final = re.compile(rb"%s*+(\d{1,10})%s++(\d{1,5})%s++obj\b" % ((_SPACES,) * 3))
ENDING: Final = re.compile(
    rb"(?P<mark>%s*+startxref%s++(\d{1,12})%s++%%%%EOF)(?:\r\n|\n|\r)?"
    % ((_SPACES,) * 3)
)
"""What ends a section (7.5.5), and the line's end after it, where there is one."""


class InFile(NamedTuple):
    """The object begins at this octet of the file."""

    generation: int
    offset: int


class InStream(NamedTuple):
    """The object is in an object stream."""

    stream: int
    position: int
    """Which of those in it, from 0."""


class Free(NamedTuple):
    """There is no such object."""

    generation: int


Place = InFile | InStream | Free


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """One cross-reference section with its trailer."""

    start: int
    end: int
    """After the trailer or the stream; what `ENDING` matches comes next, except in
    linearised files."""
    trailer: Dictionary = field(repr=False)
    entries: Mapping[int, Place] = field(repr=False)
    stream: Ref | None
    """The object that it is itself, where it is a stream."""

    @property
    def previous(self) -> int | None:
        """Where the section stands that this one adds to."""
        value = self.trailer.get("Prev")
        if value is None or (type(value) is int and value >= 0):
            return value
        raise DocumentError("not a PDF: /Prev is no offset")


def read_header(data: bytes, offset: int) -> tuple[Ref, int] | None:
    """`12 0 obj`: the number, and where the object itself begins."""
    found = _HEADER.match(data, offset)
    if found is None:
        return None
    return Ref(int(found.group(1)), int(found.group(2))), found.end()


def read_table(data: bytes, offset: int, budget: int) -> Section:
    """The section that begins with `xref`.

    Raises:
        DocumentError: it is not of this form, or has more entries than the budget.
    """
    position, entries = offset + len(b"xref"), dict[int, Place]()
    while (head := _SUBSECTION.match(data, position)) is not None:
        position = head.end()
        number, count = int(head.group(1)), int(head.group(2))
        budget -= count
        if budget < 0 or number > MAX_OBJECTS << 4:
            raise DocumentError("a PDF with too many objects")
        lines, position = _lines(data, position, count)
        for each, (where, generation, mark) in enumerate(lines, number):
            if each in entries:
                raise DocumentError("not a PDF: bad cross-reference table")
            entries[each] = (
                InFile(int(generation), int(where))
                if mark == b"n"
                else Free(int(generation))
            )
    parser = Parser(data, position)
    trailer = parser.read() if parser.word(b"trailer") else None
    if not isinstance(trailer, dict):
        raise DocumentError("not a PDF: a cross-reference table without trailer")
    if "XRefStm" in trailer:
        raise DocumentError(
            "hybrid cross-references are not judged", fault=DocumentFault.UNSUPPORTED
        )
    return Section(
        start=offset, end=parser.position, trailer=trailer, entries=entries, stream=None
    )


def _lines(
    data: bytes, position: int, count: int
) -> tuple[list[tuple[bytes, bytes, bytes]], int]:
    """The entries that stand there, and where they end."""
    end = position + _LINE * count
    lines = _WIDE.findall(data, position, end)
    if len(lines) == count and end <= len(data):
        # Each has the width that 7.5.4 gives it, so there is nothing between them.
        return lines, end
    lines = []
    for _ in range(count):
        found = _ENTRY.match(data, position)
        if found is None:
            raise DocumentError("not a PDF: bad cross-reference table")
        position = found.end()
        lines.append((found.group(1), found.group(2), found.group(3)))
    return lines, position


def stream_entries(
    dictionary: Dictionary, data: bytes, budget: int
) -> dict[int, Place]:
    """The entries of a cross-reference stream (7.5.8).

    Raises:
        DocumentError: it is not of this form, or has more entries than the budget.
    """
    widths = _numbers(dictionary.get("W"))
    size = dictionary.get("Size")
    index = _numbers(dictionary.get("Index", [0, size]))
    if len(widths) != 3 or len(index) % 2 or max(widths) > 8 or widths[1] == 0:
        raise DocumentError("not a PDF: bad cross-reference stream")
    total, width = sum(index[1::2]), sum(widths)
    if total > budget or max(index[::2], default=0) > MAX_OBJECTS << 4:
        raise DocumentError("a PDF with too many objects")
    rows = decoded(dictionary, data, total * (width + 1) + 1)
    if len(rows) != total * width:
        raise DocumentError("not a PDF: bad cross-reference stream")
    first, second = widths[0], widths[0] + widths[1]
    entries: dict[int, Place] = {}
    position = 0
    for begin, count in zip(index[::2], index[1::2], strict=True):
        for number in range(begin, begin + count):
            row = rows[position : position + width]
            position += width
            kind = int.from_bytes(row[:first]) if first else 1
            middle, last = (
                int.from_bytes(row[first:second]),
                int.from_bytes(row[second:]),
            )
            if number in entries or kind > 2:
                raise DocumentError("not a PDF: bad cross-reference stream")
            if kind == 2:
                entries[number] = InStream(middle, last)
            elif kind == 1:
                entries[number] = InFile(generation=last, offset=middle)
            else:
                entries[number] = Free(generation=last)
    return entries


def _numbers(value: Object) -> list[int]:
    if not isinstance(value, list):
        raise DocumentError("not a PDF: bad cross-reference stream")
    found = [item for item in value if type(item) is int and item >= 0]
    if len(found) != len(value):
        raise DocumentError("not a PDF: bad cross-reference stream")
    return found


def decoded(dictionary: Dictionary, data: bytes, limit: int) -> bytes:
    """The octets of a stream that is plain or Flate-encoded (7.4.4).

    Raises:
        DocumentError: it decodes to more than the limit, or is encoded otherwise.
    """
    filters = dictionary.get("Filter")
    parameters = dictionary.get("DecodeParms")
    if isinstance(filters, list) and len(filters) <= 1:
        filters = filters[0] if filters else None
        parameters = parameters[0] if isinstance(parameters, list) else parameters
    if filters is None:
        return data
    if filters not in ("FlateDecode", "Fl"):
        raise DocumentError(
            "a stream of validation data or objects that is not Flate-encoded",
            fault=DocumentFault.UNSUPPORTED,
        )
    inflater = zlib.decompressobj()
    try:
        plain = inflater.decompress(data, limit + 1)
    except zlib.error:
        raise DocumentError("not a PDF: a stream that cannot be decoded") from None
    if len(plain) > limit:
        raise DocumentError("a stream in a PDF that decodes to too much")
    return plain if parameters is None else _predicted(parameters, plain)


def _predicted(parameters: Object, plain: bytes) -> bytes:
    """PNG's predictors None and Up (7.4.4.4): those that such streams are made with."""
    if not isinstance(parameters, dict):
        raise DocumentError("not a PDF: bad parameters of a stream")
    if parameters.get("Predictor", 1) == 1:
        return plain
    columns = parameters.get("Columns", 1)
    octets = parameters.get("Colors", 1) == 1 and (
        parameters.get("BitsPerComponent", 8) == 8
    )
    if type(columns) is not int or not 0 < columns <= _COLUMNS or not octets:
        raise DocumentError("not a PDF: bad parameters of a stream")
    rows, above = list[bytes](), bytes(columns)
    for start in range(0, len(plain), columns + 1):
        kind, row = plain[start], plain[start + 1 : start + 1 + columns]
        if kind not in (0, 2) or len(row) != columns:
            raise DocumentError(
                "a predictor that is not read here", fault=DocumentFault.UNSUPPORTED
            )
        if kind:
            row = bytes((a + b) & 0xFF for a, b in zip(row, above, strict=True))
        rows.append(row)
        above = row
    return b"".join(rows)
