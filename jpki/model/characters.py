"""Characters of names and addresses, and what stands for those a certificate lacks."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Final

__all__ = ["Substitution", "in_repertoire"]

_VARIATION_SELECTORS: Final = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))

_VENDOR_TWINS: Final = frozenset("－～∥￠￡￢")
"""Other code points that vendors' tables give to characters of JIS X 0208."""


def in_repertoire(character: str) -> bool:
    """Whether JIS X 0208 or JIS X 0212 has this one character (by way of EUC-JP)."""
    if character in _VENDOR_TWINS:
        return True
    try:
        octets = character.encode("euc_jp")
    except UnicodeEncodeError:
        return False
    return (len(octets) == 2 and octets[0] >= 0xA1) or len(octets) == 3


@cache
def _known() -> re.Pattern[str]:
    """Texts of the repertoire alone, as nearly every one is."""
    cells = [bytes(cell) for cell in product(range(0xA1, 0xFF), repeat=2)]
    octets = b"".join(cells) + b"".join(b"\x8f" + cell for cell in cells)
    decoded = octets.decode("euc_jp", "ignore")
    characters = filter(in_repertoire, sorted({*decoded, *_VENDOR_TWINS}))
    return re.compile(f"[{''.join(characters)}]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Substitution:
    """代替文字: how characters outside the repertoire are replaced, one for one."""

    replacements: Mapping[str, str]
    fallback: str
    """Stands where there is no replacement."""
    source: str

    def apply(self, text: str) -> tuple[str, str]:
        """Replace what the repertoire lacks and flag each replaced character.

        Gives the text that a certificate can hold, and one digit for each character of
        it: 1 where it is a substitute and departs from the register, else 0.

        A variation selector has no place of its own: it makes the character before it
        a variant, which is then replaced by the plain one.
        """
        if _known().fullmatch(text):
            return text, "0" * len(text)
        characters: list[str] = []
        flags: list[str] = []
        for character in text:
            if characters and any(ord(character) in r for r in _VARIATION_SELECTORS):
                flags[-1] = "1"
                continue
            substitute = self._substitute(character)
            characters.append(substitute)
            flags.append("0" if substitute == character else "1")
        return "".join(characters), "".join(flags)

    def _substitute(self, character: str) -> str:
        if in_repertoire(character):
            return character
        if (replacement := self.replacements.get(character)) is not None:
            return replacement
        folded = unicodedata.normalize("NFKC", character)
        if len(folded) == 1 and in_repertoire(folded):
            return folded
        return self.fallback
