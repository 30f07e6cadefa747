"""Text with wildcards: characters that a certificate says are substitutes.

A character flagged in the substitution string of a certificate stands for one that the
certificate cannot hold (代替文字). It is equal to whatever stands in its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

__all__ = ["Difference", "FlaggedText", "differences"]

_WILD: Final = "\ue000"
"""Stands for a substitute while texts are aligned; private use, in no certificate."""


@dataclass(frozen=True, slots=True)
class FlaggedText:
    """A text and, for each of its characters, whether it is a substitute."""

    text: str
    flags: str
    """`1` for a substitute, else `0`; as long as the text."""

    @classmethod
    def plain(cls, text: str) -> FlaggedText:
        """A text without substitutes."""
        return cls(text, "0" * len(text))

    def rewritten(
        self, pattern: re.Pattern[str], made: Callable[[re.Match[str]], str]
    ) -> FlaggedText:
        """The same with every match rewritten, unless a substitute is in it."""
        texts, flags, end = list[str](), list[str](), 0
        for match in pattern.finditer(self.text):
            begin, stop = match.span()
            if "1" in self.flags[begin:stop]:
                continue
            new = made(match)
            texts += [self.text[end:begin], new]
            flags += [self.flags[end:begin], "0" * len(new)]
            end = stop
        texts.append(self.text[end:])
        flags.append(self.flags[end:])
        return FlaggedText("".join(texts), "".join(flags))

    def mapped(self, table: dict[int, str]) -> FlaggedText:
        """The same with single characters exchanged for single characters."""
        characters = [
            character if flag == "1" else table.get(ord(character), character)
            for character, flag in zip(self.text, self.flags, strict=True)
        ]
        return FlaggedText("".join(characters), self.flags)

    def matches(self, other: FlaggedText) -> bool:
        """Whether both are the same, each substitute standing for any one character."""
        return len(self.text) == len(other.text) and all(
            "1" in flags or ours == theirs
            for ours, theirs, *flags in zip(
                self.text, other.text, self.flags, other.flags, strict=True
            )
        )

    def marked(self) -> str:
        """The text with a private character for each substitute."""
        pairs = zip(self.text, self.flags, strict=True)
        return "".join(_WILD if flag == "1" else character for character, flag in pairs)


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One stretch in which two texts differ, in the forms that were compared."""

    position: int
    """In the certified text, from 0."""
    certified: str
    claimed: str


def differences(certified: FlaggedText, claimed: FlaggedText) -> tuple[Difference, ...]:
    """Where the claimed text differs, as few and short stretches as can be found."""
    if len(certified.text) == len(claimed.text):
        # Place for place, so that a substitute is aligned with what it stands for.
        return _place_for_place(certified, claimed)
    matcher = SequenceMatcher(
        None, certified.marked(), claimed.marked(), autojunk=False
    )
    found = []
    for tag, begin, end, other_begin, other_end in matcher.get_opcodes():
        ours = FlaggedText(certified.text[begin:end], certified.flags[begin:end])
        theirs = FlaggedText.plain(claimed.text[other_begin:other_end])
        if tag != "equal" and not ours.matches(theirs):
            found.append(
                Difference(position=begin, certified=ours.text, claimed=theirs.text)
            )
    return tuple(found)


def _place_for_place(
    certified: FlaggedText, claimed: FlaggedText
) -> tuple[Difference, ...]:
    found: list[Difference] = []
    for position, (ours, theirs, *flags) in enumerate(
        zip(certified.text, claimed.text, certified.flags, claimed.flags, strict=True)
    ):
        if "1" in flags or ours == theirs:
            continue
        last = found[-1] if found else None
        if last is not None and last.position + len(last.certified) == position:
            found[-1] = Difference(
                position=last.position,
                certified=last.certified + ours,
                claimed=last.claimed + theirs,
            )
        else:
            found.append(Difference(position=position, certified=ours, claimed=theirs))
    return tuple(found)
