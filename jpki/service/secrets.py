"""Passphrases and secrets that a server needs, from files that only it may read."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Final

from jpki.errors import ConfigurationError
from jpki.model.ports import Secret

__all__ = ["octets_from", "passphrase_from"]

_LEAST_OCTETS: Final = 16
_MOST_OCTETS: Final = 4096


def passphrase_from(file: Path) -> Secret:
    """A secret that reads the first line of `file` each time it is asked.

    The file is checked now, so that a server refuses to start rather than to work.

    Raises:
        ConfigurationError: missing, empty, or readable by others.
    """

    def ask() -> str:
        try:
            with file.open(encoding="utf-8") as stream:
                mode = stat.S_IMODE(file.stat().st_mode)
                line = stream.readline(4096).rstrip("\r\n")
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or "is not text"
            raise ConfigurationError(str(file), "passphrase", reason) from None
        _require_private(file, mode, "passphrase")
        if not line:
            raise ConfigurationError(str(file), "passphrase", "is empty")
        return line

    ask()
    return ask


def octets_from(file: Path, key: str) -> bytes:
    """A secret of 16 octets or more, the whole file.

    Args:
        file: where it is.
        key: the setting that names it, for complaints.

    Raises:
        ConfigurationError: missing, too short, too long, or readable by others.
    """
    try:
        with file.open("rb") as stream:
            mode = stat.S_IMODE(file.stat().st_mode)
            octets = stream.read(_MOST_OCTETS + 1)
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise ConfigurationError(str(file), key, reason) from None
    _require_private(file, mode, key)
    if not _LEAST_OCTETS <= len(octets) <= _MOST_OCTETS:
        raise ConfigurationError(
            str(file),
            key,
            f"has {len(octets)} octets, not {_LEAST_OCTETS} to {_MOST_OCTETS}",
        )
    return octets


def _require_private(file: Path, mode: int, key: str) -> None:
    if mode & 0o077:
        raise ConfigurationError(
            str(file),
            key,
            f"may be read by others (mode {mode:04o})",
            hint=f"chmod 600 {file}",
        )
