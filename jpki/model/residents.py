"""The person as the resident register and the signature certificate see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum

from jpki.model.codes import MunicipalityCode, ResidentCode

__all__ = ["BasicInformation", "Gender", "Provided", "Resident", "age_on"]


class Gender(Enum):
    """JIS X 0303 as it stands in the signature certificate."""

    MALE = "1"
    FEMALE = "2"
    UNKNOWN = "9"


@dataclass(frozen=True, kw_only=True, slots=True)
class BasicInformation:
    """基本4情報: the four items, as the register writes them.

    Characters that a certificate cannot hold are still the original ones here;
    substitution happens when a certificate is made.
    """

    name: str
    """氏, U+3000, 名."""
    address: str
    """Full-width text without postal code, at most 200 characters."""
    date_of_birth: date
    gender: Gender


@dataclass(frozen=True, kw_only=True, slots=True)
class Resident:
    """One record of the register (住民票) with what provision to the CA needs."""

    code: ResidentCode
    municipality: MunicipalityCode
    basic: BasicInformation
    japanese: bool = True
    """Japanese nationals' births are written by 和暦, others' by the Gregorian year."""
    registered: bool = True
    """False once the record is erased (消除): death, moving out, abroad."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Provided:
    """本人確認情報の提供: what the register said, and how current it was."""

    resident: Resident
    as_of: int
    """Position of the newest event of the feed that this answer includes."""


def age_on(day: date, date_of_birth: date) -> int:
    """Completed years on `day` (a calendar day in Japan).

    年齢計算ニ関スル法律: a year of age is completed at the end of the day before the
    birthday. This counts from the birthday itself, as administrative practice for
    eligibility by day does.
    """
    before_birthday = (day.month, day.day) < (date_of_birth.month, date_of_birth.day)
    return day.year - date_of_birth.year - before_birthday
