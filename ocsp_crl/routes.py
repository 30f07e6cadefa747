"""OCSP over HTTP (RFC 6960 appendix A, RFC 9919), and whether the server is well."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

from flask import Blueprint, Response, request
from werkzeug.routing import PathConverter

from jpki.authority.answering.asked_kinds import AskedKinds
from jpki.authority.answering.kept_answers import KeptAnswers
from jpki.authority.answering.ocsp_answers import OCSPAnswer
from jpki.authority.answering.responder import Responder
from jpki.authority.office import Office
from jpki.errors import RequestError, StoreError
from jpki.service.answers import Answer, json_answer
from jpki.service.clock import TEST_INSTANT_HEADER, RequestClock
from jpki.service.health import Health
from jpki.service.representations import http_date
from jpki.x509.ocsp import TRY_LATER, UNAUTHORIZED, error_response
from ocsp_crl.client import PublicAddresses
from ocsp_crl.gate import may_ask

__all__ = ["Encoded", "RevocationService", "blueprint", "decoded_request"]

_OCSP_REQUEST: Final = "application/ocsp-request"
_OCSP_RESPONSE: Final = "application/ocsp-response"
_MAX_ENCODED: Final = 4096
"""Characters of a request in a URL; RFC 9919 section 5 expects under 255 octets."""


class Encoded(PathConverter):
    """Base64 in an address, with its slashes, and with the line ends of base64(1)."""

    regex = "(?s:.+)"
    part_isolating = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RevocationService:
    """What the routes work with."""

    office: Office
    responder: Responder
    answers: KeptAnswers
    clock: RequestClock
    health: Health
    public: PublicAddresses
    kinds: AskedKinds | None = None
    """What requests are about, where that decides who may ask."""

    def instant(self) -> datetime:
        """The one instant that the current request is served at."""
        return self.clock.at(request.headers.get(TEST_INSTANT_HEADER))

    def answer(self, asked: bytes, at: datetime) -> OCSPAnswer:
        """The answer to one OCSP request, kept only where it is about now."""
        refusal = self._refusal(asked)
        if refusal is not None:
            return OCSPAnswer(
                body=error_response(refusal), this_update=None, next_update=None
            )
        if TEST_INSTANT_HEADER in request.headers:
            return self.responder.answer(asked, at)
        return self.answers.answer(asked, at)

    def _refusal(self, asked: bytes) -> int | None:
        """The status for who may not ask this (RFC 6960 2.3)."""
        if self.kinds is None:
            return None
        try:
            kinds = self.kinds.of(asked)
        except StoreError:
            return TRY_LATER
        return None if may_ask(kinds) else UNAUTHORIZED


def blueprint(service: RevocationService) -> Blueprint:
    """The routes over one office."""
    routes = Blueprint("revocation", __name__)
    routes.add_url_rule("/health/live", view_func=service.health.live)
    routes.add_url_rule("/health/ready", view_func=service.health.ready)

    @routes.get("/health/public")
    def public() -> Answer:
        """Whether the addresses that stand in certificates answer."""
        checks = service.public.look()
        well = all(result == "ok" for result in checks.values())
        return json_answer(
            {"status": "ready" if well else "not-ready", "checks": checks},
            HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE,
        )

    @routes.post("/ocsp")
    def ocsp_post() -> Response:
        if request.mimetype != _OCSP_REQUEST:
            raise RequestError(f"the body is {_OCSP_REQUEST}")
        at = service.instant()
        answer = service.answer(request.get_data(), at)
        # A response to POST is cached by nobody (RFC 9110 section 9.3.3).
        return _ocsp(answer, at, cacheable=False)

    @routes.get("/ocsp/<encoded:encoded>")
    def ocsp_get(encoded: str) -> Response:
        at = service.instant()
        answer = service.answer(decoded_request(encoded, "/ocsp/"), at)
        return _ocsp(answer, at, cacheable=True)

    return routes


# -- OCSP -----------------------------------------------------------------------------


def decoded_request(decoded: str, path: str) -> bytes:
    """The request that follows this path, from the address as it was sent.

    Args:
        decoded: what the framework made of it.
        path: what stands before it.
    """
    target = str(request.environ.get("REQUEST_URI", "")).partition("?")[0]
    before, found, rest = target.partition(path)
    return _decoded(unquote(rest) if found and not before else decoded)


def _decoded(text: str) -> bytes:
    """Base64 of either alphabet, padded or not; anything else is malformed.

    It may stand in lines (RFC 2045 6.8), or behind one slash too many, where the
    address in the certificate ends with one: no request begins with a slash.
    """
    if len(text) > _MAX_ENCODED:
        return b""
    words = "".join(text.split()).removeprefix("/")
    standard = words.translate(str.maketrans("-_", "+/")).rstrip("=")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except ValueError:
        return b""


def _ocsp(answer: OCSPAnswer, at: datetime, *, cacheable: bool) -> Response:
    response = Response(answer.body, mimetype=_OCSP_RESPONSE)
    if not cacheable or answer.next_update is None or answer.this_update is None:
        response.headers["Cache-Control"] = "no-store"
        return response
    response.set_etag(_strong_tag(answer.body))
    # RFC 9919 section 7.2: never beyond nextUpdate.
    seconds = max(0, int((answer.next_update - at).total_seconds()))
    response.headers["Cache-Control"] = (
        f"max-age={seconds},public,no-transform,must-revalidate"
    )
    response.headers["Last-Modified"] = http_date(answer.this_update)
    response.headers["Expires"] = http_date(answer.next_update)
    # Whoever has this very answer needs no second copy. Dates do not tell which one it
    # is: good and revoked may have been said within one second.
    if request.if_none_match:
        response.make_conditional(request)
    return response


def _strong_tag(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:32]
