"""DER values to bytes (ITU-T X.690). Bytes only: nothing here knows what they mean.

Every function returns one complete TLV. Hot paths join precomputed TLVs with
`tlv` and `sequence`; nothing is buffered or mutated.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from jpki.errors import EncodingError

__all__ = [
    "NULL",
    "bit_string",
    "boolean",
    "enumerated",
    "explicit",
    "header",
    "ia5_string",
    "implicit",
    "integer",
    "integer_octets",
    "named_bits",
    "object_identifier",
    "octet_string",
    "printable_string",
    "sequence",
    "set_of",
    "tlv",
    "utf8_string",
]

_PRINTABLE = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?"
)


def header(tag: int, size: int) -> bytes:
    """What stands before a content of this size: tag, and definite, minimal length."""
    if size < 0x80:
        return bytes((tag, size))
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets


def tlv(tag: int, content: bytes) -> bytes:
    """One TLV with a single identifier octet."""
    return header(tag, len(content)) + content


def sequence(*elements: bytes) -> bytes:
    """SEQUENCE of complete TLVs, in order."""
    return tlv(0x30, b"".join(elements))


def set_of(elements: Iterable[bytes]) -> bytes:
    """SET OF complete TLVs, put in DER order (X.690 11.6)."""
    return tlv(0x31, b"".join(sorted(elements)))


def explicit(number: int, element: bytes) -> bytes:
    """Context tag [number] EXPLICIT around one TLV."""
    return tlv(0xA0 | number, element)


def implicit(number: int, element: bytes) -> bytes:
    """Replace the tag of one TLV by context tag [number] IMPLICIT."""
    constructed = element[0] & 0x20
    return bytes((0x80 | constructed | number,)) + element[1:]


def integer(value: int) -> bytes:
    """INTEGER, minimal two's complement."""
    return tlv(0x02, integer_octets(value))


def integer_octets(value: int) -> bytes:
    """The content of an INTEGER."""
    size = (value if value >= 0 else ~value).bit_length() // 8 + 1
    return value.to_bytes(size, "big", signed=True)


def enumerated(value: int) -> bytes:
    """ENUMERATED."""
    return b"\x0a" + integer(value)[1:]


def boolean(value: bool) -> bytes:
    """BOOLEAN; DER's true is FF (X.690 11.1)."""
    return b"\x01\x01\xff" if value else b"\x01\x01\x00"


NULL = b"\x05\x00"


def bit_string(content: bytes, unused: int = 0) -> bytes:
    """BIT STRING whose last octet has `unused` zero bits at its end."""
    return tlv(0x03, bytes((unused,)) + content)


def named_bits(positions: Iterable[int]) -> bytes:
    """BIT STRING of a named bit list: trailing zeros dropped (X.690 11.2.2)."""
    wanted = set(positions)
    if not wanted:
        return bit_string(b"")
    size = max(wanted) // 8 + 1
    octets = bytearray(size)
    for position in wanted:
        octets[position // 8] |= 0x80 >> position % 8
    return bit_string(bytes(octets), 7 - max(wanted) % 8)


def octet_string(content: bytes) -> bytes:
    """OCTET STRING."""
    return tlv(0x04, content)


def utf8_string(text: str) -> bytes:
    """UTF8String.

    Raises:
        EncodingError: the text holds a lone surrogate.
    """
    try:
        return tlv(0x0C, text.encode())
    except UnicodeEncodeError as error:
        raise EncodingError(f"not encodable as UTF-8: {error.reason}") from None


def printable_string(text: str) -> bytes:
    """PrintableString (X.680 41.4).

    Raises:
        EncodingError: a character is outside the repertoire.
    """
    if not text.isascii() or not _PRINTABLE.issuperset(text.encode("ascii")):
        raise EncodingError(f"{text!r} is not a PrintableString")
    return tlv(0x13, text.encode("ascii"))


def ia5_string(text: str) -> bytes:
    """IA5String (ASCII).

    Raises:
        EncodingError: a character is outside ASCII.
    """
    if not text.isascii():
        raise EncodingError(f"{text!r} is not an IA5String")
    return tlv(0x16, text.encode("ascii"))


@lru_cache(maxsize=1024)
def object_identifier(dotted: str) -> bytes:
    """OBJECT IDENTIFIER from dotted decimal (X.690 8.19).

    Raises:
        EncodingError: not a valid identifier.
    """
    arcs = dotted.split(".")
    if len(arcs) < 2 or not all(
        # One number has one spelling: `1.02` would never be equal to what is read.
        arc.isascii() and arc.isdigit() and (arc[0] != "0" or arc == "0")
        for arc in arcs
    ):
        raise EncodingError(f"{dotted!r} is not an object identifier")
    first, second, *rest = map(int, arcs)
    if first > 2 or (first < 2 and second > 39):
        raise EncodingError(f"{dotted!r} is not an object identifier")
    content = bytearray()
    for arc in (first * 40 + second, *rest):
        octets = [arc & 0x7F]
        while arc := arc >> 7:
            octets.append(0x80 | arc & 0x7F)
        content += bytes(reversed(octets))
    return tlv(0x06, bytes(content))
