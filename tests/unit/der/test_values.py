"""DER values at their edges, against known octets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jpki.der import writer
from jpki.der.reader import MAX_INTEGER_OCTETS, Element, Reader, read_one
from jpki.errors import EncodingError


@pytest.mark.parametrize(
    ("value", "octets"),
    [
        (0, "020100"),
        (127, "02017f"),
        (128, "02020080"),
        (-1, "0201ff"),
        (-128, "020180"),
        (-129, "0202ff7f"),
        (1 << 159, "02150080" + "00" * 19),
    ],
)
def test_integers_are_minimal(value: int, octets: str) -> None:
    """X.690 8.3.2: no more octets than needed, one for the sign where needed."""
    assert octets == writer.integer(value).hex()


@pytest.mark.parametrize(
    ("dotted", "octets"),
    [
        ("1.2.392.200149.8.5.5.4", "060a2a83088c9b5508050504"),
        ("1.2.392.200149.8.5.1.1.20", "060b2a83088c9b550805010114"),
        ("1.2.392.200149.8.5.1.3.30", "060b2a83088c9b55080501031e"),
        ("2.999.392.13.1", "06068837830 80d01".replace(" ", "")),
    ],
)
def test_identifiers_of_the_service(dotted: str, octets: str) -> None:
    """Arcs of several octets, and the first two in one number."""
    assert octets == writer.object_identifier(dotted).hex()


@pytest.mark.parametrize(
    "dotted", ["", "1", "3.1", "1.40", "1.-2", "a.b", "1..2", "１.2"]
)
def test_what_is_no_identifier_is_refused(dotted: str) -> None:
    """Too short, out of range, or not decimal."""
    with pytest.raises(EncodingError):
        writer.object_identifier(dotted)


@pytest.mark.parametrize(
    ("bits", "octets"),
    [
        ({5, 6}, "03020106"),
        ({0}, "03020780"),
        ({0, 1}, "030206c0"),
        ({8}, "0303070080"),
        (set(), "030100"),
    ],
)
def test_named_bits_drop_trailing_zeros(bits: set[int], octets: str) -> None:
    """The key usages of the service's certificates, by their known octets."""
    assert octets == writer.named_bits(bits).hex()
    assert bits == read_one(bytes.fromhex(octets)).named_bits()


@pytest.mark.parametrize(
    ("octets", "read"),
    [
        ("0200", Element.integer),
        ("02020001", Element.integer),
        ("0202ff80", Element.integer),
        ("010101", Element.boolean),
        ("0100", Element.boolean),
        ("050100", Element.null),
        ("0300", Element.bit_string),
        ("03020801", Element.bit_string),
        ("03020103", Element.bit_string),
        ("030101", Element.bit_string),
        ("03020102", Element.bit_octets),
        ("0302 0700", Element.named_bits),
        ("0600", Element.object_identifier),
        ("060180", Element.object_identifier),
        ("06022a80", Element.object_identifier),
        ("06032a8001", Element.object_identifier),
        ("0401aa", Element.integer),
        ("0401aa", Element.inside),
        ("0401aa", Element.enter),
    ],
)
def test_sloppy_values_are_refused(
    octets: str, read: Callable[[Element], object]
) -> None:
    """Each is legal BER, or nothing at all, and none is DER."""
    with pytest.raises(EncodingError):
        read(read_one(bytes.fromhex(octets)))


def test_a_huge_integer_is_refused() -> None:
    """The reader's work is bounded."""
    octets = writer.tlv(0x02, b"\x01" + bytes(MAX_INTEGER_OCTETS))
    with pytest.raises(EncodingError):
        read_one(octets).integer()


def test_an_optional_element_is_taken_only_if_it_is_there() -> None:
    """A reader looks at the next tag, takes the element or leaves it."""
    reader = Reader(writer.integer(1) + writer.boolean(True))
    assert reader.optional(0x01) is None
    assert reader.next(0x02).integer() == 1
    element = reader.optional(0x01)
    assert element is not None
    assert element.boolean()
    assert not reader
    assert reader.peek() is None
    reader.finish()
    with pytest.raises(EncodingError):
        reader.next()


def test_errors_say_where() -> None:
    """The offset is counted from the start of the whole message."""
    reader = read_one(writer.sequence(writer.NULL, writer.integer(1))).enter()
    reader.next()
    with pytest.raises(EncodingError) as caught:
        reader.next(0x04)
    assert (caught.value.offset, caught.value.tag) == (4, 0x02)


@pytest.mark.parametrize("text", ["あ", "a_b", "a@b", "é"])
def test_printable_strings_have_a_small_repertoire(text: str) -> None:
    """X.680 41.4."""
    with pytest.raises(EncodingError):
        writer.printable_string(text)
