"""What the routes work with: the workstation, and the one card in its reader."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from flask import request

from ca_server.counter.words import LANGUAGES, Words, words_in
from jpki.authority.workstation import Workstation
from jpki.cards.card_types import PINRule
from jpki.cards.session import CardSession
from jpki.cards.transport import CardTransport
from jpki.errors import CardError, CardGone, WrongCard
from jpki.model.ports import Random
from jpki.model.purposes import Purpose

__all__ = ["CardView", "Desk", "SlotView"]

_PATIENCE_SECONDS: Final = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class SlotView:
    """One key pair, as far as it shows without a password."""

    purpose: Purpose
    rule: PINRule
    tries: int
    written: bool
    """Whether a certificate is there: it is written together with its authority's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CardView:
    """The card in the reader."""

    title: str
    serial: str
    slots: tuple[SlotView, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """One counter; shared by threads."""

    station: Workstation
    connect: Callable[[], CardTransport]
    operator: str
    language: str
    random: Random
    _reader: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def session(self) -> Iterator[CardSession]:
        """The card, for one step; two requests never share it.

        Raises:
            CardError: there is none, or it is not of a kind that is known.
        """
        if not self._reader.acquire(timeout=_PATIENCE_SECONDS):
            raise CardError("another window works with the card")
        try:
            with CardSession(self.connect()) as session:
                yield session
        finally:
            self._reader.release()

    def card(self) -> CardView | CardError:
        """What is in the reader, or why nothing can be said of it."""
        try:
            with self.session() as session:
                return CardView(
                    title=session.card_type.title,
                    serial=session.serial,
                    slots=tuple(
                        _slot(session, purpose) for purpose in session.card_type.slots
                    ),
                )
        except CardError as error:
            return error

    def words(self) -> Words:
        """In the language asked for in the address, else the browser's, else ours."""
        asked = request.args.get("lang")
        if asked in LANGUAGES:
            return words_in(asked)
        preferred = request.accept_languages.best_match(LANGUAGES, self.language)
        return words_in(preferred or self.language)


def _slot(session: CardSession, purpose: Purpose) -> SlotView:
    rule = session.card_type.slot(purpose).pin
    try:
        session.read_ca_certificate(purpose)
        written = True
    except CardGone:
        raise
    except WrongCard:
        written = False
    return SlotView(
        purpose=purpose,
        rule=rule,
        tries=session.pin_tries_left(purpose),
        written=written,
    )
