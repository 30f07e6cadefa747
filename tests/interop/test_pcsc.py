"""The virtual card in a real PC/SC service: OpenSC takes it for the real one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from jpki.cards.signing import digest_info
from jpki.model.purposes import Purpose
from tests.support.cards import HOLDER, PINS, SERIAL, issued_image
from tests.support.pcsc_room import JPKI, READERS, Room, environment, room
from tests.support.pdfs import write_empty_page

pytestmark = [pytest.mark.needs("pcscd", "vpcd", "opensc"), pytest.mark.slow]

_MODULE: Final = "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so"
_KEYS: Final = {
    # OpenSC's number of the key and of its PKCS #11 slot, and its PIN
    Purpose.AUTHENTICATION: ("01", "0", PINS[Purpose.AUTHENTICATION]),
    Purpose.SIGNATURE: ("02", "1", PINS[Purpose.SIGNATURE]),
}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """A PC/SC service with two empty readers."""
    with room(tmp_path_factory.mktemp("pcsc")) as opened:
        yield opened


def _card(here: Room, kind: str = "my-number") -> Path:
    file = here.folder / f"{kind}.json"
    file.unlink(missing_ok=True)
    file.touch(0o600)
    file.write_bytes(issued_image(kind).content)
    return file


@pytest.fixture
def card(here: Room) -> Iterator[Path]:
    """An issued card, in the first reader."""
    file = _card(here)
    with here.inserted(file):
        yield file


def _json(done: subprocess.CompletedProcess[str]) -> Any:
    return json.loads(done.stdout)


# -- OpenSC ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["juki", "my-number", "next-gen"])
def test_opensc_knows_the_card(here: Room, kind: str) -> None:
    """By its answer to reset or by its application."""
    with here.inserted(_card(here, kind)):
        readers = here.run("opensc-tool", "--list-readers").stdout
        assert f"Yes             {READERS[0]}" in readers
        assert f"No              {READERS[1]}" in readers
        assert here.run("opensc-tool", "--name").stdout.strip() == "jpki"


def test_opensc_lists_what_is_on_it(here: Room, card: Path) -> None:
    """Two keys, two PINs with their tries, four certificates."""
    told = here.run("pkcs15-tool", "--dump").stdout
    for line in (
        "PKCS#15 Card [JPKI]",
        "PIN [User Authentication PIN]",
        "PIN [Digital Signature PIN]",
        "Private RSA Key [User Authentication Key]",
        "Private RSA Key [Digital Signature Key]",
        "X.509 Certificate [User Authentication Certificate]",
        "X.509 Certificate [Digital Signature Certificate]",
        "X.509 Certificate [User Authentication Certificate CA]",
        "X.509 Certificate [Digital Signature Certificate CA]",
    ):
        assert line in told
    tries = [line for line in told.splitlines() if "Tries left" in line]
    assert [line.split()[-1] for line in tries] == ["3", "5"]


def _certificate(here: Room, purpose: Purpose) -> Path:
    number, _, pin = _KEYS[purpose]
    file = here.folder / f"{purpose.value}.pem"
    line = ["pkcs15-tool", "--read-certificate", number, "--output", str(file)]
    if purpose is Purpose.SIGNATURE:
        line += ["--verify-pin", "--auth-id", number, "--pin", pin]
    here.run(*line)
    return file


@pytest.mark.parametrize("purpose", list(Purpose))
def test_opensc_signs_with_both_keys(here: Room, card: Path, purpose: Purpose) -> None:
    """Through PKCS #11; `openssl dgst` verifies by the certificate on the card."""
    number, slot, pin = _KEYS[purpose]
    text, signature = here.folder / "text", here.folder / "text.sig"
    text.write_text("申請書\n")
    here.run(
        *("pkcs11-tool", "--module", _MODULE, "--slot-index", slot),
        *("--login", "--pin", pin, "--sign", "--id", number),
        *("--mechanism", "SHA256-RSA-PKCS"),
        *("--input-file", text, "--output-file", signature),
    )
    key = here.folder / "key.pem"
    pem = _certificate(here, purpose)
    key.write_text(here.run("openssl", "x509", "-in", pem, "-pubkey", "-noout").stdout)
    verified = here.run(
        *("openssl", "dgst", "-sha256", "-verify", key, "-signature", signature, text)
    )
    assert verified.stdout == "Verified OK\n"


def test_the_signature_certificate_stays_hidden(here: Room, card: Path) -> None:
    """It holds name and address: without the PIN nobody reads it."""
    done = here.run("pkcs15-tool", "--read-certificate", "02", check=False)
    assert done.returncode != 0
    assert "BEGIN CERTIFICATE" not in done.stdout


def _tries(here: Room, purpose: Purpose) -> int:
    keys = _json(here.jpki("card", "info", "--json"))["keys"]
    (found,) = [key for key in keys if key["purpose"] == purpose.value]
    return int(found["pin"]["tries_left"])


def test_wrong_pins_count_down_to_a_block(here: Room, card: Path) -> None:
    """For OpenSC and for us alike; the count outlives the card's way out and in."""
    wrong = "pkcs15-tool", "--verify-pin", "--auth-id", "01", "--pin"
    assert "incorrect" in here.run(*wrong, "9999", check=False).stderr
    assert _tries(here, Purpose.AUTHENTICATION) == 2
    told = here.run("pkcs15-tool", "--dump").stdout
    assert "Tries left     : 2" in told
    verify = "card", "verify-pin", "authentication", "--pin-file", "-", "--json"
    done = here.jpki(*verify, typed="8888\n", check=False)
    assert done.returncode == 1
    assert _json(done) == {
        "purpose": "authentication",
        "verified": False,
        "tries_left": 1,
    }
    assert here.jpki(*verify, typed="７７７\n", check=False).returncode == 2
    assert _tries(here, Purpose.AUTHENTICATION) == 1
    here.jpki(*verify, typed="１２３４\n")
    assert _tries(here, Purpose.AUTHENTICATION) == 3
    for _ in range(3):
        here.jpki(*verify, typed="0000\n", check=False)
    assert _tries(here, Purpose.AUTHENTICATION) == 0
    done = here.jpki(*verify[:-1], typed="1234\n", check=False)
    assert "counter can unblock" in done.stderr
    assert "Tries left     : 0" in here.run("pkcs15-tool", "--dump").stdout


# -- readers --------------------------------------------------------------------------


def test_readers_and_cards_are_listed(here: Room) -> None:
    """Two readers; a card of either generation in each, then none."""
    assert [
        one["type"] for one in _json(here.jpki("card", "list", "--json"))["readers"]
    ] == [None, None]
    with (
        here.inserted(_card(here), 0),
        here.inserted(_card(here, "juki"), 1),
    ):
        listed = _json(here.jpki("card", "list", "--json"))["readers"]
        assert [(one["reader"], one["type"], one["serial"]) for one in listed] == [
            (READERS[0], "my-number", SERIAL),
            (READERS[1], "juki", SERIAL),
        ]
        several = here.jpki("card", "info", check=False)
        assert several.returncode == 2
        assert "card:reader=Virtual%20PCD%2000%2000" in several.stderr
        uri = "card:reader=Virtual%20PCD%2000%2001"
        named = _json(here.jpki("card", "info", "--json", "--card", uri))
        assert named["type"] == "juki"
    gone = here.jpki("card", "info", check=False)
    assert gone.returncode == 2
    assert "insert the card" in gone.stderr


def test_a_card_is_waited_for(here: Room) -> None:
    """The command ends as soon as one comes, or when time is up."""
    none = here.jpki("card", "list", "--wait", "0.2", check=False)
    assert none.returncode == 2
    assert "no card came" in none.stderr
    line = [*here.command([*JPKI, "card", "list", "--wait", "60", "--json"])]
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, text=True, env=environment()
    ) as waiting:
        with here.inserted(_card(here, "next-gen"), 1):
            told, _ = waiting.communicate(timeout=60)
        listed = json.loads(told)["readers"]
    assert [one["type"] for one in listed] == [None, "next-gen"]


def test_the_face_is_read_in_a_reader(here: Room, card: Path) -> None:
    """By its PIN; opensc-tool sees the record of the card as it is."""
    face = here.jpki("card", "face", "--pin-file", "-", "--json", typed="2468\n")
    assert _json(face)["name"] == HOLDER.basic.name
    told = here.run(
        *("opensc-tool", "-s", "00a4040c0ad3921000310001010100"),
        *("-s", "00b2010c1e"),
    ).stdout
    assert told.count("SW1=0x90, SW2=0x00") == 2
    assert "40822020360217" in told


def test_a_card_that_is_in_a_reader_is_nowhere_else(here: Room, card: Path) -> None:
    """Its file belongs to the process that serves it."""
    done = here.jpki("card", "info", "--card", card, check=False)
    assert done.returncode == 2
    assert "in use" in done.stderr


def test_a_document_is_signed_through_the_reader(here: Room, card: Path) -> None:
    """CMS that openssl verifies, by the one card that is there."""
    text, made = here.folder / "form.txt", here.folder / "form.p7s"
    text.write_text("転入届\n")
    password = PINS[Purpose.SIGNATURE].lower() + "\n"
    here.jpki(
        *("card", "sign", "signature", text, "--output", made, "--pin-file", "-"),
        typed=password,
    )
    verified = here.run(
        *("openssl", "cms", "-verify", "-noverify", "-binary", "-inform", "DER"),
        *("-in", made, "-content", text, "-out", "/dev/null"),
        check=False,
    )
    assert "successful" in verified.stderr


def test_two_programs_take_turns(here: Room, card: Path) -> None:
    """Ours waits until OpenSC's is done, and nobody's rights are mixed up."""
    verify = ["pkcs15-tool", "--verify-pin", "--auth-id", "01", "--pin", "1234"]
    loop = f"for i in 1 2 3 4 5; do {' '.join(verify)} || exit 1; done"
    with subprocess.Popen(here.command(["sh", "-c", loop])) as other:
        for _ in range(5):
            assert _tries(here, Purpose.AUTHENTICATION) in (2, 3)
            read = here.jpki("card", "read", "authentication")
            assert "BEGIN CERTIFICATE" in read.stdout
        assert other.wait(60) == 0


def test_rights_end_with_the_program_that_won_them(here: Room, card: Path) -> None:
    """Killed after the PIN: whoever comes next finds a card that was reset."""
    code = f"""
from jpki.cards.places import open_place, parse_card_uri
from jpki.cards.session import CardSession
from jpki.model.purposes import Purpose

session = CardSession(open_place(parse_card_uri("card:")))
session.verify_pin(Purpose.SIGNATURE, lambda: {PINS[Purpose.SIGNATURE]!r})
print("verified", flush=True)
input()
"""
    with subprocess.Popen(
        here.command([sys.executable, "-c", code]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "verified\n"
        program.kill()
    sign = "802A009A" + "33" + digest_info("sha256", bytes(32)).hex() + "00"
    told = _json(here.jpki("card", "apdu", sign, "00B0810002", "--json"))
    assert [one["status"] for one in told] == ["6985", "6985"]
    select = "00A4040C0AD392F000260100000001"
    told = _json(here.jpki("card", "apdu", select, sign, "--json"))
    assert [one["status"] for one in told] == ["9000", "6982"]


def test_a_card_that_is_pulled_out(here: Room) -> None:
    """Between the PIN and the signature: told as such, and no signature comes."""
    card = _card(here)
    with here.inserted(card) as process:
        code = f"""
import os, signal
from jpki.cards.places import open_place, parse_card_uri
from jpki.cards.pcsc import readers, wait_for_change
from jpki.cards.session import CardSession
from jpki.cards.signing import digest_info
from jpki.errors import CardGone
from jpki.model.purposes import Purpose

known = readers()
session = CardSession(open_place(parse_card_uri("card:")))
session.verify_pin(Purpose.SIGNATURE, lambda: {PINS[Purpose.SIGNATURE]!r})
print("verified", flush=True)
input()
try:
    session.sign(Purpose.SIGNATURE, digest_info("sha256", bytes(32)))
except CardGone as gone:
    print("gone", gone.message)
session.close()
now = wait_for_change(known, 10)
print([reader.atr for reader in now])
"""
        with subprocess.Popen(
            here.command([sys.executable, "-c", code]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as program:
            assert program.stdout is not None
            assert program.stdin is not None
            assert program.stdout.readline() == "verified\n"
            process.kill()
            process.wait(10)
            told, _ = program.communicate("\n", timeout=60)
        assert "taken out" in told
        assert told.splitlines()[-1] == "[None, None]"
    with here.inserted(card):
        assert _tries(here, Purpose.SIGNATURE) == 5


def test_a_card_that_comes_back_at_once_is_seen(here: Room) -> None:
    """Before pcscd, which looks every 0.4 s, has seen that it was away."""
    code = """
import socket, threading
from jpki.cards.applet import VirtualCard
from jpki.cards.pcsc import PCSCTransport, wait_for_card, wait_for_change, readers
from jpki.cards.session import CardSession
from jpki.cards.vpcd import insert
from jpki.errors import CardGone
from jpki.model.purposes import Purpose
from tests.support.cards import issued_image

for _ in range(4):
    connections = []
    card = VirtualCard(issued_image("juki"))
    inserting = threading.Thread(
        target=insert,
        args=(card, "127.0.0.1", 35963),
        kwargs={"inserted": connections.append},
        daemon=True,
    )
    inserting.start()
    reader = wait_for_card(30, "Virtual PCD 00 00")
    print(reader.name, flush=True)
    session = CardSession(PCSCTransport(reader.name))
    connections[0].shutdown(socket.SHUT_RDWR)
    inserting.join()
    try:
        session.pin_tries_left(Purpose.SIGNATURE)
    except CardGone:
        print("gone", flush=True)
    known = readers()
    session.close()
    while any(one.atr is not None for one in known):
        known = wait_for_change(known, 30)
"""
    told = here.run(sys.executable, "-c", code).stdout
    assert told.splitlines() == [READERS[0], "gone"] * 4


def test_without_the_service_the_next_step_is_told(tmp_path: Path) -> None:
    """Nothing listens where pcscd should."""
    done = subprocess.run(
        [sys.executable, "-c", "from jpki.cli import main; main()", "card", "list"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PCSCLITE_CSOCK_NAME": str(tmp_path / "nobody")},
    )
    assert done.returncode == 2
    assert "start pcscd" in done.stderr


# -- PDF ------------------------------------------------------------------------------


def _judged(here: Room, signed: Path) -> str:
    return here.run("pdfsig", signed).stdout


@pytest.mark.needs("pdfsig")
def test_a_pdf_is_signed_through_opensc(here: Room, card: Path) -> None:
    """pyHanko by OpenSC's PKCS #11 module; poppler verifies."""
    page, signed = here.folder / "page.pdf", here.folder / "opensc.pdf"
    write_empty_page(page)
    _, slot, pin = _KEYS[Purpose.SIGNATURE]
    here.run(
        *(sys.executable, "-m", "tests.support.pdfs"),
        *(_MODULE, slot, pin, page, signed),
    )
    assert "Signature is Valid." in _judged(here, signed)
    assert "Holder signature" in _judged(here, signed)


@pytest.mark.needs("pdfsig")
def test_a_pdf_is_signed_by_our_signer(here: Room, card: Path) -> None:
    """pyHanko by the example; a changed octet is noticed."""
    page, signed = here.folder / "page.pdf", here.folder / "ours.pdf"
    write_empty_page(page)
    here.run(
        *(sys.executable, "-m", "examples.sign_pdf", page, signed, "--pin-file", "-"),
        typed="abc123\n",
    )
    assert "Signature is Valid." in _judged(here, signed)
    octets = bytearray(signed.read_bytes())
    octets[octets.index(b"595")] ^= 1
    changed = here.folder / "changed.pdf"
    changed.write_bytes(octets)
    assert "Digest Mismatch" in _judged(here, changed)
