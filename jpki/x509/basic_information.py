"""The four items in the signature certificate, as six otherNames.

Name, gender, date of birth and address, and for name and address a string of digits
that flags each character that stands for one the certificate cannot hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from jpki.der import oids
from jpki.der.reader import read_one
from jpki.der.writer import utf8_string
from jpki.errors import EncodingError, RuleViolation
from jpki.model.characters import Substitution
from jpki.model.residents import BasicInformation, Gender
from jpki.x509.general_names import GeneralName, OtherName

__all__ = [
    "MAX_ADDRESS",
    "CertifiedAttributes",
    "basic_information_names",
    "date_of_birth_text",
    "read_certified_attributes",
]

MAX_ADDRESS: Final = 200
"""Characters of an address (certificate profile of the service)."""

_CALENDAR: Final = (
    (date(2019, 5, 1), "5"),
    (date(1989, 1, 8), "4"),
    (date(1926, 12, 25), "3"),
    (date(1912, 7, 30), "2"),
    (date(1868, 10, 23), "1"),
)
"""First days of 令和, 平成, 昭和, 大正, 明治 and their digits; anything else is 0."""

_ITEMS: Final = {f"{oids.JPKI}.5.{arc}": arc for arc in range(1, 7)}


@dataclass(frozen=True, kw_only=True, slots=True)
class CertifiedAttributes:
    """基本4情報 as the certificate states them."""

    name: str
    name_substitutions: str
    """One digit a character of `name`: 1 where it is a substitute (代替文字)."""
    gender: Gender
    date_of_birth_text: str
    """`EYYYYMMDD`: a digit for the Japanese calendar era, then the Gregorian date."""
    date_of_birth: date | None
    """None where month or day is not known to the register (written 00)."""
    address: str
    address_substitutions: str


def date_of_birth_text(day: date, *, japanese: bool) -> str:
    """`EYYYYMMDD`; foreign nationals' births have no Japanese era (digit 0)."""
    digit = "0"
    if japanese:
        digit = next((digit for first, digit in _CALENDAR if day >= first), "0")
    return f"{digit}{day.year:04}{day:%m%d}"


def basic_information_names(
    basic: BasicInformation,
    *,
    japanese: bool,
    order: Sequence[int],
    substitution: Substitution,
) -> tuple[OtherName, ...]:
    """The otherNames of these items, in `order` of their last arcs.

    Raises:
        RuleViolation: an item cannot stand in a certificate.
    """
    if not basic.name.strip() or not basic.address.strip():
        raise RuleViolation("basic.empty", "公的個人認証法 art. 7", "an item is empty")
    name = substitution.apply(basic.name)
    address = substitution.apply(basic.address)
    if len(address.text) > MAX_ADDRESS:
        raise RuleViolation(
            "basic.address-length",
            "certificate profile, address",
            f"the address has {len(address.text)} characters, at most {MAX_ADDRESS}",
        )
    values = {
        1: name.text,
        2: name.flags,
        3: basic.gender.value,
        4: date_of_birth_text(basic.date_of_birth, japanese=japanese),
        5: address.text,
        6: address.flags,
    }
    return tuple(
        OtherName(f"{oids.JPKI}.5.{arc}", utf8_string(values[arc])) for arc in order
    )


def read_certified_attributes(
    names: Sequence[GeneralName],
) -> CertifiedAttributes | None:
    """The six items among these names, or None if there is none of them.

    Raises:
        EncodingError: some are missing, twice there, or not of their form.
    """
    values: dict[int, str] = {}
    for name in names:
        if not isinstance(name, OtherName) or name.oid not in _ITEMS:
            continue
        arc = _ITEMS[name.oid]
        if arc in values:
            raise EncodingError(f"item {arc} of the basic information appears twice")
        try:
            values[arc] = read_one(name.value, 0x0C).content.decode()
        except UnicodeDecodeError:
            raise EncodingError(f"item {arc} is not UTF-8") from None
    if not values:
        return None
    if len(values) < len(_ITEMS):
        raise EncodingError("the basic information is not complete")
    for text, flags in ((1, 2), (5, 6)):
        if len(values[flags]) != len(values[text]) or not set(values[flags]) <= {
            "0",
            "1",
        }:
            raise EncodingError(f"item {flags} does not flag the characters of {text}")
    try:
        gender = Gender(values[3])
    except ValueError:
        raise EncodingError("gender is not of JIS X 0303") from None
    return CertifiedAttributes(
        name=values[1],
        name_substitutions=values[2],
        gender=gender,
        date_of_birth_text=values[4],
        date_of_birth=_read_date(values[4]),
        address=values[5],
        address_substitutions=values[6],
    )


def _read_date(text: str) -> date | None:
    if len(text) != 9 or not (text.isascii() and text.isdigit()) or text[0] > "5":
        raise EncodingError("date of birth is not EYYYYMMDD")
    if text[5:7] == "00" or text[7:] == "00" or text[1:5] == "0000":
        return None
    try:
        return date(int(text[1:5]), int(text[5:7]), int(text[7:]))
    except ValueError:
        raise EncodingError("date of birth is no calendar day") from None
