"""Certificates of the usual shape, read without making an object of every element.

Here is only speed. What is read is what `jpki.x509.parse` would read; whatever is out
of the ordinary, right or wrong, gets None, and is then read in full there. Values that
the certificates of one authority have in common are read once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple, TypedDict

from jpki.der import oids
from jpki.der.frames import Frame
from jpki.der.quick import (
    Unusual,
    identifier,
    open_element,
    open_frame,
    quick_integer,
)
from jpki.der.reader import read_one
from jpki.der.times import time_of
from jpki.der.writer import object_identifier
from jpki.errors import EncodingError
from jpki.x509.extension_values import MAX_EXTENSIONS, Extension
from jpki.x509.names import MAX_NAME_ATTRIBUTES, read_name

__all__ = [
    "QuickCertificate",
    "are_general_names",
    "quick_certificate",
    "quick_items",
]

_VERSION_3: Final = b"\xa0\x03\x02\x01\x02"
_EXTENSIONS: Final = Frame((0xA3, b""), (0x30, b""))
"""The extensions, which come last in what is signed."""
_SHORT: Final = 512
"""Octets up to which a value is remembered."""
_OWN: Final = frozenset({oids.SUBJECT_ALT_NAME, oids.SUBJECT_KEY_IDENTIFIER})
"""Extensions that differ from one subscriber to the next."""


class QuickCertificate(TypedDict):
    """The parts, as `Certificate` has them."""

    tbs: bytes
    serial: int
    signature_algorithm: bytes
    issuer_der: bytes
    not_before: datetime
    not_after: datetime
    subject_der: bytes
    public_key: bytes
    extensions: Mapping[str, Extension]
    signature: bytes
    likeness: tuple[bytes, ...]
    """All that is signed but for serial number, validity, subject, key, and the
    extensions that are the subscriber's own: equal among certificates made alike."""


def quick_certificate(data: bytes) -> QuickCertificate | None:
    """The parts of a certificate of version 3, if it is of the usual shape."""
    try:
        return _read(data)
    except (Unusual, IndexError):
        return None


def _read(data: bytes) -> QuickCertificate:
    begin, end = open_element(data, 0, len(data), 0x30)
    at, tbs_end = open_element(data, begin, end, 0x30)
    if end != len(data) or data[at : at + 5] != _VERSION_3:
        raise Unusual
    at, algorithm_at = open_element(data, at + 5, tbs_end, 0x02)
    serial = quick_integer(data[at:algorithm_at])
    _, issuer_at = open_element(data, algorithm_at, tbs_end, 0x30)
    algorithm = data[algorithm_at:issuer_at]
    _, validity_at = open_element(data, issuer_at, tbs_end, 0x30)
    _, subject_at = open_element(data, validity_at, tbs_end, 0x30)
    _, key_at = open_element(data, subject_at, tbs_end, 0x30)
    _, extensions_at = open_element(data, key_at, tbs_end, 0x30)
    at = open_frame(data, extensions_at, tbs_end, _EXTENSIONS)
    issuer = data[issuer_at:validity_at]
    extensions, common = _extensions(data, at, tbs_end, issuer)
    subject = data[subject_at:key_at]
    _check_name(subject)
    not_before, not_after = _validity(data[validity_at:subject_at])
    # Outside: the same algorithm again, and the signature.
    at = tbs_end + len(algorithm)
    signature_at, stop = open_element(data, at, end, 0x03)
    if (
        data[tbs_end:at] != algorithm
        or stop != end
        or signature_at == stop
        or data[signature_at]
    ):
        raise Unusual
    return {
        "tbs": data[begin:tbs_end],
        "serial": serial,
        "signature_algorithm": algorithm,
        "issuer_der": issuer,
        "not_before": not_before,
        "not_after": not_after,
        "subject_der": subject,
        "public_key": data[key_at:extensions_at],
        "extensions": extensions,
        "signature": data[signature_at + 1 : stop],
        "likeness": (issuer, algorithm, common),
    }


class _Layout(NamedTuple):
    """The extensions of an issuer's certificates."""

    parts: tuple[_Part, ...]
    common: bytes


class _Part(NamedTuple):
    """Extensions that are the same in all of them, and one that follows."""

    raw: bytes
    extensions: dict[str, Extension]
    own: _Own | None
    """None where the list ends."""


class _Own(NamedTuple):
    """An extension of which only the value differs."""

    oid: str
    critical: bool
    frame: Frame
    """What stands around the value."""


_layouts: Final[dict[bytes, _Layout]] = {}
_MAX_LAYOUTS: Final = 256


def _extensions(
    data: bytes, at: int, stop: int, issuer: bytes
) -> tuple[Mapping[str, Extension], bytes]:
    layout = _layouts.get(issuer)
    if layout is not None:
        try:
            found = _extensions_as_before(data, at, stop, layout)
        except Unusual:
            found = None
        if found is not None:
            return MappingProxyType(found), layout.common
    found = {}
    parts: list[_Part] = []
    run, extensions = b"", dict[str, Extension]()
    count = 0
    while at < stop:
        _, after = open_element(data, at, stop, 0x30)
        raw = data[at:after]
        extension = _extension(raw) if len(raw) <= _SHORT else _read_extension(raw)
        found[extension.oid] = extension
        if extension.oid in _OWN:
            parts.append(_Part(run, extensions, _own(raw, extension)))
            run, extensions = b"", {}
        else:
            run += raw
            extensions[extension.oid] = extension
        count += 1
        at = after
    if not 0 < count == len(found) <= MAX_EXTENSIONS:
        raise Unusual
    parts.append(_Part(run, extensions, None))
    common = b"".join(part.raw for part in parts)
    if len(common) <= _MAX_COMMON:
        if len(_layouts) >= _MAX_LAYOUTS:
            _layouts.clear()
        _layouts[issuer] = _Layout(tuple(parts), common)
    return MappingProxyType(found), common


_MAX_COMMON: Final = 4096
"""Octets of extensions that are remembered as an issuer's usual ones."""


def _extensions_as_before(
    data: bytes, at: int, stop: int, layout: _Layout
) -> dict[str, Extension] | None:
    """The extensions, if they are those that the issuer's last certificate had."""
    found: dict[str, Extension] = {}
    for raw, extensions, own in layout.parts:
        if not data.startswith(raw, at):
            return None
        at += len(raw)
        found.update(extensions)
        if own is not None:
            _, after = open_element(data, at, stop, 0x30)
            at = open_frame(data, at, after, own.frame)
            found[own.oid] = Extension(own.oid, own.critical, data[at:after])
            at = after
    # What goes over the end is not where the list ends.
    return found if at == stop else None


def _own(raw: bytes, extension: Extension) -> _Own:
    lead, _ = open_element(raw, 0, len(raw), 0x30)
    _, end = open_element(raw, lead, len(raw), 0x06)
    end += 3 * extension.critical
    frame = Frame((0x30, raw[lead:end]), (0x04, b""))
    return _Own(extension.oid, extension.critical, frame)


def _read_extension(raw: bytes) -> Extension:
    at, end = open_element(raw, 0, len(raw), 0x30)
    _, value_at = open_element(raw, at, end, 0x06)
    oid = identifier(raw[at:value_at])
    critical = raw[value_at : value_at + 3] == b"\x01\x01\xff"
    if critical:
        value_at += 3
    value_at, stop = open_element(raw, value_at, end, 0x04)
    if stop != end:
        raise Unusual
    return Extension(oid, critical, raw[value_at:stop])


_extension = lru_cache(maxsize=4096)(_read_extension)


@lru_cache(maxsize=4096)
def _validity(raw: bytes) -> tuple[datetime, datetime]:
    at, end = open_element(raw, 0, len(raw), 0x30)
    start, middle = open_element(raw, at, end, raw[at])
    last, stop = open_element(raw, middle, end, raw[middle])
    if stop != end:
        raise Unusual
    try:
        return time_of(raw[at], raw[start:middle]), time_of(raw[middle], raw[last:stop])
    except EncodingError:
        raise Unusual from None


def _check_name(data: bytes) -> None:
    """Pass what `parse_name` would read, without reading it."""
    at, stop = open_element(data, 0, len(data), 0x30)
    if stop != len(data):
        raise Unusual
    count = 0
    while at < stop:
        # An RDN of this size is short, or it is not a good one.
        after = at + 2 + data[at + 1]
        raw = data[at:after]
        if raw not in _good_rdns:
            if not _is_common_rdn(raw):
                _check_rdn(raw)
            if len(_good_rdns) >= _MAX_RDNS:
                _good_rdns.clear()
            _good_rdns.add(raw)
        count += 1
        at = after
    # Each of the RDNs has one attribute: others are not passed.
    if at != stop or count > MAX_NAME_ATTRIBUTES:
        raise Unusual


_good_rdns: Final[set[bytes]] = set()
_MAX_RDNS: Final = 4096


def _is_common_rdn(raw: bytes) -> bool:
    """An attribute of the arc 2.5.4 as UTF8String, all in single octets of length."""
    size = len(raw)
    if (
        not 13 <= size < 0x80
        or raw[0] != 0x31
        or raw[2:3] != b"\x30"
        or raw[4:8] != b"\x06\x03\x55\x04"
        or raw[8] >= 0x80
        or raw[9] != 0x0C
        or (raw[1], raw[3], raw[10]) != (size - 2, size - 4, size - 11)
    ):
        return False
    try:
        raw[11:].decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


@lru_cache(maxsize=1024)
def _check_rdn(raw: bytes) -> None:
    """Any other RDN, of one attribute, if it is short enough to stand alone."""
    if len(raw) >= 0x80:
        raise Unusual
    try:
        name = read_name(read_one(b"\x30" + bytes([len(raw)]) + raw))
    except EncodingError:
        raise Unusual from None
    if len(name.rdns[0]) != 1:
        raise Unusual


def are_general_names(value: bytes) -> bool:
    """Whether these are surely GeneralNames; others may be as well."""
    try:
        at, stop = open_element(value, 0, len(value), 0x30)
        return stop == len(value) and at < stop and _all_names(value, at, stop)
    except (Unusual, IndexError):
        return False


def _all_names(value: bytes, at: int, stop: int) -> bool:
    count = 0
    while at < stop:
        tag, size = value[at], value[at + 1]
        after = at + 2 + size
        if size >= 0x80 or after > stop:
            return False
        if tag == 0xA0:
            # The type's identifier, and one element in an explicit tag.
            inner = at + 4 + value[at + 3]
            if (
                after - inner < 4
                or value[at + 2] != 0x06
                or value[inner] != 0xA0
                or value[inner + 1] != after - inner - 2
                or value[inner + 2] & 0x1F == 0x1F
                or value[inner + 3] != after - inner - 4
            ):
                return False
            identifier(value[at + 2 : inner])
        elif tag in (0x81, 0x82, 0x86):
            if not value[at + 2 : after].isascii():
                return False
        elif tag != 0x87:
            return False
        count += 1
        at = after
    return count <= _FEW


_FEW: Final = 64


@lru_cache(maxsize=8)
def quick_items(value: bytes) -> Mapping[int, str] | None:
    """The text of each item of the basic information, by the last arc of its type.

    None unless these GeneralNames are the six items, each once, and nothing else. One
    verdict asks for them twice: whether they can be read, and what they say.
    """
    items: dict[int, str] = {}
    try:
        at, stop = open_element(value, 0, len(value), 0x30)
        while at < stop:
            usual = _ITEM_HEADS.get(value[at : at + _ITEM_HEAD])
            if usual is not None:
                arc, size = usual
                at += _ITEM_HEAD
                after = at + size
            else:
                at, after = open_element(value, at, stop, 0xA0)
                arc = value[at + len(_ITEM)] if value.startswith(_ITEM, at) else 0
                at = open_frame(value, at + len(_ITEM) + 1, after, _ITEM_TEXT)
            if arc in items or arc not in _ARCS:
                return None
            items[arc] = value[at:after].decode()
            at = after
    except (Unusual, UnicodeDecodeError):
        return None
    # A text that goes over the end is not where the list ends.
    whole = at == stop == len(value)
    return items if whole and len(items) == len(_ARCS) else None


_ITEM: Final = object_identifier(f"{oids.JPKI}.5.1")[:-1]
"""What stands before the last arc of an item's type."""
_ARCS: Final = frozenset(range(1, 7))
_ITEM_TEXT: Final = Frame((0xA0, b""), (0x0C, b""))
"""What stands behind it, around the text."""
_ITEM_HEAD: Final = 2 + len(_ITEM) + 1 + 4
_ITEM_HEADS: Final = {
    b"\xa0%c%b%c\xa0%c\x0c%c" % (_ITEM_HEAD - 2 + size, _ITEM, arc, size + 2, size): (
        arc,
        size,
    )
    for arc in _ARCS
    for size in range(0x80 - (_ITEM_HEAD - 2))
}
"""What stands before an item's text where all lengths are of one octet."""
