"""The four items in the signature certificate, as six otherNames.

Name, gender, date of birth and address, and for name and address a string of digits
that flags each character that stands for one the certificate cannot hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from jpki.der import oids
from jpki.der.frames import Frame
from jpki.der.reader import read_one
from jpki.der.writer import object_identifier
from jpki.errors import EncodingError, RuleViolation
from jpki.model.calendar import japanese_era
from jpki.model.residents import BasicInformation, Gender
from jpki.x509.extension_values import read_general_names_value
from jpki.x509.general_names import GeneralName, OtherName
from jpki.x509.quick_reading import quick_items

if TYPE_CHECKING:
    from jpki.model.profiles import BasicInformationNamesRule

__all__ = [
    "MAX_ADDRESS",
    "CertifiedAttributes",
    "date_of_birth_text",
    "encode_basic_information",
    "read_certified_attributes",
    "read_certified_items",
    "read_date_of_birth",
]

MAX_ADDRESS: Final = 200
"""Characters of an address (certificate profile of the service)."""

_GENDERS: Final = {gender.value: gender for gender in Gender}
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


_ITEM_FRAMES: Final = {
    arc: Frame((0xA0, object_identifier(oid)), (0xA0, b""), (0x0C, b""))
    for oid, arc in _ITEMS.items()
}
"""The otherName of each item around its text, by the last arc."""


@lru_cache(maxsize=1 << 15)
def date_of_birth_text(day: date, japanese: bool = True) -> str:
    """`EYYYYMMDD`; foreign nationals' births have no Japanese era (digit 0)."""
    era = japanese_era(day) if japanese else 0
    return f"{era}{day.isoformat()}".replace("-", "")


def encode_basic_information(
    basic: BasicInformation, rule: BasicInformationNamesRule, *, japanese: bool
) -> bytes:
    """The otherNames of these items, in the rule's order, one after the other.

    Raises:
        RuleViolation: an item cannot stand in a certificate.
    """
    if not basic.name.strip() or not basic.address.strip():
        raise RuleViolation("basic.empty", "公的個人認証法 art. 7", "an item is empty")
    name, name_flags = rule.substitution.apply(basic.name)
    address, address_flags = rule.substitution.apply(basic.address)
    if len(address) > MAX_ADDRESS:
        raise RuleViolation(
            "basic.address-length",
            "certificate profile, address",
            f"the address has {len(address)} characters, at most {MAX_ADDRESS}",
        )
    texts = (
        name.encode(),
        name_flags.encode(),
        basic.gender.value.encode(),
        date_of_birth_text(basic.date_of_birth, japanese).encode(),
        address.encode(),
        address_flags.encode(),
    )
    return b"".join(_arranged(rule.order)(_heads(*map(len, texts)) + texts))


@lru_cache(maxsize=8192)
def _heads(*sizes: int) -> tuple[bytes, ...]:
    """What stands before texts of these sizes; few names and addresses differ in it."""
    return tuple(_ITEM_FRAMES[arc].head(size) for arc, size in enumerate(sizes, 1))


@lru_cache(maxsize=64)
def _arranged(order: tuple[int, ...]) -> Callable[[tuple[bytes, ...]], Iterable[bytes]]:
    """Puts six heads and six texts in this order, each text after its head."""
    return itemgetter(*(place for arc in order for place in (arc - 1, arc + 5)))


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
    return _attributes(values) if values else None


def read_certified_items(value: bytes) -> CertifiedAttributes | None:
    """The same from GeneralNames, DER.

    Raises:
        EncodingError: no GeneralNames, or as `read_certified_attributes`.
    """
    items = quick_items(value)
    if items is not None:
        return _attributes(items)
    return read_certified_attributes(read_general_names_value(value))


def _attributes(values: Mapping[int, str]) -> CertifiedAttributes:
    if len(values) < len(_ITEMS):
        raise EncodingError("the basic information is not complete")
    for text, flags in ((1, 2), (5, 6)):
        if len(values[flags]) != len(values[text]) or values[flags].strip("01"):
            raise EncodingError(f"item {flags} does not flag the characters of {text}")
    gender = _GENDERS.get(values[3])
    if gender is None:
        raise EncodingError("gender is not of JIS X 0303")
    return CertifiedAttributes(
        name=values[1],
        name_substitutions=values[2],
        gender=gender,
        date_of_birth_text=values[4],
        date_of_birth=read_date_of_birth(values[4]),
        address=values[5],
        address_substitutions=values[6],
    )


def read_date_of_birth(text: str) -> date | None:
    """The day in `EYYYYMMDD`, or None where it is not fully known.

    Raises:
        EncodingError: not of this form, or no calendar day.
    """
    if len(text) != 9 or not (text.isascii() and text.isdigit()) or text[0] > "5":
        raise EncodingError("date of birth is not EYYYYMMDD")
    if text[5:7] == "00" or text[7:] == "00" or text[1:5] == "0000":
        return None
    try:
        return date.fromisoformat(text[1:])
    except ValueError:
        raise EncodingError("date of birth is no calendar day") from None
