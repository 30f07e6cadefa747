"""Answers about octets that stay as they are: conditions, ranges, nothing copied.

What is here decides as RFC 9110 section 13.2.2 orders it. A body is a view of octets
that all requests share; the server reads from it as fast as the client takes them.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus
from itertools import accumulate
from typing import Final, Protocol

from jpki.service.ranges import Span, spans_of

__all__ = ["Asked", "Chosen", "Representation", "SharedOctets", "choose", "http_date"]

_TAG: Final = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_TAGS: Final = re.compile(rf"\s*{_TAG.pattern}\s*(?:,|$)")

Fields = Sequence[tuple[str, str]]


class Asked(Protocol):
    """A request's header fields, found by any spelling of their names."""

    def get(self, key: str, /) -> str | None:
        """The value of this field."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Representation:
    """Octets that a client may choose, and what identifies them."""

    octets: bytes
    media_type: str
    tag: str
    """Of the strong ETag, without its quotes: other octets have another."""
    modified: datetime | None
    """None where a second is too coarse to tell this from what was there before."""
    coding: str | None = None
    """Content-Encoding."""
    fields: Fields = ()
    """Header fields of 200, 206 and 304 alike, such as Cache-Control."""

    @property
    def etag(self) -> str:
        """As it stands in a header."""
        return f'"{self.tag}"'


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """Status, header fields and body of an answer."""

    status: HTTPStatus
    fields: Fields
    body: SharedOctets | None
    """None with 304, 412 and 416."""


class SharedOctets:
    """A file to read from whose octets lie somewhere in memory, in pieces.

    What `read` returns is a view and not a copy, up to the end of a piece.
    """

    def __init__(self, *pieces: bytes | memoryview) -> None:
        self._pieces = [memoryview(piece) for piece in pieces if len(piece)]
        self._ends = list(accumulate(len(piece) for piece in self._pieces))
        self._length = self._ends[-1] if self._ends else 0
        self._position = 0

    def __len__(self) -> int:
        """How many octets there are in all."""
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        """The octets, for whoever takes no file."""
        return (bytes(piece) for piece in self._pieces)

    def read(self, count: int = -1) -> memoryview:
        """At most so many octets; fewer where a piece ends, none at the end."""
        at = bisect_right(self._ends, self._position)
        if at == len(self._pieces):
            return memoryview(b"")
        piece = self._pieces[at]
        start = self._position - (self._ends[at] - len(piece))
        found = piece[start:] if count < 0 else piece[start : start + count]
        self._position += len(found)
        return found

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Where the next octet is read from."""
        return self._position

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to an octet, counted from the start (0), from here (1) or the end (2)."""
        base = (0, self._position, self._length)[whence]
        self._position = max(0, min(base + offset, self._length))
        return self._position

    def close(self) -> None:
        """The octets stay: they are shared."""


def http_date(at: datetime) -> str:
    """An HTTP date ends in GMT (RFC 9110 section 5.6.7)."""
    return format_datetime(at.astimezone(UTC), usegmt=True)


def choose(selected: Representation, asked: Asked, *, method: str) -> Chosen:
    """What to answer a GET or HEAD for this representation.

    Args:
        selected: what the request gets if it names no condition.
        asked: the request's header fields.
        method: a Range counts for GET only.
    """
    validators = [("ETag", selected.etag)]
    if selected.modified is not None:
        validators.append(("Last-Modified", http_date(selected.modified)))
    common = (*validators, *selected.fields)
    status = _precondition(selected, asked)
    if status is HTTPStatus.NOT_MODIFIED:
        return Chosen(status=status, fields=common, body=None)
    if status is not None:
        return Chosen(status=status, fields=(), body=None)
    whole = (*common, ("Accept-Ranges", "bytes"))
    if selected.coding is not None:
        whole = (*whole, ("Content-Encoding", selected.coding))
    length = len(selected.octets)
    spans = None
    wanted = asked.get("Range")
    if wanted is not None and method == "GET" and _same_as_before(selected, asked):
        spans = spans_of(wanted, length)
    if spans == ():
        return Chosen(
            status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            fields=[("Content-Range", f"bytes */{length}")],
            body=None,
        )
    view = memoryview(selected.octets)
    kind = ("Content-Type", selected.media_type)
    if spans is None:
        return Chosen(
            status=HTTPStatus.OK, fields=(*whole, kind), body=SharedOctets(view)
        )
    if len(spans) == 1:
        placed = ("Content-Range", _content_range(spans[0], length))
        body = SharedOctets(view[spans[0].start : spans[0].stop])
    else:
        boundary = _boundary(selected, spans)
        kind = placed = ("Content-Type", f"multipart/byteranges; boundary={boundary}")
        body = _parts(selected, spans, boundary)
    fields = (*whole, *dict.fromkeys((kind, placed)))
    return Chosen(status=HTTPStatus.PARTIAL_CONTENT, fields=fields, body=body)


# -- conditions (RFC 9110 section 13) -------------------------------------------------


def _precondition(selected: Representation, asked: Asked) -> HTTPStatus | None:
    """The status that a condition asks for; None to go on."""
    if (match := asked.get("If-Match")) is not None:
        if not _named(match, selected.etag, strong=True):
            return HTTPStatus.PRECONDITION_FAILED
    elif (since := _date(asked.get("If-Unmodified-Since"))) is not None and (
        selected.modified is None or selected.modified > since
    ):
        return HTTPStatus.PRECONDITION_FAILED
    if (match := asked.get("If-None-Match")) is not None:
        if _named(match, selected.etag, strong=False):
            return HTTPStatus.NOT_MODIFIED
    elif (
        (since := _date(asked.get("If-Modified-Since"))) is not None
        and selected.modified is not None
        and selected.modified <= since
    ):
        return HTTPStatus.NOT_MODIFIED
    return None


def _same_as_before(selected: Representation, asked: Asked) -> bool:
    """Whether parts may be sent to one who has others (If-Range).

    A date is never enough: it is no strong validator where two lists can be made in
    one second (RFC 9110 8.8.2.2), and parts of two lists make none.
    """
    before = asked.get("If-Range")
    return before is None or before.strip(" \t") == selected.etag


def _named(field: str, etag: str, *, strong: bool) -> bool:
    if field.strip(" \t") == "*":
        return True
    position = 0
    while position < len(field):
        found = _TAGS.match(field, position)
        if found is None:
            return False
        weak = found[0].lstrip().startswith("W/")
        if found[1] == etag and not (strong and weak):
            return True
        position = found.end()
    return False


def _date(field: str | None) -> datetime | None:
    """An HTTP date; None where there is none, which is then ignored."""
    if field is None or len(field) > 64:
        return None
    try:
        found = parsedate_to_datetime(field)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


# -- several parts (RFC 9110 section 14.6) --------------------------------------------


def _content_range(span: Span, length: int) -> str:
    return f"bytes {span.start}-{span.stop - 1}/{length}"


def _boundary(selected: Representation, spans: Sequence[Span]) -> str:
    """Which stands in none of the parts, as far as anybody could arrange it."""
    seed = f"{selected.tag} {spans}".encode()
    return hashlib.sha256(seed).hexdigest()[:40]


def _parts(
    selected: Representation, spans: Sequence[Span], boundary: str
) -> SharedOctets:
    view = memoryview(selected.octets)
    pieces: list[bytes | memoryview] = []
    for span in spans:
        head = (
            f"\r\n--{boundary}\r\nContent-Type: {selected.media_type}\r\n"
            f"Content-Range: {_content_range(span, len(view))}\r\n\r\n"
        )
        pieces += [head.encode("ascii"), view[span.start : span.stop]]
    return SharedOctets(*pieces, f"\r\n--{boundary}--\r\n".encode("ascii"))
