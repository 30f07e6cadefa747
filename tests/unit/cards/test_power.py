"""What a card keeps: through power cuts, full disks and damaged files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jpki.cards.applet import VirtualCard
from jpki.cards.card_types import card_type
from jpki.cards.face import FaceSession
from jpki.cards.session import CardSession
from jpki.cards.state import decode_state, encode_state
from jpki.cards.transport import InProcessTransport
from jpki.durable import HeldFile, create_file
from jpki.errors import APDUError, CardError, CardGone, Conflict, PINBlocked, PINError
from jpki.model.suites import suite
from tests.support.cards import (
    HOLDER,
    ISSUER_SECRET,
    PASSWORD,
    SERIAL,
    SIGNATURE,
    MemoryImage,
    PowerCutError,
    issued_image,
    session_on,
)

JUKI = "juki", "rsa1024-sha1"


def tries(content: bytes) -> int:
    return decode_state(content).pins[SIGNATURE].tries_left


def test_the_counter_is_lowered_before_the_pin_is_compared() -> None:
    """A right PIN writes twice: one try less first, all tries after."""
    image = issued_image(*JUKI)
    session_on(image).verify_pin(SIGNATURE, lambda: PASSWORD)
    assert [tries(content) for content in (*image.past, image.content)] == [5, 4, 5]


def test_a_wrong_pin_is_written_once() -> None:
    """A wrong PIN leaves the counter where it was put before the comparison."""
    image = issued_image(*JUKI)
    with pytest.raises(PINError):
        session_on(image).verify_pin(SIGNATURE, lambda: "WRONG1")
    assert [tries(content) for content in (*image.past, image.content)] == [5, 4]


@pytest.mark.parametrize("writes", [0, 1])
@pytest.mark.parametrize("pin", [PASSWORD, "WRONG1"])
def test_power_cuts_win_no_tries(writes: int, pin: str) -> None:
    """Cutting the power during VERIFY never gives a try back or a comparison free."""
    image = issued_image(*JUKI)
    for left in range(5, 0, -1):
        image.writes_left = writes
        session = session_on(image)
        with pytest.raises((PowerCutError, PINError, PINBlocked)):
            session.verify_pin(SIGNATURE, lambda: pin)
        assert tries(image.content) == (left - 1 if writes else 5)


@pytest.mark.parametrize("writes", [0, 1])
@pytest.mark.parametrize("pin", [str(HOLDER.pin), "0000"])
def test_power_cuts_win_no_tries_of_the_face(writes: int, pin: str) -> None:
    """The same in the card's other applications."""
    image = issued_image("my-number")
    for left in (3, 2, 1):
        image.writes_left = writes
        session = FaceSession(InProcessTransport(VirtualCard(image)))
        with pytest.raises((PowerCutError, PINError, PINBlocked)):
            session.verify_pin(lambda: pin)
        held = decode_state(image.content).application("input-support")
        assert held.pins["pin"].tries_left == (left - 1 if writes else 3)


@pytest.mark.parametrize("writes", range(4))
def test_power_cuts_at_the_counter(writes: int) -> None:
    """Key generation, PIN setting and writing each happen wholly or not at all."""
    image = issued_image(*JUKI)
    before = decode_state(image.content)
    image.writes_left = writes
    session = session_on(image)
    session.authenticate_counter(ISSUER_SECRET)
    with pytest.raises(PowerCutError):
        session.generate_key_pair(SIGNATURE, suite(JUKI[1]))
        session.set_pin(SIGNATURE, lambda: "NEW999")
        session.write_certificates(
            SIGNATURE, b"\x30\x82\x01\x00" + bytes(256), b"\x30\x82\x00\x01\x00"
        )
        session.verify_pin(SIGNATURE, lambda: "NEW999")
    after = decode_state(image.content)
    numbers = [s.keys[SIGNATURE].private.public_key() for s in (before, after)]
    assert (numbers[0] == numbers[1]) is (writes == 0)
    assert after.pins[SIGNATURE].matches(b"NEW999") is (writes >= 2)
    certificate = after.files.get(0x0001)
    assert certificate == (
        before.files[0x0001]
        if writes == 0
        else b"\x30\x82\x01\x00" + bytes(256)
        if writes == 3
        else None
    )


def test_full_disk_is_a_status_word() -> None:
    """A card that cannot write answers 6581 and compares nothing."""
    image = issued_image(*JUKI)
    session = session_on(image)
    image.full = True
    with pytest.raises(APDUError) as caught:
        session.verify_pin(SIGNATURE, lambda: PASSWORD)
    assert caught.value.status_word == 0x6581
    image.full = False
    assert session.pin_tries_left(SIGNATURE) == 5
    with pytest.raises(APDUError):
        session.read_certificate(SIGNATURE)


def test_state_survives_the_file(tmp_path: Path) -> None:
    """A card taken out and put in again has the same keys, PINs and tries."""
    path = tmp_path / "card.json"
    path.write_bytes(issued_image(*JUKI).content)
    with VirtualCard.open(path) as card, pytest.raises(PINError):
        CardSession(InProcessTransport(card)).verify_pin(SIGNATURE, lambda: "WRONG1")
    with VirtualCard.open(path) as card:
        session = CardSession(InProcessTransport(card))
        assert session.pin_tries_left(SIGNATURE) == 4
        session.verify_pin(SIGNATURE, lambda: PASSWORD)
        assert session.read_certificate(SIGNATURE)[:2] == b"\x30\x82"
    assert [entry.name for entry in tmp_path.iterdir()] == ["card.json"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_create(tmp_path: Path) -> None:
    """A new card is blank, private to its owner, and never replaces another."""
    path = tmp_path / "card.json"

    def create(where: Path, serial: str = SERIAL) -> VirtualCard:
        return VirtualCard.create(
            where, card_type("juki"), serial=serial, issuer_secret=ISSUER_SECRET
        )

    with create(path) as card:
        assert repr(card) == f"VirtualCard(juki, {SERIAL})"
        assert card.atr.hex() == "3be000ff8131fe4514"
        assert CardSession(InProcessTransport(card)).serial == SERIAL
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(CardError, match="never overwritten"):
        create(path)
    with pytest.raises(CardError, match="serial"):
        create(tmp_path / "other.json", "1" * 17)
    with pytest.raises(CardError):
        create(tmp_path / "no" / "card.json")


def test_one_program_at_a_time(tmp_path: Path) -> None:
    """A card in one reader is not in another, also after its file was replaced."""
    path = tmp_path / "card.json"
    path.write_bytes(issued_image(*JUKI).content)
    with VirtualCard.open(path) as card:
        with pytest.raises(CardError, match="in use"):
            VirtualCard.open(path)
        CardSession(InProcessTransport(card)).verify_pin(SIGNATURE, lambda: PASSWORD)
        with pytest.raises(CardError, match="in use"):
            VirtualCard.open(path)
        script = (
            "import sys, pathlib; from jpki.cards.applet import VirtualCard;"
            "VirtualCard.open(pathlib.Path(sys.argv[1]))"
        )
        other = subprocess.run(
            [sys.executable, "-c", script, str(path)], capture_output=True, text=True
        )
        assert "in use" in other.stderr
    VirtualCard.open(path).close()
    with pytest.raises(CardGone):
        card.transmit(b"\x00\x20\x00\x80")


def test_missing_and_damaged_files(tmp_path: Path) -> None:
    """No file is CardGone; anything that is no card file is a CardError."""
    path = tmp_path / "card.json"
    with pytest.raises(CardGone):
        VirtualCard.open(path)
    with pytest.raises(CardError):
        VirtualCard.open(tmp_path)
    good = json.loads(issued_image(*JUKI).content)
    changes: list[dict[str, object]] = [
        {"format": 2},
        {"type": "unknown"},
        {"serial": None},
        {"counter_key": "!"},
        {"pins": []},
        {"pins": {"signature": {"salt": "", "hash": "", "tries_left": 6}}},
        {"pins": {"signature": {"salt": "", "hash": "", "tries_left": True}}},
        {"pins": {"authentication": good["pins"]["signature"]}},
        {"keys": {"signature": "AAAA"}},
        {"keys": {"signature": None}},
        {"files": {"zz": ""}},
    ]
    for change in changes:
        path.write_text(json.dumps({**good, **change}))
        with pytest.raises(CardError):
            VirtualCard.open(path)
    for damaged in (b"", b"[]", b"\xff", b"[" * 100_000):
        path.write_bytes(damaged)
        with pytest.raises(CardError):
            VirtualCard.open(path)


def test_state_round_trip_and_silence() -> None:
    """The file reads back to the same octets; repr shows no secret."""
    content = issued_image(*JUKI).content
    state = decode_state(content)
    assert encode_state(state) == content
    secrets = (state.counter_key, state.pins[SIGNATURE].hash)
    assert not any(repr(secret)[2:12] in repr(state) for secret in secrets)
    assert b"ABC123" not in content


def test_held_files(tmp_path: Path) -> None:
    """A held file is replaced as a whole, and never two hold it."""
    path = tmp_path / "file"
    create_file(path, b"one")
    with pytest.raises(FileExistsError):
        create_file(path, b"two")
    held = HeldFile(path)
    with pytest.raises(Conflict):
        HeldFile(path)
    held.replace(b"two")
    assert (held.read(), path.read_bytes()) == (b"two", b"two")
    held.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_leftovers_of_a_killed_writer_do_no_harm(tmp_path: Path) -> None:
    """A draft that a killed process left behind is overwritten, not used."""
    path = tmp_path / "file"
    (tmp_path / f".file.{os.getpid()}.new").write_bytes(b"half")
    create_file(path, b"whole")
    assert path.read_bytes() == b"whole"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    others = {".file.1.new", ".other.1.new", ".file.x.new"}
    for name in others:
        (tmp_path / name).write_bytes(b"half")
    HeldFile(path).close()
    kept = {entry.name for entry in tmp_path.iterdir()}
    assert kept == {"file", ".other.1.new", ".file.x.new"}


def test_memory_image_is_no_other_card() -> None:
    """The memory that tests use is read and replaced as a file is."""
    image = MemoryImage(b"a")
    image.replace(b"b")
    assert (image.read(), image.past) == (b"b", [b"a"])
