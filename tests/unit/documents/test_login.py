"""What is signed to log in: one spelling, one site, and nothing like a document."""

from __future__ import annotations

import pytest

from jpki.documents.login import (
    LoginStatement,
    begins_like_login,
    read_login_statement,
    write_login_statement,
)
from jpki.errors import DocumentError

STATEMENT = LoginStatement(origin="https://portal.example", challenge=bytes(range(16)))
WRITTEN = (
    b"JPKI login statement, version 1\n"
    b"origin: https://portal.example\n"
    b"challenge: 000102030405060708090a0b0c0d0e0f\n"
)


def test_a_statement_is_written_and_read_back() -> None:
    """The same octets, both ways."""
    assert write_login_statement(STATEMENT) == WRITTEN
    assert read_login_statement(WRITTEN) == STATEMENT


@pytest.mark.parametrize(
    "other",
    [
        b"",
        WRITTEN[:-1],
        WRITTEN + b"\n",
        WRITTEN.replace(b"\n", b"\r\n"),
        WRITTEN.replace(b"0a", b"0A"),
        WRITTEN.replace(b"0f", b""),
        WRITTEN.replace(b"version 1", b"version 2"),
        WRITTEN.replace(b"portal", "ポータル".encode()),
        b"\xef\xbb\xbf" + WRITTEN,
        WRITTEN.replace(b"0f\n", b"0" * 200 + b"\n"),
        b"x" * 5000,
    ],
)
def test_nothing_else_is_a_statement(other: bytes) -> None:
    """There is no second way to spell it."""
    with pytest.raises(DocumentError):
        read_login_statement(other)


@pytest.mark.parametrize(
    ("origin", "challenge"),
    [
        ("https://portal.example", bytes(15)),
        ("https://portal.example", bytes(65)),
        ("", bytes(16)),
        ("https://portal.example\nchallenge: 00", bytes(16)),
    ],
)
def test_what_no_statement_can_hold(origin: str, challenge: bytes) -> None:
    """A challenge that can be guessed, an origin that breaks the line."""
    with pytest.raises(DocumentError):
        LoginStatement(origin=origin, challenge=challenge)


def test_what_begins_like_a_statement() -> None:
    """Also in other spellings that a sloppy reader would take."""
    assert begins_like_login(WRITTEN)
    assert begins_like_login(b" \r\n\xef\xbb\xbf" + WRITTEN.upper())
    assert not begins_like_login(b"<application/>")
