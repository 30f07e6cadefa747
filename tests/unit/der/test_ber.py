"""BER of other programs made DER, bounded."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jpki.der.ber import MAX_DEPTH, MAX_ELEMENTS, to_der
from jpki.der.reader import read_one
from jpki.der.writer import integer, octet_string, sequence, tlv
from jpki.errors import EncodingError

EOC = b"\0\0"


def endless(tag: int, *parts: bytes) -> bytes:
    """A value of indefinite length."""
    return bytes((tag, 0x80)) + b"".join(parts) + EOC


def test_der_stays_as_it_is() -> None:
    """Octet by octet."""
    der = sequence(integer(5), octet_string(b"x" * 300), tlv(0xA0, integer(1)))
    assert to_der(der) == der


def test_indefinite_lengths_become_definite() -> None:
    """Nested, and with contents that look like an end."""
    assert to_der(endless(0x30, endless(0xA0, integer(0)), octet_string(EOC))) == (
        sequence(tlv(0xA0, integer(0)), octet_string(EOC))
    )


def test_octet_strings_in_pieces_become_whole() -> None:
    """Definite or not, pieces of pieces, and none at all."""
    pieces = (octet_string(b"ab"), endless(0x24, octet_string(b"c")), octet_string(b""))
    assert to_der(endless(0x24, *pieces)) == octet_string(b"abc")
    assert to_der(tlv(0x24, b"".join(pieces))) == octet_string(b"abc")
    assert to_der(endless(0x24)) == octet_string(b"")


def test_lengths_become_minimal() -> None:
    """However many octets they were written with."""
    for long in (b"\x81\x01", b"\x82\x00\x01", b"\x88" + bytes(7) + b"\x01"):
        assert to_der(b"\x04" + long + b"x") == octet_string(b"x")


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"\x30",
        b"\x30\x80",
        b"\x30\x80\x00",
        b"\x30\x02\x04\x01",
        b"\x04\x80\x00\x00",  # a primitive value has an end
        b"\x30\x00\x00",
        b"\x1f\x01\x00",
        b"\x30\x89" + bytes(9),
        tlv(0x24, integer(1)),
        b"\x30\x03\x30\x80\x00",
        bytes([0x30, 0x80]) * (MAX_DEPTH + 2) + EOC * (MAX_DEPTH + 2),
        tlv(0x30, b"\x05\x00" * (MAX_ELEMENTS + 1)),
    ],
)
def test_what_is_no_ber_or_too_much_of_it_is_refused(bad: bytes) -> None:
    """Truncated, trailing, nested or cut up beyond all bounds."""
    with pytest.raises(EncodingError):
        to_der(bad)


def test_the_worst_is_soon_over() -> None:
    """As many elements as are allowed, as deep as is allowed."""
    began = time.perf_counter()
    data = tlv(0x30, b"\x05\x00" * (MAX_ELEMENTS - MAX_DEPTH - 2))
    for _ in range(MAX_DEPTH - 2):
        data = endless(0x30, data)
    read_one(to_der(data))
    assert time.perf_counter() - began < 5


@given(st.binary(max_size=60))
def test_junk_raises_only_our_error(junk: bytes) -> None:
    """And what comes out is stable."""
    try:
        der = to_der(junk)
    except EncodingError:
        return
    assert to_der(der) == der
