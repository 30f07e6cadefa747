"""`ocsp_crl` as it is, but with the same octets as the answer to every OCSP request.

    python -m benchmarks.constant_server --config FILE

What is left is receiving, taking apart and sending: no responder on this server
could be faster. The answer is as long as one that an RSA-2048 responder signs.
"""

from __future__ import annotations

import sys
import threading
from typing import Final

from jpki.service.command import Server, run_server
from jpki.service.settings import Settings, load
from jpki.service.shortcut import Shortcut

__all__: list[str] = []

_LENGTH: Final = 1700
_ANSWER: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\n"
    b"Content-Length: %d\r\nCache-Control: no-store\r\n"
    b"Date: Tue, 24 Nov 2026 00:00:00 GMT\r\n\r\n%b" % (_LENGTH, bytes(_LENGTH))
)


def _build(settings: Settings, _stop: threading.Event) -> Server:
    return Server(
        app=lambda _environ, _start: [],
        listening=settings.revocation,
        shortcut=Shortcut(
            "/ocsp",
            "application/ocsp-request",
            post=lambda _: _ANSWER,
            get=lambda _: _ANSWER,
            later=lambda: _ANSWER,
            queue_limit=1,
        ),
    )


if __name__ == "__main__":
    sys.exit(
        run_server("benchmarks.constant_server", "Constant answers.", load, _build)
    )
