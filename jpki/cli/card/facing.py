"""`jpki card face`: what is printed on the card, read from its chip."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final, TextIO

import click

from jpki.cards.face import Face, FaceSession
from jpki.cards.face_data import CardRecord
from jpki.cli.card.looking import write_file
from jpki.cli.card.options import as_json, card_option, pin_file, secret_of, word
from jpki.cli.card.which_pin import opened_face
from jpki.cli.language import language_of
from jpki.errors import CardError, WrongCard
from jpki.model.calendar import japanese_era, japanese_year

__all__ = ["face_command"]

_WIDTH: Final = 56
"""Columns inside the drawn card."""
_LABEL: Final = 11
_ERAS: Final = ("", "明治", "大正", "昭和", "平成", "令和")


@click.command("face")
@card_option
@click.option(
    "--image",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Save the photo to this file (JPEG 2000 on real cards).",
)
@pin_file
@as_json
def face_command(
    card: str | None, image: Path | None, pin_file: TextIO | None, as_json: bool
) -> None:
    """Read name, address, birth, gender, 個人番号 and photo from the card.

    What is typed says what is opened: the PIN of four digits, which three wrong ones
    block, opens all; 個人番号 (照合番号A) all but name and address; 照合番号B (birth
    YYMMDD, the year of the card's end, security code) all but 個人番号.
    """
    with opened_face(card) as session:
        face = session.read(secret_of(pin_file, None, word("opener")))
        record = _card(session)
        title, kind = session.card_type.title, session.card_type.id
    if image is not None:
        if not face.record.photo:
            raise CardError("there is no photo on this card")
        write_file(image, face.record.photo)
    if as_json:
        document = _document(kind, face, record, image)
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return
    for line in _drawn(title, face, record):
        click.echo(line)


def _card(session: FaceSession) -> CardRecord | None:
    try:
        return session.card()
    except WrongCard:
        return None


def _document(
    kind: str, face: Face, record: CardRecord | None, image: Path | None
) -> dict[str, object]:
    basic, printed = face.basic, face.record
    return {
        "type": kind,
        "name": None if basic is None else basic.name,
        "address": None if basic is None else basic.address,
        "date_of_birth": printed.birth.isoformat(),
        "gender": printed.gender.name.lower(),
        "my_number": face.my_number,
        "expires": printed.expires.isoformat(),
        "card": None
        if record is None
        else {
            "number": record.number,
            "municipality": record.municipality,
            "expires": record.expires.isoformat(),
        },
        "photo_octets": len(printed.photo),
        "image": None if image is None else str(image),
    }


def _drawn(title: str, face: Face, record: CardRecord | None) -> Iterator[str]:
    printed = face.record
    number = face.my_number
    rows = [
        ("name", None if face.basic is None else face.basic.name),
        ("address", None if face.basic is None else face.basic.address),
        ("birth", _day(printed.birth, japanese=True)),
        ("gender", word(f"gender-{printed.gender.value}")),
        ("until", _day(printed.expires, japanese=False)),
        ("my-number", number and f"{number[:4]} {number[4:8]} {number[8:]}"),
    ]
    yield "╭" + "─" * (_WIDTH + 2) + "╮"
    yield _row(title)
    yield _row("")
    for key, value in rows:
        if value is None:
            continue
        label = word(key)
        parts = _wrapped(value, _WIDTH - _LABEL - 2)
        for part in parts:
            yield _row(_padded(label, _LABEL) + "  " + part)
            label = ""
    yield "╰" + "─" * (_WIDTH + 2) + "╯"
    if record is not None:
        yield f"  {word('card-number')} {record.number}  {record.municipality}"
    octets = len(printed.photo)
    yield "  " + (word("photo", octets=octets) if octets else word("no-photo"))


def _row(text: str) -> str:
    return f"│ {_padded(text, _WIDTH)} │"


def _padded(text: str, columns: int) -> str:
    return text + " " * (columns - _columns(text))


def _columns(text: str) -> int:
    return sum(1 + (unicodedata.east_asian_width(one) in "WF") for one in text)


def _wrapped(text: str, columns: int) -> list[str]:
    lines = [""]
    for one in text:
        # What a card holds is not to steer a terminal.
        shown = (
            one if one.isprintable() or one == "\u3000" else "\N{REPLACEMENT CHARACTER}"
        )
        if _columns(lines[-1] + shown) > columns:
            lines.append("")
        lines[-1] += shown
    return lines


def _day(day: date, *, japanese: bool) -> str:
    if language_of() != "ja":
        return day.isoformat()
    era = japanese_era(day) if japanese else 0
    year = japanese_year(day) if era else day.year
    written = "元" if era and year == 1 else str(year)
    return f"{_ERAS[era]}{written}年{day.month}月{day.day}日"
