"""Files by their names, packed into one ZIP archive and out of it again.

What is unpacked was packed by a stranger: nothing is ever written to disk, no name may
lead anywhere or pass for another, and what it may cost is bounded beforehand.
"""

from __future__ import annotations

import io
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from typing import Final

from jpki.documents.archive_layout import require_one_reading
from jpki.errors import DocumentError

__all__ = ["MAX_FILES", "MAX_OCTETS", "packed", "require_safe_names", "unpacked"]

MAX_OCTETS: Final = 128 << 20
"""Unpacked, all files together."""
MAX_FILES: Final = 1024
_LONGEST_NAME: Final = 1024
_ENCRYPTED: Final = 0x1
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Others need a memory that nobody bounds."""
_WINDOWS: Final = "cp932"
"""Names that are not marked as UTF-8 come from Japanese Windows, or are ASCII."""


def packed(files: Mapping[str, bytes]) -> bytes:
    """A ZIP archive of these files. The same files give the same octets."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, octets in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, octets)
    return made.getvalue()


def unpacked(
    octets: bytes, *, max_octets: int = MAX_OCTETS, max_files: int = MAX_FILES
) -> dict[str, bytes]:
    """The files in a ZIP archive, by their names.

    Raises:
        DocumentError: it is none, is larger than allowed, can be read in two ways, or
            holds what is no plain file: a link, an encrypted entry, a name that leads
            out of it or stands there twice.
    """
    files: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(octets), metadata_encoding=_WINDOWS) as archive:
            entries = archive.infolist()
            if len(entries) > max_files:
                raise DocumentError(f"an archive of more than {max_files} files")
            require_one_reading(octets, entries, archive.start_dir)
            entries = [entry for entry in entries if not entry.is_dir()]
            # Said before anything is unpacked; and no entry gives more than it says.
            if sum(entry.file_size for entry in entries) > max_octets:
                raise DocumentError(f"an archive of more than {max_octets} octets")
            require_safe_names([entry.filename for entry in entries])
            for entry in entries:
                _require_plain(entry)
                files[entry.filename] = archive.read(entry)
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
        OSError,
        EOFError,
        ValueError,
        struct.error,
        zlib.error,
    ) as error:
        raise DocumentError(f"no ZIP archive that can be read: {error}"[:160]) from None
    return files


def require_safe_names(names: Iterable[str]) -> None:
    """Refuse names that mean another place, or that a reader takes for one another.

    Names are relative, with `/` between folders.

    Raises:
        DocumentError: one is not of this kind, or stands there twice but for the size
            of its letters or the form of its characters (Unicode NFC).
    """
    seen: dict[str, str] = {}
    for name in names:
        parts = name.split("/")
        if (
            len(name) > _LONGEST_NAME
            or "\\" in name
            or any(part in ("", ".", "..") for part in parts)
            or any(unicodedata.category(character)[0] == "C" for character in name)
            or any(unicodedata.category(character) in _BREAKS for character in name)
        ):
            raise DocumentError(f"a file of the name {_shown(name)}")
        # What one system keeps apart is one file on another.
        form = unicodedata.normalize("NFC", name).casefold()
        if form in seen:
            raise DocumentError(f"{_shown(name)} stands there twice")
        seen[form] = name


_BREAKS: Final = ("Zl", "Zp")


def _require_plain(entry: zipfile.ZipInfo) -> None:
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise DocumentError(f"{_shown(entry.filename)} is a link, or no file at all")
    if entry.flag_bits & _ENCRYPTED:
        raise DocumentError(f"{_shown(entry.filename)} is encrypted")
    if entry.compress_type not in _METHODS:
        raise DocumentError(f"{_shown(entry.filename)} is packed in an unknown way")


def _shown(name: str) -> str:
    return ascii(name[:64]) if not name.isprintable() else repr(name[:64])
