"""What is printed on a card, as its chip holds it: values to octets, and back.

Files are BER-TLV with tags of two octets (FFxx around DFxx), as public readers meet
them (jpki/myna src/text.rs and visual.rs; myna-card). What follows the last octet of a
file is padding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from jpki.der.writer import header
from jpki.errors import EncodingError
from jpki.model.residents import BasicInformation, Gender

__all__ = [
    "CARD_RECORD_OCTETS",
    "HEAD_OCTETS",
    "CardRecord",
    "FaceRecord",
    "age_file",
    "attributes_file",
    "card_record",
    "content_size",
    "face_file",
    "my_number_file",
    "read_attributes",
    "read_card_record",
    "read_face",
    "read_my_number",
]

HEAD_OCTETS: Final = 5
"""Of a file: two of the tag, up to three of the length."""
CARD_RECORD_OCTETS: Final = 30

_OUTER: Final = 0xFF
_INNER: Final = 0xDF
# FFxx
_NUMBER, _ATTRIBUTES, _FACE = 0x10, 0x20, 0x20
# DFxx of EF 0002 of 券面事項入力補助AP
_OFFSETS, _NAME, _ADDRESS, _BIRTH, _SEX = 0x21, 0x22, 0x23, 0x24, 0x25
# DFxx of EF 0002 of 券面事項確認AP
_FACE_BIRTH, _FACE_SEX, _FACE_KEY = 0x22, 0x23, 0x24
_NAME_IMAGE, _ADDRESS_IMAGE, _PHOTO, _SIGNATURE = 0x25, 0x26, 0x27, 0x28
_EXPIRY, _CODE_IMAGE = 0x29, 0x2A

Elements = Mapping[int, bytes]
"""Contents by the second octet of their tag."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FaceRecord:
    """EF 0002 of 券面事項確認AP."""

    birth: date
    gender: Gender
    expires: date
    """The card's last day."""
    name_image: bytes = field(default=b"", repr=False)
    """PNG, as printed; empty where there is none."""
    address_image: bytes = field(default=b"", repr=False)
    photo: bytes = field(default=b"", repr=False)
    """JPEG 2000 on real cards."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CardRecord:
    """EF 0001 of 共通カードAP: which card this is."""

    number: str
    """15 digits."""
    municipality: str
    """Five digits (JIS X 0401, 0402)."""
    expires: date


# -- values to octets -----------------------------------------------------------------


def my_number_file(my_number: str) -> bytes:
    """個人番号 in EF 0001 of 券面事項入力補助AP."""
    return _tlv(_OUTER, _NUMBER, my_number.encode("ascii"))


def attributes_file(basic: BasicInformation, sexes: Mapping[str, str]) -> bytes:
    """基本4情報 in EF 0002 of 券面事項入力補助AP."""
    return _with_offsets(
        _ATTRIBUTES,
        {
            _NAME: basic.name.encode(),
            _ADDRESS: basic.address.encode(),
            _BIRTH: _day(basic.date_of_birth),
            _SEX: sexes[basic.gender.value].encode(),
        },
    )


def face_file(face: FaceRecord, sexes: Mapping[str, str]) -> bytes:
    """EF 0002 of 券面事項確認AP. Key, signature and picture of the code are empty."""
    return _with_offsets(
        _FACE,
        {
            _FACE_BIRTH: _day(face.birth),
            _FACE_SEX: sexes[face.gender.value].encode(),
            _FACE_KEY: b"",
            _NAME_IMAGE: face.name_image,
            _ADDRESS_IMAGE: face.address_image,
            _PHOTO: face.photo,
            _SIGNATURE: b"",
            _EXPIRY: _day(face.expires),
            _CODE_IMAGE: b"",
        },
    )


def age_file(birth: date) -> bytes:
    """EF 0001 of 券面事項確認AP, for whoever must know an age alone."""
    parts = {0x11: _day(birth), 0x12: b"", 0x13: b""}
    inner = b"".join(_tlv(_INNER, tag, content) for tag, content in parts.items())
    return _tlv(_OUTER, _NUMBER, inner)


def card_record(card: CardRecord) -> bytes:
    """Record 1 of EF 0001 of 共通カードAP: 01, length, digits."""
    text = f"{card.number}{card.municipality}{card.expires:%Y%m%d}"
    return header(0x01, len(text)) + text.encode("ascii")


def _with_offsets(tag: int, parts: Elements) -> bytes:
    """Elements after one (DF21) that says where in the content each begins."""
    elements = [_tlv(_INNER, key, content) for key, content in parts.items()]
    offset = len(_tlv(_INNER, _OFFSETS, bytes(2 * len(elements))))
    offsets = b""
    for element in elements:
        offsets += offset.to_bytes(2)
        offset += len(element)
    return _tlv(_OUTER, tag, b"".join((_tlv(_INNER, _OFFSETS, offsets), *elements)))


def _tlv(first: int, second: int, content: bytes) -> bytes:
    return bytes((first,)) + header(second, len(content)) + content


def _day(day: date) -> bytes:
    return f"{day:%Y%m%d}".encode("ascii")


# -- octets to values -----------------------------------------------------------------


def content_size(head: bytes) -> int:
    """How long a file is, by its first octets.

    Raises:
        EncodingError: nothing is written in it, or something else.
    """
    if len(head) < HEAD_OCTETS or head[0] != _OUTER or head[1] == 0xFF:
        raise EncodingError("nothing is written in this file of the card")
    size, start = _length(head, 2)
    return start + size


def read_my_number(octets: bytes) -> str:
    """個人番号.

    Raises:
        EncodingError: the file holds something else.
    """
    number = _text(_only(octets, _NUMBER))
    if len(number) != 12 or not number.isascii() or not number.isdigit():
        raise EncodingError("個人番号 has 12 digits")
    return number


def read_attributes(octets: bytes, sexes: Mapping[str, str]) -> BasicInformation:
    """基本4情報.

    Raises:
        EncodingError: the file holds something else.
    """
    parts = _elements(_only(octets, _ATTRIBUTES))
    return BasicInformation(
        name=_text(_part(parts, _NAME)),
        address=_text(_part(parts, _ADDRESS)),
        date_of_birth=_read_day(_part(parts, _BIRTH)),
        gender=_gender(_part(parts, _SEX), sexes),
    )


def read_face(octets: bytes, sexes: Mapping[str, str]) -> FaceRecord:
    """The face of the card.

    Raises:
        EncodingError: the file holds something else.
    """
    parts = _elements(_only(octets, _FACE))
    return FaceRecord(
        birth=_read_day(_part(parts, _FACE_BIRTH)),
        gender=_gender(_part(parts, _FACE_SEX), sexes),
        expires=_read_day(_part(parts, _EXPIRY)),
        name_image=_part(parts, _NAME_IMAGE),
        address_image=_part(parts, _ADDRESS_IMAGE),
        photo=_part(parts, _PHOTO),
    )


def read_card_record(octets: bytes) -> CardRecord:
    """Which card it is.

    Raises:
        EncodingError: the record holds something else.
    """
    text = _text(octets[2:])
    if octets[:2] != b"\x01\x1c" or len(text) != 28 or not text.isascii():
        raise EncodingError("a card's record has 28 digits")
    if not text[:20].isdigit():
        raise EncodingError("a card's record has 28 digits")
    return CardRecord(
        number=text[:15],
        municipality=text[15:20],
        expires=_read_day(octets[22:]),
    )


def _only(octets: bytes, tag: int) -> bytes:
    if octets[:1] != bytes((_OUTER,)) or octets[1:2] != bytes((tag,)):
        raise EncodingError("another file of the card was expected")
    size, start = _length(octets, 2)
    if len(octets) < start + size:
        raise EncodingError("a file of the card is cut off")
    return octets[start : start + size]


def _elements(content: bytes) -> Elements:
    found: dict[int, bytes] = {}
    at = 0
    while at < len(content):
        if content[at] != _INNER or at + 2 >= len(content):
            raise EncodingError("an element of the card's face has another tag")
        size, start = _length(content, at + 2)
        if start + size > len(content) or content[at + 1] in found:
            raise EncodingError("an element of the card's face is cut off, or twice")
        found[content[at + 1]] = content[start : start + size]
        at = start + size
    return found


def _length(octets: bytes, at: int) -> tuple[int, int]:
    """Size of a content, and where it begins; up to two octets of length follow."""
    first = octets[at] if at < len(octets) else 0xFF
    if first < 0x80:
        return first, at + 1
    count = first - 0x80
    if count not in (1, 2) or at + 1 + count > len(octets):
        raise EncodingError("a length on the card that is none")
    return int.from_bytes(octets[at + 1 : at + 1 + count]), at + 1 + count


def _part(parts: Elements, tag: int) -> bytes:
    try:
        return parts[tag]
    except KeyError:
        raise EncodingError(f"the card's face has no element DF{tag:02X}") from None


def _text(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise EncodingError("a text on the card is not UTF-8") from None


def _read_day(octets: bytes) -> date:
    text = _text(octets)
    try:
        if len(text) != 8 or not text.isascii() or not text.isdigit():
            raise ValueError
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        raise EncodingError("a date on the card is not YYYYMMDD") from None


def _gender(octets: bytes, sexes: Mapping[str, str]) -> Gender:
    written = _text(octets)
    for value, text in sexes.items():
        if text == written:
            return Gender(value)
    return Gender.UNKNOWN
