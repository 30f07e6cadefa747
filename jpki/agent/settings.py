"""The agent's settings: table [agent] of a file, and what the command line says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jpki.service.loader import read_document, read_table, setting

__all__ = ["BROWSER", "TERMINAL", "AgentSettings", "load"]

BROWSER: Final = "browser"
TERMINAL: Final = "terminal"
_TABLES: Final = frozenset({"agent"})


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentSettings:
    """[agent]: `jpki agent`."""

    host: str = "127.0.0.1"
    """A loopback address; others are refused."""
    port: int = setting(8410, limits=(0, 65535))
    """0 takes a free one and names it when ready."""
    allowed_origins: tuple[str, ...] = ()
    """Whose pages may ask: scheme, host and port, as `https://portal.example`."""
    card: str | None = None
    """File or `card:` URI; without it, whichever reader has a card."""
    confirm: str = setting(BROWSER, choices=(BROWSER, TERMINAL))
    """Where the person sees what is signed and types the PIN."""
    open_with: str | None = None
    """The program that is given the confirmation's address; the default browser
    without it."""
    patience_seconds: int = setting(180, limits=(10, 600))
    """After this a request that nobody confirmed is given up."""
    language: str = setting("ja", choices=("ja", "en"))
    """Of confirmations, where the page does not say."""
    phrase: str | None = None
    """Shown in every confirmation. No page knows it, so an imitation lacks it."""


def load(file: Path, environment: Mapping[str, str] | None = None) -> AgentSettings:
    """Read and check the file.

    Raises:
        ConfigurationError: unreadable, or a key is unknown or has a bad value.
    """
    document = read_document(file, environment or {}, tables=_TABLES)
    base = file.absolute().parent
    return read_table(AgentSettings, "agent", document, base=base, data=None)
