"""Card types as data, token information, and PIN forms."""

from __future__ import annotations

from importlib import resources

import pytest

from jpki.cards.card_types import (
    card_type,
    card_type_of_label,
    card_types,
    load_card_type,
)
from jpki.cards.pins import existing_pin, new_pin
from jpki.cards.token import TokenInfo
from jpki.errors import EncodingError, PINFormatError, ProfileError, WrongCard
from tests.support.cards import AUTHENTICATION, SIGNATURE

JUKI = (resources.files("jpki.cards") / "data" / "juki.toml").read_text("utf-8")


def test_all_generations_are_there() -> None:
    """The juki card signs only; the others have two keys; all have one AID."""
    assert set(card_types()) == {"juki", "my-number", "next-gen"}
    juki, my_number = card_type("juki"), card_type("my-number")
    assert set(juki.slots) == {SIGNATURE}
    assert set(my_number.slots) == {SIGNATURE, AUTHENTICATION}
    assert juki.application == my_number.application
    assert juki.application.hex() == "d392f000260100000001"
    assert [suite.id for suite in juki.slots[SIGNATURE].suites] == [
        "rsa1024-sha1",
        "rsa2048-sha256",
    ]
    with pytest.raises(WrongCard):
        juki.slot(AUTHENTICATION)
    coming = card_type("next-gen")
    assert {
        key: [suite.id for suite in slot.suites] for key, slot in coming.slots.items()
    } == {
        SIGNATURE: ["p384-sha384"],
        AUTHENTICATION: ["p384-sha384"],
    }
    assert "slots" in coming.unconfirmed


def test_opensc_file_identifiers() -> None:
    """Files, tries and PIN references are those of OpenSC's driver."""
    sign = card_type("my-number").slots[SIGNATURE]
    auth = card_type("my-number").slots[AUTHENTICATION]
    files = (sign.certificate, sign.ca_certificate, sign.key, sign.pin.file)
    assert files == (0x0001, 0x0002, 0x001A, 0x001B)
    files = (auth.certificate, auth.ca_certificate, auth.key, auth.pin.file)
    assert files == (0x000A, 0x000B, 0x0017, 0x0018)
    assert (sign.pin.tries, auth.pin.tries) == (5, 3)


def test_types_are_found_by_label() -> None:
    """The token label tells the generations apart; others are refused."""
    assert card_type_of_label("JPKIAPICCTOKEN").id == "juki"
    assert card_type_of_label("JPKIAPICCTOKEN2").id == "my-number"
    with pytest.raises(WrongCard):
        card_type_of_label("JPKIAPGPSETOKEN")
    with pytest.raises(WrongCard):
        card_type("next")


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('id = "juki"', "", "id"),
        ('id = "juki"', 'id = "juki"\ncolour = "blue"', "colour"),
        ("tries = 5", "tries = '5'", "slots.signature.pin.tries"),
        ("[slots.signature]", "[slots.encryption]", "slots.encryption"),
        ('key = "001A"', 'key = "1A"', "value"),
        ('"rsa1024-sha1"', '"rot13"', "value"),
        ('id = "juki"', "id = ", "value"),
        ("[token]", "[tokens]", "token"),
        ("input_forms", 'signature_form = "round"\ninput_forms', "value"),
    ],
)
def test_bad_files_are_refused(old: str, new: str, key: str) -> None:
    """Unknown, missing and senseless keys name the file and the key."""
    with pytest.raises(ProfileError) as caught:
        load_card_type("x.toml", JUKI.replace(old, new, 1))
    assert caught.value.file == "x.toml"
    assert caught.value.key == key


def test_token_information() -> None:
    """CK_TOKEN_INFO has 160 octets with texts padded by spaces, and reads back."""
    info = TokenInfo(
        label="JPKIAPICCTOKEN2",
        manufacturer="Maker",
        model="Model",
        serial="0123",
        longest_pin=16,
        shortest_pin=4,
    )
    raw = bytes(info)
    assert len(raw) == 160
    assert raw[:32] == b"JPKIAPICCTOKEN2".ljust(32)
    assert raw[80:96] == b"0123".ljust(16)
    assert raw[116:124] == bytes((0, 0, 0, 16, 0, 0, 0, 4))
    assert TokenInfo.parse(raw) == info
    for bad in (b"", raw[:-1], b"\xff" + raw[1:]):
        with pytest.raises(EncodingError):
            TokenInfo.parse(bad)


SIGN = card_type("my-number").slots[SIGNATURE].pin
AUTH = card_type("my-number").slots[AUTHENTICATION].pin
OLD = card_type("juki").slots[SIGNATURE].pin


@pytest.mark.parametrize(
    ("typed", "sent"),
    [("ABC123", b"ABC123"), ("abc123", b"ABC123"), ("ａｂＣ１２３", b"ABC123")],
)
def test_typed_pins_are_made_plain(typed: str, sent: bytes) -> None:
    """Lower case and full width reach the card as what was meant."""
    assert existing_pin(typed, SIGN) == sent
    assert new_pin(typed, SIGN) == sent


@pytest.mark.parametrize(
    "typed", ["", "ABC12", "ABC 123", "ABC-123", "パスワード12", "A1" * 9, "ABC123\n"]
)
def test_impossible_pins_are_refused(typed: str) -> None:
    """What cannot be right by its form is not sent, and not repeated in the error."""
    with pytest.raises(PINFormatError) as caught:
        existing_pin(typed, SIGN)
    assert not typed or typed not in str(caught.value)


def test_new_pins_have_stricter_forms() -> None:
    """A new sign password mixes letters and digits; the older card did not ask that."""
    assert existing_pin("ABCDEF", SIGN) == b"ABCDEF"
    for typed in ("ABCDEF", "123456"):
        with pytest.raises(PINFormatError, match="one of each"):
            new_pin(typed, SIGN)
        assert new_pin(typed, OLD) == typed.encode()
    assert new_pin("0000", AUTH) == b"0000"
    for typed in ("000", "00000", "12a4"):
        with pytest.raises(PINFormatError, match="4 digits"):
            new_pin(typed, AUTH)
