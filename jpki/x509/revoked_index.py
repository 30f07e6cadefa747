"""Which entry of a CRL bears a serial number: an index over the entries' bytes.

Every entry's frame is checked when the index is made, without making objects of them:
one after the other in a short list, all together in a long one. The two ways accept the
same lists and find the same entries; for a million entries the second takes a quarter
of a second where the first takes ten. An entry is decoded when it is looked up.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from jpki.der.reader import Element, Reader
from jpki.der.times import read_time
from jpki.errors import EncodingError

if TYPE_CHECKING:
    from numpy import bool_, intp, uint8, uint64
    from numpy.typing import NDArray

__all__ = ["LONG", "RevokedIndex"]

LONG: Final = 2000
"""Entries from which on they are checked together. Loading what that needs takes as
long as checking so many."""

_TOGETHER: Final = 1 << 15
"""Entries that are checked at a time: bounds the memory that it takes."""

_MANY: Final = 256
"""Look-ups after which a list in a file is let go of: each brings 64 KB to memory."""

_LOW: Final = (1 << 64) - 1
_SERIAL_OCTETS: Final = 20


class RevokedIndex:
    """Offsets of entries, in the order of the last 64 bits of their serial numbers.

    Twelve octets an entry, beside the list itself.
    """

    __slots__ = ("_data", "_keys", "_let_go", "_looked", "_offsets")

    def __init__(
        self, data: bytes | memoryview = b"", keys: Any = b"", offsets: Any = ()
    ) -> None:
        """Take what `of` made; without it, the index of no entries."""
        self._data = data
        # Numbers of a view are Python's own, which are compared faster than numpy's.
        self._keys = memoryview(keys)
        self._offsets = offsets
        self._let_go: Callable[[], None] | None = None
        self._looked = 0

    @classmethod
    def of(
        cls, data: bytes | memoryview, revoked: Element, version: int
    ) -> RevokedIndex:
        """Index the entries of a list.

        Args:
            data: the whole CRL.
            revoked: the SEQUENCE of entries in it.
            version: of the CRL; only in version 2 has an entry extensions.

        Raises:
            EncodingError: an entry is not one, or there is none.
        """
        offsets = _offsets(data, revoked)
        if not offsets:
            raise EncodingError("revokedCertificates is empty", offset=revoked.start)
        if len(offsets) < LONG:
            pairs = sorted((_key(data, at, version), at) for at in offsets)
            keys = array("Q", [pair[0] for pair in pairs])
            return cls(data, keys, array("I", [pair[1] for pair in pairs]))
        return cls(data, *_sorted_together(data, offsets, version))

    @classmethod
    def kept(
        cls,
        data: memoryview,
        keys: memoryview,
        offsets: memoryview,
        let_go: Callable[[], None],
    ) -> RevokedIndex:
        """The index of the same list again, which now lies in a file.

        Args:
            data: the whole CRL.
            keys: the first of what `columns` gave.
            offsets: the second.
            let_go: takes out of memory what was read of the list.
        """
        index = cls(data, keys.cast("Q"), offsets.cast("I"))
        index._let_go = let_go
        return index

    def rest(self) -> None:
        """Let go of what was read of a list in a file."""
        self._looked = 0
        if self._let_go is not None:
            self._let_go()

    def columns(self) -> tuple[bytes, bytes]:
        """Keys of eight octets and offsets of four, in this machine's order."""
        if not len(self):
            return b"", b""
        return bytes(memoryview(self._keys)), bytes(memoryview(self._offsets))

    def __len__(self) -> int:
        return len(self._offsets)

    def find(self, serial: int) -> Reader | None:
        """Where the first entry of this serial number begins."""
        self._looked += 1
        if self._looked > _MANY:
            self.rest()
        key = serial & _LOW
        for place in range(self._first(key), len(self._offsets)):
            if int(self._keys[place]) != key:
                return None
            at = int(self._offsets[place])
            if Reader(self._data, at).next().enter().next().integer() == serial:
                return Reader(self._data, at)
        return None

    def in_order(self) -> Iterator[Reader]:
        """Every entry, by its place in the list."""
        for at in self.places():
            yield Reader(self._data, int(at))

    def places(self) -> Any:
        """Where the entries begin, in order: an array, or a list in a short one."""
        if len(self._offsets) < LONG:
            return sorted(self._offsets)
        import numpy as np

        return np.sort(self._offsets)

    def places_of(self, keys: NDArray[uint64]) -> tuple[NDArray[intp], NDArray[bool_]]:
        """Where the first entry with each of these keys begins, and if there is one."""
        import numpy as np

        if not len(self):
            return np.zeros(len(keys), np.intp), np.zeros(len(keys), np.bool_)
        own = np.frombuffer(self._keys, np.uint64)
        at = np.minimum(np.searchsorted(own, keys), len(own) - 1)
        offsets = np.frombuffer(self._offsets, np.uint32)[at]
        return offsets.astype(np.intp), own[at] == keys

    def _first(self, key: int) -> int:
        """The first place whose key is not less."""
        return bisect_left(self._keys, key)


def _offsets(data: bytes | memoryview, revoked: Element) -> array[int]:
    """Where the entries begin; they fill the list."""
    at, end = revoked.content_start, revoked.end
    offsets = array("I")
    append = offsets.append
    while at < end:
        append(at)
        # A short entry, as nearly all are, says its size in one octet.
        size = data[at + 1]
        if size < 0x80:
            at += 2 + size
        else:
            at = Reader(data, at, end).next().end
    if at > end:
        raise EncodingError("truncated", offset=offsets[-1])
    return offsets


def _key(data: bytes | memoryview, at: int, version: int) -> int:
    """Check one entry's frame; the last 64 bits of its serial number."""
    fields = Reader(data, at).next(0x30).enter()
    serial = fields.next().integer()
    read_time(fields.next())
    if fields.optional(0x30) is not None and version < 2:
        raise EncodingError("entry extensions in a version 1 CRL")
    fields.finish()
    return serial & _LOW


# -- many at a time -------------------------------------------------------------------


def _sorted_together(
    data: bytes | memoryview, offsets: array[int], version: int
) -> tuple[NDArray[uint64], Any]:
    import numpy as np

    octets = np.frombuffer(data, np.uint8)
    starts = np.frombuffer(offsets, np.uint32)
    keys = np.empty(len(starts), np.uint64)
    for begin in range(0, len(starts), _TOGETHER):
        some = starts[begin : begin + _TOGETHER].astype(np.intp)
        found, usual = _keys(octets, some, version)
        # Whatever has another shape is read as any entry is, or refused.
        for place in np.flatnonzero(~usual):
            found[place] = _key(data, int(some[place]), version)
        keys[begin : begin + len(some)] = found
    order = np.argsort(keys, kind="stable")
    return keys[order], starts[order]


def _keys(
    octets: NDArray[uint8], at: NDArray[intp], version: int
) -> tuple[NDArray[uint64], NDArray[bool_]]:
    """The keys of entries of the usual shape, and which are of it.

    That is a positive serial number of up to twenty octets, a time, and extensions or
    none, all with lengths of one octet.
    """
    import numpy as np

    # Beyond the end of the list the last octet is read again: a shape that does not fit
    # into the entry is refused below by its lengths.
    last = len(octets) - 1

    def octet(place: NDArray[intp]) -> NDArray[intp]:
        return octets[np.minimum(place, last)].astype(np.intp)

    end = at + 2 + octet(at + 1)
    size = octet(at + 3)
    first, second = octet(at + 4), octet(at + 5)
    usual = (octet(at) == 0x30) & (octet(at + 1) < 0x80) & (octet(at + 2) == 0x02)
    usual &= (size >= 1) & (size <= _SERIAL_OCTETS) & (first < 0x80)
    usual &= (size == 1) | (first != 0) | (second >= 0x80)
    time = at + 4 + size
    utc, general = octet(time) == 0x17, octet(time) == 0x18
    digits = np.where(utc, 12, 14)
    usual &= (utc | general) & (octet(time + 1) == digits + 1)
    after = time + 3 + digits
    usual &= (octet(after - 1) == 0x5A) & _is_moment(octets, after - 13, utc, last)
    usual &= utc | _is_century(octets, time + 2, last)
    inner = (version >= 2) & (octet(after) == 0x30) & (octet(after + 1) < 0x80)
    usual &= (after == end) | (inner & (after + 2 + octet(after + 1) == end))
    return _low_bits(octets, at + 4, np.minimum(size, _SERIAL_OCTETS), last), usual


def _is_century(octets: NDArray[uint8], at: NDArray[intp], last: int) -> NDArray[bool_]:
    """Whether the first two digits of a year of four begin one from 100 on."""
    import numpy as np

    pair = octets[np.minimum(at[:, None] + np.arange(2), last)]
    digits = ((pair >= 0x30) & (pair <= 0x39)).all(axis=1)
    return np.asarray(digits & (pair > 0x30).any(axis=1))


def _is_moment(
    octets: NDArray[uint8], at: NDArray[intp], utc: NDArray[bool_], last: int
) -> NDArray[bool_]:
    """Whether YYMMDDhhmmss is surely a moment.

    Of the years that UTCTime can name, 1950 to 2049, every fourth has a 29 February;
    that of another year needs a closer look.
    """
    import numpy as np

    text = octets[np.minimum(at[:, None] + np.arange(12), last)]
    digits = text - np.uint8(0x30)
    good = (digits <= 9).all(axis=1)
    pairs = digits[:, ::2] * np.uint8(10) + digits[:, 1::2]
    month, day = pairs[:, 1], pairs[:, 2]
    days = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.uint8)
    leap = utc & (month == 2) & (pairs[:, 0] % 4 == 0)
    good &= (month >= 1) & (month <= 12)
    good &= (day >= 1) & (day <= days[np.minimum(month, 12)] + leap)
    good &= (pairs[:, 3] < 24) & (pairs[:, 4] < 60) & (pairs[:, 5] < 60)
    return np.asarray(good)


def _low_bits(
    octets: NDArray[uint8], at: NDArray[intp], size: NDArray[intp], last: int
) -> NDArray[uint64]:
    """The last eight octets of each serial number, as one number."""
    import numpy as np

    places = (at + size - 8)[:, None] + np.arange(8)
    eight = octets[np.clip(places, 0, last)]
    eight[places < at[:, None]] = 0
    return np.ascontiguousarray(eight).view(">u8").ravel().astype(np.uint64)
