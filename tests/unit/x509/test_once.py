"""What is worked out once stays, and an error is no value."""

from __future__ import annotations

import pytest

from jpki.x509.once import once


class _Counting:
    def __init__(self, *, broken: bool = False) -> None:
        self.times = 0
        self.broken = broken

    @once
    def value(self) -> int:
        """Work it out."""
        self.times += 1
        if self.broken:
            raise ValueError
        return self.times


def test_each_instance_works_its_own_value_out_once() -> None:
    """The second time nothing is called; another instance begins anew."""
    one, other = _Counting(), _Counting()
    assert (one.value, one.value, one.times) == (1, 1, 1)
    assert (other.times, other.value) == (0, 1)


def test_what_fails_is_tried_again() -> None:
    """An error is raised each time."""
    broken = _Counting(broken=True)
    for times in (1, 2):
        with pytest.raises(ValueError):
            _ = broken.value
        assert broken.times == times
