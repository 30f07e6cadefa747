"""Distinguished names: encoding, strict parsing, comparing and printing."""

from __future__ import annotations

import unicodedata
from collections.abc import Hashable
from functools import lru_cache
from typing import Final

from jpki.der import oids
from jpki.der.reader import Element, read_one
from jpki.der.writer import object_identifier, sequence, set_of, tlv
from jpki.errors import EncodingError
from jpki.model.names import Attribute, Name, OtherType, StringType

__all__ = [
    "ATTRIBUTE_KEYWORDS",
    "MAX_NAME_ATTRIBUTES",
    "encode_attribute",
    "encode_name",
    "encode_text",
    "normalized",
    "parse_name",
    "read_name",
    "rfc4514",
]

MAX_NAME_ATTRIBUTES: Final = 64
"""Names in use have fewer than ten; bounds the cost of comparing hostile ones."""

ATTRIBUTE_KEYWORDS: Final = {
    oids.COMMON_NAME: "CN",
    oids.COUNTRY: "C",
    oids.LOCALITY: "L",
    oids.STATE_OR_PROVINCE: "ST",
    oids.ORGANIZATION: "O",
    oids.ORGANIZATIONAL_UNIT: "OU",
    oids.DOMAIN_COMPONENT: "DC",
    oids.SERIAL_NUMBER: "SERIALNUMBER",
}

_STRING_TYPES: Final = {kind.value: kind for kind in StringType}

_PRINTABLE: Final = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?*&@_"
)
"""X.680's repertoire and four characters that old authorities put there as well."""


@lru_cache(maxsize=4096)
def encode_name(name: Name) -> bytes:
    """Encode a name (RFC 5280 4.1.2.4).

    Raises:
        EncodingError: a value does not fit its string type.
    """
    return sequence(
        *(set_of(map(encode_attribute, rdn)) for rdn in name.rdns),
    )


def encode_attribute(attribute: Attribute) -> bytes:
    """One AttributeTypeAndValue.

    Raises:
        EncodingError: the value does not fit its string type.
    """
    kind = attribute.string_type
    if isinstance(kind, OtherType):
        value = tlv(kind.tag, attribute.value.encode("latin-1"))
    else:
        value = tlv(kind.value, encode_text(attribute.value, kind))
    return sequence(object_identifier(attribute.oid), value)


def encode_text(text: str, kind: StringType) -> bytes:
    """The content octets of a string of this type.

    Raises:
        EncodingError: the text does not fit it.
    """
    try:
        content = text.encode(kind.codec)
    except UnicodeEncodeError:
        raise EncodingError(f"{text!r} is not a {kind.name} string") from None
    if kind is not StringType.UTF8 and not _fits(text, kind):
        raise EncodingError(f"{text!r} is not a {kind.name} string")
    return content


def _fits(text: str, kind: StringType) -> bool:
    """Whether what the codec allows is in the string type's repertoire as well."""
    if kind is StringType.PRINTABLE:
        return _PRINTABLE.issuperset(text)
    if kind is StringType.NUMERIC:
        return set("0123456789 ").issuperset(text)
    return kind is not StringType.BMP or all(ord(c) <= 0xFFFF for c in text)


@lru_cache(maxsize=4096)
def parse_name(data: bytes) -> Name:
    """Parse one name; `encode_name` gives the same bytes back.

    Raises:
        EncodingError: not a DER name, or a value of a type that names do not use.
    """
    return read_name(read_one(data))


def read_name(element: Element) -> Name:
    """The name in this SEQUENCE."""
    rdns: list[tuple[Attribute, ...]] = []
    count = 0
    sets = element.expect(0x30).enter()
    while sets:
        rdn_element = sets.next(0x31)
        members = rdn_element.enter()
        attributes: list[Attribute] = []
        last = b""
        while members:
            member = members.next(0x30)
            attributes.append(_read_attribute(member))
            if (raw := member.raw) <= last:
                raise EncodingError("SET is not in DER order", offset=member.start)
            last = raw
        count += len(attributes)
        if not attributes:
            raise EncodingError("empty RDN", offset=rdn_element.start)
        if count > MAX_NAME_ATTRIBUTES:
            raise EncodingError("too many attributes in a name", offset=element.start)
        rdns.append(tuple(attributes))
    return Name(tuple(rdns))


def _read_attribute(element: Element) -> Attribute:
    fields = element.enter()
    oid = fields.next().object_identifier()
    value = fields.next()
    fields.finish()
    kind = _STRING_TYPES.get(value.tag)
    if kind is None and oid in ATTRIBUTE_KEYWORDS:
        raise EncodingError("not a directory string", offset=value.start, tag=value.tag)
    if kind is None:
        # X.501 leaves the type open; what is not known is compared octet by octet.
        return Attribute(oid, value.content.decode("latin-1"), OtherType(value.tag))
    try:
        text = value.content.decode(kind.codec)
    except UnicodeDecodeError:
        raise EncodingError(f"bad {kind.name} string", offset=value.start) from None
    if not _fits(text, kind):
        raise EncodingError(f"bad {kind.name} string", offset=value.start)
    return Attribute(oid, text, kind)


@lru_cache(maxsize=4096)
def normalized(name: Name) -> Hashable:
    """What two names have in common exactly when they match (RFC 5280 7.1).

    Values are prepared as RFC 4518 has it for caseIgnoreMatch: folded, normalised,
    with insignificant spaces gone. String types do not matter; attributes of a
    multi-valued RDN have no order.
    """
    return tuple(
        frozenset(
            (
                attribute.oid,
                (attribute.string_type, attribute.value)
                if isinstance(attribute.string_type, OtherType)
                else _prepared(attribute.value),
            )
            for attribute in rdn
        )
        for rdn in name.rdns
    )


_TO_NOTHING: Final = frozenset(
    map(chr, (0x034F, 0x1806, 0x180B, 0x180C, 0x180D, *range(0xFE00, 0xFE10), 0xFFFC))
)
"""RFC 4518 2.2, what is not a control or format character anyway."""


def _prepared(value: str) -> str:
    if value.isascii() and value.isprintable():
        return " ".join(value.lower().split())
    mapped = []
    for character in value:
        category = unicodedata.category(character)
        if category in ("Zs", "Zl", "Zp") or character in "\t\n\v\f\r\x85":
            mapped.append(" ")
        elif category not in ("Cc", "Cf") and character not in _TO_NOTHING:
            mapped.append(character)
    folded = unicodedata.normalize("NFKC", "".join(mapped)).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


@lru_cache(maxsize=1024)
def rfc4514(name: Name) -> str:
    """The name as a string, most specific RDN first (RFC 4514)."""
    return ",".join(
        "+".join(_string_attribute(attribute) for attribute in rdn)
        for rdn in reversed(name.rdns)
    )


def _string_attribute(attribute: Attribute) -> str:
    keyword = ATTRIBUTE_KEYWORDS.get(attribute.oid)
    if keyword is None or isinstance(attribute.string_type, OtherType):
        # RFC 4514 2.4: an attribute without a keyword shows its encoding.
        encoded = read_one(encode_attribute(attribute)).enter()
        encoded.next()
        return f"{attribute.oid}=#{encoded.next().raw.hex()}"
    text = "".join(
        f"\\{character}" if character in '"+,;<>\\' else character
        for character in attribute.value
    ).replace("\0", "\\00")
    if text.startswith(("#", " ")):
        text = f"\\{text}"
    if text.endswith(" ") and not text.endswith("\\ "):
        text = f"{text[:-1]}\\ "
    return f"{keyword}={text}"
