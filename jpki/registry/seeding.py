"""Invented residents, to have somebody in a new register."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from importlib import resources

from jpki.model.calendar import day_in_japan
from jpki.model.codes import MunicipalityCode, ResidentCode
from jpki.model.residents import BasicInformation, Gender, Resident
from jpki.store.registry_store import RegistryStore

__all__ = ["seed", "seed_residents"]


def seed_residents(at: datetime) -> tuple[Resident, ...]:
    """The packaged residents, as they are on this day: one of them is a child."""
    file = resources.files("jpki.registry") / "data" / "residents.toml"
    content = tomllib.loads(file.read_text("utf-8"))
    return tuple(_resident(entry, at) for entry in content["resident"])


def _resident(entry: Mapping[str, object], at: datetime) -> Resident:
    born = entry["date_of_birth"]
    if isinstance(born, int):
        # A child has to be one whatever year the clock shows.
        born = date(day_in_japan(at).year - born, 1, 15)
    assert isinstance(born, date)
    return Resident(
        code=ResidentCode(str(entry["code"])),
        municipality=MunicipalityCode(str(entry["municipality"])),
        basic=BasicInformation(
            name=str(entry["name"]),
            address=str(entry["address"]),
            date_of_birth=born,
            gender=Gender(entry["gender"]),
        ),
        japanese=bool(entry.get("japanese", True)),
    )


def seed(store: RegistryStore, *, at: datetime) -> int:
    """Register the packaged residents if the register is empty; returns how many."""
    with store.write() as uow:
        if uow.residents.count():
            return 0
        residents = seed_residents(at)
        for resident in residents:
            uow.residents.add(resident)
        uow.commit()
    return len(residents)
