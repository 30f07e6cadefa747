"""Which language a person at this terminal reads, and what is said to them in it."""

from __future__ import annotations

import os
from collections.abc import Mapping

__all__ = ["Words", "language_of"]


def language_of() -> str:
    """`ja` or `en`, by the environment's locale."""
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(variable):
            return "ja" if value.startswith("ja") else "en"
    return "en"


class Words:
    """What a group of commands says: each key's text in the language of the terminal.

    word = Words({"until": ("有効期限 {day}", "until {day}")})
    word("until", day=day)
    """

    def __init__(
        self, texts: Mapping[str, tuple[str, str]], *, open_ended: bool = False
    ) -> None:
        """Take the texts.

        Args:
            texts: Japanese and English; fields as `str.format` has them.
            open_ended: a key without a text stands for itself.
        """
        self._texts = texts
        self._open_ended = open_ended

    def __call__(self, key: str, **values: object) -> str:
        """The text with its fields filled in."""
        if self._open_ended and key not in self._texts:
            return key
        japanese, english = self._texts[key]
        return (japanese if language_of() == "ja" else english).format(**values)
