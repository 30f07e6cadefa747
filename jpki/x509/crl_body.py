"""The entries of a CRL from columns, many at once (RFC 5280 5.1.2.6).

Entries differ in the octets of their serial number, in the form of their time, and in
which extensions they have: that is their form. All of one form have the same length
and differ in a few places only, so a block of them is one template, repeated, whose
places are filled column by column. By serial number, those of one length stand
together.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from jpki.der import oids
from jpki.der.times import generalized_time, utc_time
from jpki.der.writer import header, sequence, tlv
from jpki.errors import RuleViolation
from jpki.model.revocation import RevocationReason
from jpki.x509 import extensions
from jpki.x509.revocation_columns import NO_DATE, SERIAL_OCTETS, RevocationColumns

__all__ = ["CRLBody"]

_ROWS: Final = 1 << 13
"""Rows at a time: they stay in the processor's cache between the steps."""

_DAY: Final = 86_400
_WORD: Final = 8
_WHOLE: Final = np.dtype(f"V{SERIAL_OCTETS}")
_BEFORE_SERIAL: Final = 4
"""Octets: the headers of the entry and of its serial number."""
_GENERALIZED, _REASON, _DATE = 4, 2, 1
"""What a form is made of, apart from the serial number's length."""
_FORMS: Final = range(8)


def _seconds(year: int) -> int:
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp())


_EARLIEST: Final = _seconds(1950)
"""X.509 knew no time before."""
_GENERALIZED_FROM: Final = _seconds(2050)
_END: Final = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()) + 1

_SAMPLE: Final = datetime(2000, 1, 1, tzinfo=UTC)
_REASON_EXTENSION: Final = extensions.extension(
    oids.REASON_CODE, False, extensions.reason_code(RevocationReason.SUPERSEDED)
)
_DATE_EXTENSION: Final = extensions.extension(
    oids.INVALIDITY_DATE, False, extensions.invalidity_date(_SAMPLE)
)
_KNOWN: Final = frozenset(RevocationReason)


class CRLBody:
    """The content of revokedCertificates.

    Everything that depends on the rows is checked here, before anything is written.
    """

    def __init__(
        self, columns: RevocationColumns, *, this_update: datetime, dates: bool
    ) -> None:
        """Find the form of every entry.

        Args:
            columns: by serial number.
            this_update: nothing is revoked later.
            dates: whether invalidity dates are written.

        Raises:
            RuleViolation: rows that cannot be the entries of this list.
        """
        self._columns = columns
        self._since = columns.invalid_since if dates else None
        _check(columns, self._since, this_update)
        forms = (columns.revoked_at >= _GENERALIZED_FROM).view(np.uint8)
        forms = forms * _GENERALIZED
        forms |= (columns.reasons != 0).view(np.uint8) * np.uint8(_REASON)
        if self._since is not None:
            forms |= (self._since != NO_DATE).view(np.uint8) * np.uint8(_DATE)
        self._forms = forms
        self._runs = _runs(columns.serials)
        self.size: Final = sum(
            _size(forms[begin:end], octets) for octets, begin, end in self._runs
        )
        """Octets."""

    def write(self, target: NDArray[np.uint8]) -> None:
        """Write the entries, in order, over exactly as many octets as `size` says."""
        calendar = _Calendar(self._columns.revoked_at, self._since)
        at = 0
        for octets, begin, end in self._runs:
            blocks = [_Block(octets, form, calendar) for form in _FORMS]
            for start in range(begin, end, _ROWS):
                rows = slice(start, min(start + _ROWS, end))
                size = _size(self._forms[rows], octets)
                self._write(target[at : at + size], rows, blocks)
                at += size

    def _write(
        self, target: NDArray[np.uint8], rows: slice, blocks: list[_Block]
    ) -> None:
        """Write some rows whose serial numbers are of one length."""
        columns = self._columns
        serials, at = columns.serials[rows], columns.revoked_at[rows]
        reasons, forms = columns.reasons[rows], self._forms[rows]
        since = None if self._since is None else self._since[rows]
        if bool((forms == forms[0]).all()):
            target[:] = blocks[forms[0]].filled(serials, at, reasons, since)
            return
        # One element for each number: octet by octet takes three times as long.
        whole = serials.view(_WHOLE)[:, 0]
        sizes = np.array([block.size for block in blocks])[forms]
        starts = np.cumsum(sizes) - sizes
        for form in np.flatnonzero(np.bincount(forms)):
            which = np.flatnonzero(forms == form)
            filled = blocks[form].filled(
                whole[which].view(np.uint8).reshape(-1, SERIAL_OCTETS),
                at[which],
                reasons[which],
                None if since is None else since[which],
            )
            kind = np.dtype(f"V{blocks[form].size}")
            # Every place at which an entry of this size could begin.
            room = len(target) - kind.itemsize + 1
            places = np.ndarray((room,), kind, target, 0, (1,))
            places[starts[which]] = filled.view(kind)


class _Block:
    """Entries of one form: a template, repeated, whose places are filled anew."""

    def __init__(self, octets: int, form: int, calendar: _Calendar) -> None:
        self.size: Final = len(_template(octets, form))
        self._octets = octets
        self._form = form
        self._calendar = calendar

    @cached_property
    def _entries(self) -> NDArray[Any]:
        template = _template(self._octets, self._form)
        entries = np.frombuffer(bytearray(template * _ROWS), np.uint8)
        return entries.view(_places(self._octets, self._form))

    def filled(
        self,
        serials: NDArray[np.uint8],
        at: NDArray[np.int64],
        reasons: NDArray[np.uint8],
        since: NDArray[np.int64] | None,
    ) -> NDArray[np.uint8]:
        """These rows as entries, until the next call."""
        entries = self._entries[: len(at)]
        for name, kind, offset in _pieces(self._octets):
            begin = SERIAL_OCTETS - self._octets + offset
            piece = serials[:, begin : begin + np.dtype(kind).itemsize]
            entries[name] = piece.view(kind)[:, 0]
        calendar = self._calendar
        days = calendar.days if self._form & _GENERALIZED else calendar.short_days
        # The word of the clock begins with an octet that is the day's.
        entries["clock"], entries["day"] = calendar.digits(at, days)
        if self._form & _REASON:
            entries["reason"] = reasons
        if self._form & _DATE:
            assert since is not None
            clock, day = calendar.digits(since, calendar.days)
            entries["invalid_clock"], entries["invalid_day"] = clock, day
        return entries.view(np.uint8)


class _Calendar:
    """The digits of all days that occur, and of all seconds of a day."""

    def __init__(self, at: NDArray[np.int64], since: NDArray[np.int64] | None) -> None:
        moments = [at] if since is None else [at, since[since != NO_DATE]]
        present = [column for column in moments if len(column)]
        first = min((int(column.min()) for column in present), default=0) // _DAY
        last = max((int(column.max()) for column in present), default=0) // _DAY
        self._first = first
        digits = _days(first, last)
        self.days: Final = _as_words(digits)
        """YYYYMMDD of each, for GeneralizedTime."""
        digits[:, :2] = list(utc_time(_SAMPLE)[:2])
        self.short_days: Final = _as_words(digits)
        """YYMMDD of each, after the header of UTCTime."""

    def digits(
        self, at: NDArray[np.int64], days: NDArray[np.uint64]
    ) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """The words of clock and day that stand at the end of these times."""
        day = at // _DAY
        return _clock()[at - day * _DAY], days[day - self._first]


def _days(first: int, last: int) -> NDArray[np.uint8]:
    days = np.arange(first, last + 1).astype("M8[D]")
    months = days.astype("M8[M]")
    years = days.astype("M8[Y]").astype(np.int64) + 1970
    number = years * 100 + months.astype(np.int64) % 12 + 1
    number = number * 100 + (days - months).astype(np.int64) + 1
    return _digits(number, 8)


@cache
def _clock() -> NDArray[np.uint64]:
    """HHMMSSZ of every second of a day, after an octet to be covered."""
    second = np.arange(_DAY)
    number = second // 3600 * 10_000 + second // 60 % 60 * 100 + second % 60
    text = np.full((_DAY, _WORD), ord("Z"), np.uint8)
    text[:, 1:7] = _digits(number, 6)
    return _as_words(text)


def _as_words(octets: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Eight octets each, as the processor moves them at once."""
    return octets.copy().view(np.uint64)[:, 0]


def _digits(number: NDArray[np.int64], count: int) -> NDArray[np.uint8]:
    powers = 10 ** np.arange(count - 1, -1, -1)
    return (number[:, None] // powers % 10 + ord("0")).astype(np.uint8)


# -- forms ----------------------------------------------------------------------------


@cache
def _template(octets: int, form: int) -> bytes:
    """An entry of this form, with some serial number of so many octets."""
    time = generalized_time(_SAMPLE) if form & _GENERALIZED else utc_time(_SAMPLE)
    details = b""
    if form & _REASON:
        details += _REASON_EXTENSION
    if form & _DATE:
        details += _DATE_EXTENSION
    return sequence(
        tlv(0x02, bytes(octets)), time, tlv(0x30, details) if details else b""
    )


def _size(forms: NDArray[np.uint8], octets: int) -> int:
    """How long entries of these forms are together."""
    return sum(
        int(np.count_nonzero(forms == form)) * len(_template(octets, form))
        for form in _FORMS
    )


@cache
def _pieces(octets: int) -> list[tuple[str, str, int]]:
    """A serial number in words, which may overlap: name, type, first octet."""
    if octets < _WORD:
        return [("serial", f"V{octets}", 0)]
    begins = [*range(0, octets - _WORD, _WORD), octets - _WORD]
    return [(f"serial_{begin}", "u8", begin) for begin in begins]


@cache
def _places(octets: int, form: int) -> np.dtype[Any]:
    """Where such entries differ; a time is its last two words."""
    size = end = len(_template(octets, form))
    places: dict[str, tuple[str, int]] = {}
    if form & _DATE:
        places["invalid_clock"] = ("u8", end - 8)
        places["invalid_day"] = ("u8", end - 15)
        end -= len(_DATE_EXTENSION)
    if form & _REASON:
        places["reason"] = ("u1", end - 1)
        end -= len(_REASON_EXTENSION)
    if form & (_REASON | _DATE):
        end -= len(header(0x30, 0))
    places["clock"] = ("u8", end - 8)
    places["day"] = ("u8", end - 15)
    for name, kind, offset in _pieces(octets):
        places[name] = (kind, _BEFORE_SERIAL + offset)
    return np.dtype(
        {
            "names": list(places),
            "formats": [kind for kind, _ in places.values()],
            "offsets": [offset for _, offset in places.values()],
            "itemsize": size,
        }
    )


# -- rows -----------------------------------------------------------------------------


def _check(
    columns: RevocationColumns, since: NDArray[np.int64] | None, this_update: datetime
) -> None:
    if not columns.rises():
        raise RuleViolation(
            "crl.serial",
            "RFC 5280 5.1.2.6",
            "the serial numbers do not rise from row to row",
        )
    if not len(columns):
        return
    if not columns.serials[0].any() or columns.serials[-1, 0] >= 0x80:
        raise RuleViolation(
            "crl.serial",
            "RFC 5280 4.1.2.2, 5.1.2.6",
            "a serial number is not positive or longer than 20 octets",
        )
    if any(
        bool((columns.reasons == code).any())
        for code in range(int(columns.reasons.max()) + 1)
        if code not in _KNOWN
    ):
        raise RuleViolation("crl.reason", "RFC 5280 5.3.1", "there is no such reason")
    if int(columns.revoked_at.max()) > int(this_update.timestamp()):
        raise RuleViolation(
            "crl.revocation-date",
            "RFC 5280 5.1.2.6",
            "a certificate is revoked after the list was made",
        )
    dates = () if since is None else (since[since != NO_DATE],)
    for moments in (columns.revoked_at, *dates):
        if len(moments) and not (
            int(moments.min()) >= _EARLIEST and int(moments.max()) < _END
        ):
            raise RuleViolation(
                "crl.time",
                "RFC 5280 5.1.2.6, 5.3.2",
                "a time before 1950 or after 9999",
            )


def _runs(serials: NDArray[np.uint8]) -> list[tuple[int, int, int]]:
    """Where the serial numbers of one length stand: octets, first row, row after."""
    runs, begin = [], 0
    for octets in range(1, SERIAL_OCTETS + 1):
        least_longer = 1 << (8 * octets - 1)
        end = bisect_left(
            range(len(serials)),
            least_longer,
            begin,
            key=lambda row: int.from_bytes(serials[row].tobytes(), "big"),
        )
        if end > begin:
            runs.append((octets, begin, end))
        begin = end
    return runs
