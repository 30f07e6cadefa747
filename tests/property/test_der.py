"""DER: what is written is read back, and no bytes make the reader misbehave."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jpki.der import writer
from jpki.der.reader import Element, Reader, read_one
from jpki.der.times import generalized_time, read_time, time_choice
from jpki.errors import EncodingError

_MAX_DEPTH = 32

arcs = st.tuples(
    st.integers(0, 2),
    st.integers(0, 39),
    st.lists(st.integers(0, 1 << 64), max_size=8),
).map(lambda parts: ".".join(map(str, (parts[0], parts[1], *parts[2]))))


@given(st.integers(-(1 << 600), 1 << 600))
def test_an_integer_comes_back(value: int) -> None:
    """INTEGER and ENUMERATED keep any value, positive or negative."""
    assert value == read_one(writer.integer(value)).integer()
    assert value == read_one(writer.enumerated(value)).integer(0x0A)


@given(arcs)
def test_an_object_identifier_comes_back(dotted: str) -> None:
    """Dotted decimal survives, arcs beyond 64 bits included."""
    assert dotted == read_one(writer.object_identifier(dotted)).object_identifier()


@given(st.frozensets(st.integers(0, 40)))
def test_named_bits_come_back(bits: frozenset[int]) -> None:
    """A named bit list keeps exactly its positions."""
    assert bits == read_one(writer.named_bits(bits)).named_bits()


@given(st.binary(max_size=70_000))
def test_octets_come_back(octets: bytes) -> None:
    """Content of any length, short form and long form, is kept."""
    element = read_one(writer.octet_string(octets))
    assert octets == element.octet_string()
    assert octets == read_one(writer.bit_string(octets)).bit_octets()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text_comes_back(text: str) -> None:
    """UTF8String keeps every character."""
    assert text == read_one(writer.utf8_string(text)).content.decode()


@given(
    st.datetimes(
        min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31, 23, 59, 59)
    )
)
def test_a_moment_comes_back(moment: datetime) -> None:
    """Both time forms keep a moment to the second."""
    at = moment.replace(microsecond=0, tzinfo=UTC)
    assert at == read_time(read_one(generalized_time(at)))
    assert at == read_time(read_one(time_choice(at)))


@given(st.lists(st.binary(max_size=40).map(writer.octet_string)))
def test_a_sequence_holds_its_elements_in_order(elements: list[bytes]) -> None:
    """SEQUENCE keeps order; SET OF is in DER's."""
    reader = read_one(writer.sequence(*elements)).enter()
    found = []
    while reader:
        found.append(reader.next().raw)
    assert elements == found
    members = read_one(writer.set_of(elements)).enter()
    inside = []
    while members:
        inside.append(members.next().raw)
    assert sorted(elements) == inside


def _read_everything(element: Element, depth: int = 0) -> None:
    """Ask an element for every kind of value, and walk into it."""
    for read in (
        Element.integer,
        Element.boolean,
        Element.null,
        Element.octet_string,
        Element.bit_string,
        Element.bit_octets,
        Element.named_bits,
        Element.object_identifier,
        Element.inside,
        read_time,
    ):
        try:
            read(element)
        except EncodingError:
            continue
    if element.tag & 0x20 and depth < _MAX_DEPTH:
        reader = element.enter()
        while reader:
            _read_everything(reader.next(), depth + 1)


@given(st.binary(max_size=300))
def test_random_bytes_raise_nothing_but_encoding_errors(octets: bytes) -> None:
    """Whatever the bytes, the reader reads or raises EncodingError."""
    reader = Reader(octets)
    try:
        while reader:
            _read_everything(reader.next())
    except EncodingError:
        pass


@given(st.binary(max_size=60))
def test_what_is_read_is_der(octets: bytes) -> None:
    """The reader accepts one encoding only: writing the value gives the bytes back."""
    try:
        element = read_one(octets)
    except EncodingError:
        return
    assert octets == writer.tlv(element.tag, element.content)
    if element.tag == 0x02:
        try:
            value = element.integer()
        except EncodingError:
            return
        assert octets == writer.integer(value)
    if element.tag == 0x06:
        try:
            dotted = element.object_identifier()
        except EncodingError:
            return
        assert octets == writer.object_identifier(dotted)


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        ("30 80 00 00", "indefinite length"),
        ("04 81 01 61", "long form of a short length"),
        ("04 82 00 81" + " 61" * 129, "leading zero in a length"),
        ("1f 81 01 00", "high tag number"),
        ("04 05 61 62", "truncated content"),
        ("04", "truncated header"),
        ("04 01 61 00", "trailing byte"),
        ("04 85 01 00 00 00 00", "length of five octets"),
    ],
)
def test_ber_that_is_not_der_is_refused(octets: str, reason: str) -> None:
    """The forms that BER allows and DER forbids are errors."""
    with pytest.raises(EncodingError):
        read_one(bytes.fromhex(octets))
