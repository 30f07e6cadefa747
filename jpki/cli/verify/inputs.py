"""Files that `jpki verify` reads: those of other commands too, and a token."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from jpki.cli.files import read_certificates, read_crls, read_file, read_response
from jpki.errors import ConfigurationError

__all__ = ["read_certificates", "read_crls", "read_file", "read_response", "read_token"]

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
