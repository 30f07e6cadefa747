"""Times as RFC 5280 writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from jpki.der.reader import read_one
from jpki.der.times import read_time, time_choice, utc_time
from jpki.der.writer import tlv
from jpki.errors import EncodingError


@pytest.mark.parametrize(
    ("at", "tag", "text"),
    [
        (datetime(1950, 1, 1, tzinfo=UTC), 0x17, b"500101000000Z"),
        (datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC), 0x17, b"491231235959Z"),
        (datetime(2050, 1, 1, tzinfo=UTC), 0x18, b"20500101000000Z"),
        (datetime(1949, 12, 31, tzinfo=UTC), 0x18, b"19491231000000Z"),
    ],
)
def test_the_form_changes_with_2050(at: datetime, tag: int, text: bytes) -> None:
    """UTCTime from 1950 through 2049, GeneralizedTime outside."""
    assert tlv(tag, text) == time_choice(at)
    assert at == read_time(read_one(time_choice(at)))


def test_times_are_written_in_utc() -> None:
    """23:59:59 in Japan is 14:59:59Z."""
    japan = timezone(timedelta(hours=9))
    assert tlv(0x17, b"171001145959Z") == utc_time(
        datetime(2017, 10, 1, 23, 59, 59, 999, tzinfo=japan)
    )


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        (0x17, b"1710011459Z"),
        (0x17, b"171001145959+0900"),
        (0x17, b"20171001145959Z"),
        (0x17, b"171301145959Z"),
        (0x17, b"170229000000Z"),
        (0x17, b"171001246059Z"),
        (0x18, b"20171001145959.5Z"),
        (0x18, b"20171001145959"),
        (0x18, "２０１７１００１１４５９５９Z".encode()),
        (0x0C, b"171001145959Z"),
    ],
)
def test_other_forms_are_refused(tag: int, text: bytes) -> None:
    """No seconds, offsets, fractions, impossible days, other tags or digits."""
    with pytest.raises(EncodingError):
        read_time(read_one(tlv(tag, text)))


def test_a_time_without_zone_is_refused() -> None:
    """Nobody guesses which clock was meant."""
    with pytest.raises(EncodingError):
        time_choice(datetime(2014, 10, 1))
