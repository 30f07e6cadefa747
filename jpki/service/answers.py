"""Answers to HTTP requests, ready to be sent by any WSGI framework as they are."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["Answer", "json_answer", "json_octets"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """Status, body and header fields; itself a WSGI application."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...]

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Send it (PEP 3333)."""
        phrase = HTTPStatus(self.status).phrase
        length = ("Content-Length", str(len(self.body)))
        start_response(f"{self.status} {phrase}", [*self.headers, length])
        return () if environ["REQUEST_METHOD"] == "HEAD" else (self.body,)


def json_octets(document: object) -> bytes:
    """JSON in UTF-8.

    Half a surrogate pair, which a caller can write as an escape and get back in an
    answer, has no UTF-8: it is given as the escape again.
    """
    return json.dumps(document, ensure_ascii=False).encode(errors="backslashreplace")


def json_answer(
    document: object,
    status: int = HTTPStatus.OK,
    *fields: tuple[str, str],
    media_type: str = "application/json",
) -> Answer:
    """An answer that is kept nowhere: every one here is about this moment."""
    return Answer(
        status=int(status),
        body=json_octets(document),
        headers=(
            ("Content-Type", media_type),
            ("Cache-Control", "no-store"),
            *fields,
        ),
    )
