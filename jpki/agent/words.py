"""The agent's sentences in the person's language."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any, Final

from jpki.agent.person import CardLook, Holder
from jpki.agent.showing import visible
from jpki.agent.wire import SignatureRequest
from jpki.cards.card_types import PINCharacters, PINRule
from jpki.errors import JpkiError
from jpki.model.calendar import JST
from jpki.model.purposes import Purpose
from jpki.x509.basic_information import CertifiedAttributes

__all__ = ["Words", "words_in"]

_DAYS: Final = {"ja": "%Y年%-m月%-d日", "en": "%-d %B %Y"}


class Words:
    """All sentences in one language."""

    def __init__(self, language: str, tables: Mapping[str, Mapping[str, Any]]) -> None:
        self.language = language
        self._tables = tables

    def __call__(self, key: str, *, table: str = "page", **values: object) -> str:
        """The sentence of this key, with the values in their places."""
        return str(self._tables[table][key][self.language]).format(**values)

    def of(self, key: str, purpose: Purpose) -> str:
        """The sentence for logging in where there is one of its own."""
        login = f"{key}_login"
        if purpose is Purpose.AUTHENTICATION and login in self._tables["page"]:
            return self(login)
        return self(key)

    def problem(self, error: JpkiError) -> str:
        """What went wrong and what to do, for who is no engineer."""
        left = error.data.get("retries_left")
        parts = error.code.split(".")
        keys = [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
        if left == 1:
            keys.insert(0, f"{error.code}-last")
        known = self._tables["problems"]
        key = next((key for key in keys if key in known), "other")
        return self(key, table="problems", left=left)

    def pin_form(self, rule: PINRule) -> str:
        """What such a PIN looks like."""
        digits = rule.characters is PINCharacters.DIGITS
        key = "form_digits" if digits else "form_letters"
        return self(key, shortest=rule.shortest, longest=rule.longest)

    def tries(self, card: CardLook) -> str:
        """How many are left."""
        return self("tries_left", left=card.tries_left, all=card.rule.tries)

    def document(self, request: SignatureRequest) -> str:
        """The document's name."""
        return request.name or self("unnamed")

    def day(self, at: datetime) -> str:
        """A day in Japan."""
        return at.astimezone(JST).strftime(_DAYS[self.language])

    def items(self, holder: Holder) -> list[tuple[str, str]]:
        """Who holds the certificate: label and value, in order."""
        rows = [] if holder.attributes is None else self._four(holder.attributes)
        if not rows:
            rows = [(self("subject"), holder.subject)]
        rows.append((self("until"), self.day(holder.not_after)))
        # They come from a certificate, which anybody may have written.
        return [(label, visible(value)) for label, value in rows]

    def _four(self, attributes: CertifiedAttributes) -> list[tuple[str, str]]:
        born = attributes.date_of_birth
        text = attributes.date_of_birth_text
        return [
            (self("name"), attributes.name),
            (self("address"), attributes.address),
            (
                self("date_of_birth"),
                text if born is None else born.strftime(_DAYS[self.language]),
            ),
            (self("gender"), self(attributes.gender.value, table="genders")),
        ]


@cache
def words_in(language: str) -> Words:
    """The words of this language, `ja` or `en`."""
    text = resources.files(__package__).joinpath("words.toml").read_text("utf-8")
    return Words(language, tomllib.loads(text))
