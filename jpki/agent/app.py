"""The agent's HTTP interface: two paths for pages, two for the person's own window.

Pages of allowed origins reach `/status` and `/signatures` by CORS, programs without an
origin reach nothing. The window's pages are for the browser that the agent itself
opened. There are no cookies and nothing is kept from one request to the next.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from jpki.agent.desk import Desk
from jpki.agent.origins import own_hosts
from jpki.agent.pages import CANCEL, GO_ON, confirmation_page, problem_page
from jpki.agent.peers import user_of_peer
from jpki.agent.person import Reply
from jpki.agent.window import Windows
from jpki.agent.wire import read_request
from jpki.errors import (
    ConfirmationOver,
    DocumentError,
    JpkiError,
    OriginRefused,
    RequestError,
)
from jpki.service.answers import Answer, json_answer
from jpki.service.problems import ProblemTable, plain_problem

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["BODY_LIMIT", "PROBLEMS", "Agent"]

BODY_LIMIT: Final = 12 * 1024 * 1024
"""Octets: the largest PDF in base64, and its frame."""
_MAX_FORM: Final = 4096
_MAX_FIELDS: Final = 8
_API: Final = 1
"""Raised when a page that knew the former could not use the new one."""
_METHODS: Final = {"/status": "GET", "/signatures": "POST"}
_PREFLIGHT_SECONDS: Final = 60

_log = logging.getLogger(__name__)

PROBLEMS: Final = ProblemTable(
    {
        "agent": (HTTPStatus.CONFLICT, "It was not signed"),
        "agent.origin": (HTTPStatus.FORBIDDEN, "Who asks is not answered here"),
        "agent.over": (HTTPStatus.GONE, "This confirmation is over"),
        "agent.no-window": (
            HTTPStatus.SERVICE_UNAVAILABLE,
            "No confirmation can be shown",
        ),
        "card": (HTTPStatus.CONFLICT, "The card did not sign"),
        "document": (HTTPStatus.UNPROCESSABLE_ENTITY, "This is not signed here"),
    }
)


class Agent:
    """A WSGI application (PEP 3333)."""

    def __init__(
        self,
        *,
        desk: Desk,
        windows: Windows | None,
        origins: frozenset[str],
        card_is_there: Callable[[], bool],
        user: int,
        version: str,
        language: str,
        phrase: str | None = None,
    ) -> None:
        """Set up the interface; `listens_at` completes it.

        Args:
            desk: where requests are signed.
            windows: the person's, where a browser shows confirmations.
            origins: whose pages may ask.
            card_is_there: looks without touching the card.
            user: whose agent it is; other users of the machine get no answer.
            version: of this program.
            language: of what is said where nobody names one.
            phrase: known to the person alone.
        """
        self._desk = desk
        self._windows = windows
        self._origins = origins
        self._card_is_there = card_is_there
        self._user = user
        self._version = version
        self._language = language
        self._phrase = phrase
        self._hosts: frozenset[str] = frozenset()

    def listens_at(self, url: str) -> None:
        """Learn by which address this machine reaches the agent."""
        port = urlsplit(url).port
        assert port is not None
        self._hosts = own_hosts(port)
        if self._windows is not None:
            self._windows.base = url

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer a request."""
        return self._answer(environ)(environ, start_response)

    def _answer(self, environ: WSGIEnvironment) -> Answer:
        path = environ.get("PATH_INFO", "")
        try:
            self._check_here(environ)
            if path in _METHODS:
                return self._for_page(environ, path)
            if self._windows is not None and path.startswith("/confirm"):
                return self._for_person(environ, path, self._windows)
        except Exception as error:
            # No origin was found good: nothing here may be read by any page.
            return PROBLEMS.problem(error)
        return plain_problem(HTTPStatus.NOT_FOUND)

    def _check_here(self, environ: WSGIEnvironment) -> None:
        if environ.get("HTTP_HOST", "") not in self._hosts:
            raise OriginRefused("this name is not one of the agent's")
        ports = int(environ["REMOTE_PORT"]), int(environ["SERVER_PORT"])
        if user_of_peer(*ports) != self._user:
            raise OriginRefused("another user of this machine asks")

    # -- for pages of allowed origins

    def _for_page(self, environ: WSGIEnvironment, path: str) -> Answer:
        origin = environ.get("HTTP_ORIGIN", "")
        if origin not in self._origins:
            raise OriginRefused(
                "pages of this origin may not ask here",
                hint="the person allows it: jpki agent --allow-origin",
            )
        method, admitted = environ["REQUEST_METHOD"], _METHODS[path]
        if method == "OPTIONS":
            return _preflight(environ, origin, admitted)
        if method != admitted:
            allow = ("Allow", f"{admitted}, OPTIONS")
            return _readable(
                plain_problem(HTTPStatus.METHOD_NOT_ALLOWED, None, allow), origin
            )
        try:
            answer = self._status() if path == "/status" else self._sign(environ)
        except Exception as error:
            # What went wrong with the card or the window is the person's to know: it
            # names files, readers and programs of this machine.
            told = isinstance(error, RequestError | DocumentError)
            answer = PROBLEMS.problem(error, bare=not told)
            if isinstance(error, JpkiError):
                _log.info("%s: not signed: %s [%s]", origin, error, error.code)
        return _readable(answer, origin)

    def _status(self) -> Answer:
        return json_answer(
            {
                "agent": "jpki",
                "api": _API,
                "version": self._version,
                "card": self._card_is_there(),
                "busy": self._desk.busy,
            }
        )

    def _sign(self, environ: WSGIEnvironment) -> Answer:
        if _media_type(environ) != "application/json":
            return plain_problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        origin = environ["HTTP_ORIGIN"]
        body = environ["wsgi.input"].read(BODY_LIMIT)
        request = read_request(body, origin=origin, language=self._language)
        signed = self._desk.sign(request)
        _log.info("%s: signed (%s)", origin, request.purpose.value)
        return json_answer(signed.to_json())

    # -- for the person's own window

    def _for_person(
        self, environ: WSGIEnvironment, path: str, windows: Windows
    ) -> Answer:
        try:
            method = environ["REQUEST_METHOD"]
            if path == "/confirm" and method == "POST":
                self._check_own_form(environ)
                shown = windows.posted(*_form(environ))
            elif path.startswith("/confirm/") and method == "GET":
                _check_own_navigation(environ)
                shown = windows.opened(path.removeprefix("/confirm/"))
            else:
                return plain_problem(HTTPStatus.NOT_FOUND)
        except (OriginRefused, ConfirmationOver, RequestError) as error:
            status = PROBLEMS.problem(error).status
            return problem_page(
                error, self._language, status=status, phrase=self._phrase
            )
        return confirmation_page(shown, phrase=self._phrase)

    def _check_own_form(self, environ: WSGIEnvironment) -> None:
        scheme, _, host = environ.get("HTTP_ORIGIN", "").partition("://")
        if scheme != "http" or host != environ["HTTP_HOST"]:
            raise OriginRefused("the form was not sent by the agent's own page")


def _check_own_navigation(environ: WSGIEnvironment) -> None:
    """The address was opened by itself, in a tab: by no link, no frame, no script.

    The address alone is secret enough; a browser that tells more is believed.
    """
    if environ.get("HTTP_SEC_FETCH_SITE", "none") not in ("none", "same-origin"):
        raise OriginRefused("the confirmation was opened by a page")
    if environ.get("HTTP_SEC_FETCH_DEST", "document") != "document":
        raise OriginRefused("the confirmation was opened inside a page")


def _form(environ: WSGIEnvironment) -> tuple[str, Reply | None]:
    """Token and reply of a form; no reply where the person cancels."""
    if _media_type(environ) != "application/x-www-form-urlencoded":
        raise RequestError("this is not the agent's form")
    body: bytes = environ["wsgi.input"].read(_MAX_FORM + 1)
    try:
        if len(body) > _MAX_FORM:
            raise ValueError
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MAX_FIELDS,
        )
    except ValueError:
        raise RequestError("this is not the agent's form") from None
    fields = dict(pairs)
    act, token = fields.get("act"), fields.get("token", "")
    if len(fields) != len(pairs) or act not in (GO_ON, CANCEL):
        raise RequestError("this is not the agent's form")
    return token, None if act == CANCEL else Reply(pin=fields.get("pin", ""))


def _media_type(environ: WSGIEnvironment) -> str:
    whole: str = environ.get("CONTENT_TYPE", "")
    return whole.partition(";")[0].strip().lower()


def _preflight(environ: WSGIEnvironment, origin: str, method: str) -> Answer:
    """What a page may send (Fetch standard, CORS; Private Network Access)."""
    fields = [
        ("Access-Control-Allow-Methods", method),
        ("Access-Control-Allow-Headers", "Content-Type"),
        ("Access-Control-Max-Age", str(_PREFLIGHT_SECONDS)),
    ]
    if environ.get("HTTP_ACCESS_CONTROL_REQUEST_PRIVATE_NETWORK") == "true":
        fields.append(("Access-Control-Allow-Private-Network", "true"))
    empty = Answer(status=HTTPStatus.OK, body=b"", headers=tuple(fields))
    return _readable(empty, origin)


def _readable(answer: Answer, origin: str) -> Answer:
    """The answer, for pages of this origin to read."""
    fields = (
        ("Access-Control-Allow-Origin", origin),
        ("Vary", "Origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("X-Content-Type-Options", "nosniff"),
    )
    return replace(answer, headers=answer.headers + fields)
