"""Evidence kept on disk between one verdict and the next, and between processes.

A CRL lies in a file of its own with an index of its serial numbers behind it. The file
is mapped, not read: a million entries are at hand in the time that SHA-256 takes for
them, and only what is looked at comes into memory. OCSP answers and the lists of what
there is lie in small files beside.

Whatever is taken from the shelf is what was put there: a file that was cut, altered or
half written is not taken, and gone. Nothing on the shelf is trusted for lying there;
it is judged like anything that comes from the network. The folder belongs to one user
(mode 0700), any number of whose processes may share it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import mmap
import os
import stat
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from jpki.errors import ConfigurationError, EncodingError
from jpki.x509.certificate_lists import CertificateList, open_crl, parse_crl
from jpki.x509.revoked_index import RevokedIndex

__all__ = ["Shelf", "Shelved", "ShelvedList"]

_ROOM: Final = 4 << 30
"""Octets of files, when the oldest make room."""
_PIECE: Final = 1 << 20
_ALIGNED: Final = 8
_FOOT: Final = struct.Struct("<8sQQQ32s")
"""What this is; octets of the list; entries; octets of notes; SHA-256 of the rest."""
_MAGIC: Final = b"jpkicrl1"
_MAX_NOTES: Final = 1 << 16
_MAX_SMALL: Final = 32 << 20
_MOST_ENTRIES: Final = 1 << 32

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shelved:
    """Octets from the shelf."""

    octets: bytes
    notes: dict[str, Any]
    asked_at: datetime
    """When the server last said that this is what it has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShelvedList:
    """A CRL from the shelf; its octets stay on disk."""

    crl: CertificateList
    tag: str
    """ETag, empty where there was none."""
    asked_at: datetime
    """When the server last said that this is what it has."""


class _Opened(NamedTuple):
    inode: int
    changed: int
    crl: CertificateList
    tag: str


class Shelf:
    """One folder; shared by threads, and with other processes."""

    def __init__(self, folder: Path, *, room: int = _ROOM) -> None:
        """Open the folder, or make it.

        Raises:
            ConfigurationError: it cannot be made, or others may write into it.
        """
        self._folder = folder
        self._room = room
        self._opened: dict[Path, _Opened] = {}
        self._lock = threading.Lock()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = folder.stat()
        except OSError as error:
            reason = error.strerror or "cannot be used"
            raise ConfigurationError(str(folder), "cache", reason) from None
        foreign = found.st_uid != os.getuid()
        if foreign or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise ConfigurationError(
                str(folder), "cache", "others may write there", hint="chmod 700"
            )

    # -- lists ------------------------------------------------------------------------

    def find_list(self, name: str) -> ShelvedList | None:
        """The CRL of this name (its address), if one lies here whole."""
        path = self._path(name, "crl")
        try:
            found = path.stat()
            with self._lock:
                opened = self._opened.get(path)
                if opened is None or (opened.inode, opened.changed) != (
                    found.st_ino,
                    found.st_size,
                ):
                    opened = self._opened[path] = _open(path)
        except FileNotFoundError:
            return None
        except (OSError, EncodingError, ValueError, KeyError, struct.error) as error:
            self._drop(path, error)
            return None
        return ShelvedList(
            crl=opened.crl,
            tag=opened.tag,
            asked_at=datetime.fromtimestamp(found.st_mtime, UTC),
        )

    def put_list(self, name: str, octets: bytes, tag: str, at: datetime) -> None:
        """Lay down a CRL in the place of the one of this name.

        Raises:
            EncodingError: it is none.
        """
        crl = parse_crl(octets)
        keys, offsets = crl.index.columns()
        notes = json.dumps(
            {"name": name, "tag": tag, "sha256": crl.fingerprint}
        ).encode()
        padding = bytes(-len(octets) % _ALIGNED)
        summary = hashlib.sha256()
        for part in (keys, offsets, notes):
            summary.update(part)
        foot = _FOOT.pack(_MAGIC, len(octets), len(crl), len(notes), summary.digest())
        self._write(
            self._path(name, "crl"),
            at,
            *(octets, padding, keys, offsets, notes, foot),
        )

    def confirm(self, name: str, at: datetime) -> None:
        """Remember that the server has said there is no newer one."""
        with contextlib.suppress(OSError):
            os.utime(self._path(name, "crl"), (at.timestamp(), at.timestamp()))

    # -- small things -----------------------------------------------------------------

    def find(self, name: str) -> Shelved | None:
        """What lies under this name, if it does whole."""
        path = self._path(name, "small")
        try:
            with path.open("rb") as file:
                changed = os.fstat(file.fileno()).st_mtime
                head, _, octets = file.read(_MAX_SMALL).partition(b"\n")
            notes = json.loads(head)
            if notes["sha256"] != hashlib.sha256(octets).hexdigest():
                raise ValueError("altered")
            return Shelved(
                octets=octets,
                notes=notes,
                asked_at=datetime.fromtimestamp(changed, UTC),
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            self._drop(path, error)
            return None

    def put(self, name: str, octets: bytes, at: datetime, **notes: str) -> None:
        """Lay down something small."""
        head = {"name": name, "sha256": hashlib.sha256(octets).hexdigest(), **notes}
        line = json.dumps(head).encode() + b"\n"
        self._write(self._path(name, "small"), at, line, octets)

    # -- files ------------------------------------------------------------------------

    def _path(self, name: str, kind: str) -> Path:
        return self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:40]}.{kind}"

    def _write(self, path: Path, at: datetime, *parts: bytes) -> None:
        """All or nothing; what does not fit onto the disk is not kept."""
        draft = path.with_name(
            f".{path.name}.{os.getpid()}.{threading.get_ident()}.new"
        )
        try:
            with _new(draft) as file:
                for part in parts:
                    file.write(part)
            os.utime(draft, (at.timestamp(), at.timestamp()))
            draft.replace(path)
            self._make_room(path)
        except OSError as error:
            _log.warning("%s: not kept: %s", path, error.strerror)
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)

    def _drop(self, path: Path, error: Exception) -> None:
        _log.warning("%s: not what was put there, and removed: %s", path, error)
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)

    def _make_room(self, newest: Path) -> None:
        """Remove what was asked for longest ago, but not what has just come."""
        files: list[tuple[float, int, Path]] = []
        for path in self._folder.iterdir():
            with contextlib.suppress(OSError):
                found = path.stat()
                files.append((found.st_mtime, found.st_size, path))
        size = sum(octets for _, octets, _ in files)
        for _, octets, path in sorted(files):
            if size <= self._room:
                return
            if path != newest:
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
                    size -= octets


@contextlib.contextmanager
def _new(draft: Path) -> Iterator[BinaryIO]:
    draft.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
        yield file
        file.flush()


def _open(path: Path) -> _Opened:
    """Map a list, held against the sums that lie with it.

    Raises:
        OSError, ValueError, KeyError, struct.error, EncodingError: it is not whole.
    """
    with path.open("rb") as file:
        found = os.fstat(file.fileno())
        file.seek(-_FOOT.size, os.SEEK_END)
        magic, length, entries, noted, summary = _FOOT.unpack(file.read(_FOOT.size))
        begin = length + -length % _ALIGNED
        end = begin + 12 * entries + noted
        if (
            magic != _MAGIC
            or noted > _MAX_NOTES
            or entries > _MOST_ENTRIES
            or end + _FOOT.size != found.st_size
        ):
            raise ValueError("not a list with its index")
        fingerprint = _sum(file, 0, length)
        if _sum(file, begin, end) != summary.hex():
            raise ValueError("the index was altered")
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    notes = json.loads(mapped[end - noted : end])
    if notes["sha256"] != fingerprint:
        raise ValueError("the list was altered")
    whole = memoryview(mapped)
    raw, middle = whole[:length], begin + 8 * entries
    index = RevokedIndex.kept(
        raw,
        whole[begin:middle],
        whole[middle : begin + 12 * entries],
        partial(_let_go, mapped, length),
    )
    crl = open_crl(raw, index, fingerprint=fingerprint)
    return _Opened(found.st_ino, found.st_size, crl, str(notes["tag"]))


def _sum(file: BinaryIO, begin: int, end: int) -> str:
    """SHA-256 of a part, through a buffer: mapped, it would stay in memory."""
    digest, left = hashlib.sha256(), end - begin
    file.seek(begin)
    while left:
        piece = file.read(min(_PIECE, left))
        if not piece:
            raise ValueError("cut short")
        digest.update(piece)
        left -= len(piece)
    return digest.hexdigest()


def _let_go(mapped: mmap.mmap, length: int) -> None:
    """Take the list out of memory, but not its index; nothing is lost by it."""
    whole_pages = length // mmap.PAGESIZE * mmap.PAGESIZE
    if whole_pages:
        mapped.madvise(mmap.MADV_DONTNEED, 0, whole_pages)
