"""Files that are either wholly there or not, also after a power cut.

The bytes are written beside the target, forced to disk, and put in place in one step;
then the folder entry is forced too. Only key files and card images need this: all
other state lives in a database.
"""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path
from typing import BinaryIO

from jpki.errors import Conflict

__all__ = ["HeldFile", "create_file"]


def create_file(path: Path, content: bytes) -> None:
    """Make a new file that only its owner reads (mode 0600).

    Raises:
        FileExistsError: something is there already; it is left as it was.
    """
    draft = _draft_of(path)
    try:
        with _write(draft, content):
            # Unlike a rename, a link never replaces what is there.
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path)


class HeldFile:
    """A file that one holder at a time reads and replaces as a whole.

    The hold is an advisory lock on the file itself; it ends with `close` or with the
    process, however that ends.
    """

    def __init__(self, path: Path) -> None:
        """Open and hold.

        Raises:
            FileNotFoundError: nothing is there.
            Conflict: somebody else holds it.
        """
        self._path = path
        self._file = _hold(path)
        _sweep(path)

    def read(self) -> bytes:
        """The content."""
        self._file.seek(0)
        return self._file.read()

    def replace(self, content: bytes) -> None:
        """Put new content in place; when this returns, it outlives a power cut."""
        draft = _draft_of(self._path)
        new = _write(draft, content)
        try:
            # Held before it is visible, so nobody can come in between.
            fcntl.flock(new, fcntl.LOCK_EX | fcntl.LOCK_NB)
            draft.replace(self._path)
        except OSError:
            new.close()
            draft.unlink(missing_ok=True)
            raise
        self._file.close()
        self._file = new
        _sync_folder(self._path)

    def close(self) -> None:
        """Let others hold it."""
        self._file.close()


def _hold(path: Path) -> BinaryIO:
    while True:
        file = path.open("rb")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise Conflict(f"{path} is in use") from None
        # The last holder may have replaced the file between opening and locking it.
        if os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return file
        file.close()


def _sweep(path: Path) -> None:
    """Remove what killed holders have left: it may be a card's memory with its keys."""
    draft = re.compile(rf"\.{re.escape(path.name)}\.\d+\.new")
    for entry in path.parent.iterdir():
        if draft.fullmatch(entry.name):
            entry.unlink(missing_ok=True)


def _draft_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.new")


def _write(draft: Path, content: bytes) -> BinaryIO:
    # A leftover of a killed process that had our id is nobody's any more.
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    file = os.fdopen(descriptor, "w+b")
    try:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    except OSError:
        file.close()
        draft.unlink()
        raise
    return file


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
