"""Prefectures and municipalities, from CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from jpki.errors import EncodingError, ProfileError
from jpki.model.codes import MunicipalityCode
from jpki.model.places import Municipality, Prefecture

__all__ = ["read_municipalities", "read_prefectures"]


def _rows(path: Path) -> Iterator[tuple[str, str, str]]:
    """Rows of `code,name,romaji`; lines that begin with # are remarks."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(str(path), "(file)", f"cannot be read: {error}") from None
    reader = csv.reader(line for line in lines if not line.startswith("#"))
    if next(reader, None) != ["code", "name", "romaji"]:
        raise ProfileError(str(path), "(file)", "the header is not code,name,romaji")
    for row in reader:
        if len(row) != 3 or not all(cell.strip() for cell in row):
            raise ProfileError(str(path), ",".join(row), "not code, name and romaji")
        if not row[2].isascii():
            raise ProfileError(str(path), row[0], "romaji is not ASCII")
        yield row[0], row[1], row[2]


def read_prefectures(path: Path) -> Mapping[str, Prefecture]:
    """Prefectures by their two digits.

    Raises:
        ProfileError: a row is malformed, or a code stands twice.
    """
    found: dict[str, Prefecture] = {}
    for code, name, romaji in _rows(path):
        if len(code) != 2 or not code.isdigit() or code in found:
            raise ProfileError(str(path), code, "not two digits, or there twice")
        found[code] = Prefecture(code=code, name=name, romaji=romaji)
    return MappingProxyType(found)


def read_municipalities(
    path: Path, prefectures: Mapping[str, Prefecture]
) -> Mapping[MunicipalityCode, Municipality]:
    """Municipalities by their codes.

    Raises:
        ProfileError: a row is malformed, its check digit is wrong, its prefecture is
            unknown, or a code stands twice.
    """
    found: dict[MunicipalityCode, Municipality] = {}
    for digits, name, romaji in _rows(path):
        try:
            code = MunicipalityCode(digits)
        except EncodingError as error:
            raise ProfileError(str(path), digits, error.reason) from None
        if code in found or code.prefecture not in prefectures:
            raise ProfileError(
                str(path), digits, "there twice, or of no known prefecture"
            )
        found[code] = Municipality(
            code=code,
            name=name,
            romaji=romaji,
            prefecture=prefectures[code.prefecture],
        )
    return MappingProxyType(found)
