"""What a clerk reports: one change of one record, complete for its kind."""

from __future__ import annotations

import unicodedata
import uuid
from dataclasses import dataclass
from datetime import date
from typing import Final

from jpki.errors import RequestError
from jpki.model.codes import ResidentCode
from jpki.model.events import EventKind
from jpki.model.residents import BasicInformation, Gender

__all__ = ["MAX_ADDRESS", "MAX_NAME", "Change", "event_identifier"]

MAX_NAME: Final = 100
MAX_ADDRESS: Final = 200

_REFUSED_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Controls, invisible formatting (text direction, zero width), surrogates, breaks."""
_ITEMS: Final = frozenset({"name", "address", "date_of_birth", "gender"})
_NEEDED: Final[dict[EventKind, frozenset[str]]] = {
    EventKind.BIRTH: _ITEMS,
    EventKind.MOVE_IN: frozenset({"address"}),
    EventKind.MOVE_WITHIN: frozenset({"address"}),
    EventKind.NAME_CHANGE: frozenset({"name"}),
    EventKind.CODE_CHANGE: frozenset({"new_code"}),
}
_ADMITTED: Final[dict[EventKind, frozenset[str]]] = {
    EventKind.BIRTH: frozenset({"japanese"}),
    EventKind.MOVE_IN: _ITEMS | {"japanese"},
    EventKind.CORRECTION: _ITEMS,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A change as it is reported; making one checks its shape, not the record."""

    event_id: str
    """UUID that the reporter chose; reporting it again changes nothing."""
    kind: EventKind
    effective_on: date
    """異動日, a calendar day in Japan."""
    name: str | None = None
    address: str | None = None
    date_of_birth: date | None = None
    gender: Gender | None = None
    japanese: bool | None = None
    new_code: ResidentCode | None = None

    def __post_init__(self) -> None:
        event_identifier(self.event_id)
        needed = _NEEDED.get(self.kind, frozenset())
        admitted = needed | _ADMITTED.get(self.kind, frozenset())
        fields = (*_ITEMS, "japanese", "new_code")
        given = {field for field in fields if getattr(self, field) is not None}
        if needed - given:
            missing = min(needed - given)
            raise RequestError(f"{self.kind.value} needs the field {missing}")
        if given - admitted:
            extra = min(given - admitted)
            raise RequestError(f"{self.kind.value} has no field {extra}")
        if self.kind is EventKind.CORRECTION and not given:
            raise RequestError("a correction needs at least one of the four items")
        if self.name is not None:
            _check_text("name", self.name, MAX_NAME)
        if self.address is not None:
            _check_text("address", self.address, MAX_ADDRESS)

    @property
    def items(self) -> BasicInformation | None:
        """The four items, where all of them are given."""
        if (
            self.name is None
            or self.address is None
            or self.date_of_birth is None
            or self.gender is None
        ):
            return None
        return BasicInformation(
            name=self.name,
            address=self.address,
            date_of_birth=self.date_of_birth,
            gender=self.gender,
        )


def event_identifier(text: str) -> str:
    """The text itself, if it is a UUID as RFC 9562 writes them.

    Raises:
        RequestError: it is not.
    """
    try:
        canonical = str(uuid.UUID(text))
    except ValueError:
        canonical = None
    if text != canonical:
        raise RequestError("event_id is a UUID in lower case with hyphens (RFC 9562)")
    return text


def _check_text(field: str, text: str, longest: int) -> None:
    """Refuse what no register holds; leave the characters themselves alone.

    Nothing is normalised: NFC would turn compatibility ideographs into others, and
    to the register they are different characters.
    """
    if not 0 < len(text) <= longest:
        raise RequestError(f"{field} has 1 to {longest} characters")
    if text != text.strip():
        raise RequestError(f"{field} begins or ends with a space")
    for character in text:
        noncharacter = ord(character) & 0xFFFE == 0xFFFE
        if noncharacter or unicodedata.category(character) in _REFUSED_CATEGORIES:
            raise RequestError(f"{field} holds U+{ord(character):04X}")
