"""The runner, over real sockets: refusals, slow clients, background work, stopping."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3

from jpki.errors import ConfigurationError
from jpki.service import connection, wsgi
from jpki.service.shortcut import Promise, Shortcut
from tests.support.installation import within

LIMIT = 1000


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answers with as many octets as the query says, after a while if asked."""
    environ["wsgi.input"].read()
    if environ["PATH_INFO"] == "/slow":
        time.sleep(0.5)
    body = b"x" * int(environ["QUERY_STRING"] or "2")
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


class Running:
    """A server in a thread of this process."""

    def __init__(self, **options: Any) -> None:
        self.stop = threading.Event()
        self.status: int | None = None
        self._options = options
        self._ready = threading.Event()
        self.url = ""
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        assert self._ready.wait(10)

    def _run(self) -> None:
        options = {"body_limit": LIMIT, "threads": 2} | self._options
        self.status = wsgi.run(
            application, stop=self.stop, announce=self._announced, **options
        )

    def _announced(self, url: str) -> None:
        self.url = url
        self._ready.set()

    def connect(self) -> socket.socket:
        """A raw connection."""
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        return socket.create_connection((parts.hostname, parts.port or 0), timeout=10)

    def end(self) -> int | None:
        """Stop it and return its status."""
        self.stop.set()
        self.thread.join(15)
        assert not self.thread.is_alive()
        return self.status


@contextmanager
def running(**options: Any) -> Iterator[Running]:
    """Run a server for the time of a block."""
    server = Running(**options)
    try:
        yield server
    finally:
        server.end()


@pytest.fixture
def pool() -> Iterator[urllib3.PoolManager]:
    """A client that does not try again."""
    with urllib3.PoolManager(retries=False, timeout=10) as manager:
        yield manager


def test_requests_are_served_and_the_end_is_orderly(pool: urllib3.PoolManager) -> None:
    """On a free port, named when ready; a clean stop is status 0."""
    with running() as server:
        assert pool.request("POST", server.url, body=b"x" * LIMIT).status == 200
        assert len(pool.request("GET", f"{server.url}/?3000000").data) == 3_000_000
    assert server.status == 0


@pytest.mark.parametrize("size", [LIMIT + 1, 3_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_is_refused_with_a_problem(
    pool: urllib3.PoolManager, size: int, chunked: bool
) -> None:
    """The refusal arrives, also while the client is still sending."""
    with running() as server:
        body: Any = (b"x" * 500 for _ in range(size // 500 + 1))
        answer = pool.request(
            "POST", server.url, body=body if chunked else b"x" * size, chunked=chunked
        )
        assert answer.status == 413
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["code"] == "http.body-too-large"


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 40_000 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
    ],
)
def test_broken_requests_get_a_problem(octets: bytes, status: int) -> None:
    """Nothing of ours ever answers in plain text or with a traceback."""
    with running() as server, server.connect() as client:
        client.sendall(octets)
        answer = b""
        while part := client.recv(65536):
            answer += part
        head, _, body = answer.partition(b"\r\n\r\n")
        assert str(status).encode() in head.splitlines()[0]
        assert json.loads(body)["status"] == status


def test_slow_clients_hold_no_threads(pool: urllib3.PoolManager) -> None:
    """With more half-sent requests than threads, others are served at once."""
    with running(threads=1) as server:
        clients = [server.connect() for _ in range(5)]
        for client in clients:
            client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nx")
        reader = server.connect()
        reader.sendall(b"GET /?50000000 HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.3)
        assert pool.request("GET", server.url).status == 200
        for client in (*clients, reader):
            client.close()


def test_a_client_that_never_finishes_is_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Sending one octet now and then does not keep a request open for ever."""
    monkeypatch.setattr(connection, "_RECEIVE_SECONDS", 0.5)
    with running() as server, server.connect() as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999\r\n\r\n")
        begin = time.monotonic()
        try:
            while time.monotonic() - begin < 8:
                client.sendall(b"x")
                client.settimeout(0.2)
                try:
                    if not client.recv(100):
                        break
                except TimeoutError:
                    continue
        except OSError:
            pass
        assert time.monotonic() - begin < 8


def test_a_client_that_reads_nothing_is_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An answer that nobody takes is not kept."""
    monkeypatch.setattr(connection, "_SEND_SECONDS", 0.5)
    with running() as server, server.connect() as client:
        client.sendall(b"GET /?20000000 HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(4)
        received = 0
        try:
            while part := client.recv(1 << 20):
                received += len(part)
        except OSError:
            pass
        assert received < 20_000_000


def test_a_stop_lets_running_requests_finish(pool: urllib3.PoolManager) -> None:
    """Who was being served gets the whole answer."""
    with running() as server:
        statuses: list[int] = []

        def ask() -> None:
            statuses.append(pool.request("GET", f"{server.url}/slow?1000000").status)

        asking = threading.Thread(target=ask)
        asking.start()
        time.sleep(0.2)
        assert server.end() == 0
        asking.join(5)
        assert statuses == [200]
        with pytest.raises(OSError):
            server.connect()


def test_background_work_is_told_to_stop() -> None:
    """And awaited."""
    ended: list[bool] = []

    def work(stop: threading.Event) -> None:
        stop.wait()
        time.sleep(0.2)
        ended.append(True)

    with running(background=[work]) as server:
        assert server.end() == 0
    assert ended == [True]


def test_failing_background_work_ends_the_server() -> None:
    """A server does not go on half alive; its status says so."""

    def work(stop: threading.Event) -> None:
        raise ValueError("broken")

    server = Running(background=[work])
    server.thread.join(10)
    assert server.status == 1


def test_a_taken_port_is_said(pool: urllib3.PoolManager) -> None:
    """So is a host that is none."""
    with running() as server:
        port = urlsplit(server.url).port or 0
        with pytest.raises(ConfigurationError, match="in use"):
            wsgi.run(application, port=port)
    with pytest.raises(ConfigurationError):
        wsgi.run(application, host="no such host")


PROGRAM = """
import threading
from jpki.service import wsgi
def application(environ, start_response):
    start_response("204 No Content", [])
    return []
def work(stop):
    stop.wait()
    print("work ended", flush=True)
raise SystemExit(wsgi.run(application, background=[work, wsgi.stop_with_parent]))
"""


def ended(how: Callable[[subprocess.Popen[str]], None], **options: Any) -> list[str]:
    """Start a server process, wait until it is ready, end it, and take its output."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True, **options
    ) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        assert urllib3.request("GET", first["ready"], timeout=10).status == 204
        how(process)
        lines = process.stdout.read().splitlines()
        assert process.wait(10) == 0
    return list(lines)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_stop_a_process_cleanly(number: signal.Signals) -> None:
    """Readiness is one line of JSON; SIGTERM and SIGINT end with status 0, soon."""
    begin = time.monotonic()
    lines = ended(lambda process: process.send_signal(number), stdin=subprocess.DEVNULL)
    assert lines == ["work ended"]
    assert time.monotonic() - begin < 8


def test_a_process_ends_with_the_pipe_it_was_started_over() -> None:
    """Whoever started it may have been killed: the pipe closes all the same."""

    def close(process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        os.write(process.stdin.fileno(), b"ignored\n")
        process.stdin.close()

    assert ended(close, stdin=subprocess.PIPE) == ["work ended"]


_ASKED = (
    b"POST /promised HTTP/1.1\r\nHost: a\r\nContent-Type: text/x\r\n"
    b"Content-Length: 1\r\n\r\n"
)


class Promising:
    """A shortcut that keeps what it promised when the test says so."""

    def __init__(self) -> None:
        self.given: list[bytes | None] = []
        self.waiting: list[Promise] = []
        self.shortcut = Shortcut(
            "/promised",
            "text/x",
            post=self._promise,
            get=lambda _: None,
            later=lambda: b"",
            queue_limit=5,
            end_turn=self._end_turn,
        )

    def _promise(self, _body: bytes) -> Promise:
        self.waiting.append(Promise())
        return self.waiting[-1]

    def _end_turn(self) -> None:
        while self.given and self.waiting:
            self.waiting.pop(0).give(self.given.pop(0))

    def give(self, answer: bytes | None) -> None:
        """From another thread, as whoever makes answers does."""
        assert within(5, lambda: bool(self.waiting))
        self.given.append(answer)
        self.shortcut.wake()


def _answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def test_a_promised_answer_is_sent_when_it_is_made() -> None:
    """Others are served meanwhile; what follows on the connection waits its turn."""
    promising = Promising()
    with running(shortcut=promising.shortcut) as server:
        first, second = server.connect(), server.connect()
        first.sendall(_ASKED + b"a")
        assert within(5, lambda: bool(promising.waiting))
        first.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        second.sendall(b"GET /?5 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert _all(second).endswith(b"\r\n\r\nxxxxx")
        promising.give(_answer(b"made"))
        answers = _all(first)
        assert answers.startswith(_answer(b"made"))
        assert answers.endswith(b"\r\n\r\nxx")


def test_what_was_promised_in_vain_goes_to_the_application() -> None:
    """As if nobody had promised anything."""
    promising = Promising()
    with running(shortcut=promising.shortcut) as server, server.connect() as client:
        client.sendall(_ASKED + b"a")
        promising.give(None)
        assert client.recv(1000).startswith(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n")


def test_who_has_gone_is_not_waited_for() -> None:
    """Neither at the answer nor at the end; who is still there gets it before that."""
    promising = Promising()
    with running(shortcut=promising.shortcut) as server:
        gone, there = server.connect(), server.connect()
        for client in (gone, there):
            client.sendall(_ASKED + b"a")
        assert within(5, lambda: len(promising.waiting) == 2)
        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        gone.close()
        server.stop.set()
        for body in (b"nobody", b"somebody"):
            promising.give(_answer(body))
        assert _all(there) == _answer(b"somebody")
    assert server.status == 0


def _all(client: socket.socket) -> bytes:
    """What comes until the server closes."""
    with client:
        return b"".join(iter(lambda: client.recv(65536), b""))
