"""A card reader as a program: the other end of vpcd's protocol, without PC/SC.

The card is a process of its own, `jpki card serve`, which can be killed while it works.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from jpki.errors import CardGone

__all__ = ["ProcessCard", "card_process"]

_RESET = b"\x02"


class ProcessCard:
    """A `CardTransport` to a card in another process."""

    def __init__(
        self, connection: socket.socket, process: subprocess.Popen[str]
    ) -> None:
        self._connection = connection
        self._process = process
        self.before: Callable[[bytes], None] = lambda command: None
        """Called with each command before it is sent."""
        self.sent: Callable[[bytes], None] = lambda command: None
        """Called with each command when it was sent and not yet answered."""
        self._send(_RESET)

    def transmit(self, command: bytes) -> bytes:
        """Send one command; the card may die of it."""
        self.before(command)
        self._send(command)
        self.sent(command)
        return self._exactly(int.from_bytes(self._exactly(2)))

    def close(self) -> None:
        """Power off."""
        self._connection.close()

    def kill(self) -> None:
        """End the card as `kill -9` does."""
        self._process.kill()
        self._process.wait(10)

    def _send(self, message: bytes) -> None:
        try:
            self._connection.sendall(len(message).to_bytes(2) + message)
        except OSError:
            raise CardGone("the card's process ended") from None

    def _exactly(self, size: int) -> bytes:
        octets = b""
        while len(octets) < size:
            try:
                more = self._connection.recv(size - len(octets))
            except OSError:
                more = b""
            if not more:
                raise CardGone("the card's process ended")
            octets += more
        return octets


@contextmanager
def card_process(file: Path) -> Iterator[ProcessCard]:
    """The virtual card of this file, as a process in a reader of its own."""
    with socket.create_server(("127.0.0.1", 0)) as reader:
        reader.settimeout(20)
        port = reader.getsockname()[1]
        program = "from jpki.cli import main; main(prog_name='jpki')"
        line = [sys.executable, "-c", program, "card", "serve", str(file)]
        with subprocess.Popen(
            [*line, "--port", str(port)], stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                connection, _ = reader.accept()
                with connection:
                    connection.settimeout(30)
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    yield ProcessCard(connection, process)
            finally:
                process.kill()
                process.wait(10)
