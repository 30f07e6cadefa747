"""Questions gathered by the loop: answered together, and nobody waits for long."""

from __future__ import annotations

import base64
import http.client
import threading
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Final

import pytest

from jpki.authority.answering.kept_answers import KeptAnswers
from jpki.authority.answering.ocsp_answers import LATER, MALFORMED, OCSPAnswer
from jpki.authority.answering.responder import Responder
from jpki.authority.office import Office
from jpki.model.suites import Digest
from jpki.service.clock import ProcessClock
from jpki.service.office import open_status_office
from jpki.service.shortcut import Promise
from jpki.x509.ocsp import (
    MALFORMED_REQUEST,
    SUCCESSFUL,
    TRY_LATER,
    Good,
    OCSPRequest,
    Unknown,
    build_request,
    cert_id,
    parse_response,
)
from ocsp_crl.gathering import Gathering
from ocsp_crl.short_answers import short_answers
from tests.support.installation import GOVERNOR, Installation, send, within

_TYPE: Final = {"Content-Type": "application/ocsp-request"}
_BROKEN: Final = b"\x30\x01"


def _request(
    installation: Installation, serial: int, nonce: bytes | None = None
) -> bytes:
    issuer = installation.issuer
    entry = cert_id(issuer.subject_der, issuer.public_key, serial, Digest.SHA1)
    return build_request([entry], nonce)


class _Slow(Responder):
    """A responder that waits for a test before it answers."""

    def __init__(self, office: Office, installation: Installation) -> None:
        super().__init__(office, installation.settings.revocation.response_lifetime)
        self.go = threading.Event()
        self.go.set()
        self.broken = False
        self.groups: list[int] = []

    def answer_all(
        self, requests: Sequence[OCSPRequest], at: datetime
    ) -> Sequence[OCSPAnswer]:
        """The answers, in the test's time."""
        self.groups.append(len(requests))
        self.go.wait(10)
        if self.broken:
            raise RuntimeError("broken on purpose")
        return super().answer_all(requests, at)


class _Room:
    """A gathering with its thread, and a test in place of the loop."""

    def __init__(self, office: Office, installation: Installation) -> None:
        self.responder = _Slow(office, installation)
        self.answers = KeptAnswers(office, self.responder, trusted_seconds=1000)
        self.answers.watch.look()
        clock = ProcessClock()
        # Opening a key takes longer than anybody waits in these tests.
        self.responder.answer(_request(installation, 1), clock())
        self.responder.groups.clear()
        self.gathering = Gathering(self.answers, clock, limit=8, seconds=0.5)
        self.shortcut = short_answers(
            self.answers, clock, queue_limit=8, gathering=self.gathering
        )
        self.woken = threading.Event()
        self.shortcut.wake = self.woken.set
        self.told: dict[int, OCSPAnswer | None] = {}
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.gathering.run, args=(self.stop,))
        self.thread.start()

    def put(self, number: int, request: bytes) -> bool:
        """Ask; the answer is told under this number."""
        return self.gathering.put(request, partial(self.told.__setitem__, number))

    def turn_until(self, count: int) -> None:
        """Turn the loop until so many have been told something."""
        deadline = time.monotonic() + 10
        while len(self.told) < count:
            assert time.monotonic() < deadline
            self.woken.wait(0.05)
            self.woken.clear()
            self.gathering.end_turn()

    def end(self) -> None:
        """Stop its thread."""
        self.stop.set()
        self.responder.go.set()
        self.thread.join(10)
        assert not self.thread.is_alive()


@pytest.fixture
def room(installation: Installation) -> Iterator[_Room]:
    """A gathering over the books of the installation."""
    office = open_status_office(installation.settings)
    made = _Room(office, installation)
    yield made
    made.end()
    office.store.close()


def test_what_came_in_one_turn_is_answered_together(
    room: _Room, installation: Installation
) -> None:
    """Whatever it is about; each is told its own answer."""
    serial = installation.certified().serial
    for number, request in enumerate(
        [_request(installation, serial), _BROKEN, _request(installation, 7, b"n")]
    ):
        assert room.put(number, request)
    assert room.told == {}
    room.turn_until(3)
    assert room.responder.groups == [2]
    assert room.told[1] == MALFORMED
    for number, status, nonce in ((0, Good(), None), (2, Unknown(), b"n")):
        answer = room.told[number]
        assert answer is not None
        basic = parse_response(answer.body).basic
        assert basic is not None
        assert (basic.responses[0].status, basic.nonce) == (status, nonce)


def test_who_waits_too_long_is_told_to_try_later(
    room: _Room, installation: Installation
) -> None:
    """Also where the books do not answer at all; what they say then comes too late."""
    room.responder.go.clear()
    requests = [_request(installation, number) for number in range(1, 10)]
    assert all(room.put(number, one) for number, one in enumerate(requests[:8]))
    assert not room.put(8, requests[8])
    began = time.monotonic()
    room.turn_until(8)
    assert 0.4 < time.monotonic() - began < 5
    assert list(room.told.values()) == [LATER] * 8
    room.responder.go.set()

    def answered() -> bool:
        room.told.clear()
        assert room.put(8, requests[8])
        room.turn_until(1)
        assert list(room.told) == [8]
        return room.told[8] not in (None, LATER)

    assert within(10, answered)


def test_what_fails_is_left_to_the_application(
    room: _Room, installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    """An error of ours is logged, and the thread lives on."""
    room.responder.broken = True
    assert room.put(0, _request(installation, 1))
    room.turn_until(1)
    assert room.told == {0: None}
    assert "broken on purpose" in caplog.text
    room.responder.broken = False
    assert room.put(1, _request(installation, 1))
    room.turn_until(2)
    assert room.told[1] is not None


def test_what_waits_at_the_end_is_answered(
    room: _Room, installation: Installation
) -> None:
    """The thread is told to stop while it is at work, and others wait."""
    room.responder.go.clear()
    for number in range(3):
        assert room.put(number, _request(installation, number + 1))
        room.gathering.end_turn()
    room.end()
    room.gathering.end_turn()
    assert len(room.told) == 3
    assert all(answer not in (None, LATER) for answer in room.told.values())


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_promise_is_kept_as_the_application_would(
    method: str, room: _Room, installation: Installation
) -> None:
    """A first question; the second is answered on the spot, with the same octets."""
    request = _request(installation, installation.certified().serial)
    if method == "POST":
        data = (
            b"POST /ocsp HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n"
            b"Content-Type: application/ocsp-request\r\n\r\n%b"
            % (len(request), request)
        )
    else:
        data = b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % _path(request).encode()
    promise = room.shortcut(data, 0)
    assert isinstance(promise, Promise)
    given: list[bytes | None] = []
    promise.give = given.append
    deadline = time.monotonic() + 10
    while not given and time.monotonic() < deadline:
        room.shortcut.end_turn()
        time.sleep(0.005)
    (first,) = given
    assert first is not None
    again = room.shortcut(data, 0)
    assert isinstance(again, bytes)
    assert again.partition(b"\r\n\r\n")[2] == first.partition(b"\r\n\r\n")[2]
    assert _names(again) == _names(first)
    assert (b"ETag" in _names(first)) == (method == "GET")


def _names(answer: bytes) -> Sequence[bytes]:
    head = answer.partition(b"\r\n\r\n")[0]
    return [line.partition(b":")[0] for line in head.split(b"\r\n")]


def _path(request: bytes) -> str:
    return f"/ocsp/{urllib.parse.quote(base64.b64encode(request), safe='')}"


def test_many_connections_ask_for_the_first_time(installation: Installation) -> None:
    """A server answers all kinds of questions side by side, each connection its own."""
    port = installation.settings.revocation.port
    known = [installation.certified().serial for _ in range(3)]
    revoked = known.pop()
    installation.client().revoke(GOVERNOR, revoked, "keyCompromise", "lost")

    def ask(seed: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        for number in range(12):
            nonce = b"%d.%d" % (seed, number) if number % 2 else None
            unknown = 1000 * seed + number + 1
            serial = (known[0], known[1], unknown, unknown)[number % 4]
            request = _BROKEN if number == 7 else _request(installation, serial, nonce)
            if number % 3:
                connection.request("POST", "/ocsp", request, _TYPE)
            else:
                connection.request("GET", _path(request))
            reply = connection.getresponse()
            body = reply.read()
            assert reply.status == 200
            response = parse_response(body)
            if number == 7:
                assert response.status == MALFORMED_REQUEST
                continue
            assert response.status in (SUCCESSFUL, TRY_LATER)
            if response.basic is not None:
                assert response.basic.nonce == nonce
                (single,) = response.basic.responses
                assert single.cert_id.serial == serial
                assert isinstance(single.status, Good if number % 4 < 2 else Unknown)
        connection.close()

    with ThreadPoolExecutor(16) as pool:
        for done in [pool.submit(ask, seed) for seed in range(16)]:
            done.result()
    reply = send(port, "POST", "/ocsp", _request(installation, revoked), _TYPE)
    assert parse_response(reply.body).basic is not None
