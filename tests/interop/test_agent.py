"""The signing agent with a card in a real PC/SC service, which comes and goes."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Iterator
from typing import Final

import pytest

from jpki.documents.cms import check_signer, parse_signed_data
from tests.support.agent_room import DOCUMENT, ORIGIN, signature_request
from tests.support.agents import RunningAgent, running_agent
from tests.support.cards import PASSWORD, issued_image
from tests.support.pcsc_room import READERS, Room, room

pytestmark = [pytest.mark.needs("pcscd", "vpcd", "opensc", "curl"), pytest.mark.slow]

_TOKEN: Final = re.compile(r'name="token" value="([0-9a-f]{64})"')


class Browser:
    """Somebody's browser in the room: the page that asks, and the agent's window."""

    def __init__(self, here: Room, agent: RunningAgent) -> None:
        self._here = here
        self._agent = agent
        self.shown = ""

    def _curl(self, *words: str) -> list[str]:
        return ["curl", "--silent", "--show-error", *words]

    def card_is_there(self) -> bool:
        """What the page learns of the card."""
        line = self._curl("--header", f"Origin: {ORIGIN}", f"{self._agent.url}/status")
        return bool(json.loads(self._here.run(*line).stdout)["card"])

    def ask(self) -> subprocess.Popen[str]:
        """The page asks for a signature."""
        line = self._curl(
            *("--header", f"Origin: {ORIGIN}"),
            *("--header", "Content-Type: application/json"),
            *("--data", json.dumps(signature_request())),
            f"{self._agent.url}/signatures",
        )
        return subprocess.Popen(
            self._here.command(line), stdout=subprocess.PIPE, text=True
        )

    def open(self) -> str:
        """The window appears."""
        self.shown = self._here.run(*self._curl(self._agent.confirmation())).stdout
        return self.shown

    def press(self, pin: str = "") -> str:
        """Its form is sent back."""
        found = _TOKEN.search(self.shown)
        assert found is not None, self.shown
        line = self._curl(
            *("--header", f"Origin: {self._agent.url}"),
            *("--data", f"token={found[1]}&act=go-on&pin={pin}"),
            f"{self._agent.url}/confirm",
        )
        self.shown = self._here.run(*line).stdout
        return self.shown


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """A PC/SC service with two empty readers."""
    with room(tmp_path_factory.mktemp("pcsc")) as opened:
        yield opened


def test_a_card_in_a_reader_comes_late_leaves_and_comes_back(here: Room) -> None:
    """Asked for; taken out between PIN and signature; put back; then it signs."""
    card = here.folder / "card.json"
    card.touch(0o600)
    card.write_bytes(issued_image("my-number").content)
    place = f"card:reader={READERS[0].replace(' ', '%20')}"
    with running_agent(
        here.folder / "agent", place, "--allow-origin", ORIGIN, within=here.command
    ) as agent:
        browser = Browser(here, agent)
        assert browser.card_is_there() is False
        with browser.ask() as asked:
            assert "Put your card" in browser.open()
            with here.inserted(card):
                assert browser.card_is_there() is True
                assert "5 of 5" in browser.press()
                assert "After 4 more" in browser.press("WRONG1")
                assert "Holder signature" in browser.press(PASSWORD)
            assert "There is no card" in browser.press()
            with here.inserted(card):
                assert "5 of 5" in browser.press()
                assert "Holder signature" in browser.press(PASSWORD)
                assert "The site has the signature" in browser.press()
            answer, _ = asked.communicate(timeout=20)
    signed = parse_signed_data(base64.b64decode(json.loads(answer)["signature"]))
    (own,) = [one for one in signed.certificates if b"Holder" in one]
    check_signer(signed.signers[0], own, DOCUMENT)
