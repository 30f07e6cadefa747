"""Card generations as data: which files, keys and PINs a JPKI application has.

The values stand in `data/*.toml` with their sources; this module only gives them
types and refuses what it does not know.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

from jpki.errors import ProfileError, WrongCard
from jpki.model.purposes import Purpose
from jpki.model.suites import SUITES, SignatureSuite

__all__ = [
    "CardType",
    "FileId",
    "KeySlot",
    "PINCharacters",
    "PINRule",
    "TokenRule",
    "card_type",
    "card_type_of_label",
    "card_types",
    "load_card_type",
]

FileId = int
"""Two-octet identifier of an elementary file."""


class PINCharacters(Enum):
    """What a PIN may be made of."""

    DIGITS = "digits"
    ALPHANUMERIC = "alphanumeric"
    """A-Z and 0-9 in any mixture."""
    LETTERS_AND_DIGITS = "letters-and-digits"
    """As `ALPHANUMERIC`, and a new one holds at least one of each."""


_ALPHABETS: Final = {
    PINCharacters.DIGITS: re.compile(rb"[0-9]*"),
    PINCharacters.ALPHANUMERIC: re.compile(rb"[0-9A-Z]*"),
    PINCharacters.LETTERS_AND_DIGITS: re.compile(rb"[0-9A-Z]*"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PINRule:
    """Where a PIN is, what it looks like, and how often it may be wrong."""

    file: FileId
    characters: PINCharacters
    shortest: int
    longest: int
    tries: int

    def could_be(self, pin: bytes) -> bool:
        """Whether a PIN of this form can have been set."""
        alphabet = _ALPHABETS[self.characters]
        return self.shortest <= len(pin) <= self.longest and bool(
            alphabet.fullmatch(pin)
        )

    def may_become(self, pin: bytes) -> bool:
        """Whether a new PIN may have this form."""
        mixed = not (pin.isdigit() or pin.isalpha())
        wants_mixed = self.characters is PINCharacters.LETTERS_AND_DIGITS
        return self.could_be(pin) and (mixed or not wants_mixed)


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenRule:
    """The texts of EF 0006 that a card type fixes."""

    file: FileId
    label: str
    manufacturer: str
    model: str


@dataclass(frozen=True, kw_only=True, slots=True)
class KeySlot:
    """One key pair with its certificate, the CA's certificate and its PIN."""

    purpose: Purpose
    key: FileId
    certificate: FileId
    ca_certificate: FileId
    certificate_after_pin: bool
    """署名用電子証明書 holds the four items: it is read only after the PIN."""
    suites: tuple[SignatureSuite, ...]
    """What the chip can generate; no two of one key size."""
    input_forms: frozenset[int]
    """P1 values of COMPUTE DIGITAL SIGNATURE that the chip knows."""
    pin: PINRule


@dataclass(frozen=True, kw_only=True, slots=True)
class CardType:
    """One generation of card."""

    id: str
    title: str
    application: bytes
    """AID of the JPKI application (公的個人認証AP)."""
    atr: bytes
    file_size: int
    """Of each certificate file; the rest after the certificate is FF."""
    presence_file: FileId | None
    token: TokenRule
    slots: Mapping[Purpose, KeySlot]
    source: str
    unconfirmed: tuple[str, ...]

    def slot(self, purpose: Purpose) -> KeySlot:
        """The key pair for this purpose.

        Raises:
            WrongCard: this generation has none.
        """
        try:
            return self.slots[purpose]
        except KeyError:
            raise WrongCard(f"a {self.id} card has no {purpose.value} key") from None


@cache
def card_types() -> Mapping[str, CardType]:
    """Every packaged card type by id."""
    folder = resources.files("jpki.cards") / "data"
    found = (
        load_card_type(entry.name, entry.read_text("utf-8"))
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".toml")
    )
    return MappingProxyType({kind.id: kind for kind in found})


def card_type(type_id: str) -> CardType:
    """The card type of this id.

    Raises:
        WrongCard: no such type.
    """
    try:
        return card_types()[type_id]
    except KeyError:
        hint = f"one of {', '.join(card_types())}"
        raise WrongCard(f"unknown card type {type_id!r}", hint=hint) from None


def card_type_of_label(label: str) -> CardType:
    """The card type whose token information bears this label.

    Raises:
        WrongCard: the label belongs to no type known here.
    """
    for kind in card_types().values():
        if kind.token.label == label:
            return kind
    raise WrongCard(f"a card labelled {label!r} is not known here")


# -- loading ------------------------------------------------------------------------

_Table = dict[str, Any]
"""A TOML table after `_table` has checked its keys and their types."""

_CARD: Final = {
    "id": str,
    "title": str,
    "application": str,
    "atr": str,
    "source": str,
    "unconfirmed": list,
    "file_size": int,
    "token": dict,
    "slots": dict,
}
_TOKEN: Final = {"file": str, "label": str, "manufacturer": str, "model": str}
_SLOT: Final = {
    "key": str,
    "certificate": str,
    "ca_certificate": str,
    "certificate_after_pin": bool,
    "suites": list,
    "input_forms": list,
    "pin": dict,
}
_PIN: Final = {
    "file": str,
    "characters": str,
    "shortest": int,
    "longest": int,
    "tries": int,
}


def load_card_type(file: str, text: str) -> CardType:
    """Read one card type file.

    Raises:
        ProfileError: a key is unknown, missing, of another type or without sense.
    """
    try:
        card = _table(file, tomllib.loads(text), "", _CARD, {"presence_file": str})
        token = _table(file, card["token"], "token.", _TOKEN)
        slots = _table(
            file, card["slots"], "slots.", {}, dict.fromkeys(_PURPOSES, dict)
        )
        presence = card.get("presence_file")
        return CardType(
            id=card["id"],
            title=card["title"],
            application=bytes.fromhex(card["application"]),
            atr=bytes.fromhex(card["atr"]),
            file_size=card["file_size"],
            presence_file=None if presence is None else _file_id(presence),
            token=TokenRule(
                file=_file_id(token["file"]),
                label=token["label"],
                manufacturer=token["manufacturer"],
                model=token["model"],
            ),
            slots=MappingProxyType(
                {Purpose(key): _slot(file, key, value) for key, value in slots.items()}
            ),
            source=card["source"],
            unconfirmed=tuple(card["unconfirmed"]),
        )
    except (ValueError, KeyError) as error:
        raise ProfileError(file, "value", str(error)) from None


_PURPOSES: Final = tuple(purpose.value for purpose in Purpose)


def _slot(file: str, purpose: str, values: _Table) -> KeySlot:
    where = f"slots.{purpose}."
    slot = _table(file, values, where, _SLOT)
    pin = _table(file, slot["pin"], f"{where}pin.", _PIN)
    return KeySlot(
        purpose=Purpose(purpose),
        key=_file_id(slot["key"]),
        certificate=_file_id(slot["certificate"]),
        ca_certificate=_file_id(slot["ca_certificate"]),
        certificate_after_pin=slot["certificate_after_pin"],
        suites=tuple(SUITES[suite_id] for suite_id in slot["suites"]),
        input_forms=frozenset(slot["input_forms"]),
        pin=PINRule(
            file=_file_id(pin["file"]),
            characters=PINCharacters(pin["characters"]),
            shortest=pin["shortest"],
            longest=pin["longest"],
            tries=pin["tries"],
        ),
    )


def _file_id(text: str) -> FileId:
    if len(text) != 4:
        raise ValueError(f"{text!r} is not a file identifier")
    return int(text, 16)


def _table(
    file: str,
    values: _Table,
    where: str,
    required: Mapping[str, type],
    optional: Mapping[str, type] = MappingProxyType({}),
) -> _Table:
    for key in required.keys() - values.keys():
        raise ProfileError(file, f"{where}{key}", "missing")
    known = {**required, **optional}
    for key, value in values.items():
        if key not in known:
            raise ProfileError(file, f"{where}{key}", "unknown key")
        if type(value) is not known[key]:
            raise ProfileError(file, f"{where}{key}", f"not a {known[key].__name__}")
    return values
