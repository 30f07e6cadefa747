"""Where a card is, as a URI says it: in a file, or in a reader.

    card:file=/home/hanako/card.json
    card:reader=Virtual%20PCD%2000%2000;purpose=authentication
    card:

Attributes stand as in RFC 7512, percent-encoded. The last form is the one card that
is in any reader. A URI never holds a PIN.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from jpki.cards.applet import VirtualCard
from jpki.cards.pcsc import PCSCTransport, readers
from jpki.cards.transport import CardTransport, InProcessTransport
from jpki.errors import CardError, CardGone
from jpki.model.purposes import Purpose

__all__ = ["SCHEME", "CardPlace", "card_place", "open_place", "parse_card_uri"]

SCHEME: Final = "card:"

_EXAMPLE: Final = "card:file=/path/card.json;purpose=signature"
_PURPOSES: Final = {purpose.value: purpose for purpose in Purpose}
_MAX_URI: Final = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class CardPlace:
    """A card, and which of its keys is meant."""

    file: Path | None = None
    """The memory of a virtual card."""
    reader: str | None = None
    """With neither, whichever reader has a card."""
    purpose: Purpose = Purpose.SIGNATURE

    def __str__(self) -> str:
        parts = []
        if self.file is not None:
            parts.append(f"file={quote(str(self.file))}")
        if self.reader is not None:
            parts.append(f"reader={quote(self.reader)}")
        if self.purpose is not Purpose.SIGNATURE:
            parts.append(f"purpose={self.purpose.value}")
        return SCHEME + ";".join(parts)


def parse_card_uri(text: str) -> CardPlace:
    """Read a `card:` URI.

    Raises:
        CardError: it is none.
    """
    if not text.startswith(SCHEME) or len(text) > _MAX_URI:
        raise _not_one(text)
    found: dict[str, str] = {}
    for part in filter(None, text.removeprefix(SCHEME).split(";")):
        name, equals, value = part.partition("=")
        if not equals or not value or name in found or "\0" in unquote(value):
            raise _not_one(text)
        found[name] = unquote(value)
    purpose = found.pop("purpose", Purpose.SIGNATURE.value)
    file, reader = found.pop("file", None), found.pop("reader", None)
    if found or purpose not in _PURPOSES or (file and reader):
        raise _not_one(text)
    return CardPlace(
        file=None if file is None else Path(file),
        reader=reader,
        purpose=_PURPOSES[purpose],
    )


def card_place(text: str | None, *, base: Path | None = None) -> CardPlace:
    """The place that people name: a file, a `card:` URI, or nothing for any reader.

    Args:
        text: what they write.
        base: where relative paths of files start; here, by default.

    Raises:
        CardError: the URI is none.
    """
    if text is None:
        return CardPlace()
    if text.startswith(SCHEME):
        place = parse_card_uri(text)
    else:
        place = CardPlace(file=Path(text))
    if base is None or place.file is None:
        return place
    return replace(place, file=base / place.file)


def open_place(place: CardPlace) -> CardTransport:
    """A connection to the card; closing it takes a virtual card's file out.

    Raises:
        CardGone: there is no card.
        CardError: several readers have one, the file is in use or damaged, or there is
            no PC/SC service.
    """
    if place.file is not None:
        return _FileTransport(VirtualCard.open(place.file))
    return PCSCTransport(place.reader or _only_reader())


class _FileTransport(InProcessTransport):
    """A virtual card that nobody else holds."""

    def __init__(self, card: VirtualCard) -> None:
        super().__init__(card)
        self._inserted = card

    def close(self) -> None:
        """Power down, and let the file go."""
        super().close()
        self._inserted.close()


def _only_reader() -> str:
    known = readers()
    ready = [reader.name for reader in known if reader.atr is not None]
    if len(ready) == 1:
        return ready[0]
    if ready:
        raise CardError(
            f"there are cards in {len(ready)} readers: {', '.join(ready)}",
            hint="name one, such as card:reader=" + quote(ready[0]),
        )
    where = ", ".join(reader.name for reader in known) or "no reader"
    raise CardGone(f"there is no card ({where})", hint="insert the card")


def _not_one(text: str) -> CardError:
    return CardError(f"{text[:100]!r} names no card", hint=f"such as {_EXAMPLE}")
