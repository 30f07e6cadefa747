"""Distinguished names as values. Encoding and comparing them is `jpki.x509.names`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

__all__ = ["Attribute", "Name", "OtherType", "StringType"]


class StringType(Enum):
    """The choices of DirectoryString and the other strings of names, by their tag."""

    UTF8 = 0x0C, "utf-8"
    NUMERIC = 0x12, "ascii"
    PRINTABLE = 0x13, "ascii"
    TELETEX = 0x14, "latin-1"
    IA5 = 0x16, "ascii"
    VISIBLE = 0x1A, "ascii"
    UNIVERSAL = 0x1C, "utf-32-be"
    BMP = 0x1E, "utf-16-be"

    codec: str
    """How its characters become octets, in Python's words."""

    def __new__(cls, tag: int, codec: str) -> StringType:
        """Make a member whose value is the tag."""
        member = object.__new__(cls)
        member._value_ = tag
        member.codec = codec
        return member


@dataclass(frozen=True, slots=True)
class OtherType:
    """What is no string, such as a date of birth or a unique identifier."""

    tag: int


@dataclass(frozen=True, slots=True)
class Attribute:
    """AttributeTypeAndValue; the string type is kept, so that bytes come back equal."""

    oid: str
    value: str
    """Where it is no string: a character of the same number for each octet."""
    string_type: StringType | OtherType = StringType.UTF8


@dataclass(frozen=True, slots=True)
class Name:
    """RDNSequence in its encoded order; each RDN holds one or more attributes."""

    rdns: tuple[tuple[Attribute, ...], ...]
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Names are looked up all the time: each is hashed once.
        object.__setattr__(self, "_hash", hash(self.rdns))

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[type[Name], tuple[object]]:
        # Another process hashes texts in another way.
        return Name, (self.rdns,)

    @classmethod
    def of(cls, *attributes: Attribute) -> Name:
        """The usual name: one attribute per RDN."""
        return cls(tuple((attribute,) for attribute in attributes))

    def first(self, oid: str) -> str | None:
        """The value of the first attribute of this type."""
        for rdn in self.rdns:
            for attribute in rdn:
                if attribute.oid == oid:
                    return attribute.value
        return None
