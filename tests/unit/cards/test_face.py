"""The face of a card by a session: what each secret opens, and cards that lie."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from jpki.cards.applet import VirtualCard
from jpki.cards.card_types import card_type
from jpki.cards.face import FaceSession
from jpki.cards.face_data import (
    content_size,
    face_file,
    read_attributes,
    read_card_record,
    read_face,
    read_my_number,
)
from jpki.cards.holder import load_holder, number_b, personalised
from jpki.cards.state import StoredApplication, decode_state, encode_state
from jpki.cards.traffic import TRAFFIC
from jpki.cards.transport import InProcessTransport
from jpki.errors import (
    APDUError,
    CardError,
    EncodingError,
    PINBlocked,
    PINError,
    PINFormatError,
    ProfileError,
    WrongCard,
)
from jpki.model.residents import Gender
from tests.support.cards import (
    HOLDER,
    ISSUER_SECRET,
    NUMBER_B,
    SERIAL,
    MemoryImage,
    issued_image,
)

SEXES = card_type("my-number").other("face").sexes


def face_of(image: MemoryImage) -> FaceSession:
    """A session with the face of this card."""
    return FaceSession(InProcessTransport(VirtualCard(image)))


@pytest.mark.parametrize(
    ("typed", "number", "basic"),
    [
        ("2468", True, True),
        ("２４６８", True, True),
        (HOLDER.my_number, True, False),
        (NUMBER_B, False, True),
    ],
)
def test_each_secret_opens_what_it_opens(typed: str, number: bool, basic: bool) -> None:
    """The PIN all of it; the numbers that are printed not one another."""
    with face_of(issued_image("my-number")) as session:
        face = session.read(lambda: typed)
        assert face.my_number == (HOLDER.my_number if number else None)
        assert face.basic == (HOLDER.basic if basic else None)
        assert face.record.birth == HOLDER.basic.date_of_birth
        assert face.record.gender is Gender.FEMALE
        assert face.record.photo == HOLDER.photo
        assert session.card().number == SERIAL
        assert session.card().expires == HOLDER.expires


def test_traffic_names_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """Of what is read, the log has tags and lengths."""
    with caplog.at_level(TRAFFIC, logger="jpki.cards"):
        session = face_of(issued_image("my-number"))
        session.read(lambda: "2468")
        session.card()
    assert "ff10… (5)" in caplog.text
    texts = (HOLDER.my_number, HOLDER.basic.name, "2468", "0217", SERIAL[:4])
    for text in texts:
        assert text not in caplog.text
        assert text.encode().hex() not in caplog.text


def test_wrong_secrets_cost_a_try_where_they_belong() -> None:
    """What has no form of any is not sent."""
    session = face_of(issued_image("my-number"))
    for typed in ("", "123", "12345", "abcd", "1" * 13, "1" * 15):
        with pytest.raises(PINFormatError):
            session.read(lambda typed=typed: typed)  # type: ignore[misc]
    assert session.pin_tries_left() == 3
    with pytest.raises(PINError) as caught:
        session.read(lambda: "1" * 12)
    assert caught.value.retries_left == 9
    assert session.pin_tries_left() == 3
    for left in (2, 1):
        with pytest.raises(PINError) as caught:
            session.read(lambda: "0000")
        assert caught.value.retries_left == session.pin_tries_left() == left
    with pytest.raises(PINBlocked):
        session.read(lambda: "0000")
    with pytest.raises(PINBlocked):
        session.verify_pin(lambda: "2468")
    assert session.read(lambda: NUMBER_B).basic == HOLDER.basic


def test_the_pin_is_changed_and_set() -> None:
    """By the holder with the current one, by the counter without."""
    session = face_of(issued_image("my-number"))
    with pytest.raises(PINFormatError):
        session.change_pin(lambda: "2468", lambda: "12345")
    with pytest.raises(PINError):
        session.change_pin(lambda: "0000", lambda: "1111")
    session.change_pin(lambda: "2468", lambda: "１１１１")
    session.verify_pin(lambda: "1111")
    for _ in range(3):
        with pytest.raises((PINError, PINBlocked)):
            session.verify_pin(lambda: "0000")
    with pytest.raises(APDUError):
        session.set_pin(b"another issuer's secret", lambda: "2222")
    session.set_pin(ISSUER_SECRET, lambda: "2222")
    session.verify_pin(lambda: "2222")


def test_cards_without_a_face() -> None:
    """Of another generation, or never written."""
    for kind in ("juki", "next-gen"):
        with pytest.raises(WrongCard, match="not public"):
            face_of(issued_image(kind))
    state = decode_state(issued_image("my-number").content)
    pins = state.application("input-support").pins
    state = state.with_application("input-support", StoredApplication(pins=pins))
    state = state.with_application("common", StoredApplication())
    session = face_of(MemoryImage(encode_state(state)))
    with pytest.raises(WrongCard, match="nothing is written"):
        session.read(lambda: "2468")
    with pytest.raises(WrongCard, match="nothing is written"):
        session.card()


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\xff\x20",
        b"\xff\x20\x01",
        b"\xff\x20\x83\x00\x00\x00",
        b"\xff\x20\x02\xdf\x22",
        b"\xff\x20\x03\xde\x22\x00",
        b"\xff\x20\x03\xdf\x22\x05",
        b"\xff\x20\x06\xdf\x22\x00\xdf\x22\x00",
        b"\xff\x20\x00",
        b"\xff\x10\x0c12345678901x",
        b"\xff\x10\x02\xff\xff",
        b"\x01\x1c" + b"x" * 28,
        b"\x01\x1c" + b"1" * 20 + b"20269999",
    ],
)
def test_cards_that_talk_nonsense(octets: bytes) -> None:
    """Whatever stands there, the error is ours."""
    for reader in (read_my_number, read_card_record):
        with pytest.raises(EncodingError):
            reader(octets)
    for reading in (read_attributes, read_face):
        with pytest.raises(EncodingError):
            reading(octets, SEXES)


def test_the_size_of_a_file_is_told_by_its_head() -> None:
    """In one to three octets; FF is a file that nobody wrote."""
    assert content_size(b"\xff\x10\x0c12") == 15
    assert content_size(b"\xff\x20\x81\x80x") == 132
    assert content_size(b"\xff\x20\x82\x01\x00") == 261
    for bad in (b"\xff" * 5, b"\x30\x82\x00\x00\x00", b"\xff\x20"):
        with pytest.raises(EncodingError):
            content_size(bad)


def test_other_genders_are_unknown() -> None:
    """The code table is not confirmed: what it lacks is no error."""
    face = face_of(issued_image("my-number")).read(lambda: "2468").record
    made = face_file(face, {**SEXES, "2": "7"})
    assert read_face(made, SEXES).gender is Gender.UNKNOWN


def test_printed_numbers() -> None:
    """Births by 和暦 for Japanese nationals, by the Gregorian year for others."""
    assert number_b(HOLDER) == NUMBER_B
    kind = card_type("my-number")
    with pytest.raises(CardError, match="face is public"):
        personalised(card_type("juki"), HOLDER, SERIAL, bytes)
    assert set(personalised(kind, HOLDER, SERIAL, bytes)) == set(kind.applications)


GOOD = """
name = "電子　花子"
address = "茨城県つくば市"
date_of_birth = 2019-05-01
gender = "female"
municipality = "082201"
my_number = "123456789018"
expires = 2029-05-01
security_code = "0001"
photo = "photo"
"""


def test_holders_are_read_from_a_file(tmp_path: Path) -> None:
    """With pictures beside it; what is of no use is told."""
    file = tmp_path / "holder.toml"
    file.write_text(GOOD)
    with pytest.raises(CardError, match="photo: No such file"):
        load_holder(file)
    (tmp_path / "photo").write_bytes(b"photo")
    holder = load_holder(file)
    assert (holder.photo, holder.pin, holder.japanese) == (b"photo", None, True)
    assert holder.basic.date_of_birth == date(2019, 5, 1)
    assert number_b(holder) == "01050120290001"
    file.write_text(GOOD + "japanese = false")
    assert number_b(load_holder(file)) == "19050120290001"
    for old, new in (
        ("123456789018", "12345"),
        ("0001", "１２３４"),
        ('gender = "female"', 'gender = "none"'),
        ('name = "電子　花子"', ""),
        ('name = "電子　花子"', 'name = "x"\ncolour = "red"'),
    ):
        file.write_text(GOOD.replace(old, new))
        with pytest.raises((CardError, ProfileError)):
            load_holder(file)
    (tmp_path / "photo").write_bytes(bytes(40_000))
    file.write_text(GOOD)
    with pytest.raises(CardError, match="40072 octets do not fit"):
        personalised(card_type("my-number"), load_holder(file), SERIAL, bytes)
