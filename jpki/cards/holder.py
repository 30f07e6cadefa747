"""Whose card it is: what the issuer puts on it before anybody holds it (券面事項).

The face of a card stands in several of its applications, and numbers that are printed
on it (照合番号) open them. Which of them a card has is data of its type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Final

from jpki.cards.application_types import ApplicationType
from jpki.cards.card_types import CardType
from jpki.cards.face_data import (
    CardRecord,
    FaceRecord,
    age_file,
    attributes_file,
    card_record,
    face_file,
    my_number_file,
)
from jpki.cards.state import StoredApplication, StoredPIN
from jpki.data.tables import load_table
from jpki.errors import CardError
from jpki.model.calendar import japanese_year
from jpki.model.codes import MunicipalityCode
from jpki.model.ports import Random
from jpki.model.residents import BasicInformation, Gender

__all__ = ["Holder", "load_holder", "number_b", "personalised"]

_SALT_OCTETS: Final = 16
_LONGEST_FILE: Final = 0x7FFF
"""Offsets of READ BINARY have 15 bits."""
_GENDERS: Final = {
    "male": Gender.MALE,
    "female": Gender.FEMALE,
    "unknown": Gender.UNKNOWN,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """What is printed on a card, and its pictures."""

    basic: BasicInformation
    municipality: MunicipalityCode
    my_number: str = field(repr=False)
    """個人番号, 12 digits: 照合番号A."""
    expires: date
    """The card's last day."""
    security_code: str = field(repr=False)
    """Four digits."""
    japanese: bool = True
    """Whether the birth is printed by 和暦."""
    pin: str | None = field(default=None, repr=False)
    """Of 券面事項入力補助AP, four digits; None: the counter lets the holder choose."""
    name_image: bytes = field(default=b"", repr=False)
    address_image: bytes = field(default=b"", repr=False)
    photo: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        _digits(self.my_number, 12, "my_number")
        _digits(self.security_code, 4, "security_code")
        if self.pin is not None:
            _digits(self.pin, 4, "pin")


def number_b(holder: Holder) -> str:
    """照合番号B: birth YYMMDD, the year of the card's end, the security code."""
    return f"{_short_birth(holder)}{holder.expires.year}{holder.security_code}"


def _short_birth(holder: Holder) -> str:
    birth = holder.basic.date_of_birth
    year = japanese_year(birth) if holder.japanese else birth.year
    return f"{year % 100:02d}{birth:%m%d}"


def personalised(
    kind: CardType, holder: Holder, serial: str, random: Random
) -> Mapping[str, StoredApplication]:
    """What the applications of such a card hold for this person.

    Raises:
        CardError: pictures are too large, or this generation has no such applications.
    """
    if not kind.applications:
        raise CardError(f"no application of a {kind.id} card for its face is public")
    typed = {
        "pin": holder.pin,
        "number-a": holder.my_number,
        "number-b": number_b(holder),
        "birth": _short_birth(holder),
    }
    return {
        name: StoredApplication(
            pins={
                key: StoredPIN.of(secret.encode(), random(_SALT_OCTETS), rule.tries)
                for key, rule in application.pins.items()
                if (secret := typed.get(key)) is not None
                and (rule.printed or name == "input-support")
            },
            files=_files(application, holder, serial),
        )
        for name, application in kind.applications.items()
    }


def _files(
    application: ApplicationType, holder: Holder, serial: str
) -> dict[int, bytes]:
    made: dict[int, bytes] = {}
    for name, rule in application.files.items():
        content = _CONTENTS[name](application, holder, serial)
        if len(content) > _LONGEST_FILE:
            raise CardError(
                f"{len(content)} octets do not fit a file of the card",
                hint="use a smaller photo",
            )
        made[rule.file] = content
    return made


def _face(application: ApplicationType, holder: Holder, serial: str) -> bytes:
    face = FaceRecord(
        birth=holder.basic.date_of_birth,
        gender=holder.basic.gender,
        expires=holder.expires,
        name_image=holder.name_image,
        address_image=holder.address_image,
        photo=holder.photo,
    )
    return face_file(face, application.sexes)


def _card(application: ApplicationType, holder: Holder, serial: str) -> bytes:
    digits = "".join(letter for letter in serial if letter.isdigit())
    record = CardRecord(
        number=digits[-15:].zfill(15),
        municipality=holder.municipality.five,
        expires=holder.expires,
    )
    return card_record(record)


_CONTENTS: Final[Mapping[str, Callable[[ApplicationType, Holder, str], bytes]]] = {
    "my-number": lambda _, holder, __: my_number_file(holder.my_number),
    "attributes": lambda kind, holder, _: attributes_file(holder.basic, kind.sexes),
    "age": lambda _, holder, __: age_file(holder.basic.date_of_birth),
    "face": _face,
    "card": _card,
}


def load_holder(path: Path) -> Holder:
    """Read a holder's file (TOML); pictures are files beside it.

    Raises:
        CardError, ProfileError: it cannot be read, or a key is missing, unknown or of
            no use.
    """
    table = load_table(path)
    holder = Holder(
        basic=BasicInformation(
            name=table.string("name"),
            address=table.string("address"),
            date_of_birth=table.day("date_of_birth"),
            gender=table.choice("gender", _GENDERS),
        ),
        municipality=MunicipalityCode(table.string("municipality")),
        my_number=table.string("my_number"),
        expires=table.day("expires"),
        security_code=table.string("security_code"),
        japanese=table.boolean("japanese", True),
        pin=table.optional_string("pin"),
    )
    photo, name, address = (
        _picture(path.parent, table.optional_string(key))
        for key in ("photo", "name_image", "address_image")
    )
    table.finish()
    return replace(holder, photo=photo, name_image=name, address_image=address)


def _picture(folder: Path, name: str | None) -> bytes:
    if name is None:
        return b""
    path = folder / name
    try:
        return path.read_bytes()
    except OSError as error:
        raise CardError(f"{path}: {error.strerror}") from None


def _digits(text: str, count: int, what: str) -> None:
    if len(text) != count or not text.isascii() or not text.isdigit():
        raise CardError(f"{what} has {count} digits")
