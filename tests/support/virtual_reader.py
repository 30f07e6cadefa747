"""A reader without a PC/SC service: it waits for a card where `jpki card serve` goes.

It speaks the reader's side of vpcd's protocol, so that a real card process can be
tried, and killed, in great numbers and without pcscd.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from jpki.errors import CardGone

__all__ = ["ServedCard", "served"]

_POWER_ON: Final = b"\x01"
_ROOT: Final = Path(__file__).parents[2]


class ServedCard:
    """A transport to a card that another process is."""

    def __init__(
        self, process: subprocess.Popen[str], connection: socket.socket
    ) -> None:
        self.process = process
        self._connection = connection
        self._send(_POWER_ON)

    def transmit(self, command: bytes) -> bytes:
        """Send one command APDU, return its response APDU with status word."""
        try:
            self._send(command)
            return self._exactly(int.from_bytes(self._exactly(2)))
        except OSError as error:
            raise CardGone(f"the card's process ended: {error}") from None

    def close(self) -> None:
        """Take the card out."""
        self._connection.close()

    def _send(self, message: bytes) -> None:
        self._connection.sendall(len(message).to_bytes(2) + message)

    def _exactly(self, size: int) -> bytes:
        octets = b""
        while len(octets) < size:
            more = self._connection.recv(size - len(octets))
            if not more:
                raise CardGone("the card's process ended")
            octets += more
        return octets


@contextmanager
def served(card: Path) -> Iterator[ServedCard]:
    """`jpki card serve` in a process of its own, in a reader of this one."""
    with socket.create_server(("127.0.0.1", 0)) as reader:
        port = reader.getsockname()[1]
        line = [sys.executable, "-c", "from jpki.cli import main; main()"]
        line += ["card", "serve", str(card), "--port", str(port)]
        with subprocess.Popen(
            line,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(_ROOT), "LC_ALL": "C.UTF-8"},
        ) as process:
            try:
                reader.settimeout(60)
                connection, _ = reader.accept()
                connection.settimeout(60)
                with connection:
                    yield ServedCard(process, connection)
            finally:
                process.kill()
