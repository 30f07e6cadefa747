"""What an application says of its applicant, as people write it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from jpki.errors import RequestError
from jpki.model.residents import Gender

__all__ = ["Claim", "read_claim"]

MAX_CLAIM: Final = 1000
"""Characters of one item; an address in a certificate has at most 200."""

_KEYS: Final = frozenset({"name", "address", "date_of_birth", "gender"})
_ERAS: Final = {
    "明治": 1867, "大正": 1911, "昭和": 1925, "平成": 1988, "令和": 2018,
    "M": 1867, "T": 1911, "S": 1925, "H": 1988, "R": 2018,
}  # fmt: skip
"""The Gregorian year before each era's first."""
_WESTERN: Final = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?|(\d{4})(\d\d)(\d\d)"
)
_JAPANESE: Final = re.compile(
    r"(明治|大正|昭和|平成|令和|[MTSHR])(\d{1,2}|元)[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
)
_GENDERS: Final = {
    "1": Gender.MALE, "男": Gender.MALE, "男性": Gender.MALE, "MALE": Gender.MALE,
    "M": Gender.MALE, "2": Gender.FEMALE, "女": Gender.FEMALE, "女性": Gender.FEMALE,
    "FEMALE": Gender.FEMALE, "F": Gender.FEMALE, "9": Gender.UNKNOWN,
    "不明": Gender.UNKNOWN, "UNKNOWN": Gender.UNKNOWN,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """The items that an application states; None for one that it does not ask for."""

    name: str | None = None
    address: str | None = None
    date_of_birth: date | None = None
    gender: Gender | None = None


def read_claim(items: Mapping[str, object]) -> Claim:
    """The items from text, such as the fields of a form.

    Dates are ISO 8601 or Japanese (1980-01-02, 昭和55年1月2日, S55.1.2, 19800102).

    Raises:
        RequestError: an unknown item, no text, too long, or no date or gender.
    """
    unknown = sorted(items.keys() - _KEYS)
    if unknown:
        raise RequestError(f"unknown item: {unknown[0][:40]}")
    texts = {key: _text(key, value) for key, value in items.items()}
    born, gender = texts.get("date_of_birth"), texts.get("gender")
    return Claim(
        name=texts.get("name"),
        address=texts.get("address"),
        date_of_birth=None if born is None else _day(born),
        gender=None if gender is None else _gender(gender),
    )


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise RequestError(f"{key} is no text, or empty")
    if len(value) > MAX_CLAIM:
        raise RequestError(f"{key} has more than {MAX_CLAIM} characters")
    return value


def _day(text: str) -> date:
    plain = "".join(unicodedata.normalize("NFKC", text).split()).upper()
    western, japanese = _WESTERN.fullmatch(plain), _JAPANESE.fullmatch(plain)
    try:
        if western is not None:
            year, month, day = (int(part) for part in western.groups() if part)
            return date(year, month, day)
        if japanese is not None:
            era, year_text, month_text, day_text = japanese.groups()
            count = 1 if year_text == "元" else int(year_text)
            return date(_ERAS[era] + count, int(month_text), int(day_text))
    except ValueError:
        pass
    raise RequestError(
        f"date_of_birth is no date: {text[:40]}",
        hint="write 1980-01-02 or 昭和55年1月2日",
    )


def _gender(text: str) -> Gender:
    plain = unicodedata.normalize("NFKC", text).strip().upper()
    try:
        return _GENDERS[plain]
    except KeyError:
        raise RequestError(
            f"gender is unknown: {text[:40]}", hint="1, 2 or 9 as in JIS X 0303"
        ) from None
