"""A server in front of another: hands on each request and remembers what it was."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.installation import send

__all__ = ["Forwarder", "forwarder"]


@dataclass(kw_only=True)
class Forwarder:
    """Where it listens, and what came."""

    url: str
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of each."""


@contextmanager
def forwarder(port: int) -> Iterator[Forwarder]:
    """Stand in front of the server that listens on this port."""

    class Handler(BaseHTTPRequestHandler):
        def _hand_on(self) -> None:
            made.requests.append((self.command, self.path))
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            kind = self.headers.get("Content-Type")
            fields = {} if kind is None else {"Content-Type": kind}
            reply = send(port, self.command, self.path, body, fields)
            self.send_response(reply.status)
            for name in ("content-type", "content-length"):
                self.send_header(name, reply.headers[name])
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = _hand_on  # noqa: N815
        do_HEAD = _hand_on  # noqa: N815
        do_POST = _hand_on  # noqa: N815

        def log_message(self, format: str, *arguments: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made = Forwarder(url=f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
