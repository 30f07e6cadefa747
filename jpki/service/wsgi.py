"""Run one WSGI application in this process until it is told to stop.

waitress receives requests in one loop and serves them in threads, so a client that
sends slowly holds a socket, never a thread. Around it stand the things a server here
needs: readiness on standard output, an orderly stop, problem documents for what HTTP
itself refuses, and time limits on receiving.
"""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import socket
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from waitress import wasyncore
from waitress.server import create_server

from jpki.errors import ConfigurationError
from jpki.service.connection import Connection, connections_with
from jpki.service.shortcut import Shortcut

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["Background", "announce_ready", "run", "stop_with_parent"]

Background = Callable[[threading.Event], None]
"""Work beside the requests; returns soon after the event is set."""

_CONNECTIONS: Final = 512
_IDLE_SECONDS: Final = 30
"""A connection without a request is closed after this."""
_TICK_SECONDS: Final = 0.25
_START_SECONDS: Final = 1.0
_GRACE_SECONDS: Final = 10.0
"""How long requests and background work may take to end after a stop."""
_HEADER_LIMIT: Final = 32 * 1024
_OUTPUT_BUFFER: Final = 1 << 30
"""Answers overflow to temporary files, so that no thread waits for a slow reader."""

_log = logging.getLogger(__name__)


def announce_ready(url: str) -> None:
    """Print the readiness line, for whoever started this process."""
    print(json.dumps({"ready": url}), flush=True)


def stop_with_parent(stop: threading.Event) -> None:
    """Set `stop` when standard input, if it is a pipe, is closed.

    Whoever starts a server over a pipe and holds it need not live to stop it: the
    pipe closes however its owner ends. A terminal or `/dev/null` means nothing.
    """
    try:
        source = sys.stdin.fileno()
        if not stat.S_ISFIFO(os.fstat(source).st_mode):
            return
    except (AttributeError, OSError, ValueError):
        return
    while not stop.is_set():
        readable, _, _ = select.select([source], [], [], _TICK_SECONDS)
        if readable and not os.read(source, 4096):
            _log.info("the process that started this one has ended")
            stop.set()


def run(
    app: WSGIApplication,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    threads: int = 8,
    body_limit: int = 256 * 1024,
    stop: threading.Event | None = None,
    background: Sequence[Background] = (),
    shortcut: Shortcut | None = None,
    announce: Callable[[str], None] = announce_ready,
) -> int:
    """Serve until SIGTERM, SIGINT or `stop`; returns the process's exit status.

    Args:
        app: the application.
        host: address or name to listen on.
        port: 0 takes a free one.
        threads: how many requests are served at the same time.
        body_limit: octets of the largest request body; larger ones get 413.
        stop: set when the server stops; whoever waits inside a request watches it.
        background: work that runs in threads of its own. If one of them fails, the
            server stops with status 1 rather than going on half alive.
        shortcut: answers a whole request in place of the application, or passes (None).
        announce: called with the URL once connections are accepted.

    Raises:
        ConfigurationError: the address cannot be listened on.
    """
    stop = stop or threading.Event()
    listener = _listen(host, port)
    connections: dict[int, Any] = {}
    server = create_server(
        app,
        map=connections,
        sockets=[listener],
        threads=threads,
        max_request_header_size=_HEADER_LIMIT,
        max_request_body_size=body_limit + 1,
        connection_limit=_CONNECTIONS,
        channel_timeout=_IDLE_SECONDS,
        cleanup_interval=5,
        outbuf_high_watermark=_OUTPUT_BUFFER,
        asyncore_use_poll=True,
        ident=None,
        clear_untrusted_proxy_headers=True,
    )
    server.channel_class = connections_with(shortcut)
    turn = partial(_turn, connections, shortcut)
    if shortcut is not None:
        shortcut.wake = server.pull_trigger
    failed = threading.Event()
    workers = [_start(work, stop, failed) for work in background]
    try:
        with _signals_set(stop, server.pull_trigger):
            _await_threads(server)
            announce(_url(listener))
            while not stop.is_set():
                turn()
    finally:
        stop.set()
        deadline = time.monotonic() + _GRACE_SECONDS
        _finish_requests(server, connections, turn, deadline)
        for worker in workers:
            worker.join(max(0.0, deadline - time.monotonic()))
        for connection in tuple(connections.values()):
            if isinstance(connection, Connection):
                connection.handle_close()
        server.trigger.close()
        wasyncore.close_all(connections, ignore_all=True)
    late = [worker.name for worker in workers if worker.is_alive()]
    if late:
        _log.error("still running at the end: %s", ", ".join(late))
    return 1 if failed.is_set() or late else 0


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except BaseException:
            listener.close()
            raise
    except (OSError, UnicodeError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(
            "listening address", f"{host}:{port}", reason, hint="choose another port"
        ) from None
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _await_threads(server: Any) -> None:
    """Wait until every thread waits for work.

    One that is still to be run for the first time counts as busy, so a request that
    came before would be logged as one that must queue.
    """
    deadline = time.monotonic() + _START_SECONDS
    while server.task_dispatcher.active_count and time.monotonic() < deadline:
        time.sleep(0.001)


def _turn(connections: dict[int, Any], shortcut: Shortcut | None) -> None:
    """One round of the loop, and a look at the connections that take too long."""
    wasyncore.loop(timeout=_TICK_SECONDS, use_poll=True, map=connections, count=1)
    if shortcut is not None:
        shortcut.end_turn()
    now = time.monotonic()
    for connection in tuple(connections.values()):
        if isinstance(connection, Connection):
            connection.enforce_limits(now)


def _start(
    work: Background, stop: threading.Event, failed: threading.Event
) -> threading.Thread:
    name = getattr(work, "__qualname__", type(work).__name__)

    def guarded() -> None:
        try:
            work(stop)
        except Exception:
            failed.set()
            _log.critical("background work %s failed", name, exc_info=True)
            stop.set()

    thread = threading.Thread(target=guarded, name=name, daemon=True)
    thread.start()
    return thread


@contextmanager
def _signals_set(stop: threading.Event, wake: Callable[[], None]) -> Iterator[None]:
    """Let SIGTERM and SIGINT set `stop`, where this is the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handler(_number: int, _frame: object) -> None:
        stop.set()
        wake()

    previous = {
        number: signal.signal(number, handler)
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, old in previous.items():
            signal.signal(number, old)


def _finish_requests(
    server: Any,
    connections: dict[int, Any],
    turn: Callable[[], None],
    deadline: float,
) -> None:
    """Accept nothing more, let what was begun come to its end and out of the door."""
    server.del_channel(connections)
    server.socket.close()
    while time.monotonic() < deadline and connections:
        if not any(
            connection.busy
            for connection in connections.values()
            if isinstance(connection, Connection)
        ):
            break
        turn()
    remaining = max(0.0, deadline - time.monotonic())
    server.task_dispatcher.shutdown(cancel_pending=True, timeout=remaining)
