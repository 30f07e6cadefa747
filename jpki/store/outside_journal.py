"""The revocation journal outside the database: what a restored backup does not know.

An append-only file, on another disk if possible. Whoever revokes is answered only when
the revocation is in the database and in this file. The database commits first: what a
crash leaves between the two is made up by the next who appends, from the database, so
the file has every line of the database's journal in its order.

A database that lacks what the file's last line tells was restored from a backup. Then
nothing is appended before `jpki revocation replay` has brought it up to the file.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any, Final, Protocol

from jpki.errors import DiskFull, EncodingError, JournalAhead, StoreError
from jpki.store.authority_records import CRLRecord
from jpki.store.outside_lines import (
    FIRST,
    LineKind,
    OutsideLine,
    list_line,
    parse_line,
    revocation_line,
    write_line,
)
from jpki.store.revocation_books import Journal

__all__ = ["Damage", "OutsideJournal", "read_lines"]

_PAGE: Final = 500
"""Lines of the database's journal that are taken at once."""
_LONGEST: Final = 1 << 20
"""Octets of a line; a certificate has some thousands."""


class Books(Protocol):
    """What of a unit of work is looked at here."""

    @property
    def journal(self) -> Journal:
        """The journal in the database."""
        ...


Read = Callable[[], AbstractContextManager[Books]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Damage:
    """A line that is not as it was written, or not where it was."""

    number: int
    """As counted from the beginning of the file, from 1."""
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _End:
    """The state after the last line."""

    size: int = 0
    number: int = 0
    position: int = 0
    newest: str | None = None
    sha256: str = FIRST


class OutsideJournal:
    """The file at a path; shared by threads and by the processes of one host."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"OutsideJournal({str(self.path)!r})"

    def follow(self, read: Read, lists: Sequence[CRLRecord] = ()) -> None:
        """Append whatever the database has and the file has not.

        Args:
            read: opens a snapshot of the database.
            lists: CRL numbers that were reserved.

        Raises:
            JournalAhead: the database is older than the file.
            DiskFull, StoreError: the file cannot be written, or its end was altered.
        """
        with self._held() as file, read() as uow:
            end = _end_of(file)
            _require_level(uow, end)
            writer = _Writer(file, end)
            _append_news(writer, uow)
            for record in lists:
                writer.append(LineKind.LIST, list_line(record))
            writer.flush()

    def require_level(self, read: Read) -> None:
        """Say that the database knows what the file tells.

        Raises:
            JournalAhead: it was restored from a backup.
            StoreError: the file cannot be read, or its end was altered.
        """
        try:
            _require_regular(self.path)
            with FileIO(self.path, "r") as file:
                end = _end_of(file, cut=False)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}") from error
        # The database commits first, so what it says later is not behind.
        with read() as uow:
            _require_level(uow, end)

    def restored(self, read: Read, *, known: int, told: frozenset[str]) -> None:
        """Go on after everything was replayed into a restored database.

        Args:
            read: opens a snapshot of the database.
            known: the position up to which the database agreed with the file before.
            told: certificates whose revocations the file tells after that.
        """
        with self._held() as file, read() as uow:
            writer = _Writer(file, _end_of(file))
            position = known
            while page := uow.journal.with_certificates(after=position, limit=_PAGE):
                for entry, certificate in page:
                    position = entry.position
                    name = _name(entry.authority, entry.serial)
                    if name not in told:
                        writer.append(
                            LineKind.REVOCATION, revocation_line(entry, certificate)
                        )
            writer.move(position, _newest(uow, position))
            writer.append(LineKind.RESTORED, {})
            writer.flush()

    @contextmanager
    def _held(self) -> Iterator[FileIO]:
        """The file, locked; made if it is missing."""
        try:
            new = not self.path.exists()
            if not new:
                _require_regular(self.path)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            descriptor = os.open(self.path, flags, 0o600)
            with FileIO(descriptor, "r+") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if new:
                    _sync_folder(self.path.parent)
                yield file
        except OSError as error:
            reason = f"{self.path}: {error.strerror or error}"
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO):
                raise DiskFull(reason) from error
            raise StoreError(
                f"the revocation journal cannot be written: {reason}",
                hint="let this user write there, or set authority.revocation_journal",
            ) from error


class _Writer:
    """Appends lines after the last one, and forces them to disk together."""

    def __init__(self, file: FileIO, end: _End) -> None:
        self._file = file
        self._end = end
        self._waiting: list[bytes] = []
        self._number, self._sha256 = end.number, end.sha256
        self.position, self._newest = end.position, end.newest

    def move(self, position: int, newest: str | None) -> None:
        """Say how far the lines tell the database's journal."""
        self.position, self._newest = position, newest

    def append(self, kind: LineKind, content: Mapping[str, Any]) -> None:
        """One more line, in memory."""
        self._number += 1
        octets, self._sha256 = write_line(
            OutsideLine(
                number=self._number,
                kind=kind,
                position=self.position,
                newest=self._newest,
                content=content,
                previous=self._sha256,
            )
        )
        self._waiting.append(octets)

    def flush(self) -> None:
        """All of them onto the disk, or none."""
        if not self._waiting:
            return
        octets, start = b"".join(self._waiting), self._end.size
        try:
            _write_at(self._file.fileno(), octets, start)
            os.fsync(self._file.fileno())
        except OSError:
            # What is half written was promised to nobody.
            os.ftruncate(self._file.fileno(), start)
            raise
        self._waiting.clear()
        self._end = _End(
            size=start + len(octets),
            number=self._number,
            position=self.position,
            newest=self._newest,
            sha256=self._sha256,
        )


def _append_news(writer: _Writer, uow: Books) -> None:
    while page := uow.journal.with_certificates(after=writer.position, limit=_PAGE):
        for entry, certificate in page:
            writer.move(entry.position, _name(entry.authority, entry.serial))
            writer.append(LineKind.REVOCATION, revocation_line(entry, certificate))
        writer.flush()


def _require_level(uow: Books, end: _End) -> None:
    if _newest(uow, end.position) != end.newest:
        raise JournalAhead(uow.journal.position(), end.position)


def _newest(uow: Books, position: int) -> str | None:
    found = uow.journal.after(position - 1, limit=1) if position else ()
    if not found or found[0].position != position:
        return None
    return _name(found[0].authority, found[0].serial)


def _name(authority: str, serial: int) -> str:
    return f"{authority}/{serial:x}"


def _end_of(file: FileIO, *, cut: bool = True) -> _End:
    """The state after the last whole line; a torn one after it counts for nothing.

    Raises:
        StoreError: the last line was altered.
    """
    size = file.seek(0, os.SEEK_END)
    start = max(0, size - _LONGEST)
    file.seek(start)
    tail = file.read()
    whole = tail.rfind(b"\n") + 1
    if whole < len(tail):
        # Its writer was killed, and had not answered yet.
        size = start + whole
        if cut:
            os.ftruncate(file.fileno(), size)
    if whole == 0:
        if size:
            raise _altered("its last line is too long")
        return _End()
    begin = tail.rfind(b"\n", 0, whole - 1) + 1
    try:
        line = parse_line(tail[begin:whole])
    except EncodingError as error:
        raise _altered(error.message) from error
    return _End(
        size=size,
        number=line.number,
        position=line.position,
        newest=line.newest,
        sha256=line.sha256,
    )


def _altered(reason: str) -> StoreError:
    return StoreError(
        f"the revocation journal outside the database cannot go on: {reason}",
        hint="keep the file aside; a new one is written from the database. Compare the "
        "old one with `jpki revocation replay --dry-run`",
    )


def read_lines(path: Path) -> Iterator[OutsideLine | Damage]:
    """Every line from the first, and where a line is not as it was written.

    A torn last line is no damage: nobody was told of it.

    Raises:
        StoreError: the file cannot be read.
    """
    number, previous = 0, FIRST
    try:
        _require_regular(path)
        with path.open("rb") as file:
            while octets := file.readline(_LONGEST):
                number += 1
                if not octets.endswith(b"\n") and len(octets) < _LONGEST:
                    return
                try:
                    line = parse_line(octets)
                except EncodingError as error:
                    yield Damage(number=number, reason=error.message)
                    previous = ""
                    continue
                if line.number != number or previous not in ("", line.previous):
                    reason = f"line {line.number} does not follow the one before it"
                    yield Damage(number=number, reason=reason)
                number, previous = line.number, line.sha256
                yield line
    except OSError as error:
        raise StoreError(
            f"{path}: {error.strerror}", hint="name the file with --journal"
        ) from error


def _require_regular(path: Path) -> None:
    """A device has no end, and a pipe waits for somebody.

    Raises:
        OSError: nothing is there.
        StoreError: something else is.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise StoreError(
            f"{path} is not a regular file",
            hint="set authority.revocation_journal to a file of its own",
        )


def _write_at(descriptor: int, octets: bytes, offset: int) -> None:
    written = 0
    while written < len(octets):
        written += os.pwrite(descriptor, octets[written:], offset + written)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
