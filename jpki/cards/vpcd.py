"""A virtual card in a virtual reader: the protocol of vpcd (Debian vsmartcard-vpcd).

vpcd is a driver of pcscd that waits on a TCP port for a card. Each message is its
length in two octets, big-endian, and the octets. From the reader one octet is a control
(power off, power on, reset, or the question for the ATR); anything longer is a command
APDU. To the reader go the ATR and response APDUs.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from jpki.cards.applet import VirtualCard
from jpki.errors import CardError, CardGone

__all__ = ["DEFAULT_PORT", "insert"]

DEFAULT_PORT: Final = 35963
"""Of the first reader."""

_QUICK: Final = getattr(socket, "TCP_QUICKACK", None)


def insert(
    card: VirtualCard,
    host: str,
    port: int,
    *,
    inserted: Callable[[socket.socket], None] = lambda connection: None,
) -> None:
    """Put the card into a reader; returns when it is taken out, by either side.

    Args:
        card: with its power on; it is reset.
        host: where vpcd listens.
        port: of one of its readers.
        inserted: told of the connection. To shut it down from another thread takes the
            card out.

    Raises:
        CardError: no reader is there, or it speaks another protocol.
    """
    try:
        connection = socket.create_connection((host, port), timeout=10)
    except OSError as error:
        raise CardError(
            f"no virtual reader on {host}:{port}: {error.strerror or error}",
            hint="is pcscd running, with Debian's vsmartcard-vpcd?",
        ) from None
    with connection:
        connection.settimeout(None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        inserted(connection)
        card.reset()
        with suppress(ConnectionError):
            _serve(card, connection)


def _serve(card: VirtualCard, connection: socket.socket) -> None:
    while (message := _message(connection)) is not None:
        answer = _answer(card, message)
        if answer is not None:
            connection.sendall(len(answer).to_bytes(2) + answer)


def _answer(card: VirtualCard, message: bytes) -> bytes | None:
    match message:
        case b"\x04":
            return card.atr
        case b"\x00" | b"\x01" | b"\x02":
            card.reset()
            return None
    try:
        return card.transmit(message)
    except CardGone:
        raise ConnectionAbortedError from None


def _message(connection: socket.socket) -> bytes | None:
    """The next message; None at the end."""
    head = _exactly(connection, 2)
    return None if head is None else _exactly(connection, int.from_bytes(head))


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    octets = b""
    while len(octets) < size:
        more = connection.recv(size - len(octets))
        if not more:
            return None
        octets += more
        if _QUICK is not None:
            # vpcd sends length and octets apart: without it each waits for the other.
            connection.setsockopt(socket.IPPROTO_TCP, _QUICK, 1)
    return octets
