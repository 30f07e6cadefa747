"""`jpki card` on the file of a virtual card: no reader is needed for any of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from jpki.cli import main
from jpki.cli.complaints import JAPANESE
from jpki.errors import CardError, JpkiError
from jpki.model.purposes import Purpose
from tests.support.cards import (
    HOLDER,
    ISSUER_SECRET,
    NUMBER_B,
    PASSWORD,
    PINS,
    SERIAL,
    issued_image,
)


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """A My Number card with keys, PINs and certificates."""
    file = tmp_path / "card.json"
    file.touch(0o600)
    file.write_bytes(issued_image("my-number").content)
    return file


def _run(*words: object, typed: str = "", **environment: str) -> Result:
    return CliRunner(env={"LC_ALL": "C.UTF-8", **environment}).invoke(
        main, ["card", *map(str, words)], input=typed
    )


def _json(*words: object, typed: str = "") -> Any:
    made = _run(*words, "--json", typed=typed)
    assert made.exit_code == 0, made.output
    return json.loads(made.stdout)


def _tries(card: Path) -> dict[str, int]:
    keys = _json("info", "--card", card)["keys"]
    return {key["purpose"]: key["pin"]["tries_left"] for key in keys}


# -- looking --------------------------------------------------------------------------


def test_info_says_what_is_on_the_card(card: Path) -> None:
    """In words and in JSON; names stay behind the PIN."""
    told = _run("info", "--card", card)
    assert told.exit_code == 0
    assert "個人番号カード  " + SERIAL in told.output
    assert "●●●●●  5 of 5 tries left" in told.output
    assert "●●●  3 of 3 tries left" in told.output
    assert "CN=Holder authentication" in told.output
    assert "Holder signature" not in told.output
    document = _json("info", "--card", card)
    assert document["label"] == "JPKIAPICCTOKEN2"
    assert [key["certificate_present"] for key in document["keys"]] == [True, True]
    japanese = _run("info", "--card", card, LC_ALL="ja_JP.UTF-8")
    assert "署名用" in japanese.output
    assert "残り5回" in japanese.output


def test_the_card_may_be_named_in_the_environment(card: Path) -> None:
    """As a file or as a URI."""
    for name in (str(card), f"card:file={card}"):
        assert SERIAL in _run("info", JPKI_CARD=name).output


def test_a_blank_card_is_made(tmp_path: Path) -> None:
    """Of any generation; never over another; with a secret worth the name."""
    secret, file = tmp_path / "secret", tmp_path / "blank.json"
    secret.write_bytes(bytes(range(32)))
    words = "new", file, "--serial", "A1", "--issuer-secret", secret
    assert _run(*words, "--type", "juki").exit_code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    told = _run("info", "--card", file).output
    assert "住民基本台帳カード  A1" in told
    again = _run(*words)
    assert again.exit_code == 2
    assert "never overwritten" in again.output
    secret.write_bytes(b"short")
    weak = _run("new", tmp_path / "x", "--serial", "A2", "--issuer-secret", secret)
    assert weak.exit_code == 2
    assert "head -c 32" in weak.output
    bad = _run(
        "new", tmp_path / "x", "--serial", "not a serial", "--issuer-secret", file
    )
    assert bad.exit_code == 2


def test_certificates_are_read(card: Path, tmp_path: Path) -> None:
    """That for signatures with its PIN, in full-width letters just as well."""
    free = _run("read", "auth", "--card", card)
    assert free.stdout.startswith("-----BEGIN CERTIFICATE-----")
    document = _json(
        *("read", "signature", "--card", card, "--pin-file", "-"),
        typed="ａｂｃ１２３\n",
    )
    assert document["subject"] == "CN=Holder signature"
    file = tmp_path / "ca.der"
    made = _run("read", "sig", "--ca", "--der", "-o", file, "--card", card)
    assert made.exit_code == 0
    assert file.read_bytes()[:2] == b"\x30\x82"
    assert _tries(card) == {"signature": 5, "authentication": 3}
    nowhere = _run("read", "auth", "-o", tmp_path / "no" / "file", "--card", card)
    assert "No such file" in nowhere.output


# -- PINs -----------------------------------------------------------------------------


def test_pins_count_down_and_the_counter_unblocks(card: Path, tmp_path: Path) -> None:
    """Each wrong one says what is left; the last says who can help."""
    verify = "verify-pin", "authentication", "--card", card, "--pin-file", "-"
    assert "2 tries left" in _run(*verify, typed="0000\n").output
    one = _run(*verify, typed="0001\n")
    assert "1 try left" in one.output
    assert "the next wrong one blocks it" in one.output
    for malformed in ("12\n", "12345\n", "abcd\n", "\n"):
        assert "no try was used" in _run(*verify, typed=malformed).output
    assert _tries(card)["authentication"] == 1
    assert _run(*verify, typed="0002\n").exit_code == 1
    blocked = _run(*verify, typed="1234\n")
    assert "blocked" in blocked.output
    assert "counter can unblock" in blocked.output
    assert (
        "blocked; the municipal counter lifts it" in _run("info", "--card", card).output
    )
    secret = tmp_path / "secret"
    secret.write_bytes(ISSUER_SECRET)
    unblock = "unblock", "authentication", "--card", card, "--issuer-secret", secret
    done = _json(*unblock, "--new-pin-file", "-", typed="4321\n")
    assert done == {"purpose": "authentication", "tries_left": 3}
    assert _run(*verify, typed="4321\n").exit_code == 0
    secret.write_bytes(b"the secret of another issuer")
    stranger = _run(*unblock, "--new-pin-file", "-", typed="1111\n")
    assert stranger.exit_code == 2
    assert "has another secret" in stranger.output
    assert _run(*verify, typed="4321\n").exit_code == 0


def test_verify_in_json_says_what_is_left(card: Path) -> None:
    """Exit status 1 tells a wrong PIN from everything that is no PIN."""
    words = "verify-pin", "sig", "--card", card, "--pin-file", "-", "--json"
    wrong = _run(*words, typed="WRONG1\n")
    assert wrong.exit_code == 1
    assert json.loads(wrong.stdout)["tries_left"] == 4
    right = _run(*words, typed=f"{PASSWORD}\n")
    assert json.loads(right.stdout) == {
        "purpose": "signature",
        "verified": True,
        "tries_left": 5,
    }


def test_a_pin_is_changed(card: Path, tmp_path: Path) -> None:
    """Where the current one is right and the new one has a form that may be."""
    new = tmp_path / "new"
    words = (
        "change-pin",
        "sig",
        "--card",
        card,
        "--pin-file",
        "-",
        "--new-pin-file",
        new,
    )
    new.write_text("ABCDEF\n")
    refused = _run(*words, typed=f"{PASSWORD}\n")
    assert refused.exit_code == 2
    assert "at least one of each" in refused.output
    new.write_text("xyz789\n")
    assert _run(*words, typed="WRONG1\n").exit_code == 2
    assert _run(*words, typed=f"{PASSWORD}\n").exit_code == 0
    verify = "verify-pin", "sig", "--card", card, "--pin-file", "-"
    assert _run(*verify, typed="XYZ789\n").exit_code == 0
    assert _run(*verify, typed=f"{PASSWORD}\n").exit_code == 1


def test_a_japanese_terminal_is_told_in_japanese(card: Path) -> None:
    """What went wrong, what is left, what to do; the code stays what it is."""
    verify = "verify-pin", "authentication", "--card", card, "--pin-file", "-"

    def told(*words: object, typed: str = "") -> str:
        return _run(*words, typed=typed, LC_ALL="ja_JP.UTF-8").stderr

    form = told(*verify, typed="12\n")
    assert "暗証番号は4桁の数字です" in form
    assert "残り回数は減りません" in form
    password = told("verify-pin", "sig", *verify[2:], typed="あ\n")
    assert "6〜16文字の、英字と数字を両方含む" in password
    assert "12" in told("face", *verify[2:], typed="12345\n")
    assert "暗証番号が違います。残り2回です" in told(*verify, typed="0000\n")
    assert "次に間違えると" in told(*verify, typed="0000\n")
    blocked = told(*verify, typed="0000\n")
    assert "市区町村の窓口" in blocked
    assert "[card.pin-blocked]" in blocked
    missing = told("info", "--card", card.with_name("none"))
    assert "カードがありません" in missing
    assert "none" in missing


def test_every_complaint_is_about_an_error_that_exists() -> None:
    """A code that nobody raises any more would keep its sentence unnoticed."""
    classes: list[type[JpkiError]] = [CardError, *CardError.__subclasses__()]
    assert JAPANESE.keys() == {each.code for each in classes}


def test_a_signature_is_not_written_onto_a_terminal(card: Path) -> None:
    """It is no text; the card is not even asked."""
    jpki = Path(sys.executable).with_name("jpki")
    ours, theirs = os.openpty()
    try:
        shown = subprocess.run(
            [jpki, "card", "sign", "auth", "--card", card, card],
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=subprocess.PIPE,
            check=False,
            timeout=30,
        )
    finally:
        os.close(theirs)
        os.close(ours)
    assert shown.returncode == 2
    assert b"with -o" in shown.stderr


def test_a_signature_does_not_take_the_place_of_the_document(
    card: Path, tmp_path: Path
) -> None:
    """By whatever path it is named; another file of that folder will do."""
    letter = tmp_path / "letter"
    letter.write_text("転居届")
    (tmp_path / "link").symlink_to(letter)
    sign = "sign", "sig", letter, "--card", card, "--pin-file", "-", "-o"
    for name in ("letter", "link", "./letter"):
        refused = _run(*sign, tmp_path / name, typed=f"{PASSWORD}\n")
        assert refused.exit_code == 2
        assert "would be lost" in refused.stderr
    other = "sign", letter, "--key", card, "-o", letter
    assert "would be lost" in CliRunner().invoke(main, list(map(str, other))).stderr
    assert letter.read_text() == "転居届"
    assert _run(*sign, tmp_path / "p7s", typed=f"{PASSWORD}\n").exit_code == 0


def test_without_a_terminal_a_pin_comes_from_a_file(card: Path) -> None:
    """Nothing waits for somebody who is not there."""
    made = _run("verify-pin", "sig", "--card", card)
    assert made.exit_code == 2
    assert "--pin-file" in made.output


# -- the face -------------------------------------------------------------------------


def test_the_face_is_drawn(card: Path, tmp_path: Path) -> None:
    """In the terminal's language, by PIN or a printed number; the photo as a file."""
    words = "face", "--card", card, "--pin-file", "-"
    told = _run(*words, typed="2468\n").output
    assert "│ name         電子　花子" in told
    assert "│ 個人番号     1234 5678 9018" in told
    assert "a photo of 10240 octets" in told
    assert len({_columns(line) for line in told.splitlines()[:10]}) == 1
    japanese = _run(*words, typed="2468\n", LC_ALL="ja_JP.UTF-8").output
    assert "昭和55年2月17日" in japanese
    document = _json(*words, "--image", tmp_path / "photo", typed=f"{NUMBER_B}\n")
    assert (document["name"], document["my_number"]) == ("電子　花子", None)
    assert document["card"]["number"] == SERIAL
    assert (tmp_path / "photo").read_bytes() == HOLDER.photo
    assert "1 try left" not in _run(*words, typed=f"{HOLDER.my_number}\n").output
    assert "no try was used" in _run(*words, typed="12345\n").output
    assert "2 tries left" in _run(*words, typed="0000\n").output
    assert _json("info", "--card", card)["face"]["pin"]["tries_left"] == 2


def _columns(line: str) -> int:
    return sum(1 + (unicodedata.east_asian_width(one) in "WF") for one in line)


def test_the_pin_of_the_face_is_one_of_the_pins(card: Path, tmp_path: Path) -> None:
    """It is tried, changed and unblocked as the others are."""
    secret, new = tmp_path / "secret", tmp_path / "new"
    secret.write_bytes(ISSUER_SECRET)
    new.write_text("1357\n")
    verify = "verify-pin", "face", "--card", card, "--pin-file", "-"
    change = "change-pin", "fa", "--card", card, "--pin-file", "-"
    assert _run(*verify, typed="2468\n").exit_code == 0
    assert _run(*change, "--new-pin-file", new, typed="2468\n").exit_code == 0
    for _ in range(3):
        assert _run(*verify, typed="2468\n").exit_code == 1
    assert "blocked or not set" in _run("info", "--card", card).output
    unblock = "unblock", "face", "--card", card, "--issuer-secret", secret
    assert _json(*unblock, "--new-pin-file", new) == {
        "purpose": "face",
        "tries_left": 3,
    }
    assert _run(*verify, typed="1357\n").exit_code == 0


def test_a_card_is_made_for_its_holder(tmp_path: Path) -> None:
    """By a file that says what is printed on it; other generations have no face."""
    holder, secret = tmp_path / "holder.toml", tmp_path / "secret"
    secret.write_bytes(bytes(range(32)))
    holder.write_text(
        'name = "電子　花子\\u001b[31m"\naddress = "茨城県"\ngender = "female"\n'
        'date_of_birth = 1980-02-17\nmunicipality = "082201"\npin = "1111"\n'
        'my_number = "123456789018"\nexpires = 2036-02-17\nsecurity_code = "0000"\n'
    )
    words = "new", tmp_path / "card", "--serial", "A1", "--issuer-secret", secret
    juki = _run(*words, "--type", "juki", "--holder", holder)
    assert juki.exit_code == 2
    assert _run(*words, "--holder", holder).exit_code == 0
    face = "face", "--card", tmp_path / "card", "--pin-file", "-"
    told = _run(*face, typed="1111\n").output
    assert "no photo" in told
    assert "\x1b" not in told
    none = _run(*face, "--image", tmp_path / "photo", typed="1111\n")
    assert "there is no photo" in none.output


# -- signing --------------------------------------------------------------------------


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_document_is_signed(card: Path, tmp_path: Path, purpose: Purpose) -> None:
    """As CMS, and bare; openssl verifies both."""
    openssl = shutil.which("openssl")
    assert openssl is not None
    text, made, own = (tmp_path / name for name in ("text", "made", "own.pem"))
    text.write_bytes("申請\r\n".encode())
    pin = PINS[purpose] + "\n"
    words = "sign", purpose.value, text, "--card", card, "--pin-file", "-", "-o", made

    def judged(*line: object) -> str:
        done = subprocess.run(
            [openssl, *map(str, line)], capture_output=True, text=True, check=True
        )
        return done.stdout + done.stderr

    assert _run(*words, typed=pin).exit_code == 0
    cms = ["cms", "-verify", "-noverify", "-binary", "-inform", "DER", "-in", made]
    assert "successful" in judged(*cms, "-content", text, "-out", "/dev/null")
    told = _json(*words, "--raw", typed=pin)
    assert (told["form"], told["suite"]) == ("raw", "rsa2048-sha256")
    read = "read", purpose.value, "--card", card, "--pin-file", "-", "-o", own
    assert _run(*read, typed=pin).exit_code == 0
    key = tmp_path / "key.pem"
    key.write_text(judged("x509", "-in", own, "-pubkey", "-noout"))
    assert "OK" in judged("dgst", "-sha256", "-verify", key, "-signature", made, text)


# -- octets ---------------------------------------------------------------------------


def test_apdus_go_to_the_card_as_they_are(card: Path) -> None:
    """In any spelling of hexadecimal; several see one another's effect."""
    select, token = "00 A4 04 0C 0A D392F000260100000001", "00:a4:02:0c:02:00:06"
    document = _json("apdu", select, token, "00B0000010", "00CA0000", "--card", card)
    assert [one["status"] for one in document] == ["9000", "9000", "9000", "6D00"]
    assert bytes.fromhex(document[2]["data"]) == b"JPKIAPICCTOKEN2 "
    told = _run("apdu", select, "--card", card)
    assert "< 9000  ok" in told.output
    assert _run("apdu", "zz", "--card", card).exit_code == 2


@pytest.mark.parametrize(
    "name",
    [
        "card:x=1",
        "card:file=",
        "card:file=a;file=b",
        "card:purpose=x",
        "card:file=a;reader=b",
    ],
)
def test_what_names_no_card_is_refused(name: str) -> None:
    """With an example of what does."""
    made = _run("info", "--card", name)
    assert made.exit_code == 2
    assert "such as card:file=" in made.output


def test_a_file_that_is_no_card(tmp_path: Path) -> None:
    """Is told, whatever it is."""
    assert "there is no card at" in _run("info", "--card", tmp_path / "none").output
    junk = tmp_path / "junk"
    junk.write_bytes(b"\x00\xff{")
    damaged = _run("info", "--card", junk).output
    assert f"{junk}: not a usable card file" in damaged
