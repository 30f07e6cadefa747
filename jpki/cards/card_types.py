"""Card generations as data: which files, keys and PINs a JPKI application has.

The values stand in `data/*.toml` with their sources; this module only gives them
types and refuses what it does not know.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Final

from jpki.cards.application_types import ApplicationType, read_applications
from jpki.cards.rules import (
    FileId,
    PINCharacters,
    PINRule,
    Values,
    file_id,
    read_pin_rule,
    table_of,
)
from jpki.errors import ProfileError, WrongCard
from jpki.model.purposes import Purpose
from jpki.model.suites import SUITES, SignatureSuite

__all__ = [
    "CardType",
    "FileId",
    "KeySlot",
    "PINCharacters",
    "PINRule",
    "SignatureForm",
    "TokenRule",
    "card_type",
    "card_type_of_label",
    "card_types",
    "load_card_type",
]


class SignatureForm(Enum):
    """How the chip gives a signature."""

    RSA = "rsa"
    """As long as the modulus."""
    DER = "der"
    """ECDSA: SEQUENCE of r and s, as certificates hold it (RFC 3279 2.2.3)."""
    PLAIN = "plain"
    """ECDSA: r and s side by side, each as long as the curve's order."""


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
    signature_form: SignatureForm
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
    applications: Mapping[str, ApplicationType]
    """The others on the card, as far as they are public."""
    command_chaining: bool
    """Whether a command may come in parts (ISO/IEC 7816-4 5.3.3)."""
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

    def other(self, name: str) -> ApplicationType:
        """Another application.

        Raises:
            WrongCard: this generation has none of this name that is public.
        """
        try:
            return self.applications[name]
        except KeyError:
            raise WrongCard(
                f"{self.title}: no application {name} is known of such cards"
            ) from None


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
_CARD_OPTIONAL: Final = {
    "presence_file": str,
    "applications": dict,
    "command_chaining": bool,
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
_SLOT_OPTIONAL: Final = {"signature_form": str}


def load_card_type(file: str, text: str) -> CardType:
    """Read one card type file.

    Raises:
        ProfileError: a key is unknown, missing, of another type or without sense.
    """
    try:
        card = table_of(file, tomllib.loads(text), "", _CARD, _CARD_OPTIONAL)
        token = table_of(file, card["token"], "token.", _TOKEN)
        slots = table_of(
            file, card["slots"], "slots.", {}, dict.fromkeys(_PURPOSES, dict)
        )
        presence = card.get("presence_file")
        return CardType(
            id=card["id"],
            title=card["title"],
            application=bytes.fromhex(card["application"]),
            atr=bytes.fromhex(card["atr"]),
            file_size=card["file_size"],
            presence_file=None if presence is None else file_id(presence),
            token=TokenRule(
                file=file_id(token["file"]),
                label=token["label"],
                manufacturer=token["manufacturer"],
                model=token["model"],
            ),
            slots=MappingProxyType(
                {Purpose(key): _slot(file, key, value) for key, value in slots.items()}
            ),
            applications=read_applications(file, card.get("applications", {})),
            command_chaining=card.get("command_chaining", False),
            source=card["source"],
            unconfirmed=tuple(card["unconfirmed"]),
        )
    except (ValueError, KeyError) as error:
        raise ProfileError(file, "value", str(error)) from None


_PURPOSES: Final = tuple(purpose.value for purpose in Purpose)


def _slot(file: str, purpose: str, values: Values) -> KeySlot:
    where = f"slots.{purpose}."
    slot = table_of(file, values, where, _SLOT, _SLOT_OPTIONAL)
    return KeySlot(
        purpose=Purpose(purpose),
        key=file_id(slot["key"]),
        certificate=file_id(slot["certificate"]),
        ca_certificate=file_id(slot["ca_certificate"]),
        certificate_after_pin=slot["certificate_after_pin"],
        suites=tuple(SUITES[suite_id] for suite_id in slot["suites"]),
        input_forms=frozenset(slot["input_forms"]),
        signature_form=SignatureForm(slot.get("signature_form", "rsa")),
        pin=read_pin_rule(file, slot["pin"], f"{where}pin."),
    )
