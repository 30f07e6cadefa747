"""Random talk to a card: only status words come back, and nothing is won by it."""

from __future__ import annotations

from functools import cache
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from jpki.cards.apdu import CommandAPDU, Instruction, ResponseAPDU
from jpki.cards.applet import VirtualCard
from jpki.cards.card_types import card_type
from jpki.cards.state import CardState, decode_state
from jpki.documents.cms import parse_signed_data
from jpki.errors import DocumentError, EncodingError
from jpki.model.purposes import Purpose
from tests.support.cards import PINS, MemoryImage, issued_image, secrets_in

SELECT_APPLICATION: Final = bytes.fromhex("00a4040c0ad392f000260100000001")
FILES: Final = (0x0001, 0x0002, 0x0006, 0x0008, 0x000A, 0x000B, 0x0017, 0x0018)
OTHER_FILES: Final = (0x001A, 0x001B, 0x3F00, 0x0000, 0xFFFF)

octet = st.integers(0, 255)
mostly = st.sampled_from
selections = mostly(FILES + OTHER_FILES).map(
    lambda file: CommandAPDU(ins=0xA4, p1=2, p2=0x0C, data=file.to_bytes(2, "big"))
)
commands = st.builds(
    CommandAPDU,
    cla=mostly([0x00, 0x80]) | octet,
    ins=mostly(list(Instruction)) | octet,
    p1=mostly([0x00, 0x01, 0x02, 0x04, 0x80, 0x81]) | octet,
    p2=mostly([0x00, 0x0C, 0x80, 0x97, 0x98, 0x9A, 0x9B]) | octet,
    data=st.binary(max_size=40) | st.binary(min_size=250, max_size=300),
    le=st.none() | mostly([1, 4, 16, 256, 65536]),
)
pin_guesses = st.builds(
    lambda sfi, pin: CommandAPDU(ins=0x20, p2=0x80 | sfi, data=pin),
    mostly([0x18, 0x1B]),
    mostly([b"0000", b"ABC12", b"ABC1234", b"abc123", b"\x00"]) | st.binary(max_size=9),
)
others = mostly(
    [other.application for other in card_type("my-number").applications.values()]
).map(lambda name: CommandAPDU(ins=0xA4, p1=4, p2=0x0C, data=name))
octets = st.one_of(
    (selections | commands | pin_guesses | others).map(bytes),
    st.just(SELECT_APPLICATION),
    st.binary(max_size=64),
).filter(lambda raw: raw[5:] != b"ABC123" and raw[5:] != b"1234")


def inserted(kind: str = "my-number") -> tuple[VirtualCard, MemoryImage]:
    image = issued_image(kind)
    return VirtualCard(image), image


def tries(state: CardState) -> list[int]:
    pins = [state.pins[purpose] for purpose in Purpose]
    pins += [pin for held in state.applications.values() for pin in held.pins.values()]
    return [pin.tries_left for pin in pins]


@cache
def secrets(kind: str) -> list[bytes]:
    """Private values of the card's keys, and what is stored of its PINs."""
    return secrets_in(decode_state(issued_image(kind).content))


def is_iso(status: int) -> bool:
    """Whether a status word lies in a range that ISO/IEC 7816-4 table 5 defines."""
    return status == 0x9000 or 0x61 <= status >> 8 <= 0x6F


@given(st.lists(octets, max_size=12), mostly(["my-number", "next-gen"]))
def test_random_talk_wins_nothing(talk: list[bytes], kind: str) -> None:
    """No exception, no try gained, no key, PIN or file changed, no secret told."""
    card, image = inserted(kind)
    before = decode_state(image.content)
    card.transmit(SELECT_APPLICATION)
    left = tries(before)
    for raw in talk:
        answer = ResponseAPDU.parse(card.transmit(raw))
        assert is_iso(answer.status)
        assert not any(secret in answer.data for secret in secrets(kind))
        now = tries(decode_state(image.content))
        assert all(new <= old for new, old in zip(now, left, strict=True))
        left = now
    after = decode_state(image.content)
    assert after.files == before.files
    assert [held.files for held in after.applications.values()] == [
        held.files for held in before.applications.values()
    ]
    assert [after.pins[p].hash for p in Purpose] == [
        before.pins[p].hash for p in Purpose
    ]
    assert [_public(after, p) for p in Purpose] == [_public(before, p) for p in Purpose]


@given(st.lists(octets, max_size=6), mostly(list(Purpose)))
def test_the_right_pin_still_works_or_is_blocked(
    talk: list[bytes], purpose: Purpose
) -> None:
    """After any talk the right PIN opens, unless the misses have blocked it."""
    card, image = inserted()
    for raw in (SELECT_APPLICATION, *talk, SELECT_APPLICATION):
        card.transmit(raw)
    left = decode_state(image.content).pins[purpose].tries_left
    slot = card.card_type.slot(purpose)
    right = CommandAPDU(
        ins=0x20, p2=0x80 | slot.pin.file, data=PINS[purpose].encode("ascii")
    )
    assert card.transmit(bytes(right)).hex() == ("9000" if left else "6984")
    full = slot.pin.tries if left else 0
    assert decode_state(image.content).pins[purpose].tries_left == full


@given(st.binary(max_size=600))
def test_commands_parse_or_are_encoding_errors(raw: bytes) -> None:
    """What parses as a command encodes to the same octets; the rest is our error."""
    try:
        command = CommandAPDU.parse(raw)
    except EncodingError:
        return
    assert CommandAPDU.parse(bytes(command)) == command


@given(st.binary(max_size=200))
def test_random_bytes_are_no_signed_document(raw: bytes) -> None:
    """Reading a signature raises nothing but our errors."""
    try:
        parse_signed_data(raw)
    except (DocumentError, EncodingError):
        return
    raise AssertionError("random octets were read as a signature")


def _public(state: CardState, purpose: Purpose) -> bytes:
    key = state.keys[purpose].private.public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
