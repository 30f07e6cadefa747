"""Requests from pages, whatever they send."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jpki.agent.wire import read_request
from jpki.documents.login import read_login_statement
from jpki.errors import DocumentError, JpkiError, RequestError
from jpki.model.purposes import Purpose
from tests.support.agent_room import (
    DOCUMENT,
    ORIGIN,
    login_request,
    signature_request,
)

_MEMBERS = (
    "purpose",
    "format",
    "language",
    "document",
    "media_type",
    "name",
    "challenge",
)
_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(),
    st.lists(st.text(), max_size=2),
    st.sampled_from(
        ["signature", "authentication", "cms-detached", "ja", "text/plain", "QUJD"]
    ),
)


def _read(request: object, language: str = "ja") -> object:
    body = json.dumps(request).encode()
    return read_request(body, origin=ORIGIN, language=language)


def test_a_document_is_taken_as_it_is() -> None:
    """The octets are those that were sent; the text is what they say."""
    body = json.dumps(signature_request()).encode()
    read = read_request(body, origin=ORIGIN, language="ja")
    assert (read.content, read.text) == (DOCUMENT, DOCUMENT.decode())
    assert (read.purpose, read.language) == (Purpose.SIGNATURE, "en")
    assert DOCUMENT.decode() not in repr(read)


def test_a_name_cannot_break_out_of_its_line() -> None:
    """Nor hide characters."""
    body = json.dumps(signature_request(name="a\n\u202eb")).encode()
    read = read_request(body, origin=ORIGIN, language="ja")
    assert read.name == "a ⟦U+202E⟧b"


def test_a_login_is_a_statement_around_the_challenge() -> None:
    """Written here, not there."""
    body = json.dumps(login_request(language=None)).encode()
    read = read_request(body, origin=ORIGIN, language="ja")
    statement = read_login_statement(read.content)
    assert (statement.origin, statement.challenge) == (ORIGIN, bytes(range(32)))
    assert (read.purpose, read.language, read.name) == (
        Purpose.AUTHENTICATION,
        "ja",
        "",
    )


@given(st.binary(max_size=200))
def test_octets_are_read_or_refused(body: bytes) -> None:
    """Nothing but our own errors."""
    with pytest.raises(RequestError):
        read_request(body, origin=ORIGIN, language="ja")


@given(st.dictionaries(st.sampled_from(_MEMBERS), _VALUES))
def test_objects_are_read_or_refused(members: dict[str, object]) -> None:
    """Whatever the members are: a request, or one of our errors."""
    for base in (signature_request(), login_request(), {}):
        try:
            _read({**base, **members})
        except JpkiError as error:
            assert isinstance(error, RequestError | DocumentError)


@pytest.mark.parametrize(
    "body",
    [
        b'{"purpose": "signature", "purpose": "authentication"}',
        b"[" * 100_000,
        b'{"purpose": NaN}',
        b"\xff\xfe",
    ],
)
def test_ambiguous_json_is_refused(body: bytes) -> None:
    """Twice the same name, endless nesting, what is not JSON."""
    with pytest.raises(RequestError):
        read_request(body, origin=ORIGIN, language="ja")
