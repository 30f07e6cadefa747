"""The entries of a CRL as columns: all of them read, and no object made of any.

Whoever publishes a list reads what was signed in this way and holds it against the list
before it. An entry of an unusual shape is read as any other reader would.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jpki.der import oids
from jpki.der.reader import Reader
from jpki.model.revocation import RevocationReason
from jpki.x509 import extensions
from jpki.x509.certificate_lists import CertificateList, read_entry
from jpki.x509.revocation_columns import (
    NO_DATE,
    SERIAL_OCTETS,
    RevocationColumns,
    columns_of,
)

__all__ = ["columns_at", "columns_in"]

_TOGETHER: Final = 1 << 14
"""Entries that are read at a time: bounds the memory that it takes."""

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
    return columns_at(crl, np.array(crl.places(), np.int64)).in_order()


def columns_at(crl: CertificateList, starts: NDArray[np.int64]) -> RevocationColumns:
    """The entries of this list at these places, as they stand.

    Raises:
        EncodingError: an entry does not say what a revocation is.
    """
    count = len(starts)
    octets = np.frombuffer(crl.raw, np.uint8)
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
            entry = read_entry(Reader(crl.raw, int(starts[row])).next(0x30))
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
