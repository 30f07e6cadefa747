"""Wrong answers on purpose, below `/misbehave`, for people who test their clients.

The fault is part of the address, so it can stand in a certificate or be given to any
client: `/misbehave/stale/ocsp`, `/misbehave/bad-signature/crls/…`. `seed-7` in its
place draws another one for each request, in the same order each time. What was done is
told in the header field `JPKI-Misbehaviour`.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from time import sleep
from typing import Final

from flask import Blueprint, Response, request

from jpki.authority.answering.responder import Responder
from jpki.authority.misbehaving import Fault, drawn, wrong_answer, wrong_list
from jpki.authority.misbehaving.faults import ON_ANSWERS, ON_LISTS, ON_THE_WAY
from jpki.authority.office import Office
from jpki.authority.publication.kept_lists import KeptLists
from jpki.errors import NotFound
from jpki.service.answers import Answer, json_answer
from jpki.service.clock import TEST_INSTANT_HEADER, RequestClock
from jpki.store.authority_records import ListName
from jpki.x509.pem import pem
from ocsp_crl.routes import decoded_request

__all__ = ["Misbehaviour", "blueprint"]

_HEADER: Final = "JPKI-Misbehaviour"
_SEED: Final = re.compile(r"seed-([0-9a-z-]{1,40})")
_MOST_SEEDS: Final = 1000
_DRIPS: Final = 40
_DRIP_SECONDS: Final = 0.5
_OCSP_RESPONSE: Final = "application/ocsp-response"
_TYPES: Final = {"crl": "application/pkix-crl", "pem": "application/x-pem-file"}


@dataclass(kw_only=True)
class Misbehaviour:
    """What the routes work with."""

    office: Office
    """Its keyring opens the authorities' keys as well."""
    responder: Responder
    lists: KeptLists
    clock: RequestClock
    _drawn: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fault(self, word: str, among: frozenset[Fault]) -> Fault:
        """What the address names.

        Raises:
            NotFound: nothing that can be wrong there.
        """
        seed = _SEED.fullmatch(word)
        if seed is not None:
            with self._lock:
                if len(self._drawn) >= _MOST_SEEDS:
                    self._drawn.clear()
                number = self._drawn[word]
                self._drawn[word] += 1
            return drawn(seed[1], number, among)
        for fault in among:
            if fault.value == word:
                return fault
        raise NotFound("fault", word[:40])


def blueprint(service: Misbehaviour) -> Blueprint:
    """The routes of a test system."""
    routes = Blueprint("misbehave", __name__, url_prefix="/misbehave")

    @routes.get("")
    def faults() -> Answer:
        """What can be wrong."""
        return json_answer(
            {
                "ocsp": sorted(fault.value for fault in ON_ANSWERS),
                "crls": sorted(fault.value for fault in ON_LISTS),
            }
        )

    @routes.post("/<word>/ocsp")
    def ocsp_post(word: str) -> Response:
        return _ocsp(service, word, request.get_data())

    @routes.get("/<word>/ocsp/<encoded:encoded>")
    def ocsp_get(word: str, encoded: str) -> Response:
        asked = decoded_request(encoded, f"/misbehave/{word}/ocsp/")
        return _ocsp(service, word, asked)

    @routes.get("/<word>/crls/<authority>/<int(max=99999):generation>/<scope>.<kind>")
    def crl(
        word: str, authority: str, generation: int, scope: str, kind: str
    ) -> Response:
        name = ListName(authority, generation, scope)
        if kind not in _TYPES:
            raise NotFound("CRL", "/".join(map(str, name)) + f".{kind[:10]}")
        at = service.clock.at(request.headers.get(TEST_INSTANT_HEADER))
        fault = service.fault(word, ON_LISTS)
        if fault in ON_THE_WAY:
            octets = service.lists.current(name, at=at).der.octets
        else:
            octets = wrong_list(service.office, name, fault, at)
        if kind == "pem":
            octets = pem(octets, "X509 CRL")
        return _sent(octets, _TYPES[kind], fault)

    return routes


def _ocsp(service: Misbehaviour, word: str, asked: bytes) -> Response:
    at = service.clock.at(request.headers.get(TEST_INSTANT_HEADER))
    fault = service.fault(word, ON_ANSWERS)
    if fault in ON_THE_WAY:
        octets = service.responder.answer(asked, at).body
    else:
        octets = wrong_answer(service.office, service.responder, asked, fault, at)
    return _sent(octets, _OCSP_RESPONSE, fault)


def _sent(octets: bytes, media_type: str, fault: Fault) -> Response:
    response = Response(octets, mimetype=media_type)
    match fault:
        case Fault.TRUNCATED:
            # The server closes the connection before all that was promised is sent.
            response = Response(_half(octets), mimetype=media_type)
            response.content_length = len(octets)
        case Fault.SLOW:
            response = Response(_dripping(octets), mimetype=media_type)
            response.content_length = len(octets)
        case Fault.ERROR:
            response = Response(status=HTTPStatus.INTERNAL_SERVER_ERROR)
        case Fault.EMPTY:
            response = Response(b"", mimetype=media_type)
        case Fault.JUNK:
            response = Response(b"\xde\xad\xbe\xef" * 64, mimetype=media_type)
        case Fault.WRONG_TYPE:
            response.mimetype = "text/html"
    response.headers[_HEADER] = fault.value
    response.headers["Cache-Control"] = "no-store"
    return response


def _half(octets: bytes) -> Iterator[bytes]:
    yield octets[: len(octets) // 2]


def _dripping(octets: bytes) -> Iterator[bytes]:
    size = max(1, -(-len(octets) // _DRIPS))
    for at in range(0, len(octets), size):
        yield octets[at : at + size]
        sleep(_DRIP_SECONDS)
