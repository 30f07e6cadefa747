"""A WSGI application behind a real socket, for the time of a block."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from jpki.service import wsgi

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["served"]


@contextmanager
def served(
    app: WSGIApplication,
    *,
    port: int = 0,
    body_limit: int = 1 << 20,
    stop: threading.Event | None = None,
    announce: Callable[[str], None] | None = None,
) -> Iterator[str]:
    """Run it in a thread; gives its address."""
    ending = stop or threading.Event()
    ready = threading.Event()
    addresses: list[str] = []

    def announced(url: str) -> None:
        if announce is not None:
            announce(url)
        addresses.append(url)
        ready.set()

    def run() -> None:
        wsgi.run(app, port=port, body_limit=body_limit, stop=ending, announce=announced)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(10)
        yield addresses[0]
    finally:
        ending.set()
        thread.join(20)
    assert not thread.is_alive()
