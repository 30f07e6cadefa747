"""How APDUs reach a card. Readers and sockets are other modules of this shape."""

from __future__ import annotations

from typing import Protocol

from jpki.cards.applet import VirtualCard
from jpki.errors import CardGone

__all__ = ["CardTransport", "InProcessTransport"]


class CardTransport(Protocol):
    """A connection to one powered card."""

    def transmit(self, command: bytes) -> bytes:
        """Send one command APDU, return its response APDU with status word.

        Raises:
            CardGone: the card or its reader is no longer there.
        """
        ...

    def close(self) -> None:
        """Power the card down and let it go."""
        ...


class InProcessTransport:
    """A virtual card in this process, powered on at connection and off at close."""

    def __init__(self, card: VirtualCard) -> None:
        self._card: VirtualCard | None = card
        card.reset()

    def transmit(self, command: bytes) -> bytes:
        """Hand one command to the card."""
        if self._card is None:
            raise CardGone("the connection to the card is closed")
        return self._card.transmit(command)

    def close(self) -> None:
        """Power down; every right won is lost. The card itself stays open."""
        if self._card is not None:
            self._card.reset()
            self._card = None
