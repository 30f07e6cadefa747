"""Revocations as columns: a million of them without a million objects.

What stands in a row here is a `Revocation`. A national list is made from these columns
and never from objects, which would take a hundred times the room and the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, PAGESIZE, mmap
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jpki.errors import EncodingError
from jpki.model.revocation import Revocation, RevocationReason

__all__ = [
    "NO_DATE",
    "SERIAL_OCTETS",
    "Changes",
    "RevocationColumns",
    "changes",
    "columns_of",
    "gathered",
    "joined",
]

SERIAL_OCTETS: Final = 20
"""Of the longest serial number (RFC 5280 4.1.2.2)."""
NO_DATE: Final = int(np.iinfo(np.int64).min)
"""In the column of invalidity dates: not known."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
_WORDS: Final = ((0, 4, ">u4"), (4, 12, ">u8"), (12, 20, ">u8"))
"""A serial number in pieces that the processor compares at once."""
_WHOLE: Final = np.dtype(f"V{SERIAL_OCTETS}")
_BLOCK: Final = 1 << 13


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RevocationColumns:
    """Revocations, one in a row.

    Raises:
        EncodingError: the columns are not of one length, or not of these types.
    """

    serials: NDArray[np.uint8] = field(repr=False)
    """Twenty octets in a row, big-endian, zeros in front."""
    revoked_at: NDArray[np.int64] = field(repr=False)
    """Seconds since 1970, UTC."""
    reasons: NDArray[np.uint8] = field(repr=False)
    """CRLReason; 0 where it is unspecified."""
    invalid_since: NDArray[np.int64] | None = field(default=None, repr=False)
    """As `revoked_at`, or `NO_DATE`; None where no row has a date."""

    def __post_init__(self) -> None:
        count = len(self.revoked_at)
        expected: list[tuple[NDArray[np.generic], type[np.generic], tuple[int, ...]]]
        expected = [
            (self.serials, np.uint8, (count, SERIAL_OCTETS)),
            (self.revoked_at, np.int64, (count,)),
            (self.reasons, np.uint8, (count,)),
        ]
        if self.invalid_since is not None:
            expected.append((self.invalid_since, np.int64, (count,)))
        for column, kind, shape in expected:
            if column.dtype != kind or column.shape != shape:
                raise EncodingError(
                    f"a column of {column.dtype} {column.shape} among revocations, "
                    f"not {np.dtype(kind)} {shape}"
                )
        if count and self.serials.strides[1] != 1:
            raise EncodingError("the octets of a serial number are not side by side")

    def __len__(self) -> int:
        """How many."""
        return len(self.revoked_at)

    def rises(self) -> bool:
        """Whether each serial number is higher than the one before it."""
        return all(
            _rise(self.serials[start : start + _BLOCK + 1])
            for start in range(0, len(self) - 1, _BLOCK)
        )

    def in_order(self) -> RevocationColumns:
        """The same rows by serial number."""
        if self.rises():
            return self
        return self.at(_order(self.serials))

    def at(self, places: NDArray[np.intp]) -> RevocationColumns:
        """The rows at these places."""
        dates = self.invalid_since
        return RevocationColumns(
            # One element for each number: octet by octet takes four times as long.
            serials=self.serials.view(_WHOLE)[places].view(np.uint8),
            revoked_at=self.revoked_at[places],
            reasons=self.reasons[places],
            invalid_since=None if dates is None else dates[places],
        )

    def rows(self) -> Iterator[Revocation]:
        """Each row as an object.

        Raises:
            EncodingError: there is no such reason, or no such time.
        """
        for row in range(len(self)):
            since = NO_DATE if self.invalid_since is None else self.invalid_since[row]
            try:
                yield Revocation(
                    serial=int.from_bytes(self.serials[row].tobytes()),
                    at=_EPOCH + int(self.revoked_at[row]) * _SECOND,
                    reason=RevocationReason(int(self.reasons[row])),
                    invalidity_date=None
                    if since == NO_DATE
                    else _EPOCH + int(since) * _SECOND,
                )
            except (ValueError, OverflowError) as error:
                raise EncodingError(f"revocation in row {row}: {error}") from None


def columns_of(entries: Iterable[Revocation]) -> RevocationColumns:
    """These revocations as columns, in their order.

    Raises:
        EncodingError: a serial number is negative or longer than twenty octets, or a
            time has no zone.
    """
    listed = list(entries)
    try:
        serials = b"".join(entry.serial.to_bytes(SERIAL_OCTETS) for entry in listed)
    except OverflowError:
        raise EncodingError("a serial number does not fit twenty octets") from None
    dates = [entry.invalidity_date for entry in listed]
    return RevocationColumns(
        serials=np.frombuffer(serials, np.uint8).reshape(-1, SERIAL_OCTETS),
        revoked_at=np.array([_seconds(entry.at) for entry in listed], np.int64),
        reasons=np.array([entry.reason for entry in listed], np.uint8),
        invalid_since=None
        if not any(dates)
        else np.array(
            [NO_DATE if date is None else _seconds(date) for date in dates], np.int64
        ),
    )


def joined(parts: Sequence[RevocationColumns]) -> RevocationColumns:
    """The rows of all of these, one part behind the other."""
    if not parts:
        return columns_of(())
    dates = None
    if any(part.invalid_since is not None for part in parts):
        dates = np.concatenate([_dates(part) for part in parts])
    return RevocationColumns(
        # Parts of one row each would be joined octet by octet: they lie either way.
        serials=np.ascontiguousarray(np.concatenate([part.serials for part in parts])),
        revoked_at=np.concatenate([part.revoked_at for part in parts]),
        reasons=np.concatenate([part.reasons for part in parts]),
        invalid_since=dates,
    )


def gathered(parts: Iterable[RevocationColumns]) -> RevocationColumns:
    """As `joined`, of parts that are made one after the other: none of them is kept."""
    serials, revoked_at, reasons, dates = (_Growing() for _ in range(4))
    count, dated = 0, False
    for part in parts:
        if part.invalid_since is not None and not dated:
            dated = True
            dates.add(np.full(count, NO_DATE))
        serials.add(part.serials)
        revoked_at.add(part.revoked_at)
        reasons.add(part.reasons)
        if dated:
            dates.add(_dates(part))
        count += len(part)
    return RevocationColumns(
        serials=serials.octets().reshape(-1, SERIAL_OCTETS),
        revoked_at=revoked_at.octets().view(np.int64),
        reasons=reasons.octets(),
        invalid_since=dates.octets().view(np.int64) if dated else None,
    )


class _Growing:
    """Octets in memory of their own: growing copies nothing, and all of it is given
    back. What is freed in the common memory may stay with the process."""

    def __init__(self) -> None:
        # Shared, it could not grow: what is behind its end would not be there.
        self._room = mmap(-1, PAGESIZE, flags=MAP_PRIVATE | MAP_ANONYMOUS)
        self._size = 0

    def add(self, values: NDArray[np.generic]) -> None:
        octets = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
        end = self._size + len(octets)
        if end > len(self._room):
            # Room that is not used yet takes no memory.
            self._room.resize(2 * end)
        self._room[self._size : end] = octets.data
        self._size = end

    def octets(self) -> NDArray[np.uint8]:
        return np.frombuffer(self._room, np.uint8, self._size)


class Changes(NamedTuple):
    """What became of the rows of an older list."""

    gone: RevocationColumns
    """Rows whose serial numbers stand in the older list only."""
    altered: tuple[RevocationColumns, RevocationColumns]
    """Rows that are not the same, as they were and as they are."""


def changes(old: RevocationColumns, new: RevocationColumns) -> Changes:
    """Compare two lists, both by serial number."""
    if not len(new):
        return Changes(old, (new, new))
    known = _texts(new.serials)
    gone, before, after = [], [], []
    # Piece by piece: what comparing takes is then no second list.
    for start in range(0, len(old), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(old)))
        wanted = _texts(old.serials[rows])
        places = np.minimum(np.searchsorted(known, wanted), len(new) - 1)
        kept = known[places] == wanted
        gone.append(rows[~kept])
        there, here = rows[kept], places[kept]
        other = (old.revoked_at[there] != new.revoked_at[here]) | (
            old.reasons[there] != new.reasons[here]
        )
        other |= _dates(old, there) != _dates(new, here)
        before.append(there[other])
        after.append(here[other])
    if not before:
        return Changes(old, (old, old))
    return Changes(
        old.at(np.concatenate(gone)),
        (old.at(np.concatenate(before)), new.at(np.concatenate(after))),
    )


def _texts(serials: NDArray[np.uint8]) -> NDArray[np.bytes_]:
    """Serial numbers as octet strings of one length, which numpy can order."""
    return np.ascontiguousarray(serials).view(f"S{SERIAL_OCTETS}")[:, 0]


def _dates(
    columns: RevocationColumns, rows: NDArray[np.intp] | slice = slice(None)
) -> NDArray[np.int64]:
    if columns.invalid_since is None:
        return np.full(len(columns.revoked_at[rows]), NO_DATE)
    return columns.invalid_since[rows]


def _seconds(at: datetime) -> int:
    if at.tzinfo is None:
        raise EncodingError("a time without zone cannot be encoded")
    return (at - _EPOCH) // _SECOND


def _words(serials: NDArray[np.uint8]) -> list[NDArray[np.unsignedinteger]]:
    return [
        serials[:, begin:end].view(kind)[:, 0].astype(np.dtype(kind).newbyteorder("="))
        for begin, end, kind in _WORDS
    ]


def _rise(serials: NDArray[np.uint8]) -> bool:
    """Whether each of these serial numbers is higher than the one before it."""
    lower = np.zeros(len(serials) - 1, np.bool_)
    same = np.ones(len(serials) - 1, np.bool_)
    for word in _words(serials):
        lower |= same & (word[:-1] < word[1:])
        same &= word[:-1] == word[1:]
    return bool(lower.all())


def _order(serials: NDArray[np.uint8]) -> NDArray[np.intp]:
    """The rows by serial number.

    The first eight octets that are not the same everywhere nearly always decide: then
    one quick sort is enough, and otherwise all octets are sorted by.
    """
    words = _words(serials)
    first = SERIAL_OCTETS
    for (_, end, _), word in zip(_WORDS, words, strict=True):
        differing = int(np.bitwise_or.reduce(word ^ word[0]))
        if differing:
            first = end - (differing.bit_length() + 7) // 8
            break
    first = min(first, SERIAL_OCTETS - 8)
    leading = serials[:, first : first + 8].view(">u8")[:, 0].astype(np.uint64)
    order = np.argsort(leading)
    leading = leading[order]
    if bool((leading[1:] == leading[:-1]).any()):
        return np.lexsort(words[::-1])
    return order
