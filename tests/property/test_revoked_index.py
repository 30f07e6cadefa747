"""Long CRLs are indexed all together, short ones entry by entry: the same way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jpki.der import oids
from jpki.der.times import generalized_time, utc_time
from jpki.der.writer import (
    NULL,
    enumerated,
    integer,
    object_identifier,
    octet_string,
    sequence,
    tlv,
)
from jpki.errors import EncodingError
from jpki.x509.certificate_lists import CertificateList
from jpki.x509.parse import parse_crl
from jpki.x509.revoked_index import LONG

_NOW = datetime(2026, 4, 1, tzinfo=UTC)
_ALGORITHM = sequence(object_identifier(oids.SHA256_WITH_RSA), NULL)


def _reason(code: int) -> bytes:
    return sequence(object_identifier(oids.REASON_CODE), octet_string(enumerated(code)))


def _entry(serial: int, at: datetime = _NOW, *extensions: bytes) -> bytes:
    time = utc_time(at) if 1950 <= at.year <= 2049 else generalized_time(at)
    tail = sequence(*extensions) if extensions else b""
    return sequence(integer(serial), time, tail)


def _crl(entries: list[bytes], *, version: int = 2) -> bytes:
    tbs = sequence(
        integer(1) if version == 2 else b"",
        _ALGORITHM,
        sequence(),
        utc_time(_NOW),
        utc_time(_NOW + timedelta(days=1)),
        sequence(*entries),
    )
    return sequence(tbs, _ALGORITHM, tlv(0x03, b"\x00"))


_CROWD = [_entry(1 << 80 | n, _NOW, _reason(n % 6 + 1)) for n in range(LONG)]


def _long(odd: bytes, *, version: int = 2) -> bytes:
    """A long list with this entry somewhere in it."""
    place = odd[-1] * 7
    return _crl([*_CROWD[:place], odd, *_CROWD[place:]], version=version)


def _parsed(crl: bytes) -> CertificateList | None:
    try:
        return parse_crl(crl)
    except EncodingError:
        return None


_moments = st.datetimes(
    datetime(1950, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)
)
_serials = st.integers(-(1 << 170), 1 << 170) | st.integers(0, 300)


@given(_serials, _moments, st.integers(1, 10), st.integers(0, 3))
def test_an_entry_is_found_in_a_long_list_as_in_a_short_one(
    serial: int, at: datetime, code: int, copies: int
) -> None:
    """Whatever its serial number, time and extensions, also after long ones."""
    at = at.replace(microsecond=0)
    odd = _entry(serial, at, *[_reason(code)] * min(copies, 1))
    if copies > 1:  # an entry that is longer than one octet of length can say
        extra = sequence(object_identifier("1.2.3"), octet_string(bytes(100 * copies)))
        odd = _entry(serial, at, _reason(code), extra)
    long, short = parse_crl(_long(odd)), parse_crl(_crl([odd]))
    assert long.find(serial) == short.find(serial) is not None
    assert len(long) == LONG + 1
    assert [entry.serial for entry in long.entries()].count(serial) == 1
    assert long.find(serial + (1 << 64)) is None


@given(st.data())
def test_a_spoilt_entry_is_refused_in_a_long_list_as_in_a_short_one(
    data: st.DataObject,
) -> None:
    """Any octet of an entry but those that say where it ends."""
    at = datetime(2027, 2, 28, 23, 59, 59, tzinfo=UTC)
    if data.draw(st.booleans()):
        at = at.replace(year=2050)
    odd = bytearray(_entry(data.draw(st.integers(0, 1 << 159)), at, _reason(1)))
    version = data.draw(st.sampled_from((1, 2)))
    for _ in range(data.draw(st.integers(1, 3))):
        odd[data.draw(st.integers(2, len(odd) - 1))] = data.draw(st.integers(0, 255))
    spoilt = bytes(odd)
    if version == 1:
        crowd = [_entry(1 << 80 | n) for n in range(LONG)]
        long = _parsed(_crl([*crowd, spoilt], version=1))
    else:
        long = _parsed(_long(spoilt))
    short = _parsed(_crl([spoilt], version=version))
    assert (long is None) == (short is None)


@pytest.mark.parametrize("day", ["240229", "000229", "490228", "500101"])
def test_real_days_are_days(day: str) -> None:
    """Leap days of UTCTime among them."""
    time = tlv(0x17, f"{day}235959Z".encode())
    assert len(parse_crl(_long(sequence(integer(7), time)))) == LONG + 1


@pytest.mark.parametrize(
    "time",
    [
        tlv(0x17, b"230229000000Z"),
        tlv(0x17, b"230431000000Z"),
        tlv(0x17, b"231301000000Z"),
        tlv(0x17, b"230100000000Z"),
        tlv(0x17, b"230101240000Z"),
        tlv(0x17, b"230101006000Z"),
        tlv(0x17, b"230101000060Z"),
        tlv(0x17, b"230101000000+"),
        tlv(0x17, b"20230101000000Z"),
        tlv(0x18, b"230101000000Z"),
        tlv(0x18, b"21000229000000Z"),
        tlv(0x18, b"00000101000000Z"),
        tlv(0x19, b"230101000000Z"),
    ],
)
def test_what_is_no_moment_is_refused(time: bytes) -> None:
    """In the middle of a long list."""
    with pytest.raises(EncodingError):
        parse_crl(_long(sequence(integer(7), time)))


def test_every_entry_of_a_long_list_is_found_and_nothing_else() -> None:
    """Serial numbers that share their last 64 bits among them."""
    chance = Random(1)
    serials = [chance.getrandbits(chance.randrange(1, 159)) for _ in range(3 * LONG)]
    serials = list(dict.fromkeys(serials))
    serials += [
        serial + (1 << 120) * k for serial in serials[:50] for k in range(1, 20)
    ]
    serials = list(dict.fromkeys(serials))
    crl = parse_crl(_crl([_entry(serial) for serial in serials]))
    assert [entry.serial for entry in crl.entries()] == serials
    for serial in serials:
        found = crl.find(serial)
        assert found is not None and found.serial == serial
    listed = set(serials)
    for _ in range(1000):
        stranger = chance.getrandbits(64)
        assert stranger in listed or crl.find(stranger) is None


@pytest.mark.parametrize("serial", [b"", b"\x00\x7f", b"\xff\x80", bytes(30)])
def test_a_number_that_is_not_minimal_is_refused(serial: bytes) -> None:
    """X.690 8.3.2, in the middle of a long list as in a short one."""
    odd = sequence(tlv(0x02, serial), utc_time(_NOW))
    for crl in (_crl([odd]), _long(odd)):
        with pytest.raises(EncodingError):
            parse_crl(crl)


def test_of_entries_for_one_number_the_first_is_found() -> None:
    """However many there are, and wherever they stand."""
    many = [_entry(7, _NOW, _reason(n % 6 + 1)) for n in range(500)]
    chance = Random(2)
    for _ in range(5):
        entries = [*_CROWD, *many]
        chance.shuffle(entries)
        found = parse_crl(_crl(entries)).find(7)
        first = next(one for one in entries if one in many)
        assert found is not None and found.reason_code == many.index(first) % 6 + 1


def test_of_two_entries_for_one_number_the_first_is_found() -> None:
    """In a short list as in a long one."""
    twice = [_entry(7, _NOW, _reason(1)), _entry(7, _NOW, _reason(4))]
    for entries in (twice, [*_CROWD, *twice], [*twice, *_CROWD]):
        found = parse_crl(_crl(entries)).find(7)
        assert found is not None and found.reason_code == 1


@given(st.integers(1, 60))
def test_a_list_that_is_cut_off_is_refused(octets: int) -> None:
    """Its last entry would end beyond it."""
    entries = b"".join(_CROWD)
    tbs = sequence(
        integer(1),
        _ALGORITHM,
        sequence(),
        utc_time(_NOW),
        utc_time(_NOW + timedelta(days=1)),
        tlv(0x30, entries[:-octets]),
    )
    crl = sequence(tbs, _ALGORITHM, tlv(0x03, b"\x00"))
    whole = octets % len(_CROWD[-1]) == 0
    assert (_parsed(crl) is not None) == whole
