"""SignedData of the usual shape, read without making an object of every element.

Here is only speed. What is read is what `jpki.documents.signed_data` would read:
one signer, named by issuer and serial number, without unsigned attributes and without
CRLs. Whatever else there is, right or wrong, gets None, and is then read in full there.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Final

from jpki.der import oids
from jpki.der.frames import Frame
from jpki.der.quick import (
    Unusual,
    identifier,
    open_element,
    open_frame,
    quick_integer,
)
from jpki.der.times import time_of
from jpki.der.writer import object_identifier
from jpki.documents.signed_values import (
    MAX_ATTRIBUTES,
    MAX_CERTIFICATES,
    SignedDocument,
    SignerInfo,
    SigningCertificate,
)
from jpki.errors import EncodingError

__all__ = ["quick_signed_data"]

_SEQUENCE: Final = 0x30
_SET: Final = 0x31
_OCTETS: Final = 0x04
_TAG_0: Final = 0xA0
_VERSIONS: Final = tuple(bytes((0x02, 0x01, number)) for number in (1, 3, 4, 5))
_VERSION_1: Final = _VERSIONS[0]
_DATA: Final = object_identifier(oids.CMS_DATA)
_CONTENT_TYPE: Final = object_identifier(oids.CONTENT_TYPE)
_MESSAGE_DIGEST: Final = object_identifier(oids.MESSAGE_DIGEST)
_SIGNING_TIME: Final = object_identifier(oids.SIGNING_TIME)
_BINDING: Final = object_identifier(oids.SIGNING_CERTIFICATE_V2)
_OLD_BINDING: Final = object_identifier(oids.SIGNING_CERTIFICATE)
_SIGNED_DATA: Final = Frame(
    (_SEQUENCE, object_identifier(oids.CMS_SIGNED_DATA)),
    (_TAG_0, b""),
    (_SEQUENCE, b""),
)
"""ContentInfo, and SignedData in it: all end where the document ends."""
_ONE_SIGNER: Final = Frame((_SET, b""), (_SEQUENCE, b""))
"""The signers, which come last, if it is one."""
_ONE_BINDING: Final = Frame((_SET, b""), *[(_SEQUENCE, b"")] * 3)
"""One SigningCertificateV2 that names one certificate and no policies."""
_DETACHED: Final = Frame((_SEQUENCE, b"")).head(len(_DATA)) + _DATA
_SHORT: Final = 64
"""Octets of an AlgorithmIdentifier or a type that is remembered."""


def quick_signed_data(data: bytes) -> SignedDocument | None:
    """The parts of a ContentInfo with SignedData, if it is of the usual shape."""
    try:
        return _read(data)
    except (Unusual, IndexError):
        return None


def _read(data: bytes) -> SignedDocument:
    end = len(data)
    at = open_frame(data, 0, end, _SIGNED_DATA)
    if not data.startswith(_VERSIONS, at):
        raise Unusual
    _, at = open_element(data, at + len(_VERSION_1), end, _SET)
    content_type, content, at = _content(data, at, end)
    certificates: list[bytes] = []
    if data[at : at + 1] == b"\xa0":
        at, after = open_element(data, at, end, _TAG_0)
        while at < after:
            start = at
            _, at = open_element(data, at, after, _SEQUENCE)
            certificates.append(data[start:at])
        if len(certificates) > MAX_CERTIFICATES:
            raise Unusual
    at = open_frame(data, at, end, _ONE_SIGNER)
    held = tuple(certificates)
    return SignedDocument(
        signers=(_signer(data, at, end, content_type),),
        certificates=held,
        content=content,
        content_type=identifier(content_type),
        certificate_choices=held,
    )


def _content(data: bytes, at: int, end: int) -> tuple[bytes, bytes | None, int]:
    """The type, with its tag; the content if it is inside; and where both end."""
    if data.startswith(_DETACHED, at):
        return _DATA, None, at + len(_DETACHED)
    at, after = open_element(data, at, end, _SEQUENCE)
    content_type, at = _type(data, at, after)
    if at == after:
        return content_type, None, after
    at, wrapped = open_element(data, at, after, _TAG_0)
    at, stop = open_element(data, at, wrapped, _OCTETS)
    if not stop == wrapped == after:
        raise Unusual
    return content_type, data[at:stop], after


def _signer(data: bytes, start: int, end: int, content_type: bytes) -> SignerInfo:
    if not data.startswith(_VERSION_1, start):
        raise Unusual
    issuer_at, after = open_element(data, start + len(_VERSION_1), end, _SEQUENCE)
    _, serial_at = open_element(data, issuer_at, after, _SEQUENCE)
    at, stop = open_element(data, serial_at, after, 0x02)
    if stop != after:
        raise Unusual
    serial = quick_integer(data[at:stop])
    digest_oid, attributes_at = _algorithm(data, after, end)
    at, algorithm_at = open_element(data, attributes_at, end, _TAG_0)
    attributes = _attributes(data, at, algorithm_at)
    signature_oid, value_at = _algorithm(data, algorithm_at, end)
    at, stop = open_element(data, value_at, end, _OCTETS)
    if stop != end:
        raise Unusual
    digest = attributes.get(_MESSAGE_DIGEST, b"")
    if attributes.get(_CONTENT_TYPE) != content_type or _OLD_BINDING in attributes:
        raise Unusual
    time, binding = attributes.get(_SIGNING_TIME), attributes.get(_BINDING)
    return SignerInfo(
        issuer_der=data[issuer_at:serial_at],
        serial=serial,
        subject_key_identifier=None,
        digest_oid=digest_oid,
        signature_oid=signature_oid,
        signature_algorithm=data[algorithm_at:value_at],
        signature=data[at:stop],
        signed_attributes=b"\x31" + data[attributes_at + 1 : algorithm_at],
        message_digest=_short(digest, _OCTETS),
        signing_time=None if time is None else _time(time),
        bindings=() if binding is None else (_binding(binding),),
        unsigned_attributes={},
        signed_part=data[start:end],
    )


def _attributes(data: bytes, at: int, end: int) -> dict[bytes, bytes]:
    """The one value of each attribute by the attribute's type, both with their tags.

    That of the binding comes with the SET around it, and is still to be looked at.
    """
    found: dict[bytes, bytes] = {}
    while at < end:
        usual = _USUAL.get(data[at : at + _HEAD])
        if usual is not None:
            oid, size = usual
            start, at = at + _HEAD - 2, at + _HEAD + size
            if at > end or oid in found:
                raise Unusual
            found[oid] = data[start:at]
            continue
        at, after = open_element(data, at, end, _SEQUENCE)
        if data.startswith(_BINDING, at):
            oid, at = _BINDING, at + len(_BINDING)
        else:
            oid, at = _type(data, at, after)
            at, stop = open_element(data, at, after, _SET)
            tag = data[at] if at < stop else 0x1F
            if stop != after or tag & 0x1F == 0x1F:
                raise Unusual
            _, value_end = open_element(data, at, stop, tag)
            if value_end != stop:
                raise Unusual
        if oid in found:
            raise Unusual
        found[oid] = data[at:after]
        at = after
    if len(found) > MAX_ATTRIBUTES:
        raise Unusual
    return found


def _heads(oid: bytes, *values: tuple[int, int]) -> dict[bytes, tuple[bytes, int]]:
    """What stands before an attribute's only value, of this tag and size."""
    return {
        Frame((0x30, oid), (_SET, b""), (tag, b"")).head(size): (oid, size)
        for tag, size in values
    }


_USUAL: Final = {
    **_heads(_CONTENT_TYPE, (0x06, 9)),
    **_heads(_MESSAGE_DIGEST, *((_OCTETS, size) for size in (20, 32, 48, 64))),
    **_heads(_SIGNING_TIME, (0x17, 13), (0x18, 15)),
}
"""The attributes that nearly every signature has, by their first octets."""
_HEAD: Final = len(next(iter(_USUAL)))
"""All are of one length; tag and length of the value are the last two octets."""


def _type(data: bytes, at: int, end: int) -> tuple[bytes, int]:
    """An object identifier with its tag, and where it ends."""
    _, after = open_element(data, at, end, 0x06)
    if after - at > _SHORT:
        raise Unusual
    raw = data[at:after]
    identifier(raw)
    return raw, after


def _algorithm(data: bytes, at: int, end: int) -> tuple[str, int]:
    """Which algorithm an AlgorithmIdentifier names, and where it ends."""
    after = at + 2 + data[at + 1]
    if after > end or after - at > _SHORT:
        raise Unusual
    return _named(data[at:after]), after


@lru_cache(maxsize=256)
def _named(raw: bytes) -> str:
    at, end = open_element(raw, 0, len(raw), _SEQUENCE)
    return identifier(_type(raw, at, end)[0])


def _short(raw: bytes, tag: int) -> bytes:
    """The content of an element whose length is one octet."""
    if not 2 <= len(raw) < 0x82 or raw[0] != tag or raw[1] != len(raw) - 2:
        raise Unusual
    return raw[2:]


def _time(raw: bytes) -> datetime:
    try:
        return time_of(raw[0], _short(raw, raw[0]))
    except EncodingError:
        raise Unusual from None


def _binding(raw: bytes) -> SigningCertificate:
    """Of the lists in it, the first certificate is asked for (RFC 5035 section 3)."""
    end = len(raw)
    at = open_frame(raw, 0, end, _ONE_BINDING)
    digest_oid = oids.SHA256
    if raw[at : at + 1] == b"\x30":
        digest_oid, at = _algorithm(raw, at, end)
    at, end = open_element(raw, at, end, _OCTETS)
    return SigningCertificate(digest_oid=digest_oid, certificate_hash=raw[at:end])
