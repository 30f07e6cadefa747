"""What card type files say of one PIN, and reading their tables strictly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any, Final

from jpki.errors import ProfileError

__all__ = [
    "FileId",
    "PINCharacters",
    "PINRule",
    "Values",
    "file_id",
    "read_pin_rule",
    "table_of",
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
    printed: bool = False
    """照合番号: follows from what is printed on the card; nobody chooses it."""

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


Values = dict[str, Any]
"""A TOML table after `table_of` has checked its keys and their types."""

_PIN: Final = {
    "file": str,
    "characters": str,
    "shortest": int,
    "longest": int,
    "tries": int,
}
_PIN_OPTIONAL: Final = {"printed": bool}


def read_pin_rule(file: str, values: Values, where: str) -> PINRule:
    """The PIN that this table describes.

    Raises:
        ProfileError, ValueError: a key is unknown, missing or without sense.
    """
    pin = table_of(file, values, where, _PIN, _PIN_OPTIONAL)
    return PINRule(
        file=file_id(pin["file"]),
        characters=PINCharacters(pin["characters"]),
        shortest=pin["shortest"],
        longest=pin["longest"],
        tries=pin["tries"],
        printed=pin.get("printed", False),
    )


def file_id(text: str) -> FileId:
    """Four hexadecimal digits as the identifier that they are.

    Raises:
        ValueError: they are none.
    """
    if len(text) != 4:
        raise ValueError(f"{text!r} is not a file identifier")
    return int(text, 16)


def table_of(
    file: str,
    values: Values,
    where: str,
    required: Mapping[str, type],
    optional: Mapping[str, type] = MappingProxyType({}),
) -> Values:
    """The table, if its keys are those that are known, of the right types.

    Raises:
        ProfileError: a key is missing, unknown or of another type.
    """
    for key in required.keys() - values.keys():
        raise ProfileError(file, f"{where}{key}", "missing")
    known = {**required, **optional}
    for key, value in values.items():
        if key not in known:
            raise ProfileError(file, f"{where}{key}", "unknown key")
        if type(value) is not known[key]:
            raise ProfileError(file, f"{where}{key}", f"not a {known[key].__name__}")
    return values
