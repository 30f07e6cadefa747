"""The entries of a CRL as columns: all of them read, and no object made of any.

Whoever publishes a list reads what was signed in this way and holds it against the list
before it. An entry of an unusual shape is read as any other reader would.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jpki.der import oids
from jpki.der.reader import Reader
from jpki.errors import EncodingError
from jpki.model.revocation import RevocationReason
from jpki.x509 import extensions
from jpki.x509.certificate_lists import CertificateList, read_entry
from jpki.x509.revocation_columns import (
    NO_DATE,
    SERIAL_OCTETS,
    Changes,
    RevocationColumns,
    changes,
    columns_of,
    joined,
)

__all__ = [
    "changes_in",
    "columns_at",
    "columns_in",
    "columns_in_pieces",
    "require_readable",
]

_TOGETHER: Final = 1 << 14
"""Entries that are read at a time: bounds the memory that it takes."""

_LONGEST_FRONT: Final = 1 << 20
"""Octets of all that stands before the entries."""

_SAMPLE: Final = datetime(2000, 1, 1, tzinfo=UTC)
_REASON: Final = extensions.extension(
    oids.REASON_CODE, False, extensions.reason_code(RevocationReason.SUPERSEDED)
)[:-1]
"""The extension of a reason, short of the reason."""
_DATE: Final = extensions.extension(
    oids.INVALIDITY_DATE, False, extensions.invalidity_date(_SAMPLE)
)[:-15]
"""The extension of an invalidity date, short of its digits."""
_KNOWN: Final = np.isin(
    np.arange(256), sorted(set(RevocationReason) - {RevocationReason.UNSPECIFIED})
)
_DAY: Final = 86_400
_DAYS_OF_MONTHS: Final = np.array(
    [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64
)


def columns_in(crl: CertificateList) -> RevocationColumns:
    """Every entry of this list, by serial number.

    Raises:
        EncodingError: an entry does not say what a revocation is.
    """
    return columns_at(crl.raw, np.array(crl.places(), np.int64)).in_order()


def require_readable(crl: CertificateList) -> None:
    """Read every entry of this list, and keep none.

    Raises:
        EncodingError: an entry does not say what a revocation is.
    """
    places = np.asarray(crl.places())
    for begin in range(0, len(places), _TOGETHER):
        columns_at(crl.raw, places[begin : begin + _TOGETHER].astype(np.int64))


def changes_in(old: RevocationColumns, crl: CertificateList) -> Changes:
    """As `changes`, in a list that was read: only entries that are asked for are.

    Raises:
        EncodingError: an entry does not say what a revocation is.
    """
    found = [
        _changes_in(old.at(np.arange(begin, min(begin + _TOGETHER, len(old)))), crl)
        for begin in range(0, len(old), _TOGETHER)
    ]
    return Changes(
        joined([each.gone for each in found]),
        (
            joined([each.altered[0] for each in found]),
            joined([each.altered[1] for each in found]),
        ),
    )


def _changes_in(rows: RevocationColumns, crl: CertificateList) -> Changes:
    starts, known = crl.index.places_of(_low_bits(rows.serials))
    there = columns_at(crl.raw, starts[known])
    first = changes(rows, there.in_order())
    # Serial numbers that have their last eight octets in common are looked for singly.
    _, alike = crl.index.places_of(_low_bits(first.gone.serials))
    if not alike.any():
        return first
    others = [
        entry.revocation()
        for row in first.gone.at(np.flatnonzero(alike)).rows()
        if (entry := crl.find(row.serial)) is not None
    ]
    second = changes(first.gone, columns_of(others).in_order())
    return Changes(
        second.gone,
        (
            joined([first.altered[0], second.altered[0]]),
            joined([first.altered[1], second.altered[1]]),
        ),
    )


def _low_bits(serials: NDArray[np.uint8]) -> NDArray[np.uint64]:
    last = np.ascontiguousarray(serials[:, -8:])
    return last.view(">u8")[:, 0].astype(np.uint64)


def columns_in_pieces(pieces: Iterable[bytes]) -> Iterator[RevocationColumns]:
    """Every entry of a list that comes in pieces, as they stand, some at a time.

    Nothing but the entries is looked at: it is a list that was read before.

    Raises:
        EncodingError: an entry does not say what a revocation is, or the list ends in
            the middle of its entries.
    """
    rest, left = b"", None
    for piece in pieces:
        rest += piece
        if left is None:
            front = _front(rest)
            if front is None:
                if len(rest) > _LONGEST_FRONT:
                    raise EncodingError("not a CRL, or a very long issuer")
                continue
            begin, left = front
            rest = rest[begin:]
        starts, end = _whole_entries(rest, min(left, len(rest)))
        for first in range(0, len(starts), _TOGETHER):
            some = np.array(starts[first : first + _TOGETHER], np.int64)
            yield columns_at(rest, some)
        left -= end
        if not left:
            return
        rest = rest[end:]
    raise EncodingError("truncated")


def _front(octets: bytes) -> tuple[int, int] | None:
    """Where the entries begin and how long they are together; None if not yet there."""
    try:
        at = _content(octets, 0)[0]
        at = _content(octets, at)[0]
        # version, algorithm, issuer, thisUpdate, nextUpdate (RFC 5280 5.1)
        for tags in ((0x02,), (0x30,), (0x30,), (0x17, 0x18), (0x17, 0x18)):
            if octets[at] in tags:
                begin, size = _content(octets, at)
                at = begin + size
        return _content(octets, at) if octets[at] == 0x30 else (at, 0)
    except IndexError:
        return None


def _content(octets: bytes, at: int) -> tuple[int, int]:
    """Where the content of this element begins, and how long it is."""
    size = octets[at + 1]
    if size < 0x80:
        return at + 2, size
    count = size & 0x7F
    octets[at + 1 + count]
    return at + 2 + count, int.from_bytes(octets[at + 2 : at + 2 + count])


def _whole_entries(octets: bytes, end: int) -> tuple[list[int], int]:
    """Where entries begin that are all there, and where the last of them ends."""
    starts: list[int] = []
    at = 0
    while at + 2 <= end:
        size = octets[at + 1]
        if size < 0x80:
            after = at + 2 + size
        elif at + 1 + (size & 0x7F) < end:
            begin, length = _content(octets, at)
            after = begin + length
        else:
            break
        if after > end:
            break
        if octets[at] != 0x30:
            raise EncodingError("no entry of a CRL", offset=at)
        starts.append(at)
        at = after
    return starts, at


def columns_at(raw: bytes | memoryview, starts: NDArray[np.int64]) -> RevocationColumns:
    """The entries at these places of a list, as they stand.

    Raises:
        EncodingError: an entry does not say what a revocation is.
    """
    count = len(starts)
    octets = np.frombuffer(raw, np.uint8)
    serials = np.empty((count, SERIAL_OCTETS), np.uint8)
    at = np.empty(count, np.int64)
    reasons = np.empty(count, np.uint8)
    since = np.empty(count, np.int64)
    for begin in range(0, count, _TOGETHER):
        rows = slice(begin, min(begin + _TOGETHER, count))
        read = _read(octets, starts[rows])
        serials[rows], at[rows] = read.serials, read.at
        reasons[rows], since[rows] = read.reasons, read.since
        for place in np.flatnonzero(~read.usual):
            row = begin + int(place)
            entry = read_entry(Reader(raw, int(starts[row])).next(0x30))
            one = columns_of([entry.revocation()])
            serials[row], at[row] = one.serials[0], one.revoked_at[0]
            reasons[row] = one.reasons[0]
            dates = one.invalid_since
            since[row] = NO_DATE if dates is None else dates[0]
    dated = bool((since != NO_DATE).any())
    return RevocationColumns(
        serials=serials,
        revoked_at=at,
        reasons=reasons,
        invalid_since=since if dated else None,
    )


class _Rows(NamedTuple):
    serials: NDArray[np.uint8]
    at: NDArray[np.int64]
    reasons: NDArray[np.uint8]
    since: NDArray[np.int64]
    usual: NDArray[np.bool_]
    """Whether the others are to be relied upon."""


def _read(octets: NDArray[np.uint8], at: NDArray[np.int64]) -> _Rows:
    """Entries whose frames were checked, as far as they are of the usual shape."""
    # Beyond the end the last octet is read again; lengths refuse what does not fit.
    last = len(octets) - 1

    def octet(place: NDArray[np.int64]) -> NDArray[np.int64]:
        return octets[np.minimum(place, last)].astype(np.int64)

    def run(place: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
        found = octets[np.minimum(place[:, None] + np.arange(size), last)]
        return np.asarray(found)

    end = at + 2 + octet(at + 1)
    size = octet(at + 3)
    usual = (octet(at + 1) < 0x80) & (octet(at + 2) == 0x02)
    usual &= (size >= 1) & (size <= SERIAL_OCTETS) & (octet(at + 4) < 0x80)
    first = at + 4 + np.minimum(size, SERIAL_OCTETS) - SERIAL_OCTETS
    places = first[:, None] + np.arange(SERIAL_OCTETS)
    serials = octets[np.clip(places, 0, last)]
    serials[places < (at + 4)[:, None]] = 0

    time = at + 4 + size
    utc = octet(time) == 0x17
    usual &= utc | (octet(time) == 0x18)
    digits = np.where(utc, 12, 14)
    usual &= octet(time + 1) == digits + 1
    after = time + 3 + digits
    # The century of UTCTime is put before its digits.
    text = run(after - 15, 14)
    year = octet(time + 2) * 10 + octet(time + 3) - 528
    text[utc, 0] = np.where(year[utc] >= 50, ord("1"), ord("2"))
    text[utc, 1] = np.where(year[utc] >= 50, ord("9"), ord("0"))
    revoked, good = _seconds(text)
    usual &= good & (octet(after - 1) == ord("Z"))

    plain = after == end
    inner = after + 2
    framed = (octet(after) == 0x30) & (inner + octet(after + 1) == end)
    has_reason = framed & (run(inner, len(_REASON)) == _bytes(_REASON)).all(axis=1)
    code = octet(inner + len(_REASON))
    has_reason &= _KNOWN[code]
    reasons = np.where(has_reason, code, 0).astype(np.uint8)
    inner = inner + np.where(has_reason, len(_REASON) + 1, 0)
    has_date = framed & (run(inner, len(_DATE)) == _bytes(_DATE)).all(axis=1)
    invalid, good = _seconds(run(inner + len(_DATE), 14))
    has_date &= good & (octet(inner + len(_DATE) + 14) == ord("Z"))
    inner = inner + np.where(has_date, len(_DATE) + 15, 0)
    usual &= plain | (framed & (has_reason | has_date) & (inner == end))
    since = np.where(has_date & ~plain, invalid, NO_DATE)
    return _Rows(serials, revoked, np.where(plain, 0, reasons), since, usual)


def _bytes(text: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(text, np.uint8)


def _seconds(text: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Seconds since 1970 of YYYYMMDDHHMMSS, and whether there is such a moment."""
    digits = text - np.uint8(ord("0"))
    good = (digits <= 9).all(axis=1)
    pairs = digits[:, ::2].astype(np.int64) * 10 + digits[:, 1::2]
    year = pairs[:, 0] * 100 + pairs[:, 1]
    month, day, hour, minute, second = pairs[:, 2:].T
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    days = _DAYS_OF_MONTHS[np.minimum(month, 12)] + (leap & (month == 2))
    good &= (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= days)
    good &= (hour < 24) & (minute < 60) & (second < 60)
    months = np.where(good, (year - 1970) * 12 + month - 1, 0)
    first = months.astype("M8[M]").astype("M8[D]").astype(np.int64)
    seconds = (first + day - 1) * _DAY + hour * 3600 + minute * 60 + second
    return seconds, good
