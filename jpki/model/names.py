"""Distinguished names as values. Encoding and comparing them is `jpki.x509.names`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["Attribute", "Name", "StringType"]


class StringType(Enum):
    """DirectoryString choices and IA5String, by universal tag."""

    UTF8 = 0x0C
    PRINTABLE = 0x13
    TELETEX = 0x14
    IA5 = 0x16
    UNIVERSAL = 0x1C
    BMP = 0x1E


@dataclass(frozen=True, slots=True)
class Attribute:
    """AttributeTypeAndValue; the string type is kept, so that bytes come back equal."""

    oid: str
    value: str
    string_type: StringType = StringType.UTF8


@dataclass(frozen=True, slots=True)
class Name:
    """RDNSequence in its encoded order; each RDN holds one or more attributes."""

    rdns: tuple[tuple[Attribute, ...], ...]

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
