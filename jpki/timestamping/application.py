"""The authority over HTTP (RFC 3161 section 3.4), a WSGI application.

`POST /` takes `application/timestamp-query` and gives `application/timestamp-reply`;
`GET /certificates` gives what a verifier has to trust, `GET /health` says that it runs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from jpki.documents.timestamp_messages import MAX_REQUEST
from jpki.timestamping.authority import TimeStampAuthority
from jpki.x509.pem import pem

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["QUERY", "REPLY", "application_of"]

QUERY: Final = "application/timestamp-query"
REPLY: Final = "application/timestamp-reply"

_PROBLEM: Final = "application/problem+json"
_Answer = tuple[str, str, bytes]


def application_of(authority: TimeStampAuthority) -> WSGIApplication:
    """The application that answers for this authority."""
    certificates = b"".join(
        pem(der, "CERTIFICATE") for der in (authority.certificate, *authority.chain)
    )
    routes: dict[tuple[str, str], Callable[[WSGIEnvironment], _Answer]] = {
        ("POST", "/"): lambda environment: _stamp(authority, environment),
        ("GET", "/certificates"): lambda _: (
            "200 OK",
            "application/x-pem-file",
            certificates,
        ),
        ("GET", "/health"): lambda _: (
            "200 OK",
            "application/json",
            b'{"status": "ok"}',
        ),
    }

    def application(
        environment: WSGIEnvironment, start: StartResponse
    ) -> Iterable[bytes]:
        method = environment["REQUEST_METHOD"]
        path = environment.get("PATH_INFO") or "/"
        route = routes.get((method, path))
        if route is not None:
            status, kind, body = route(environment)
        elif any(path == known for _, known in routes):
            status, kind, body = _problem("405 Method Not Allowed", "another method")
        else:
            status, kind, body = _problem("404 Not Found", "nothing is here")
        start(
            status,
            [
                ("Content-Type", kind),
                ("Content-Length", str(len(body))),
                # Each timestamp is of its moment.
                ("Cache-Control", "no-store"),
            ],
        )
        return [body]

    return application


def _stamp(authority: TimeStampAuthority, environment: WSGIEnvironment) -> _Answer:
    kind = environment.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if kind != QUERY:
        return _problem("415 Unsupported Media Type", f"a request is {QUERY}")
    request = environment["wsgi.input"].read(MAX_REQUEST + 1)
    if len(request) > MAX_REQUEST:
        return _problem("413 Content Too Large", f"more than {MAX_REQUEST} octets")
    # 3.4: also a refusal is a valid response, and its status stands inside.
    return "200 OK", REPLY, authority.answer(request)


def _problem(status: str, detail: str) -> _Answer:
    number, _, title = status.partition(" ")
    document = {"title": title, "status": int(number), "detail": detail}
    return status, _PROBLEM, json.dumps(document).encode()
