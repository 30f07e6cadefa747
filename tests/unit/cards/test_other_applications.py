"""The card's other applications octet by octet, as public readers meet them."""

from __future__ import annotations

import pytest

from jpki.cards.applet import VirtualCard
from jpki.cards.application_types import read_applications
from jpki.cards.card_types import card_type
from jpki.cards.counter import counter_cryptogram, counter_key
from jpki.cards.state import decode_state, encode_state
from jpki.errors import ProfileError, WrongCard
from tests.support.cards import (
    HOLDER,
    ISSUER_SECRET,
    NUMBER_B,
    SERIAL,
    MemoryImage,
    blank_image,
    issued_image,
)

JPKI = "00a4040c0ad392f000260100000001"
TEXT = "00a4040c0ad3921000310001010408"
FACE = "00a4040c0ad3921000310001010402"
JUKI = "00a4040c0ad3921000310001010401"
COMMON = "00a4040c0ad3921000310001010100"


def ask(card: VirtualCard, command: str) -> str:
    return card.transmit(bytes.fromhex(command)).hex()


def verify(card: VirtualCard, file: str, typed: str) -> str:
    assert ask(card, f"00a4020c02{file}") == "9000"
    return ask(card, f"00200080{len(typed):02x}{typed.encode().hex()}")


@pytest.fixture
def card() -> VirtualCard:
    """A My Number card, issued and with its face."""
    return VirtualCard(issued_image("my-number"))


def test_the_four_digits_open_number_and_attributes(card: VirtualCard) -> None:
    """17 octets with 個人番号, then name, address, birth and sex, each with its tag."""
    assert ask(card, TEXT) == "9000"
    assert ask(card, "00b0810011") == "6982"
    assert verify(card, "0011", "2468") == "9000"
    assert ask(card, "00a4020c020001") == "9000"
    number = HOLDER.my_number.encode().hex()
    assert ask(card, "00b0000011") == f"ff100c{number}ffff9000"
    assert ask(card, "00a4020c020002") == "9000"
    content = bytes.fromhex(ask(card, "00b0000000"))[:-2]
    assert content[:2] == b"\xff\x20"
    assert b"\xdf\x22" + bytes([15]) + "電子　花子".encode() in content
    assert content.endswith(b"\xdf\x24\x0819800217" + b"\xdf\x25\x012")
    # DF21 says where the others begin.
    assert content[3:6] == b"\xdf\x21\x08"
    offsets = [int.from_bytes(content[at : at + 2]) for at in range(6, 14, 2)]
    tags = [content[3 + at : 5 + at].hex() for at in offsets]
    assert tags == ["df22", "df23", "df24", "df25"]


@pytest.mark.parametrize(
    ("typed", "file", "opens", "shuts"),
    [
        (HOLDER.my_number, "0014", "81", "82"),
        (NUMBER_B, "0015", "82", "81"),
    ],
)
def test_printed_numbers_open_their_half(
    card: VirtualCard, typed: str, file: str, opens: str, shuts: str
) -> None:
    """照合番号A opens 個人番号 alone, 照合番号B the four attributes alone."""
    assert ask(card, TEXT) == "9000"
    assert verify(card, file, typed) == "9000"
    assert ask(card, f"00b0{opens}0001") == "ff9000"
    assert ask(card, f"00b0{shuts}0001") == "6982"
    assert ask(card, f"00240180{len(typed):02x}{typed.encode().hex()}") == "6a88"
    assert ask(card, f"00a4020c02{file}") == "9000"
    assert ask(card, f"00240180{len(typed):02x}{typed.encode().hex()}") == "6985"


def test_the_face_opens_by_either_number(card: VirtualCard) -> None:
    """And the age record by the birth alone."""
    for file, typed in (("0013", HOLDER.my_number), ("0012", NUMBER_B)):
        assert ask(card, FACE) == "9000"
        assert ask(card, "00b0820001") == "6982"
        assert verify(card, file, typed) == "9000"
        assert ask(card, "00b0820004") == "ff2082289000"
    assert ask(card, FACE) == "9000"
    assert verify(card, "0011", "550217") == "9000"
    assert ask(card, "00b0820001") == "6982"
    birth = "df1108" + b"19800217".hex()
    assert ask(card, "00b0810011") == f"ff1011{birth}df12009000"


def test_the_card_itself(card: VirtualCard) -> None:
    """Number, municipality and last day are a record that is free to read."""
    assert ask(card, COMMON) == "9000"
    for command, answer in (
        ("00b201041e", "6986"),
        ("00b2010c1e", None),
        ("00b202041e", "6a83"),
        ("00b201051e", "6a86"),
        ("00b20104", "6700"),
        ("00b201f41e", "6a82"),
        ("00b000001e", "6981"),
        ("00b201e41e", "6981"),
    ):
        told = ask(card, command)
        if answer is None:
            text = bytes.fromhex(told)[2:-2].decode()
            assert text == SERIAL + "08220" + "20360217"
        else:
            assert told == answer, command
    blank = VirtualCard(MemoryImage(without_face()))
    assert ask(blank, COMMON) == "9000"
    assert ask(blank, "00b2010c1e") == "6a83"


def without_face() -> bytes:
    """A card whose face was never written, as cards were made before they had one."""
    state = decode_state(blank_image("my-number").content)
    content = encode_state(state).decode()
    return content[: content.index(',\n "applications"')].encode() + b"}"


def test_cards_without_a_face_are_still_cards() -> None:
    """Nothing is written, and no PIN is set."""
    card = VirtualCard(MemoryImage(without_face()))
    assert ask(card, TEXT) == "9000"
    assert ask(card, "00200091") == "63c0"
    assert verify(card, "0011", "2468") == "6984"


def test_applications_do_not_share_rights(card: VirtualCard) -> None:
    """To select one gives up what was won in another; PINs are apart."""
    assert ask(card, TEXT) == "9000"
    assert verify(card, "0011", "2468") == "9000"
    assert ask(card, JPKI) == "9000"
    assert ask(card, "00200098") == "63c3"
    assert ask(card, TEXT) == "9000"
    assert ask(card, "00b0810001") == "6982"
    assert ask(card, JUKI) == "9000"
    assert ask(card, "0020009c") == "63c0"
    assert ask(card, "00b09c0001") == "6981"
    assert ask(card, "802a009a023000") == "6d00"


def test_wrong_numbers_block_where_they_are_asked() -> None:
    """Three misses of the PIN; the printed numbers still open what they open."""
    image = issued_image("my-number")
    card = VirtualCard(image)
    assert ask(card, TEXT) == "9000"
    for left in "210":
        assert verify(card, "0011", "0000") == f"63c{left}"
    assert verify(card, "0011", "2468") == "6984"
    assert verify(card, "0014", HOLDER.my_number) == "9000"
    card = VirtualCard(MemoryImage(image.content))
    assert ask(card, TEXT) == "9000"
    assert ask(card, "00200091") == "63c0"
    challenge = card.transmit(bytes.fromhex("0084000010"))[:-2]
    answer = counter_cryptogram(counter_key(ISSUER_SECRET, SERIAL), challenge)
    assert ask(card, "002c02910431323334") == "6982"
    assert ask(card, f"0082000020{answer.hex()}") == "9000"
    assert ask(card, "002c02910431323334") == "9000"
    assert verify(card, "0011", "1234") == "9000"
    assert ask(card, "002401800434333231") == "9000"
    assert verify(card, "0011", "4321") == "9000"


def test_some_change_their_pin_by_jicsap(card: VirtualCard) -> None:
    """80 32 instead of 00 24, in 住基AP and 共通AP; a right is needed all the same."""
    for application in (JUKI, COMMON):
        assert ask(card, application) == "9000"
        challenge = card.transmit(bytes.fromhex("0084000010"))[:-2]
        answer = counter_cryptogram(counter_key(ISSUER_SECRET, SERIAL), challenge)
        assert ask(card, f"0082000020{answer.hex()}") == "9000"
        assert ask(card, "002c029c0431323334") == "9000"
        assert ask(card, "0024019c0434333231") == "6d00"
        assert ask(card, "8032009c0434333231") == "6982"
        assert verify(card, "001c", "1234") == "9000"
        assert ask(card, "8032019c0434333231") == "6a86"
        assert ask(card, "0032009c0434333231") == "6e00"
        assert ask(card, "8032009c0134") == "6a80"
        assert ask(card, "803200800434333231") == "9000"
        assert verify(card, "001c", "4321") == "9000"
    assert ask(card, TEXT) == "9000"
    assert ask(card, "803200910434333231") == "6d00"


def test_what_is_not_public_is_not_there() -> None:
    """Other generations have no other applications here."""
    for kind in ("juki", "next-gen"):
        card = VirtualCard(issued_image(kind))
        assert ask(card, TEXT) == "6a82"
        with pytest.raises(WrongCard, match="no application face"):
            card_type(kind).other("face")
    face = card_type("my-number").other("face")
    with pytest.raises(WrongCard):
        face.pin("none")
    with pytest.raises(WrongCard):
        face.file("none")


GOOD = {
    "title": "t",
    "application": "00",
    "source": "s",
    "unconfirmed": [],
    "pins": {
        "p": {
            "file": "0001",
            "characters": "digits",
            "shortest": 4,
            "longest": 4,
            "tries": 3,
        }
    },
    "files": {"face": {"file": "0002", "opened_by": ["p"]}},
}


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"title": 1}, "applications.a.title"),
        ({"colour": "x"}, "applications.a.colour"),
        ({"files": {"face": {"file": "0001", "opened_by": []}}}, "applications.a"),
        (
            {"files": {"face": {"file": "0002", "opened_by": ["q"]}}},
            "applications.a.files.face.opened_by",
        ),
        (
            {"files": {"odd": {"file": "0002", "opened_by": []}}},
            "applications.a.files.odd",
        ),
    ],
)
def test_bad_tables_are_refused(change: dict[str, object], key: str) -> None:
    """Each with the key that is wrong."""
    assert read_applications("x", {"a": GOOD})["a"].title == "t"
    with pytest.raises(ProfileError) as caught:
        read_applications("x", {"a": {**GOOD, **change}})
    assert caught.value.key == key
    with pytest.raises(ProfileError):
        read_applications("x", {"a": 1})
    with pytest.raises(ProfileError):
        read_applications("x", {"a": GOOD, "b": GOOD})
