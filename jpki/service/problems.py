"""Errors as problem documents (RFC 9457): one table joins codes to answers.

An error that is in the table is shown with its message, code, hint and public data.
Any other is a fault of the server: it is logged with its traceback under an
identifier, and the caller learns the identifier only.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from http import HTTPStatus
from typing import Any, Final, Protocol

from jpki.errors import JpkiError
from jpki.model.ports import Random
from jpki.service.answers import Answer, json_answer
from jpki.service.clock import system_random

__all__ = [
    "COMMON_PROBLEMS",
    "MEDIA_TYPE",
    "HTTPError",
    "ProblemTable",
    "plain_problem",
    "refused",
]

MEDIA_TYPE: Final = "application/problem+json"
_TYPE_BASE: Final = "tag:jpki.example,2026:problem/"
"""A tag URI (RFC 4151): a name to compare, not an address to fetch."""
_RESERVED: Final = frozenset({"type", "title", "status", "detail", "instance", "code"})
_RETRY_SECONDS: Final = 2
_KEPT_HEADERS: Final = frozenset({"allow", "location"})
_HTTP_WORDS: Final = {
    400: "bad-request",
    404: "no-such-path",
    405: "method-not-allowed",
    406: "not-acceptable",
    408: "too-slow",
    411: "length-required",
    412: "precondition-failed",
    413: "body-too-large",
    414: "address-too-long",
    415: "unsupported-media-type",
    416: "range-not-satisfiable",
    431: "header-too-large",
    500: "internal",
    501: "not-implemented",
    503: "unavailable",
}
"""Our own words: the phrases of HTTP change from one RFC to the next."""

_log = logging.getLogger(__name__)

COMMON_PROBLEMS: Final[Mapping[str, tuple[HTTPStatus, str]]] = {
    "request": (HTTPStatus.BAD_REQUEST, "The request is malformed"),
    "encoding": (HTTPStatus.BAD_REQUEST, "Bytes are not what they should be"),
    "authentication": (HTTPStatus.UNAUTHORIZED, "The caller is not authenticated"),
    "permission": (HTTPStatus.FORBIDDEN, "The caller's role does not allow this"),
    "not-found": (HTTPStatus.NOT_FOUND, "There is no such thing"),
    "conflict": (HTTPStatus.CONFLICT, "It exists already or was changed meanwhile"),
    "clock.behind": (
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The server's clock stands before its books",
    ),
    "service.unavailable": (
        HTTPStatus.SERVICE_UNAVAILABLE,
        "A server that is needed does not answer",
    ),
    "keys.token-gone": (
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The token with the keys is not there",
    ),
}
"""Entries that every server shares."""


class HTTPError(Protocol):
    """As much of a framework's HTTP exception as an answer needs."""

    @property
    def code(self) -> int | None:
        """The status."""
        ...

    def get_headers(self, *arguments: Any) -> Sequence[tuple[str, str]]:
        """Header fields that belong to it, such as Allow."""
        ...


class ProblemTable:
    """Which error of a server is shown how."""

    def __init__(
        self,
        entries: Mapping[str, tuple[int, str]] | None = None,
        *,
        random: Random = system_random,
        challenge: str = "Signature",
    ) -> None:
        """Join a server's own entries with the shared ones.

        Args:
            entries: error code to status and title.
            challenge: how callers show who they are (RFC 9110 11.6.1).
            random: makes the identifiers of internal errors.
        """
        self._entries: Mapping[str, tuple[int, str]] = {
            **COMMON_PROBLEMS,
            **(entries or {}),
        }
        self._random = random
        self._challenge = challenge

    def problem(self, error: Exception, *, bare: bool = False) -> Answer:
        """The answer to `error`, whatever it is; unknown errors are logged.

        Args:
            error: what happened.
            bare: tell the code only: message and data may name what is not the
                caller's to know.
        """
        known = self._entry(error)
        if known is None or not isinstance(error, JpkiError):
            return self._internal(error)
        status, title = known
        document: dict[str, object] = {
            "type": f"{_TYPE_BASE}{error.code}",
            "title": title,
            "status": int(status),
            "code": error.code,
        }
        if not bare:
            document["detail"] = error.message
            if error.hint is not None:
                document["hint"] = error.hint
            for key, value in error.data.items():
                if key not in _RESERVED:
                    document[key] = _plain(value)
        extra = []
        if status == HTTPStatus.UNAUTHORIZED:
            extra = [("WWW-Authenticate", self._challenge)]
        elif status == HTTPStatus.SERVICE_UNAVAILABLE:
            extra = [("Retry-After", str(_RETRY_SECONDS))]
        elif status == HTTPStatus.TOO_MANY_REQUESTS:
            wait = error.data.get("retry_after", _RETRY_SECONDS)
            extra = [("Retry-After", str(wait))]
        return _rendered(int(status), document, *extra)

    def _entry(self, error: Exception) -> tuple[int, str] | None:
        """The entry of the error's own code, else of the nearest base class's."""
        for cls in type(error).__mro__:
            code = cls.__dict__.get("code")
            if isinstance(code, str) and code in self._entries:
                return self._entries[code]
        return None

    def _internal(self, error: Exception) -> Answer:
        identifier = self._random(8).hex()
        _log.error("internal error %s", identifier, exc_info=error)
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        return _rendered(
            status,
            {
                "type": f"{_TYPE_BASE}internal",
                "title": "The server failed",
                "status": int(status),
                "code": "internal",
                "hint": "tell the operator this identifier",
                "identifier": identifier,
            },
        )


def plain_problem(
    status: int, detail: str | None = None, *headers: tuple[str, str]
) -> Answer:
    """A problem of HTTP itself: no such path, wrong method, body too large."""
    word = _HTTP_WORDS.get(status, str(status))
    code = f"http.{word}"
    document: dict[str, object] = {
        "type": f"{_TYPE_BASE}{code}",
        "title": word.replace("-", " ").capitalize(),
        "status": status,
        "code": code,
    }
    if detail is not None:
        document["detail"] = detail
    return _rendered(status, document, *headers)


def refused(error: HTTPError) -> Answer:
    """The answer to what the web framework itself refuses."""
    kept = [pair for pair in error.get_headers() if pair[0].lower() in _KEPT_HEADERS]
    return plain_problem(error.code or HTTPStatus.INTERNAL_SERVER_ERROR, None, *kept)


def _rendered(
    status: int, document: Mapping[str, object], *extra: tuple[str, str]
) -> Answer:
    return json_answer(document, status, *extra, media_type=MEDIA_TYPE)


def _plain(value: object) -> object:
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list | set | frozenset):
        return [_plain(item) for item in value]
    return str(value)
