"""The card's other applications as data: their files, and which PIN opens which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from jpki.cards.rules import (
    FileId,
    PINRule,
    Values,
    file_id,
    read_pin_rule,
    table_of,
)
from jpki.errors import ProfileError, WrongCard

__all__ = ["ApplicationType", "FileRule", "read_applications"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FileRule:
    """One elementary file that is read."""

    file: FileId
    opened_by: tuple[str, ...]
    """PINs of which any one opens it; none: it is free."""
    size: int
    """What is not written is FF up to here; 0: the file ends with its content."""
    record: bool
    """READ RECORD gives it, as record 1; otherwise READ BINARY does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ApplicationType:
    """One application beside the JPKI application."""

    id: str
    title: str
    application: bytes
    """AID."""
    pins: Mapping[str, PINRule]
    files: Mapping[str, FileRule]
    change_key: bool
    """PINs are changed by CHANGE KEY of JICSAP (80 32), not by 00 24."""
    sexes: Mapping[str, str]
    """What a gender of JIS X 0303 is written as here."""
    source: str
    unconfirmed: tuple[str, ...]

    def pin(self, name: str) -> PINRule:
        """The PIN of this name.

        Raises:
            WrongCard: the application has none.
        """
        try:
            return self.pins[name]
        except KeyError:
            raise WrongCard(f"{self.title} has no PIN {name}") from None

    def file(self, name: str) -> FileRule:
        """The file of this name.

        Raises:
            WrongCard: the application has none.
        """
        try:
            return self.files[name]
        except KeyError:
            raise WrongCard(f"{self.title} has no file {name}") from None


_APPLICATION: Final = {
    "title": str,
    "application": str,
    "source": str,
    "unconfirmed": list,
}
_APPLICATION_OPTIONAL: Final = {
    "pins": dict,
    "files": dict,
    "change_key": bool,
    "sexes": dict,
}
_FILE: Final = {"file": str, "opened_by": list}
_FILE_OPTIONAL: Final = {"size": int, "record": bool}


def read_applications(file: str, values: Values) -> Mapping[str, ApplicationType]:
    """Every application in this table, by its name.

    Raises:
        ProfileError, ValueError: a key is unknown, missing or without sense.
    """
    found = {name: _application(file, name, table) for name, table in values.items()}
    names = [one.application for one in found.values()]
    if len(set(names)) < len(names):
        raise ProfileError(file, "applications", "two have the same identifier")
    return MappingProxyType(found)


def _application(file: str, name: str, values: Values) -> ApplicationType:
    where = f"applications.{name}."
    if type(values) is not dict:
        raise ProfileError(file, where[:-1], "not a table")
    table = table_of(file, values, where, _APPLICATION, _APPLICATION_OPTIONAL)
    pins = {
        key: read_pin_rule(file, value, f"{where}pins.{key}.")
        for key, value in table.get("pins", {}).items()
    }
    files = {
        key: _file(file, value, f"{where}files.{key}.", pins)
        for key, value in table.get("files", {}).items()
    }
    taken = [pin.file for pin in pins.values()]
    taken += [rule.file for rule in files.values()]
    if len(set(taken)) < len(taken):
        raise ProfileError(file, where[:-1], "two files have the same identifier")
    return ApplicationType(
        id=name,
        title=table["title"],
        application=bytes.fromhex(table["application"]),
        pins=MappingProxyType(pins),
        files=MappingProxyType(files),
        change_key=table.get("change_key", False),
        sexes=MappingProxyType(table.get("sexes", {})),
        source=table["source"],
        unconfirmed=tuple(table["unconfirmed"]),
    )


_CONTENTS: Final = frozenset({"my-number", "attributes", "age", "face", "card"})
"""What files can hold (`jpki.cards.face_data`)."""


def _file(
    file: str, values: Values, where: str, pins: Mapping[str, PINRule]
) -> FileRule:
    table = table_of(file, values, where, _FILE, _FILE_OPTIONAL)
    if where.split(".")[-2] not in _CONTENTS:
        raise ProfileError(file, where[:-1], f"none of {', '.join(sorted(_CONTENTS))}")
    for name in table["opened_by"]:
        if name not in pins:
            raise ProfileError(file, f"{where}opened_by", f"{name!r} is no PIN here")
    return FileRule(
        file=file_id(table["file"]),
        opened_by=tuple(table["opened_by"]),
        size=table.get("size", 0),
        record=table.get("record", False),
    )
