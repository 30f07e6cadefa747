"""A folder that somebody was sent, read without leaving it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from jpki.documents.archives import MAX_FILES, MAX_OCTETS, require_safe_names
from jpki.errors import ConfigurationError, DocumentError

__all__ = ["read_folder"]


def read_folder(folder: Path) -> dict[str, bytes]:
    """All files in it and below, by their names from there on, `/` between folders.

    Raises:
        ConfigurationError: something in it is no plain file, such as a link, or cannot
            be read; or there is too much.
        DocumentError: two names that a reader takes for one another.
    """
    files: dict[str, bytes] = {}
    left = MAX_OCTETS
    try:
        # By open folders, and never through a link: what is read lies beneath.
        for place, below, names, handle in os.fwalk(folder, onerror=_raise):
            below.sort()
            for name in below:
                if stat.S_ISLNK(os.lstat(name, dir_fd=handle).st_mode):
                    raise _refused(Path(place, name), "is a link")
            for name in sorted(names):
                file = Path(place, name)
                if len(files) == MAX_FILES:
                    raise _refused(folder, f"holds more than {MAX_FILES} files")
                octets = _read(file, name, handle, left)
                left -= len(octets)
                files[file.relative_to(folder).as_posix()] = octets
    except OSError as error:
        raise _refused(folder, error.strerror or "cannot be read") from None
    try:
        require_safe_names(files)
    except DocumentError as error:
        raise _refused(folder, f"holds {error.message}") from None
    return files


def _read(file: Path, name: str, folder: int, limit: int) -> bytes:
    if not stat.S_ISREG(os.lstat(name, dir_fd=folder).st_mode):
        raise _refused(file, "is a link, or no file at all")
    # Should it have become one since, this fails, or does not wait.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    with os.fdopen(os.open(name, flags, dir_fd=folder), "rb") as stream:
        octets = stream.read(limit + 1)
    if len(octets) > limit:
        raise _refused(file, f"larger than {MAX_OCTETS} octets with all the others")
    return octets


def _raise(error: OSError) -> None:
    raise error


def _refused(place: Path, reason: str) -> ConfigurationError:
    return ConfigurationError(
        str(place), "(file)", reason, hint="an application is a folder of plain files"
    )
