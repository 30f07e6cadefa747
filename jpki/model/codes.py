"""Numbers that carry a check digit: municipality codes and resident record codes."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import mul
from typing import Final

from jpki.errors import EncodingError

__all__ = ["MunicipalityCode", "ResidentCode"]

_RESIDENT_WEIGHTS: Final = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
_MUNICIPALITY_WEIGHTS: Final = (6, 5, 4, 3, 2)


def _digits(text: str, count: int, what: str) -> tuple[int, ...]:
    if len(text) != count or not (text.isascii() and text.isdigit()):
        raise EncodingError(f"{what} is {count} digits")
    return tuple(map(int, text))


@dataclass(frozen=True, slots=True, order=True)
class MunicipalityCode:
    """全国地方公共団体コード: JIS X 0401 (2), JIS X 0402 (3) and a check digit."""

    digits: str

    def __post_init__(self) -> None:
        *body, check = _digits(self.digits, 6, "a municipality code")
        if check != _municipality_check(tuple(body)):
            raise EncodingError(f"municipality code {self.digits}: bad check digit")

    @classmethod
    def from_five(cls, five: str) -> MunicipalityCode:
        """Complete the five-digit form with its check digit."""
        body = _digits(five, 5, "a municipality code without check digit")
        return cls(f"{five}{_municipality_check(body)}")

    @property
    def five(self) -> str:
        """Without check digit, as certificates and cards use it."""
        return self.digits[:5]

    @property
    def prefecture(self) -> str:
        """The two-digit prefecture code (JIS X 0401)."""
        return self.digits[:2]

    def __str__(self) -> str:
        return self.digits


def _municipality_check(body: tuple[int, ...]) -> int:
    total: int = sum(map(mul, _MUNICIPALITY_WEIGHTS, body))
    return (11 - total % 11) % 10 if total >= 11 else (11 - total) % 10


@dataclass(frozen=True, slots=True, order=True)
class ResidentCode:
    """住民票コード: ten random digits and a check digit (平成14年総務省告示第436号).

    The code identifies a person; `repr` shows only its last four digits.
    """

    digits: str = field(repr=False)

    def __post_init__(self) -> None:
        *body, check = _digits(self.digits, 11, "a resident record code")
        if check != _resident_check(tuple(body)):
            raise EncodingError("resident record code: bad check digit")

    @classmethod
    def from_ten(cls, ten: str) -> ResidentCode:
        """Complete ten digits with their check digit."""
        return cls(
            f"{ten}{_resident_check(_digits(ten, 10, 'a resident record code body'))}"
        )

    def __repr__(self) -> str:
        return f"ResidentCode(…{self.digits[-4:]})"

    def __str__(self) -> str:
        return self.digits


def _resident_check(body: tuple[int, ...]) -> int:
    total: int = sum(map(mul, _RESIDENT_WEIGHTS, body))
    return 0 if total % 11 <= 1 else 11 - total % 11
