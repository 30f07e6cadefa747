"""Any of a card's PINs, whatever application it belongs to, with what is done to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from jpki.cards.face import FaceSession
from jpki.cards.places import open_place
from jpki.cards.rules import PINRule
from jpki.cards.session import CardSession
from jpki.cli.card.options import FACE, opened, place_of
from jpki.model.ports import Secret
from jpki.model.purposes import Purpose

__all__ = ["OnePIN", "opened_face", "opened_pin"]


@dataclass(frozen=True, kw_only=True, slots=True)
class OnePIN:
    """One PIN of a card in a session."""

    which: str
    rule: PINRule
    tries_left: Callable[[], int]
    verify: Callable[[Secret], None]
    change: Callable[[Secret, Secret], None]
    """The current one, and the new one."""
    set: Callable[[bytes, Secret], None]
    """The issuer's secret, and the new one."""


def opened_face(card: str | None) -> FaceSession:
    """A session with the applications that hold the face of a card.

    Raises:
        CardError: there is no card, or none that has them.
    """
    return FaceSession(open_place(place_of(card)))


@contextmanager
def opened_pin(card: str | None, which: str) -> Iterator[OnePIN]:
    """One PIN of a card: of a purpose, or of the face.

    Raises:
        CardError: there is no card, or none with such a PIN.
    """
    if which == FACE:
        with opened_face(card) as face:
            yield OnePIN(
                which=which,
                rule=face.pin_rule,
                tries_left=face.pin_tries_left,
                verify=face.verify_pin,
                change=face.change_pin,
                set=face.set_pin,
            )
        return
    purpose = Purpose(which)
    with opened(card) as session:
        yield OnePIN(
            which=which,
            rule=session.card_type.slot(purpose).pin,
            tries_left=lambda: session.pin_tries_left(purpose),
            verify=lambda pin: session.verify_pin(purpose, pin),
            change=lambda current, new: session.change_pin(purpose, current, new),
            set=lambda secret, new: _set(session, purpose, secret, new),
        )


def _set(session: CardSession, purpose: Purpose, secret: bytes, new: Secret) -> None:
    session.authenticate_counter(secret)
    session.set_pin(purpose, new)
