"""Names: bytes, comparing, printing."""

from __future__ import annotations

import pytest

from jpki.der import oids
from jpki.der.writer import object_identifier, sequence, set_of, tlv
from jpki.errors import EncodingError
from jpki.model.names import Attribute, Name, StringType
from jpki.x509.names import (
    MAX_NAME_ATTRIBUTES,
    encode_name,
    normalized,
    parse_name,
    rfc4514,
)


def _name(*values: str, kind: StringType = StringType.UTF8) -> Name:
    return Name.of(*(Attribute(oids.COMMON_NAME, value, kind) for value in values))


def _encoded(tag: int, content: bytes) -> bytes:
    attribute = sequence(object_identifier(oids.COMMON_NAME), tlv(tag, content))
    return sequence(set_of([attribute]))


def test_a_name_of_the_service_has_its_known_bytes() -> None:
    """C as PrintableString, O as UTF8String, in this order."""
    name = Name.of(
        Attribute(oids.COUNTRY, "JP", StringType.PRINTABLE),
        Attribute(oids.ORGANIZATION, "JPKI"),
    )
    expected = "301c310b3009060355040613024a50310d300b060355040a0c044a504b49"
    assert encode_name(name).hex() == expected
    assert parse_name(bytes.fromhex(expected)) == name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("JPKI", "jpki"),
        ("JPKI  Test", " JPKI Test "),
        ("ＪＰＫＩ", "JPKI"),
        ("Straße", "STRASSE"),
        ("a\u00adb", "ab"),
        ("a\u3000b", "a b"),
        ("ガ", "カ\u3099"),
        ("", " "),
    ],
)
def test_these_values_match(one: str, other: str) -> None:
    """Case, spaces, width, soft hyphens and composition do not matter (RFC 4518)."""
    assert normalized(_name(one)) == normalized(_name(other))


@pytest.mark.parametrize(("one", "other"), [("a b", "ab"), ("高", "髙"), ("は", "ば")])
def test_these_values_differ(one: str, other: str) -> None:
    """What is not named by RFC 4518 does."""
    assert normalized(_name(one)) != normalized(_name(other))


def test_the_order_of_rdns_matters_but_not_the_order_inside_one() -> None:
    """RFC 5280 7.1."""
    a, b = Attribute(oids.COMMON_NAME, "a"), Attribute(oids.ORGANIZATION, "b")
    assert normalized(Name(((a, b),))) == normalized(Name(((b, a),)))
    assert normalized(Name.of(a, b)) != normalized(Name.of(b, a))
    assert normalized(Name.of(a, b)) != normalized(Name(((a, b),)))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Tokyo-to", "CN=Tokyo-to"),
        ('a,b+"c"\\<d>;', 'CN=a\\,b\\+\\"c\\"\\\\\\<d\\>\\;'),
        ("#1 ", "CN=\\#1\\ "),
        (" x", "CN=\\ x"),
        ("a\0b", "CN=a\\00b"),
    ],
)
def test_special_characters_are_escaped(value: str, text: str) -> None:
    """RFC 4514 2.4."""
    assert rfc4514(_name(value)) == text


def test_a_printed_name_begins_with_its_last_rdn() -> None:
    """RFC 4514 2.1; types without a keyword show number and encoding."""
    name = Name(
        (
            (Attribute(oids.COUNTRY, "JP", StringType.PRINTABLE),),
            (Attribute(oids.ORGANIZATION, "JPKI"), Attribute("2.999.1", "x")),
        )
    )
    assert rfc4514(name) == "O=JPKI+2.999.1=#0c0178,C=JP"


@pytest.mark.parametrize(
    ("tag", "content"),
    [
        (0x0C, b"\xff"),
        (0x0C, b"\xed\xa0\x80"),
        (0x13, b"a\x80"),
        (0x13, b"a;b"),
        (0x16, b"\xe9"),
        (0x1E, b"\x00"),
        (0x1E, b"\xd8\x00"),
        (0x1E, b"\xd8\x40\xdf\xb7"),
        (0x1C, b"\x00\x11\x00\x00"),
        (0x02, b"\x01"),
        (0x12, b"1a"),
    ],
)
def test_bad_strings_are_refused(tag: int, content: bytes) -> None:
    """Each string type has its own encoding, and a number is no string."""
    with pytest.raises(EncodingError):
        parse_name(_encoded(tag, content))


@pytest.mark.parametrize("tag", [0x02, 0x03, 0x18, 0x30, 0xA0])
def test_other_attributes_may_hold_anything(tag: int) -> None:
    """A date of birth, a bit string: the bytes come back and are all that counts."""
    attribute = sequence(object_identifier("1.3.6.1.5.5.7.9.1"), tlv(tag, b"2\xff"))
    data = sequence(set_of([attribute]))
    name = parse_name(data)
    assert encode_name(name) == data
    assert rfc4514(name) == f"1.3.6.1.5.5.7.9.1=#{tlv(tag, b'2' + bytes([255])).hex()}"
    text = Attribute("1.3.6.1.5.5.7.9.1", "2ÿ")
    assert normalized(name) != normalized(Name.of(text))


def test_a_set_out_of_order_is_refused() -> None:
    """SET OF is sorted in DER, and holds nothing twice."""
    parts = [
        sequence(object_identifier(oids.COMMON_NAME), tlv(0x0C, text))
        for text in (b"b", b"a")
    ]
    for members in (parts, [parts[0], parts[0]]):
        with pytest.raises(EncodingError):
            parse_name(sequence(tlv(0x31, b"".join(members))))


def test_an_empty_rdn_and_too_many_attributes_are_refused() -> None:
    """Names have bounds."""
    with pytest.raises(EncodingError):
        parse_name(sequence(tlv(0x31, b"")))
    with pytest.raises(EncodingError):
        parse_name(encode_name(_name(*["x"] * (MAX_NAME_ATTRIBUTES + 1))))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (StringType.PRINTABLE, "日本"),
        (StringType.PRINTABLE, "a;b"),
        (StringType.IA5, "é"),
        (StringType.TELETEX, "日本"),
        (StringType.BMP, "𠮷"),
        (StringType.UTF8, "\ud800"),
    ],
)
def test_a_value_that_does_not_fit_its_type_is_not_encoded(
    kind: StringType, value: str
) -> None:
    """The writer is as strict as the reader."""
    with pytest.raises(EncodingError):
        encode_name(_name(value, kind=kind))
