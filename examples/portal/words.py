"""The portal's sentences in the reader's language, and times as people write them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any, Final

from jpki.model.calendar import JST
from jpki.verify import LANGUAGES, Code, Reason

__all__ = ["Words", "words_in"]

_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_TIMES: Final = {"ja": "%Y年%-m月%-d日 %H:%M", "en": "%-d %B %Y, %H:%M (Japan time)"}
_DAYS: Final = {"ja": "%Y年%-m月%-d日", "en": "%-d %B %Y"}


class Words:
    """All sentences in one language."""

    def __init__(self, language: str, tables: Mapping[str, Mapping[str, Any]]) -> None:
        self.language = language
        self._tables = tables

    def __call__(self, table: str, key: str) -> str:
        """The sentence of this key; the key itself where there is none."""
        entry = self._tables[table].get(key)
        return key if entry is None else str(entry[self.language])

    def items(self, table: str) -> list[tuple[str, str]]:
        """Every key of a table with its sentence."""
        return [(key, self(table, key)) for key in self._tables[table]]

    def advice(self, code: Code) -> str:
        """What the reader can do, by the longest beginning of the code."""
        parts = code.value.split(".")
        for count in range(len(parts), 0, -1):
            key = ".".join(parts[:count])
            if key in self._tables["advice"]:
                return self("advice", key)
        return self("advice", "other")

    def reason(self, reason: Reason, *, signer: str | None = None) -> str:
        """The verdict's sentence, with times and reasons in words.

        Args:
            signer: the distinguished name that the reader need not see as such.
        """
        shown = {key: self._plain(key, value) for key, value in reason.data.items()}
        if signer is not None and shown.get("subject") == signer:
            shown["subject"] = self("verdict", "yours")
        return replace(reason, data=shown).text(self.language)

    def _plain(self, key: str, value: str) -> str:
        if key == "revocation_reason":
            return self("revocation_reasons", value)
        if _INSTANT.fullmatch(value):
            return self.time(datetime.fromisoformat(value))
        return self.day(value)

    def day(self, text: str) -> str:
        """A calendar day from its ISO form; anything else as it is."""
        if _DAY.fullmatch(text):
            return datetime.fromisoformat(text).strftime(_DAYS[self.language])
        return text

    def time(self, at: datetime) -> str:
        """A moment in Japan time."""
        return at.astimezone(UTC).astimezone(JST).strftime(_TIMES[self.language])


@cache
def words_in(language: str) -> Words:
    """The words of this language; Japanese for one that is not spoken here."""
    text = resources.files(__package__).joinpath("words.toml").read_text("utf-8")
    return Words(language if language in LANGUAGES else "ja", tomllib.loads(text))
