"""More than a million damaged OCSP requests and CRLs: each gets an answer, soon.

Parsers say `EncodingError` and nothing else; no request is a server error. What gets
through the damage is answered like any other.
"""

from __future__ import annotations

import base64
import io
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote

import pytest
from werkzeug.test import run_wsgi_app

from jpki import data
from jpki.authority import publish_due, revoke
from jpki.authority.answering.kept_answers import KeptAnswers
from jpki.authority.answering.responder import Responder
from jpki.authority.office import Office
from jpki.errors import EncodingError
from jpki.model.revocation import Revocation, RevocationReason
from jpki.model.suites import Digest
from jpki.service.clock import ProcessClock
from jpki.service.office import open_status_office
from jpki.service.shortcut import Promise
from jpki.x509.certificate_lists import parse_crl
from jpki.x509.crls import assemble, prepare_crl
from jpki.x509.ocsp import CertID, build_request, cert_id, parse_request
from jpki.x509.revoked_index import LONG
from ocsp_crl import create_app
from ocsp_crl.short_answers import short_answers
from tests.support.fuzzing import SLOWEST, run
from tests.support.installation import GOVERNOR, Installation, running_installation
from tests.support.mutations import Mutator
from tests.support.offices import OPERATOR
from tests.support.reference_pki import VALUES, reference_pki

pytestmark = pytest.mark.slow

_SEED: Final = 20260401
_PARSED: Final = 500_000
_SHORT: Final = 170_000
_APPLICATION: Final = 15_000
_LISTS: Final = 150_000
_OVER_SOCKETS: Final = 2_000
assert _PARSED + 2 * _SHORT + 2 * _APPLICATION + _LISTS > 1_000_000


_NONCE: Final = bytes(range(32))


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """What there is to ask."""

    installation: Installation
    office: Office
    """As the revocation service sees it."""
    requests: Sequence[bytes]
    """OCSP requests that are answered: one and several, with and without nonce."""
    lists: Sequence[bytes]
    """CRLs, with entries and empty."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One certificate is good, another revoked."""
    with running_installation(tmp_path_factory.mktemp("fuzz") / "site") as made:
        serials = [made.certified().serial for _ in range(2)]
        revoke(
            made.office,
            GOVERNOR,
            serials[1],
            RevocationReason.KEY_COMPROMISE,
            ground="stolen",
            at=made.clock(),
            by=OPERATOR,
            invalidity_date=made.clock(),
        )
        publish_due(made.office, at=made.clock())
        issuer = made.issuer
        named: list[CertID] = [
            cert_id(issuer.subject_der, issuer.public_key, serial, digest)
            for digest in (Digest.SHA1, Digest.SHA256)
            for serial in serials
        ]
        with made.office.store.read() as uow:
            lists = [uow.crls.bytes_of(one) for one in uow.crls.in_force()]
        office = open_status_office(made.settings)
        yield Service(
            installation=made,
            office=office,
            requests=[
                *(build_request([one]) for one in named),
                *(build_request([one], _NONCE) for one in named),
                build_request(named[:2]),
                build_request(named[:2], _NONCE),
            ],
            lists=lists,
        )
        office.store.close()


def _parse_request(octets: bytes) -> str:
    try:
        parse_request(octets)
    except EncodingError:
        return "refused"
    return "read"


def test_the_parser_of_requests(service: Service) -> None:
    """Some damage is no damage; the rest is refused."""
    words = run(_parse_request, service.requests, count=_PARSED, seed=_SEED)
    assert min(words["refused"], words["read"]) > _PARSED // 100


def _parse_list(octets: bytes) -> str:
    try:
        found = parse_crl(octets)
        for serial in (1, 1 << 64, (1 << 159) - 1):
            found.lookup(serial)
        for _, entry in zip(range(5), found.entries(), strict=False):
            found.lookup(entry.serial)
    except EncodingError:
        return "refused"
    return "read"


def test_the_parser_of_lists(service: Service) -> None:
    """With look-ups in what can still be read."""
    words = run(_parse_list, service.lists, count=_LISTS, seed=_SEED)
    assert min(words["refused"], words["read"]) > _LISTS // 1000


def _http(request: bytes) -> bytes:
    return (
        b"POST /ocsp HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n"
        b"Content-Type: application/ocsp-request\r\n\r\n%b" % (len(request), request)
    )


def _get(request: bytes) -> bytes:
    return b"/ocsp/" + quote(base64.b64encode(request), safe="").encode()


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_what_is_answered_before_any_framework(method: str, service: Service) -> None:
    """Whole messages, damaged anywhere: an answer, or it is left to the application."""
    clock = ProcessClock()
    answers = KeptAnswers(
        service.office,
        Responder(service.office, timedelta(hours=1)),
        trusted_seconds=3600,
    )
    for request in service.requests:
        answers.answer(request, clock())
    shortcut = short_answers(answers, clock, queue_limit=64)
    messages = [
        _http(request)
        if method == "POST"
        else b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n" % _get(request)
        for request in service.requests
    ]

    def ask(octets: bytes) -> str:
        answer = shortcut(octets, 0)
        if isinstance(answer, Promise):
            given: list[bytes | None] = []
            answer.give = given.append
            shortcut.end_turn()
            (answer,) = given
        if answer is None:
            return "left"
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        return "answered"

    words = run(ask, messages, count=_SHORT, seed=_SEED)
    assert min(words["left"], words["answered"]) > _SHORT // 1000


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_what_the_application_answers(method: str, service: Service) -> None:
    """Never a server error, whatever the body or the path is."""
    app = create_app(
        service.installation.settings, service.office, clock=ProcessClock()
    )

    def ask(octets: bytes) -> str:
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(octets if method == "POST" else b""),
            "wsgi.errors": io.StringIO(),
            "PATH_INFO": "/ocsp",
        }
        if method == "POST":
            environ["CONTENT_TYPE"] = "application/ocsp-request"
            environ["CONTENT_LENGTH"] = str(len(octets))
        else:
            path = octets.decode("latin-1")
            environ["PATH_INFO"] = environ["REQUEST_URI"] = path
        body, status, _ = run_wsgi_app(app, environ)
        for _ in body:
            pass
        assert status[0] in "234", status
        return status[:3]

    samples = (
        service.requests
        if method == "POST"
        else [_get(request) for request in service.requests]
    )
    words = run(ask, samples, count=_APPLICATION, seed=_SEED)
    assert words["200"] > 0


def test_a_running_server_outlives_it(service: Service) -> None:
    """Over sockets: an answer below 500, or the connection ends; then all is well."""
    port = service.installation.settings.revocation.port
    messages = [_http(request) for request in service.requests] + [
        b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n" % _get(request)
        for request in service.requests
    ]
    mutator = Mutator(messages, _SEED)
    for _ in range(_OVER_SOCKETS):
        octets = mutator.next()
        with socket.create_connection(("127.0.0.1", port), timeout=SLOWEST) as one:
            one.sendall(octets)
            # Half of a message is no message: say that no more will come.
            one.shutdown(socket.SHUT_WR)
            head = b""
            while b"\r\n" not in head and (more := one.recv(4096)):
                head += more
        if head:
            status = int(head.split(b" ", 2)[1])
            assert status < 500 or status == 505, (status, octets.hex())
    for request in service.requests:
        with socket.create_connection(("127.0.0.1", port), timeout=SLOWEST) as one:
            one.sendall(_http(request))
            assert one.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")


def _long_list() -> bytes:
    at = ProcessClock()()
    prepared = prepare_crl(
        data.crl_profile("crl"),
        issuer=reference_pki("prefectural-sha256").a.view,
        number=7,
        this_update=at,
        next_update=at + timedelta(days=1),
        entries=[
            Revocation(
                serial=number << 70, at=at, reason=RevocationReason.KEY_COMPROMISE
            )
            for number in range(1, LONG + 2)
        ],
        values=VALUES,
    )
    return assemble(prepared.tbs, prepared.suite, bytes(256))


def test_long_lists_are_damaged_too() -> None:
    """Their entries are checked together, by another way than those of short ones."""
    words = run(_parse_list, [_long_list()], count=2_000, seed=_SEED)
    assert words["refused"] > 0 and words["read"] > 0
