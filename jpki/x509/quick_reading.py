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
from jpki.der.reader import read_one
from jpki.der.times import read_time
from jpki.errors import EncodingError
from jpki.x509.extension_values import MAX_EXTENSIONS, Extension
from jpki.x509.names import MAX_NAME_ATTRIBUTES, read_name

__all__ = ["QuickCertificate", "are_general_names", "quick_certificate"]

_VERSION_3: Final = b"\xa0\x03\x02\x01\x02"
_SHORT: Final = 512
"""Octets up to which a value is remembered."""
_MAX_SERIAL: Final = 21
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
    """All that is signed but for serial number, subject, key, and the extensions that
    are the subscriber's own: equal among certificates that were made alike."""


class _Unusual(Exception):
    pass


def _open(data: bytes, at: int, end: int, tag: int) -> tuple[int, int]:
    """Where the content of the element that begins here begins and ends."""
    if end - at < 2 or data[at] != tag:
        raise _Unusual
    size = data[at + 1]
    start = at + 2
    if size >= 0x80:
        if size == 0x82 and end - at >= 4:
            size = data[at + 2] << 8 | data[at + 3]
            if size < 0x100:
                raise _Unusual
            start = at + 4
        elif size == 0x81 and end - at >= 3:
            size = data[at + 2]
            if size < 0x80:
                raise _Unusual
            start = at + 3
        else:
            raise _Unusual
    stop = start + size
    if stop > end:
        raise _Unusual
    return start, stop


def quick_certificate(data: bytes) -> QuickCertificate | None:
    """The parts of a certificate of version 3, if it is of the usual shape."""
    try:
        return _read(data)
    except _Unusual:
        return None


def _read(data: bytes) -> QuickCertificate:
    begin, end = _open(data, 0, len(data), 0x30)
    at, tbs_end = _open(data, begin, end, 0x30)
    if end != len(data) or data[at : at + 5] != _VERSION_3:
        raise _Unusual
    at, algorithm_at = _open(data, at + 5, tbs_end, 0x02)
    serial = data[at:algorithm_at]
    if not 0 < len(serial) <= _MAX_SERIAL or (
        # A leading octet of zeros or ones may be one too many.
        len(serial) > 1 and serial[0] in (0x00, 0xFF) and serial[0] ^ serial[1] < 0x80
    ):
        raise _Unusual
    _, issuer_at = _open(data, algorithm_at, tbs_end, 0x30)
    algorithm = data[algorithm_at:issuer_at]
    _, validity_at = _open(data, issuer_at, tbs_end, 0x30)
    _, subject_at = _open(data, validity_at, tbs_end, 0x30)
    _, key_at = _open(data, subject_at, tbs_end, 0x30)
    _, extensions_at = _open(data, key_at, tbs_end, 0x30)
    at, stop = _open(data, extensions_at, tbs_end, 0xA3)
    at, list_stop = _open(data, at, stop, 0x30)
    if not stop == list_stop == tbs_end:
        raise _Unusual
    issuer = data[issuer_at:validity_at]
    extensions, common = _extensions(data, at, stop, issuer)
    subject = data[subject_at:key_at]
    _check_name(subject)
    validity = data[validity_at:subject_at]
    not_before, not_after = _validity(validity)
    # Outside: the same algorithm again, and the signature.
    at = tbs_end + len(algorithm)
    signature_at, stop = _open(data, at, end, 0x03)
    if (
        data[tbs_end:at] != algorithm
        or stop != end
        or signature_at == stop
        or data[signature_at]
    ):
        raise _Unusual
    return {
        "tbs": data[begin:tbs_end],
        "serial": int.from_bytes(serial, "big", signed=True),
        "signature_algorithm": algorithm,
        "issuer_der": issuer,
        "not_before": not_before,
        "not_after": not_after,
        "subject_der": subject,
        "public_key": data[key_at:extensions_at],
        "extensions": extensions,
        "signature": data[signature_at + 1 : stop],
        "likeness": (issuer, validity, algorithm, common),
    }


class _Layout(NamedTuple):
    """The extensions of an issuer's certificates; None is a subscriber's own."""

    parts: tuple[tuple[bytes, Extension] | None, ...]
    common: bytes


_layouts: Final[dict[bytes, _Layout]] = {}
_MAX_LAYOUTS: Final = 256


def _extensions(
    data: bytes, at: int, stop: int, issuer: bytes
) -> tuple[Mapping[str, Extension], bytes]:
    layout = _layouts.get(issuer)
    if layout is not None:
        found = _extensions_as_before(data, at, stop, layout)
        if found is not None:
            return MappingProxyType(found), layout.common
    found = {}
    parts: list[tuple[bytes, Extension] | None] = []
    while at < stop:
        _, after = _open(data, at, stop, 0x30)
        raw = data[at:after]
        extension = _extension(raw) if len(raw) <= _SHORT else _read_extension(raw)
        found[extension.oid] = extension
        parts.append(None if extension.oid in _OWN else (raw, extension))
        at = after
    if not 0 < len(parts) == len(found) <= MAX_EXTENSIONS:
        raise _Unusual
    common = b"".join([part[0] for part in parts if part is not None])
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
    for part in layout.parts:
        if part is None:
            if at >= stop:
                return None
            _, after = _open(data, at, stop, 0x30)
            extension = _read_extension(data[at:after])
            if extension.oid not in _OWN or extension.oid in found:
                return None
            at = after
        else:
            raw, extension = part
            if not data.startswith(raw, at):
                return None
            at += len(raw)
        found[extension.oid] = extension
    # A part that goes over the end is not where the list ends.
    return found if at == stop else None


def _read_extension(raw: bytes) -> Extension:
    at, end = _open(raw, 0, len(raw), 0x30)
    _, value_at = _open(raw, at, end, 0x06)
    oid = _identifier(raw[at:value_at])
    critical = raw[value_at : value_at + 3] == b"\x01\x01\xff"
    if critical:
        value_at += 3
    value_at, stop = _open(raw, value_at, end, 0x04)
    if stop != end:
        raise _Unusual
    return Extension(oid, critical, raw[value_at:stop])


_extension = lru_cache(maxsize=4096)(_read_extension)


@lru_cache(maxsize=1024)
def _identifier(raw: bytes) -> str:
    try:
        return read_one(raw).object_identifier()
    except EncodingError:
        raise _Unusual from None


@lru_cache(maxsize=4096)
def _validity(raw: bytes) -> tuple[datetime, datetime]:
    try:
        fields = read_one(raw, 0x30).enter()
        period = read_time(fields.next()), read_time(fields.next())
        fields.finish()
    except EncodingError:
        raise _Unusual from None
    return period


def _check_name(data: bytes) -> None:
    """Pass what `parse_name` would read, without reading it."""
    at, stop = _open(data, 0, len(data), 0x30)
    if stop != len(data):
        raise _Unusual
    count = 0
    while at < stop:
        _, after = _open(data, at, stop, 0x31)
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
    if count > MAX_NAME_ATTRIBUTES:
        raise _Unusual


_good_rdns: Final[set[bytes]] = set()
_MAX_RDNS: Final = 4096


def _is_common_rdn(raw: bytes) -> bool:
    """An attribute of the arc 2.5.4 as UTF8String, all in single octets of length."""
    size = len(raw)
    if (
        not 13 <= size < 0x80
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
        raise _Unusual
    try:
        name = read_name(read_one(b"\x30" + bytes([len(raw)]) + raw))
    except EncodingError:
        raise _Unusual from None
    if len(name.rdns[0]) != 1:
        raise _Unusual


def are_general_names(value: bytes) -> bool:
    """Whether these are surely GeneralNames; others may be as well."""
    try:
        at, stop = _open(value, 0, len(value), 0x30)
        return stop == len(value) and at < stop and _all_names(value, at, stop)
    except (_Unusual, IndexError):
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
            _identifier(value[at + 2 : inner])
        elif tag in (0x81, 0x82, 0x86):
            if not value[at + 2 : after].isascii():
                return False
        elif tag != 0x87:
            return False
        count += 1
        at = after
    return count <= _FEW


_FEW: Final = 64
