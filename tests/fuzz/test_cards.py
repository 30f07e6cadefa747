"""More than a million damaged commands: the card says a status word, and keeps all.

Random talk is in `tests/property`; these are commands that a card understands, with
octets changed, cut off and put in, in short and extended form, chained and not.
"""

from __future__ import annotations

from typing import Final

import pytest

from jpki.cards.apdu import CommandAPDU, Instruction, ResponseAPDU
from jpki.cards.applet import VirtualCard
from jpki.cards.card_types import card_type
from jpki.cards.signing import digest_info
from jpki.cards.state import CardState, decode_state
from jpki.model.purposes import Purpose
from tests.support.cards import (
    HOLDER,
    NUMBER_B,
    PINS,
    MemoryImage,
    issued_image,
    secrets_in,
)
from tests.support.fuzzing import run

pytestmark = pytest.mark.slow

_SEED: Final = 20260501
_STRANGER: Final = 800_000
_HOLDER: Final = 250_000
assert _STRANGER + _HOLDER > 1_000_000

_FRESH: Final = 1_000
"""Commands after which another card is put in: this one's PINs are blocked by then."""
_AGAIN: Final = 200
"""Commands after which a holder gives the PIN again."""
_SELECT: Final = bytes.fromhex("00a4040c0ad392f000260100000001")
_OTHERS: Final = [
    CommandAPDU(ins=Instruction.SELECT, p1=4, p2=0x0C, data=other.application)
    for other in card_type("my-number").applications.values()
]
_SECRETS: Final = (
    *PINS.values(),
    str(HOLDER.pin),
    HOLDER.my_number,
    NUMBER_B,
    "550217",
)
_PERSONAL: Final = (
    HOLDER.my_number.encode(),
    HOLDER.basic.name.encode(),
    HOLDER.basic.address.encode(),
    HOLDER.photo[:32],
)
_FILES: Final = (1, 2, 6, 8, 0x0A, 0x0B, 0x17, 0x18, 0x1A, 0x1B)


def _command(ins: Instruction, **parts: int | bytes | None) -> bytes:
    return bytes(CommandAPDU(ins=ins, **parts))  # type: ignore[arg-type]


def _samples() -> list[bytes]:
    info = digest_info("sha256", bytes(32))
    # The JPKI application more often than all others together.
    samples = [_SELECT] * 12 + [bytes(other) for other in _OTHERS]
    for file in (0x91, 0x92, 0x93, 0x94, 0x95):
        samples.append(_command(Instruction.VERIFY, p2=file, data=b"0000"))
    samples.append(_command(Instruction.READ_RECORD, p1=1, p2=0x0C, le=30))
    samples.append(_command(Instruction.READ_BINARY, p1=0x82, le=65536))
    samples += [
        _command(Instruction.SELECT, p1=2, p2=0x0C, data=file.to_bytes(2))
        for file in _FILES
    ]
    for le in (1, 4, 256, 1024, 65536):
        samples.append(_command(Instruction.READ_BINARY, le=le))
        samples.append(_command(Instruction.READ_BINARY, p1=0x81, p2=4, le=le))
    for file in (0x98, 0x9B):
        samples.append(_command(Instruction.VERIFY, p2=file))
        samples.append(_command(Instruction.VERIFY, p2=file, data=b"0000"))
        samples.append(_command(Instruction.VERIFY, p2=file, data=b"XYZ999"))
        change = Instruction.CHANGE_REFERENCE_DATA
        samples.append(_command(change, p1=1, p2=file, data=b"4321"))
        lift = Instruction.RESET_RETRY_COUNTER
        samples.append(_command(lift, p1=2, p2=file, data=b"4321"))
    for key in (0x97, 0x9A):
        for form in range(6):
            data = info if form in (0, 1, 3, 5) else bytes(32)
            sign = Instruction.PERFORM_SECURITY_OPERATION
            samples.append(_command(sign, cla=0x80, p1=form, p2=key, data=data, le=256))
        make = Instruction.GENERATE_ASYMMETRIC_KEY_PAIR
        samples.append(_command(make, p1=0x80, p2=key, data=b"\x08\x00", le=512))
    samples.append(_command(Instruction.GET_CHALLENGE, le=8))
    samples.append(_command(Instruction.EXTERNAL_AUTHENTICATE, data=bytes(32)))
    samples.append(_command(Instruction.UPDATE_BINARY, data=bytes(200)))
    samples.append(_command(Instruction.UPDATE_BINARY, p1=0x81, data=bytes(700)))
    samples.append(_command(Instruction.ACTIVATE_FILE))
    samples.append(_command(Instruction.GET_RESPONSE, le=256))
    chained = [bytes([sample[0] | 0x10]) + sample[1:] for sample in samples]
    return samples + chained


class _Talk:
    """Commands to one card after another; what must stay does."""

    def __init__(self, *verified: Purpose) -> None:
        self._verified = verified
        self._count = 0
        self._before = decode_state(issued_image("my-number").content)
        self._secrets = secrets_in(self._before)
        self._insert()

    def _insert(self) -> None:
        self._image: MemoryImage = issued_image("my-number")
        self._card = VirtualCard(self._image)
        self._seen, self._tries = self._image.content, _tries(self._before)
        self._left = _left(self._before)
        self._card.transmit(_SELECT)
        self._verify()

    def _verify(self) -> None:
        if self._verified:
            self._card.transmit(_SELECT)
        for purpose in self._verified:
            slot = self._card.card_type.slot(purpose)
            pin = PINS[purpose].encode("ascii")
            self._card.transmit(
                _command(Instruction.VERIFY, p2=0x80 | slot.pin.file, data=pin)
            )

    def __call__(self, octets: bytes) -> str:
        """One command."""
        self._count += 1
        if self._count % _FRESH == 0:
            self._insert()
        elif self._count % _AGAIN == 0:
            self._verify()
        if any(secret.encode("ascii") in octets for secret in _SECRETS):
            return "the right PIN"
        answer = ResponseAPDU.parse(self._card.transmit(octets))
        status = answer.status
        assert status == 0x9000 or 0x61 <= status >> 8 <= 0x6F, f"{status:04X}"
        if answer.data:
            assert not any(secret in answer.data for secret in self._secrets)
            assert not any(text in answer.data for text in _PERSONAL)
        if self._image.content is not self._seen:
            self._examine(decode_state(self._image.content))
        return f"{status >> 8:02X}"

    def _examine(self, state: CardState) -> None:
        self._seen = self._image.content
        before = self._before
        assert state.files == before.files
        assert [state.keys[p].private.private_numbers() for p in Purpose] == [
            before.keys[p].private.private_numbers() for p in Purpose
        ]
        for purpose, tries in _tries(state).items():
            if purpose in self._verified:
                continue
            assert tries <= self._tries[purpose], "a try was won"
            assert state.pins[purpose].hash == before.pins[purpose].hash
        self._tries = _tries(state)
        for name, holds in before.applications.items():
            now = state.application(name)
            assert now.files == holds.files
            left = {key: pin.tries_left for key, pin in now.pins.items()}
            assert all(left[key] <= self._left[name, key] for key in left)
            self._left.update({(name, key): tries for key, tries in left.items()})


def _tries(state: CardState) -> dict[Purpose, int]:
    return {purpose: pin.tries_left for purpose, pin in state.pins.items()}


def _left(state: CardState) -> dict[tuple[str, str], int]:
    """Tries of the PINs of other applications."""
    return {
        (name, key): pin.tries_left
        for name, holds in state.applications.items()
        for key, pin in holds.pins.items()
    }


def test_a_stranger_wins_nothing() -> None:
    """No PIN, no right: neither a try more, nor a key, nor a file."""
    words = run(_Talk(), _samples(), count=_STRANGER, seed=_SEED)
    assert words["90"] > _STRANGER // 50
    assert {"63", "67", "69", "6A", "6B", "6D", "6E"} <= set(words)


def test_who_knows_one_pin_wins_nothing_more() -> None:
    """The other PIN, both keys and every file stay as they are."""
    talk = _Talk(Purpose.AUTHENTICATION)
    words = run(talk, _samples(), count=_HOLDER, seed=_SEED + 1)
    assert words["90"] > _HOLDER // 50
