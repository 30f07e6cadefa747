"""Test persons: one in each prefecture, whose every item says that it is a test."""

from __future__ import annotations

from datetime import date

from jpki import data
from jpki.model.codes import ResidentCode
from jpki.model.places import Municipality, Prefecture
from jpki.model.residents import BasicInformation, Gender, Resident

__all__ = ["municipality_of", "person_of"]


def municipality_of(prefecture: Prefecture) -> Municipality:
    """Where the prefecture's test person lives: the first place the data names."""
    return next(
        place
        for place in data.municipalities().values()
        if place.prefecture == prefecture
    )


def person_of(prefecture: Prefecture, number: int = 0) -> Resident:
    """A test person of the prefecture: 試験 is no family name."""
    place = municipality_of(prefecture)
    return Resident(
        code=ResidentCode.from_ten(f"{number:08}{prefecture.code}"),
        municipality=place.code,
        basic=BasicInformation(
            name=f"試験　{prefecture.name}",
            address=f"{prefecture.name}{place.name}試験町一丁目１番地",
            date_of_birth=date(1980, 2, 17),
            gender=Gender.UNKNOWN,
        ),
    )
