"""What `jpki verify` alone reads from a file: the token of a registered verifier."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from jpki.cli.files import read_file
from jpki.errors import ConfigurationError

__all__ = ["read_token"]

_LONGEST_TOKEN: Final = 4096


def read_token(file: Path) -> str:
    """The token of a registered verifier.

    Raises:
        ConfigurationError: the file holds none.
    """
    try:
        token = read_file(file).decode("ascii").strip()
    except UnicodeDecodeError:
        token = ""
    if not token or not token.isprintable() or len(token) > _LONGEST_TOKEN:
        raise ConfigurationError(str(file), "token", "holds none")
    return token
