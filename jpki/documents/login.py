"""What the authentication key signs to log in: a statement, never a document.

A page names a challenge only. The statement around it also names the page's origin,
as whoever signs sees it and not as the page claims it: what is signed for one site
serves at no other. The first line keeps the two kinds of signature apart. No document
is signed with the authentication key, and nothing that begins like a statement with
the signature key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from jpki.errors import DocumentError

__all__ = [
    "CHALLENGE_OCTETS",
    "LoginStatement",
    "begins_like_login",
    "read_login_statement",
    "write_login_statement",
]

CHALLENGE_OCTETS: Final = (16, 64)
"""Least and most. Sixteen cannot be guessed (WebAuthn level 2, section 13.4.3)."""

_FIRST_LINE: Final = "JPKI login statement, version 1"
_MARK: Final = b"jpki login statement"
_MAX_STATEMENT: Final = 1024
_PATTERN: Final = re.compile(
    rf"{_FIRST_LINE}\norigin: ([!-~]{{1,300}})\nchallenge: ([0-9a-f]{{32,128}})\n"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class LoginStatement:
    """利用者証明: that somebody logs in at a site, this once."""

    origin: str
    """Scheme, host and port of the site, as a browser writes them (RFC 6454 6.2)."""
    challenge: bytes
    """The site's, at random, used once."""

    def __post_init__(self) -> None:
        """Refuse what no statement can hold.

        Raises:
            DocumentError: the challenge's length, or an origin that is none.
        """
        least, most = CHALLENGE_OCTETS
        if not least <= len(self.challenge) <= most:
            raise DocumentError(f"a challenge has {least} to {most} octets")
        if not re.fullmatch("[!-~]{1,300}", self.origin):
            raise DocumentError("an origin is written in printable ASCII")


def write_login_statement(statement: LoginStatement) -> bytes:
    """The octets that are signed."""
    return (
        f"{_FIRST_LINE}\n"
        f"origin: {statement.origin}\n"
        f"challenge: {statement.challenge.hex()}\n"
    ).encode("ascii")


def read_login_statement(content: bytes) -> LoginStatement:
    """Read what was signed; the reader compares origin and challenge with its own.

    Raises:
        DocumentError: it is no statement, or spelt in another way.
    """
    not_one = "this is not a login statement"
    if len(content) > _MAX_STATEMENT:
        raise DocumentError(not_one)
    try:
        match = _PATTERN.fullmatch(content.decode("ascii"))
        if match is None:
            raise DocumentError(not_one)
        return LoginStatement(origin=match[1], challenge=bytes.fromhex(match[2]))
    except ValueError:
        raise DocumentError(not_one) from None


def begins_like_login(document: bytes) -> bool:
    """Whether a reader might take a document for a statement, however sloppy."""
    return document[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_MARK)
