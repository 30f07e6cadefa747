"""`jpki agent` as it is started: what it refuses, what it announces."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from click.testing import CliRunner, Result

from jpki.agent.composing import agent_of, card_in
from jpki.agent.settings import AgentSettings, load
from jpki.cards.places import CardPlace
from jpki.cli import main
from jpki.errors import ConfigurationError
from tests.support.agent_room import signature_request
from tests.support.agents import running_agent
from tests.support.cards import NOW
from tests.support.installation import send
from tests.support.serving import served

ORIGIN = "https://portal.example"


def run(*arguments: str | Path) -> Result:
    """One call of `jpki agent`."""
    return CliRunner().invoke(main, ["agent", *map(str, arguments)])


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), "configuration", "no page could ask"),
        (("--allow-origin", "*"), "configuration", "is no origin"),
        (("--allow-origin", "http://portal.example"), "configuration", "not encrypted"),
        (
            ("--allow-origin", ORIGIN, "--host", "0.0.0.0"),
            "configuration",
            "not a loopback address",
        ),
        (("--allow-origin", ORIGIN, "--card", "card:x"), "card", "names no card"),
        (("--allow-origin", ORIGIN, "--at", "soon"), "request", "not a date"),
        (("--config", "/nonexistent.toml"), "configuration", "No such file"),
    ],
)
def test_it_does_not_start_with_less(
    arguments: tuple[str, ...], code: str, words: str
) -> None:
    """Nobody to answer, everybody to answer, or reachable from elsewhere."""
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert f"[{code}]" in result.output
    assert words in result.output


def test_settings_are_read_from_a_file(tmp_path: Path) -> None:
    """Known keys with usable values only."""
    file = tmp_path / "agent.toml"
    file.write_text('[agent]\nallowed_origins = ["https://a.example"]\nport = 8500\n')
    read = load(file)
    assert read == AgentSettings(allowed_origins=("https://a.example",), port=8500)
    for text in ("[agent]\npin = '1'\n", "[agent]\nport = -1\n", "[portal]\n", "x"):
        file.write_text(text)
        with pytest.raises(ConfigurationError):
            load(file)


def test_it_runs_until_its_owner_ends(tmp_path: Path) -> None:
    """It answers at the address it names, for the origins of file and command line."""
    file = tmp_path / "agent.toml"
    file.write_text('[agent]\nallowed_origins = ["https://a.example"]\n')
    card = tmp_path / "card.json"
    more = ("--config", str(file), "--allow-origin", ORIGIN)
    with running_agent(tmp_path / "agent", str(card), *more) as agent:
        port = int(agent.url.rpartition(":")[2])
        for origin in ("https://a.example", ORIGIN):
            reply = send(port, "GET", "/status", headers={"Origin": origin})
            assert reply.document["card"] is False
        card.write_bytes(b"")
        assert (
            send(port, "GET", "/status", headers={"Origin": ORIGIN}).document["card"]
            is True
        )
        refused = send(port, "GET", "/status", headers={"Origin": "https://b.example"})
        assert refused.status == 403


def test_confirmations_open_in_the_default_browser(tmp_path: Path) -> None:
    """Where no program is named, the one that this person's system takes."""
    card = str(tmp_path / "card.json")
    origin = ("--allow-origin", ORIGIN)
    with (
        running_agent(tmp_path / "agent", card, *origin, by_default=True) as agent,
        ThreadPoolExecutor(1) as pool,
    ):
        port = int(agent.url.rpartition(":")[2])
        headers = {"Origin": ORIGIN, "Content-Type": "application/json"}
        body = json.dumps(signature_request()).encode()
        asked = pool.submit(send, port, "POST", "/signatures", body, headers)
        address = agent.confirmation()
        assert address.startswith(f"{agent.url}/confirm/")
        path = address.removeprefix(agent.url)
        assert "Put your card" in send(port, "GET", path).body.decode()
        send(port, "GET", path)
        assert asked.result(10).document["code"] == "agent.opened-twice"


def test_on_a_terminal_there_is_no_window() -> None:
    """Nothing of the confirmation is then to be reached over HTTP."""
    app = agent_of(
        AgentSettings(allowed_origins=(ORIGIN,), confirm="terminal"),
        place=CardPlace(file=Path("none")),
        clock=lambda: NOW,
        random=os.urandom,
        stop=Event(),
        user=os.getuid(),
        version="0.0",
    )
    with served(app, announce=app.listens_at) as url:
        port = int(url.rpartition(":")[2])
        assert send(port, "GET", "/confirm/0").status == 404
        assert send(port, "POST", "/confirm", b"act=cancel").status == 404


def test_without_a_reader_there_is_no_card() -> None:
    """Also where this machine has no PC/SC service."""
    assert card_in(CardPlace(reader="no such reader")) is False
