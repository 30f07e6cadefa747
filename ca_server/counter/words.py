"""The page's sentences in the reader's language, and times as people write them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any, Final

from jpki.cards.card_types import PINCharacters, PINRule
from jpki.errors import CertificateLive, JpkiError, RemoteRefusal
from jpki.model.calendar import JST

__all__ = ["LANGUAGES", "Words", "words_in"]

LANGUAGES: Final = ("ja", "en")
_TIMES: Final = {"ja": "%Y年%-m月%-d日 %H:%M", "en": "%-d %B %Y, %H:%M"}
_DAYS: Final = {"ja": "%Y年%-m月%-d日", "en": "%-d %B %Y"}


class Words:
    """All sentences in one language."""

    def __init__(self, language: str, tables: Mapping[str, Mapping[str, Any]]) -> None:
        self.language = language
        self._tables = tables

    def __call__(self, table: str, key: str, **values: object) -> str:
        """The sentence of this key, filled in; the key itself where there is none."""
        entry = self._tables[table].get(key)
        return key if entry is None else str(entry[self.language]).format(**values)

    def day(self, at: datetime) -> str:
        """A day in Japan."""
        return at.astimezone(JST).strftime(_DAYS[self.language])

    def time(self, at: datetime) -> str:
        """A moment in Japan time."""
        return at.astimezone(JST).strftime(_TIMES[self.language])

    def rule(self, rule: PINRule) -> str:
        """What a password looks like."""
        key = "digits" if rule.characters is PINCharacters.DIGITS else "letters"
        if rule.characters is PINCharacters.LETTERS_AND_DIGITS:
            key = "mixed"
        size = str(rule.shortest)
        if rule.longest != rule.shortest:
            size = self("password", "range", low=rule.shortest, high=rule.longest)
        return self("password", key, size=size)

    def problem(self, error: JpkiError) -> tuple[str, str]:
        """What went wrong, and what to do: by the error's code, or its beginning."""
        if isinstance(error, CertificateLive) and error.renewable_from is not None:
            first = self.day(error.renewable_from)
            return self("problem", "too-early"), self("advice", "too-early", day=first)
        code = error.reason_code if isinstance(error, RemoteRefusal) else error.code
        parts = code.split(".")
        for count in range(len(parts), 0, -1):
            key = ".".join(parts[:count])
            if key in self._tables["problem"]:
                return self("problem", key), self("advice", key)
        return error.message, error.hint or self("advice", "other")


@cache
def words_in(language: str) -> Words:
    """The words of this language; Japanese for one that is not spoken here."""
    text = resources.files(__package__).joinpath("words.toml").read_text("utf-8")
    return Words(language if language in LANGUAGES else "ja", tomllib.loads(text))
