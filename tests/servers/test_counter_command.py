"""`jpki counter` at a terminal, against the authorities' real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner, Result

from jpki.cards.state import decode_state
from jpki.cli import main
from jpki.errors import ConfigurationError
from jpki.model.codes import ResidentCode
from jpki.model.purposes import Purpose
from jpki.service.workstation import load, open_workstation
from tests.support.cards import session_on
from tests.support.installation import (
    COUNTER,
    Installation,
    listens,
    send,
    within,
)
from tests.support.workstations import NEW_PASSWORD, blank, chosen


@pytest.fixture
def config(installation: Installation, tmp_path: Path) -> Path:
    """A workstation, set up by the command."""
    file = tmp_path / "counter.toml"
    made = _run(
        "setup",
        file,
        "--config",
        installation.layout.config,
        "--as",
        installation.layout.data / "credentials" / f"{COUNTER}.pem",
        "--card",
        tmp_path / "card.json",
    )
    assert made.exit_code == 0, made.output
    assert (
        f"secret of the cards' issuer: {load(file).counter.issuer_secret}"
        in made.output
    )
    return file


@pytest.fixture
def card(config: Path, tmp_path: Path, installation: Installation) -> Path:
    """A blank card of that workstation's issuer, where its settings say."""
    file = tmp_path / "card.json"
    made = CliRunner().invoke(
        main,
        [
            *("card", "new", str(file), "--serial", "0000000000000009", "--type"),
            *(installation.office.era.card, "--issuer-secret"),
            str(load(config).counter.issuer_secret),
        ],
    )
    assert made.exit_code == 0, made.output
    return file


def _run(*words: object, typed: str = "", language: str = "C") -> Result:
    return CliRunner(env={"LC_ALL": f"{language}.UTF-8"}).invoke(
        main, ["counter", *map(str, words)], input=typed
    )


def _json(config: Path, *words: object, typed: str = "") -> Any:
    made = _run(*words, "--config", config, "--json", typed=typed)
    assert made.exit_code == 0, made.output
    return json.loads(made.stdout)


def _enrolled(config: Path, resident: ResidentCode) -> Any:
    words = "enrol", str(resident), "--new-pin-file", "-"
    return _json(config, *words, typed=f"{NEW_PASSWORD}\n")


def test_every_step_is_told(
    installation: Installation, config: Path, card: Path
) -> None:
    """In the reader's language, one line each, and the number of the certificate."""
    words = ["enrol", installation.newcomer(), "--config", config]
    told = _run(*words, "--new-pin-file", "-", typed=f"{NEW_PASSWORD}\n")
    assert told.exit_code == 0, told.output
    lines = told.output.splitlines()
    assert [line.startswith("✓") for line in lines] == [True] * 6 + [False]
    assert "✓ certificate written onto the card and read back" in lines
    assert "card 0000000000000009" in lines[-1]
    words[1] = installation.newcomer()
    japanese = _run(
        *words, "--new-pin-file", "-", typed=f"{NEW_PASSWORD}\n", language="ja_JP"
    )
    assert "✓ 電子証明書をカードに書き込みました" in japanese.output
    assert NEW_PASSWORD not in told.output + japanese.output


def test_the_document_says_what_was_issued(
    installation: Installation, config: Path, card: Path
) -> None:
    """And the status afterwards says the same."""
    resident = installation.newcomer()
    document = _enrolled(config, resident)
    assert document["state"] == "delivered"
    assert document["steps"][-1] == "delivered"
    assert document["authority"] == "governor-08"
    status = _json(config, "status", "--resident", resident)
    assert status["card"]["tries_left"] == {"signature": 5}
    (held,) = status["certificates"]
    assert (held["serial"], held["live"]) == (document["serial"], True)


def test_an_application_that_stays_open_is_taken_up_or_cancelled(
    installation: Installation, config: Path, card: Path
) -> None:
    """A password of a wrong form leaves it open; status lists it; both ways end it."""
    for end in ("again", "cancel"):
        resident = installation.newcomer()
        words = ["enrol", resident, "--config", config, "--new-pin-file", "-"]
        failed = _run(*words, typed="ab\n")
        assert failed.exit_code == 2
        assert "the application stays open" in failed.output
        assert "[card.pin-format]" in failed.output
        listed = _json(config, "status")["applications"]
        (found,) = [one for one in listed if one["resident"] == str(resident)]
        assert found["state"] == "filed"
        told = _run("status", "--config", config, language="ja_JP")
        assert f"…{resident.digits[-4:]}  受付済" in told.output
        assert str(resident) not in told.output
        if end == "again":
            done = _enrolled(config, resident)
            assert done["application"] == found["application"]
            assert done["steps"][0] == "taken-up"
        else:
            cancelled = _json(config, "cancel", found["application"])
            assert cancelled["state"] == "cancelled"
        assert installation.live_application(resident) is None


def test_a_refusal_says_what_to_do(
    installation: Installation, config: Path, card: Path
) -> None:
    """Too early, nothing to renew, no card, no resident: each has a next step."""
    resident = installation.newcomer()
    nothing = _run(
        "renew", resident, "--config", config, "--new-pin-file", "-", typed="ABC123\n"
    )
    assert nothing.exit_code == 2
    assert "apply for a new one" in nothing.output
    _enrolled(config, resident)
    early = _run(
        "renew", resident, "--config", config, "--new-pin-file", "-", typed="ABC123\n"
    )
    assert early.exit_code == 2
    assert "→ it can be renewed from " in early.output
    gone = _run("enrol", resident, "--config", config, "--card", "no-such.json")
    assert gone.exit_code == 2
    assert "there is no card" in gone.output
    wrong = _run("enrol", "12345678901", "--config", config)
    assert wrong.exit_code == 2
    assert "check digit" in wrong.output
    without = _run("enrol", resident, "--config", config.parent / "nothing.toml")
    assert without.exit_code == 2
    assert "nothing.toml" in without.output


def test_the_code_need_not_stand_on_the_command_line(
    installation: Installation, config: Path, card: Path, tmp_path: Path
) -> None:
    """- reads it from standard input; the password then comes from a file."""
    (tmp_path / "password").write_text(f"{NEW_PASSWORD}\n")
    resident = installation.newcomer()
    words = "enrol", "-", "--new-pin-file", tmp_path / "password"
    done = _json(config, *words, typed=f"{resident}\n")
    assert done["state"] == "delivered"


def test_a_password_is_reset(
    installation: Installation, config: Path, card: Path
) -> None:
    """Without the old one; --json tells the tries."""
    _enrolled(config, installation.newcomer())
    words = "reset-password", "--new-pin-file", "-"
    told = _json(config, *words, typed="ANEW77\n")
    assert told == {
        "card": "0000000000000009",
        "purpose": "signature",
        "tries_left": 5,
    }
    image = blank(installation)
    image.content = card.read_bytes()
    with session_on(image) as session:
        session.verify_pin(Purpose.SIGNATURE, chosen("ANEW77"))


def test_a_move_then_a_surrender(
    installation: Installation, config: Path, card: Path
) -> None:
    """Issued again after the move; given back only by somebody who is sure."""
    resident = installation.newcomer()
    first = _enrolled(config, resident)
    installation.move(resident)

    def is_revoked() -> bool:
        held = _json(config, "status", "--resident", resident)["certificates"]
        return [one["live"] for one in held] == [False]

    assert within(10, is_revoked)
    told = _run("status", "--resident", resident, "--config", config, language="ja_JP")
    assert "記載事項の変更により失効" in told.output
    again = _json(config, "reissue", resident, "--new-pin-file", "-", typed="ABC123\n")
    assert again["serial"] != first["serial"]
    unsure = _run("surrender", resident, "--config", config, typed="n\n")
    assert unsure.exit_code == 1
    assert decode_state(card.read_bytes()).keys
    gone = _json(config, "surrender", resident, "--yes")
    assert gone["revoked"] == [
        {"authority": again["authority"], "serial": again["serial"]}
    ]
    assert gone["steps"] == ["revoked", "erased"]
    assert not decode_state(card.read_bytes()).keys


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('host = "0.0.0.0"', "reached from elsewhere"),
        ('host = "counter.example"', "reached from elsewhere"),
        ('card = "card:nonsense"', "names no card"),
        ("colour = 1", "unknown key"),
    ],
)
def test_settings_that_cannot_be(config: Path, line: str, complaint: str) -> None:
    """The page stays on this machine, and nothing is guessed."""
    config.write_text(config.read_text().replace("[counter]", f"[counter]\n{line}"))
    if line.startswith("card"):
        text = config.read_text().split("\n")
        config.write_text("\n".join(row for row in text if "/card.json" not in row))
    with pytest.raises(ConfigurationError, match=complaint):
        load(config)


def test_a_secret_is_for_its_owner_and_long_enough(config: Path) -> None:
    """Of 16 octets or more, and nobody else reads it."""
    secret = load(config).counter.issuer_secret
    kept = secret.read_bytes()
    open_workstation(load(config))
    secret.chmod(0o644)
    with pytest.raises(ConfigurationError, match="0644"):
        open_workstation(load(config))
    secret.chmod(0o600)
    try:
        secret.write_bytes(b"short")
        with pytest.raises(ConfigurationError, match="5 octets"):
            open_workstation(load(config))
    finally:
        secret.write_bytes(kept)


def test_a_file_is_never_overwritten(config: Path, installation: Installation) -> None:
    """Setting up twice is refused."""
    before = config.read_bytes()
    again = _run(
        "setup",
        config,
        "--config",
        installation.layout.config,
        "--as",
        installation.layout.data / "credentials" / f"{COUNTER}.pem",
    )
    assert again.exit_code == 2
    assert config.read_bytes() == before


@pytest.mark.slow
def test_the_page_is_served_until_it_is_stopped(config: Path, card: Path) -> None:
    """The printed address lets a browser in; without its key nobody is."""
    config.write_text(f"{config.read_text()}port = 0\n")
    program = "from jpki.cli import main; main(prog_name='jpki')"
    line = [sys.executable, "-c", program, "counter", "serve", "--config", str(config)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[0]
            where = urlsplit(url)
            assert (where.hostname, where.path) == ("127.0.0.1", "/")
            assert where.port is not None
            assert send(where.port, "GET", "/").status == 403
            let_in = send(where.port, "GET", f"/?{where.query}")
            assert let_in.status == 303
            cookie = let_in.headers["set-cookie"].partition(";")[0]
            shown = send(where.port, "GET", "/", headers={"Cookie": cookie})
            assert shown.status == 200
            assert "0000000000000009" in shown.body.decode()
            process.terminate()
            assert process.wait(20) == 0
            assert "Stopped." in process.stdout.read()
        finally:
            process.kill()
    assert not listens(where.port)
