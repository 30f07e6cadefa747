"""The entries of a CRL that is about to be signed, read once and quickly.

A list can have a hundred thousand entries, nearly all of one shape. What has just that
shape no rule objects to by itself; only what they have in common remains to be asked,
such as whether a serial number stands there twice. Any other entry is read in full.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from jpki.der.reader import Element, Reader, read_one
from jpki.der.times import read_time, time_choice
from jpki.der.writer import integer
from jpki.x509.certificate_lists import read_entry
from jpki.x509.extension_values import Extension

__all__ = ["Entries", "OddEntry", "read_entries"]


@dataclass(frozen=True, kw_only=True, slots=True)
class OddEntry:
    """An entry that is not of the usual shape, though it need not be wrong."""

    serial: int
    revoked_at: datetime
    usual_time: bool
    """Whether the time has the form that belongs to its year."""
    extensions: Mapping[str, Extension]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entries:
    """What there is to know of all entries."""

    empty: bool = False
    """Whether the SEQUENCE is there without any entry."""
    repeated: bool = False
    """Whether a serial number stands there twice."""
    latest: datetime | None = None
    """The last revocation."""
    dated: bool = False
    """Whether an invalidity date occurs in an entry of the usual shape."""
    odd: tuple[OddEntry, ...] = ()


def _serial() -> bytes:
    """A positive INTEGER of up to twenty octets, after its tag."""
    forms = [rb"\x01[\x01-\x7f]"]
    for size in range(2, 21):
        first = rb"(?:[\x01-\x7f].|\x00[\x80-\xff])"
        forms.append(re.escape(bytes([size])) + first + b".{%d}" % (size - 2))
    return b"|".join(forms)


_CLOCK: Final = rb"(?:[01]\d|2[0-3])[0-5]\d[0-5]\dZ"
_TIME: Final = rb"(\x17\x0d[0-4]\d{5}|\x18\x0f(?:20[5-9]|2[1-9]\d)\d{5})" + _CLOCK
"""UTCTime from 2000 to 2049, GeneralizedTime then: by octets, in the order of time."""
_REASON: Final = rb"\x30\x0a\x06\x03\x55\x1d\x15\x04\x03\x0a\x01[\x01-\x06\x09\x0a]"
_DATE: Final = rb"\x30\x18\x06\x03\x55\x1d\x18\x04\x11(\x18\x0f[12]\d{7})" + _CLOCK
_USUAL: Final = re.compile(
    rb"\x30[\x12-\x7f]\x02(%b)(%b)(?:\x30(?:\x0c%b|\x1a%b|\x26%b%b))?"
    % (_serial(), _TIME, _REASON, _DATE, _REASON, _DATE),
    re.DOTALL,
)
"""Serial number, revocation date, reason if any, invalidity date if any (RFC 5280
5.1.2.6, 5.3.1 and 5.3.2)."""


def read_entries(revoked: Element | None) -> Entries:
    """What there is to know of these entries.

    Raises:
        EncodingError: one is not an entry.
    """
    if revoked is None:
        return Entries()
    data = revoked.content
    serials: list[bytes] = []
    days: set[bytes] = set()
    odd: list[OddEntry] = []
    latest, dated, at = b"", False, 0
    while at < len(data):
        usual = _USUAL.match(data, at)
        if usual is None or usual.end() != at + 2 + data[at + 1]:
            entry = Reader(data, at).next(0x30)
            odd.append(_odd(entry))
            at = entry.end
            continue
        serial, time, day, *dates = usual.groups()
        serials.append(serial)
        days.add(day)
        if time > latest:
            latest = time
        if any(dates):
            days.update(filter(None, dates))
            dated = True
        at = usual.end()
    for day in days:
        read_time(read_one(day + b"000000Z"))
    times = [entry.revoked_at for entry in odd]
    if latest:
        times.append(read_time(read_one(latest)))
    seen = {*serials, *(integer(entry.serial)[1:] for entry in odd)}
    return Entries(
        empty=not times,
        repeated=len(seen) < len(serials) + len(odd),
        latest=max(times, default=None),
        dated=dated,
        odd=tuple(odd),
    )


def _odd(element: Element) -> OddEntry:
    fields = element.enter()
    fields.next()
    time = fields.next()
    entry = read_entry(element)
    return OddEntry(
        serial=entry.serial,
        revoked_at=entry.revoked_at,
        usual_time=time.raw == time_choice(entry.revoked_at),
        extensions=entry.extensions,
    )
