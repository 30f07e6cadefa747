"""Codes with check digits."""

from __future__ import annotations

import pytest

from jpki.errors import EncodingError
from jpki.model.codes import MunicipalityCode, ResidentCode


@pytest.mark.parametrize(
    "digits",
    ["131016", "011002", "082201", "141313", "401307", "473821", "132217", "012025"],
)
def test_real_municipality_codes_check(digits: str) -> None:
    """Codes in use have the check digit that the five others give."""
    assert digits == MunicipalityCode.from_five(digits[:5]).digits
    assert digits[:5] == MunicipalityCode(digits).five


@pytest.mark.parametrize(
    ("ten", "check"),
    [
        ("1234567890", "3"),
        ("0000000001", "9"),
        ("9876543210", "3"),
        ("0123456789", "2"),
    ],
)
def test_resident_codes_check(ten: str, check: str) -> None:
    """The gazette's formula, by hand-computed examples."""
    assert ten + check == ResidentCode.from_ten(ten).digits


@pytest.mark.parametrize("digits", ["131017", "13101", "1310166", "１３１０１６", ""])
def test_a_wrong_municipality_code_is_refused(digits: str) -> None:
    """Wrong check digit, wrong length, and digits that are not ASCII."""
    with pytest.raises(EncodingError):
        MunicipalityCode(digits)


def test_a_resident_code_hides_itself() -> None:
    """Only the last four digits show in repr, and none in the error."""
    code = ResidentCode.from_ten("1234567890")
    assert "1234567" not in repr(code)
    with pytest.raises(EncodingError) as caught:
        ResidentCode("12345678900")
    assert "12345678900" not in str(caught.value)
