"""The person at this machine, as the procedure sees one: asked, and told.

Two ways lead to the person: a window of the browser (`window`) and a terminal
(`terminal`). The procedure in `signing` is the same for both.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from threading import Event
from typing import Final, Protocol

from jpki.agent.wire import SignatureRequest
from jpki.cards.card_types import PINRule
from jpki.errors import (
    ConfirmationCancelled,
    ConfirmationSuperseded,
    ConfirmationTimeout,
    JpkiError,
)
from jpki.x509.basic_information import CertifiedAttributes

__all__ = [
    "LOOK_UP_SECONDS",
    "CardLook",
    "Ending",
    "Holder",
    "MeetPerson",
    "Person",
    "Question",
    "Reply",
    "Step",
    "Turn",
]

LOOK_UP_SECONDS: Final = 0.2
"""How often whoever waits for the person looks whether there is still a reason to."""


class Step(Enum):
    """What the person is asked to do."""

    INSERT = "insert"
    """Put the card in, then go on."""
    PIN = "pin"
    """Read what is signed, then type the PIN."""
    AGREE = "agree"
    """See who signs and what the site learns, then sign."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """Who signs, as the certificate says it."""

    subject: str
    """Distinguished name (RFC 4514)."""
    attributes: CertifiedAttributes | None
    """The four items, which go to the site with the signature."""
    not_after: datetime
    expired: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class CardLook:
    """What the card shows without a PIN."""

    title: str
    serial: str
    tries_left: int
    rule: PINRule
    holder: Holder | None
    """None where only the PIN opens the certificate."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One thing to show and to ask."""

    step: Step
    request: SignatureRequest
    card: CardLook | None = None
    holder: Holder | None = None
    complaint: JpkiError | None = None
    """What went wrong just before, so that it is asked again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What the person did, other than cancelling."""

    pin: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """How it ended, for the person to see."""

    request: SignatureRequest
    error: JpkiError | None
    """None where it was signed."""


class Turn:
    """One request's time with the person: not for ever, and not against anything."""

    def __init__(self, origin: str, seconds: int, stop: Event) -> None:
        self.origin = origin
        self._seconds = seconds
        self._until = time.monotonic() + seconds
        self._stop = stop
        self._superseded = False

    def supersede(self) -> None:
        """The same page asked again."""
        self._superseded = True

    def check(self) -> None:
        """Go on waiting, or not.

        Raises:
            ConfirmationSuperseded: the page asked again.
            ConfirmationTimeout: it took too long.
            ConfirmationCancelled: the agent is ending.
        """
        if self._superseded:
            raise ConfirmationSuperseded
        if self._stop.is_set():
            raise ConfirmationCancelled
        if time.monotonic() > self._until:
            raise ConfirmationTimeout(self._seconds)


class Person(Protocol):
    """Somebody who sees, types and decides."""

    def ask(self, question: Question) -> Reply:
        """Show it and wait for the reply.

        Raises:
            AgentError: the person cancelled, or there is no reason to wait any more.
        """
        ...

    def tell(self, ending: Ending) -> None:
        """Show how it ended."""
        ...


MeetPerson = Callable[[Turn, SignatureRequest], AbstractContextManager[Person]]
"""Opens the way to the person for one request.

Raises:
    ConfirmationUnavailable: there is none.
"""
