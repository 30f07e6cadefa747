"""GeneralName (RFC 5280 4.2.1.6): one type for each kind, writing and reading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from jpki.der.reader import Element, Reader
from jpki.der.writer import (
    explicit,
    ia5_string,
    implicit,
    object_identifier,
    octet_string,
    sequence,
)
from jpki.errors import EncodingError
from jpki.model.names import Name
from jpki.x509.names import encode_name, read_name

__all__ = [
    "MAX_GENERAL_NAMES",
    "DNSName",
    "DirectoryName",
    "GeneralName",
    "IPAddress",
    "OtherName",
    "RFC822Name",
    "RegisteredID",
    "URIName",
    "UnreadName",
    "encode_general_name",
    "encode_general_names",
    "read_general_name",
    "read_general_names",
]

MAX_GENERAL_NAMES: Final = 1024
"""Bounds the work that one extension can ask for."""


@dataclass(frozen=True, slots=True)
class OtherName:
    """otherName: a type, and the DER of its value."""

    oid: str
    value: bytes


@dataclass(frozen=True, slots=True)
class RFC822Name:
    """rfc822Name."""

    value: str


@dataclass(frozen=True, slots=True)
class DNSName:
    """dNSName."""

    value: str


@dataclass(frozen=True, slots=True)
class DirectoryName:
    """directoryName."""

    name: Name


@dataclass(frozen=True, slots=True)
class URIName:
    """uniformResourceIdentifier."""

    value: str


@dataclass(frozen=True, slots=True)
class IPAddress:
    """iPAddress: 4 or 16 octets, twice as many in name constraints."""

    value: bytes


@dataclass(frozen=True, slots=True)
class RegisteredID:
    """registeredID."""

    oid: str


@dataclass(frozen=True, slots=True)
class UnreadName:
    """x400Address or ediPartyName, kept as they are: nothing here looks inside."""

    raw: bytes

    @property
    def tag(self) -> int:
        """The context tag octet, which tells the kind."""
        return self.raw[0]


GeneralName = (
    OtherName
    | RFC822Name
    | DNSName
    | DirectoryName
    | URIName
    | IPAddress
    | RegisteredID
    | UnreadName
)


def encode_general_name(name: GeneralName) -> bytes:
    """One GeneralName, context-tagged."""
    match name:
        case OtherName(oid, value):
            return implicit(0, sequence(object_identifier(oid), explicit(0, value)))
        case RFC822Name(text):
            return implicit(1, ia5_string(text))
        case DNSName(text):
            return implicit(2, ia5_string(text))
        case DirectoryName(directory_name):
            # Name is a CHOICE, so its tag is explicit (X.680 31.2.7).
            return explicit(4, encode_name(directory_name))
        case URIName(text):
            return implicit(6, ia5_string(text))
        case IPAddress(octets):
            return implicit(7, octet_string(octets))
        case RegisteredID(oid):
            return implicit(8, object_identifier(oid))
        case UnreadName(raw):
            return raw


def encode_general_names(*names: GeneralName) -> bytes:
    """GeneralNames, a SEQUENCE."""
    return sequence(*map(encode_general_name, names))


def read_general_name(element: Element) -> GeneralName:
    """The name in this element.

    Raises:
        EncodingError: not a GeneralName.
    """
    match element.tag:
        case 0xA0:
            fields = element.enter()
            oid = fields.next().object_identifier()
            value = fields.next(0xA0).inside().raw
            fields.finish()
            return OtherName(oid, value)
        case 0x81:
            return RFC822Name(_ascii(element))
        case 0x82:
            return DNSName(_ascii(element))
        case 0xA4:
            return DirectoryName(read_name(element.inside()))
        case 0x86:
            return URIName(_ascii(element))
        case 0x87:
            return IPAddress(element.content)
        case 0x88:
            return RegisteredID(element.object_identifier(0x88))
        case 0xA3 | 0xA5:
            return UnreadName(element.raw)
    raise EncodingError("not a GeneralName", offset=element.start, tag=element.tag)


def read_general_names(reader: Reader) -> tuple[GeneralName, ...]:
    """All the names that are left in `reader`, at least one."""
    start = reader.position
    names: list[GeneralName] = []
    while reader:
        names.append(read_general_name(reader.next()))
        if len(names) > MAX_GENERAL_NAMES:
            raise EncodingError("too many general names", offset=start)
    if not names:
        raise EncodingError("no general names", offset=start)
    return tuple(names)


def _ascii(element: Element) -> str:
    try:
        return element.content.decode("ascii")
    except UnicodeDecodeError:
        raise EncodingError("not an IA5String", offset=element.start) from None
