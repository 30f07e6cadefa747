"""Confirmations on a real terminal (a pty): shown, typed unseen, bounded in time."""

from __future__ import annotations

import json
import os
import pty
import select
import termios
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event

import pytest

from jpki.agent.desk import Desk
from jpki.agent.terminal import meet_in_terminal
from jpki.agent.wire import Signed, read_request
from jpki.errors import (
    ConfirmationCancelled,
    ConfirmationTimeout,
    ConfirmationUnavailable,
)
from tests.support.agent_room import (
    ORIGIN,
    CardSlot,
    login_request,
    signature_request,
)
from tests.support.cards import AUTHENTICATION, NOW, PASSWORD, PINS


class Typist:
    """Somebody who reads the terminal and types into it."""

    def __init__(self, master: int) -> None:
        self._master = master
        self.seen = ""

    def until(self, words: str) -> str:
        """Read until these words; what came before them."""
        deadline = time.monotonic() + 10
        start = len(self.seen)
        while words not in self.seen[start:]:
            ready, _, _ = select.select([self._master], [], [], 0.1)
            if ready:
                self.seen += os.read(self._master, 65536).decode("utf-8", "replace")
            assert time.monotonic() < deadline, self.seen
        return self.seen[start:]

    def type(self, line: str) -> None:
        """A line and Enter."""
        # The question's flush of what was typed before comes just ahead of its prompt.
        os.write(self._master, f"{line}\n".encode())


@contextmanager
def asked(
    request: dict[str, object], slot: CardSlot | None = None, patience: int = 60
) -> Iterator[tuple[Typist, Future[Signed]]]:
    """A request whose person sits at a terminal."""
    master, slave = pty.openpty()
    device = Path(os.ttyname(slave))
    desk = Desk(
        meet=partial(meet_in_terminal, device=device, phrase="三毛猫"),
        open_card=(slot or CardSlot()).open,
        clock=lambda: NOW,
        patience=patience,
        stop=Event(),
    )
    body = json.dumps(request).encode()
    read = read_request(body, origin=ORIGIN, language="ja")
    with ThreadPoolExecutor(1) as pool:
        try:
            yield Typist(master), pool.submit(desk.sign, read)
        finally:
            pool.shutdown()
            assert termios.tcgetattr(slave)[3] & termios.ECHO, "the echo is back"
            os.close(slave)
            os.close(master)


def test_a_document_is_confirmed_on_the_terminal() -> None:
    """Who, what, which card; a wrong PIN, the right one; who signs; signed."""
    with asked(signature_request(language="ja")) as (typist, signing):
        shown = typist.until("やめる）: ")
        for words in (ORIGIN, "三毛猫", "<申請>住民票の写し</申請>", "あと5回"):
            assert words in shown
        typist.type("WRONG1")
        assert "あと4回続けて" in typist.until("やめる）: ")
        typist.type(PASSWORD.lower())
        assert "Holder signature" in typist.until("「はい」と入力: ")
        typist.type("はい")
        assert "署名しました" in typist.until("署名しました")
        assert signing.result(10).signature
        assert PASSWORD.lower() not in typist.seen, "what is typed is not seen"


def test_anything_but_yes_is_no() -> None:
    """Enter alone does not sign."""
    with asked(signature_request()) as (typist, signing):
        typist.until("cancels): ")
        typist.type(PASSWORD)
        typist.until("Type yes: ")
        typist.type("")
        with pytest.raises(ConfirmationCancelled):
            signing.result(10)
        assert "You cancelled" in typist.until("cancelled.")


def test_an_empty_pin_cancels() -> None:
    """Also before logging in."""
    with asked(login_request()) as (typist, signing):
        assert "challenge: 0001" in typist.until("cancels): ")
        typist.type("")
        with pytest.raises(ConfirmationCancelled):
            signing.result(10)


def test_the_card_can_come_later() -> None:
    """Enter once it is there."""
    slot = CardSlot(inside=False)
    with asked(login_request(), slot) as (typist, signing):
        typist.until("q cancels): ")
        slot.inside = True
        typist.type("")
        typist.until("Enter alone cancels): ")
        typist.type(PINS[AUTHENTICATION])
        assert signing.result(10).signature


def test_commands_in_a_document_do_not_reach_the_terminal() -> None:
    """Escape sequences are shown by their numbers."""
    request = signature_request(document="GxtdMDt4B2E=", media_type="text/plain")
    with asked(request | {"name": "a\x1b[2J"}) as (typist, signing):
        shown = typist.until("cancels): ")
        assert "\x1b" not in shown
        assert "\x07" not in shown
        assert "a⟦U+001B⟧[2J" in shown
        typist.type("")
        assert isinstance(signing.exception(10), ConfirmationCancelled)


def test_time_is_bounded() -> None:
    """Nobody at the terminal: the request ends, and the echo is back."""
    with asked(login_request(), patience=1) as (typist, signing):
        typist.until("cancels): ")
        assert isinstance(signing.exception(10), ConfirmationTimeout)
        assert "Nothing happened for too long" in typist.until("at the site.")


def test_without_a_terminal_nothing_is_signed(tmp_path: Path) -> None:
    """It is said which device is missing."""
    desk = Desk(
        meet=partial(meet_in_terminal, device=tmp_path / "none", phrase=None),
        open_card=CardSlot().open,
        clock=lambda: NOW,
        patience=10,
        stop=Event(),
    )
    body = json.dumps(login_request()).encode()
    with pytest.raises(ConfirmationUnavailable):
        desk.sign(read_request(body, origin=ORIGIN, language="ja"))
