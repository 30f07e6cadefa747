"""Prefectures and municipalities, as registers, certificates and names need them."""

from __future__ import annotations

from dataclasses import dataclass

from jpki.model.codes import MunicipalityCode

__all__ = ["Municipality", "Prefecture"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Prefecture:
    """都道府県."""

    code: str
    """JIS X 0401, two digits."""
    name: str
    """In kanji, such as 東京都."""
    romaji: str
    """As names in certificates write it, such as `Tokyo-to`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Municipality:
    """市区町村: a city, special ward, ward of a designated city, town or village."""

    code: MunicipalityCode
    name: str
    """In kanji, without the prefecture."""
    romaji: str
    """As names in certificates write it, such as `Tsukuba-shi`."""
    prefecture: Prefecture
