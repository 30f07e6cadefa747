"""Files that are either wholly there or not, also after a power cut.

The bytes are written beside the target, forced to disk, and put in place in one step;
then the folder entry is forced too. Only key files and card images need this: all
other state lives in a database.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["create_file", "replace_file"]


def create_file(path: Path, content: bytes) -> None:
    """Make a new file that only its owner reads (mode 0600).

    Raises:
        FileExistsError: something is there already; it is left as it was.
    """
    draft = _draft(path, content)
    try:
        os.link(draft, path)
    finally:
        draft.unlink()
    _sync_folder(path)


def replace_file(path: Path, content: bytes) -> None:
    """Put new content in place of old, with mode 0600."""
    draft = _draft(path, content)
    draft.replace(path)
    _sync_folder(path)


def _draft(path: Path, content: bytes) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    # A leftover of a killed process with our id is nobody's any more.
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    return draft


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
