"""The application document: XML that is the same bytes for the same application.

The portal reads back only what it would itself have written, octet for octet: there is
no second way to spell an application, so nothing can be hidden in how it is spelt.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from jpki.errors import DocumentError, RequestError

__all__ = [
    "MAX_APPLICATION",
    "MAX_STATEMENT",
    "PROCEDURES",
    "Application",
    "read_application",
    "write_application",
]

PROCEDURES: Final = ("residence-record", "child-allowance", "road-occupancy")
"""手続: what can be applied for here. Their titles are in `words.toml`."""

MAX_STATEMENT: Final = 2000
"""Characters."""

MAX_APPLICATION: Final = 16 * 1024
"""Octets: the longest statement and the frame."""

_FRAME: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<application xmlns="urn:jpki-reference:portal:1">
  <procedure>{procedure}</procedure>
  <statement>{statement}</statement>
</application>
"""
_PATTERN: Final = re.compile(
    re.escape(_FRAME)
    .replace(re.escape("{procedure}"), "([a-z-]{1,40})")
    .replace(re.escape("{statement}"), "([^<>]*)"),
)
_ESCAPES: Final = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))
_BIDIRECTIONAL: Final = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e")
_ISOLATES: Final = frozenset("\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Application:
    """申請: what somebody asks for. Who asks is said by the signature alone."""

    procedure: str
    statement: str

    def __post_init__(self) -> None:
        """Refuse what cannot be an application.

        Raises:
            RequestError: an unknown procedure, or a statement that is empty, too long
                or holds characters that do not show.
        """
        if self.procedure not in PROCEDURES:
            raise RequestError("there is no such procedure")
        if not self.statement.strip() or len(self.statement) > MAX_STATEMENT:
            raise RequestError(f"a statement has 1 to {MAX_STATEMENT} characters")
        if not all(map(_shows, self.statement)):
            raise RequestError("the statement holds characters that do not show")


def write_application(application: Application) -> bytes:
    """The document to sign."""
    statement = application.statement
    for character, escape in _ESCAPES:
        statement = statement.replace(character, escape)
    return _FRAME.format(procedure=application.procedure, statement=statement).encode()


def read_application(document: bytes) -> Application:
    """Read a document that `write_application` wrote.

    Raises:
        DocumentError: it is anything else.
    """
    not_ours = "this is not an application as this portal writes it"
    if len(document) > MAX_APPLICATION:
        raise DocumentError(not_ours)
    try:
        match = _PATTERN.fullmatch(document.decode("utf-8"))
        if match is None:
            raise DocumentError(not_ours)
        statement = match[2]
        for character, escape in reversed(_ESCAPES):
            statement = statement.replace(escape, character)
        application = Application(match[1], statement)
    except (UnicodeDecodeError, RequestError):
        raise DocumentError(not_ours) from None
    if write_application(application) != document:
        raise DocumentError(not_ours)
    return application


def _shows(character: str) -> bool:
    if character in "\n\t":
        return True
    if character in _BIDIRECTIONAL or character in _ISOLATES:
        return False
    return unicodedata.category(character) not in ("Cc", "Cs", "Co", "Cn")
