"""Passphrases that a server needs at start, from files that only it may read."""

from __future__ import annotations

import stat
from pathlib import Path

from jpki.errors import ConfigurationError
from jpki.model.ports import Secret

__all__ = ["passphrase_from"]


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
        if mode & 0o077:
            raise ConfigurationError(
                str(file),
                "passphrase",
                f"may be read by others (mode {mode:04o})",
                hint=f"chmod 600 {file}",
            )
        if not line:
            raise ConfigurationError(str(file), "passphrase", "is empty")
        return line

    ask()
    return ask
