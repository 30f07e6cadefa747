"""PINs as people type them, made into what a card compares.

A card compares octets, and each miss costs one of few tries. So full-width and
lower-case input is made plain first (NFKC, upper case), and what cannot be right by
its form is refused before it is sent.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from jpki.cards.card_types import PINCharacters, PINRule
from jpki.errors import PINFormatError

__all__ = ["existing_pin", "new_pin"]

_WORDS: Final = {
    PINCharacters.DIGITS: "digits",
    PINCharacters.ALPHANUMERIC: "letters A-Z and digits",
    PINCharacters.LETTERS_AND_DIGITS: "letters A-Z and digits",
}


def existing_pin(typed: str, rule: PINRule) -> bytes:
    """The octets to verify.

    Raises:
        PINFormatError: no PIN of this kind can look so; nothing was sent.
    """
    pin = _plain(typed)
    if not rule.could_be(pin):
        raise _misshapen(rule, f"the PIN is {_form(rule)}", hint="no try was used")
    return pin


def new_pin(typed: str, rule: PINRule) -> bytes:
    """The octets to set.

    Raises:
        PINFormatError: a PIN of this kind may not look so; nothing was sent.
    """
    pin = _plain(typed)
    if not rule.may_become(pin):
        mixed = rule.characters is PINCharacters.LETTERS_AND_DIGITS
        both = ", at least one of each" if mixed else ""
        raise _misshapen(rule, f"a new PIN is {_form(rule)}{both}")
    return pin


def _plain(typed: str) -> bytes:
    # What is not ASCII then, such as kana, becomes a character that no PIN has.
    return unicodedata.normalize("NFKC", typed).upper().encode("ascii", "replace")


def _misshapen(
    rule: PINRule, message: str, *, hint: str | None = None
) -> PINFormatError:
    return PINFormatError(
        message,
        hint=hint,
        shortest=rule.shortest,
        longest=rule.longest,
        characters=rule.characters.value,
    )


def _form(rule: PINRule) -> str:
    size = (
        str(rule.shortest)
        if rule.shortest == rule.longest
        else f"{rule.shortest} to {rule.longest}"
    )
    return f"{size} {_WORDS[rule.characters]}"
