"""Serial numbers at random, and counted as the service counts them."""

from __future__ import annotations

import pytest

from jpki.errors import IssuanceError
from jpki.model.serials import RANDOM_OCTETS, SerialScheme, next_serial


def _octets(value: int) -> bytes:
    return bytes([value]) * RANDOM_OCTETS


@pytest.mark.parametrize("value", [0x00, 0x55, 0xFF])
def test_random_numbers_are_positive_and_of_one_length(value: int) -> None:
    """Whatever chance gives; what was issued before does not count."""
    serial = next_serial(
        SerialScheme.MODERN, random=lambda count: _octets(value)[:count], last=1 << 200
    )
    assert serial.bit_length() == 8 * RANDOM_OCTETS - 1


def test_random_numbers_hold_what_chance_gave() -> None:
    """All bits but the first two: 70 of them."""
    draws = iter([1 << bit for bit in range(8 * RANDOM_OCTETS)])
    numbers = {
        next_serial(
            SerialScheme.MODERN,
            random=lambda count: next(draws).to_bytes(count, "big"),
            last=0,
        )
        for _ in range(8 * RANDOM_OCTETS)
    }
    assert len(numbers) == 71


@pytest.mark.parametrize(("last", "following"), [(0, 1), (0x0132C4AA, 0x0132C4AB)])
def test_counted_numbers_follow_one_another(last: int, following: int) -> None:
    """Chance has no part in them."""
    assert following == next_serial(SerialScheme.JPKI_COMPAT, random=_octets, last=last)


def test_a_counter_that_is_used_up_is_refused() -> None:
    """Four octets hold 2,147,483,647 positive numbers; none is given twice."""
    end = (1 << 31) - 1
    assert end == next_serial(SerialScheme.JPKI_COMPAT, random=_octets, last=end - 1)
    for last in (end, 1 << 70):
        with pytest.raises(IssuanceError, match="used up"):
            next_serial(SerialScheme.JPKI_COMPAT, random=_octets, last=last)
