"""APDUs: the seven forms of a command, and everything that is none of them."""

from __future__ import annotations

import pytest

from jpki.cards.apdu import CommandAPDU, ResponseAPDU
from jpki.errors import EncodingError

FORMS = [
    ("00200080", b"", None),
    ("00b0000004", b"", 4),
    ("00b0000000", b"", 256),
    ("00a4020c020018", b"\x00\x18", None),
    ("802a008003aabbcc00", b"\xaa\xbb\xcc", 256),
    ("00b00000000101", b"", 257),
    ("00b00000000000", b"", 65536),
    ("00d60000000100" + "5a" * 256, b"\x5a" * 256, None),
    ("802a00800000035a5a5a0101", b"\x5a" * 3, 257),
    ("802a00800001005a" + "5a" * 255 + "0000", b"\x5a" * 256, 65536),
]


@pytest.mark.parametrize(("text", "data", "le"), FORMS)
def test_forms(text: str, data: bytes, le: int | None) -> None:
    """Each form parses to its data and length, and encodes back to the same octets."""
    raw = bytes.fromhex(text)
    command = CommandAPDU.parse(raw)
    assert (command.data, command.le) == (data, le)
    assert bytes(command) == raw


@pytest.mark.parametrize(
    "text",
    [
        "",
        "002000",
        "0020008002aa",
        "0020008001aabbcc",
        "002000800000",
        "0020008000000400aabb",
        "00200080000000aabb",
    ],
)
def test_lengths_that_do_not_add_up(text: str) -> None:
    """Anything else is an encoding error."""
    with pytest.raises(EncodingError):
        CommandAPDU.parse(bytes.fromhex(text))


@pytest.mark.parametrize("le", [0, 65537, -1])
def test_impossible_commands(le: int) -> None:
    """A command that no form can hold is refused when it is encoded."""
    with pytest.raises(EncodingError):
        bytes(CommandAPDU(ins=0xB0, le=le))
    with pytest.raises(EncodingError):
        bytes(CommandAPDU(ins=0xD6, data=bytes(65536)))


def test_response() -> None:
    """An answer is data and status word, at least two octets."""
    assert ResponseAPDU.parse(b"\xaa\x90\x00") == ResponseAPDU(0x9000, b"\xaa")
    assert bytes(ResponseAPDU(0x63C3)) == b"\x63\xc3"
    with pytest.raises(EncodingError):
        ResponseAPDU.parse(b"\x90")


def test_data_is_not_shown() -> None:
    """A command's repr shows no data, which may be a PIN."""
    assert "31" not in repr(CommandAPDU(ins=0x20, data=b"\x31\x32"))
