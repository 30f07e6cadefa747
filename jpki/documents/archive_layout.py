"""A ZIP archive that every program reads alike (PKWARE APPNOTE 4.3).

Some programs read the directory at its end, others go through the entries from the
front. Between both there is room for files that only half of the readers see, or see
under another name. Here each octet belongs to an entry of the directory, and is told
there as it is told in front.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any, Final

from jpki.errors import DocumentError

__all__ = ["require_one_reading"]

_LOCAL: Final = struct.Struct("<4s5H3I2H")
_LOCAL_MAGIC: Final = b"PK\x03\x04"
_END: Final = b"PK\x05\x06"
_END_SIZE: Final = 22
"""Without a comment."""
_DESCRIBED_BEHIND: Final = 0x8
"""Sizes and checksum follow the data, in a descriptor of one of four forms."""
_DESCRIPTORS: Final = (12, 16, 20, 24)
_UNICODE_NAME: Final = 0x7075
_UNICODE_HEADER: Final = 5
"""Its version and the checksum of the other name."""


def require_one_reading(
    octets: bytes, entries: Sequence[zipfile.ZipInfo], directory: int
) -> None:
    """Refuse an archive that holds more than its directory says, or otherwise.

    Args:
        entries: as the directory has them.
        directory: where it begins.

    Raises:
        DocumentError: something stands before, between or behind the entries; or an
            entry is told differently in the two places.
        struct.error: an entry is cut off.
    """
    if octets[-_END_SIZE:][:4] != _END:
        raise DocumentError("an archive with something behind its end")
    at = 0
    for entry in sorted(entries, key=lambda each: each.header_offset):
        if entry.header_offset != at:
            raise DocumentError("an archive with something between its files")
        at = _end_of(octets, entry)
        if entry.flag_bits & _DESCRIBED_BEHIND:
            at = _behind(octets, at, directory)
    if at != directory:
        raise DocumentError("an archive with something between its files")


def _end_of(octets: bytes, entry: zipfile.ZipInfo) -> int:
    start = entry.header_offset
    fields: tuple[Any, ...] = _LOCAL.unpack_from(octets, start)
    magic, _, flags, method, _, _, crc, packed, size, name, extra = fields
    told = (entry.CRC, entry.compress_size, entry.file_size)
    here = told if flags & _DESCRIBED_BEHIND else (crc, packed, size)
    same = (flags, method, *here) == (entry.flag_bits, entry.compress_type, *told)
    if magic != _LOCAL_MAGIC or not same:
        raise DocumentError("a file that the archive tells of in two ways")
    begin = start + _LOCAL.size + name
    for more in (octets[begin : begin + extra], entry.extra):
        for other in _names_in(more):
            if other != entry.filename.encode():
                raise DocumentError("a file that the archive calls by two names")
    if entry.orig_filename != entry.filename:
        raise DocumentError("a file that the archive calls by two names")
    return int(begin + extra + entry.compress_size)


def _names_in(fields: bytes) -> Iterator[bytes]:
    """Names in Unicode Path extra fields (APPNOTE 4.6.9)."""
    at = 0
    while at + 4 <= len(fields):
        kind, size = struct.unpack_from("<HH", fields, at)
        if kind == _UNICODE_NAME:
            yield fields[at + 4 + _UNICODE_HEADER : at + 4 + size]
        at += 4 + size


def _behind(octets: bytes, at: int, directory: int) -> int:
    """Where a descriptor that begins here ends: at an entry, or at the directory."""
    for size in _DESCRIPTORS:
        end = at + size
        if end == directory or octets[end : end + 4] == _LOCAL_MAGIC:
            return end
    raise DocumentError("an archive with something between its files")
