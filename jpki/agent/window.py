"""The person in front of a browser: a window of the agent, reached by one-time tokens.

The address with the first token goes to the browser alone, and opens the confirmation
once. Each page that is shown carries the next token in its form, and each token acts
once; a second click with a used token sees what came of the first.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition
from typing import Final

from jpki.agent.person import (
    LOOK_UP_SECONDS,
    Ending,
    Person,
    Question,
    Reply,
    Turn,
)
from jpki.agent.wire import SignatureRequest
from jpki.errors import (
    ConfirmationCancelled,
    ConfirmationOpenedTwice,
    ConfirmationOver,
)
from jpki.model.ports import Random

__all__ = ["Shown", "Window", "Windows"]

_TOKEN_OCTETS: Final = 32
_SHOW_SECONDS: Final = 20.0
"""How long the browser may wait for the card before it is shown something."""

OpenAddress = Callable[[str], None]
"""Shows an address to the person; raises ConfirmationUnavailable."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What the window shows now."""

    content: Question | Ending
    token: str | None = field(repr=False)
    """For the form; None where nothing is asked any more."""


class Window:
    """One request's confirmation; a `Person` to the procedure."""

    def __init__(self, turn: Turn, random: Random) -> None:
        self._turn = turn
        self._random = random
        self._changed = Condition()
        self._ticket = self._token()
        self._opened = 0
        self._shown: Shown | None = None
        self._issued: set[str] = set()
        self._reply: Reply | None = None
        self._cancelled = False

    @property
    def ticket(self) -> str:
        """Of the address that opens the window, once."""
        return self._ticket

    # -- what the procedure calls, in the thread of the page's request

    def ask(self, question: Question) -> Reply:
        """Show a form and wait until it comes back.

        Raises:
            AgentError: the person cancelled, or there is no reason to wait any more.
        """
        with self._changed:
            token = self._token()
            self._issued.add(token)
            self._show(Shown(content=question, token=token))
            while self._reply is None:
                if self._cancelled:
                    raise ConfirmationCancelled
                if self._opened > 1:
                    raise ConfirmationOpenedTwice
                self._turn.check()
                self._changed.wait(LOOK_UP_SECONDS)
            reply, self._reply = self._reply, None
            return reply

    def tell(self, ending: Ending) -> None:
        """Show the end."""
        with self._changed:
            self._show(Shown(content=ending, token=None))

    # -- what the browser calls, in threads of its own

    def open(self) -> Shown:
        """The first page; a second opening ends the confirmation.

        Raises:
            ConfirmationOver: nothing came up in time.
        """
        with self._changed:
            self._opened += 1
            if self._opened > 1:
                # Who else has the address? Neither of the two is believed.
                self._changed.notify_all()
                self._wait(lambda shown: isinstance(shown.content, Ending))
            return self._wait(lambda _: True)

    def post(self, token: str, reply: Reply | None) -> Shown:
        """Take a form back and show what came of it.

        Args:
            token: of the form.
            reply: None to cancel.

        Raises:
            ConfirmationOver: there is no such form, or nothing came of it in time.
        """
        with self._changed:
            shown = self._shown
            if shown is not None and shown.token and _same(shown.token, token):
                self._shown = None
                self._reply, self._cancelled = reply, reply is None
                self._changed.notify_all()
            elif not any(_same(issued, token) for issued in self._issued):
                raise ConfirmationOver
            return self._wait(lambda _: True)

    def _show(self, shown: Shown) -> None:
        self._shown = shown
        self._changed.notify_all()

    def _wait(self, wanted: Callable[[Shown], bool]) -> Shown:
        until = time.monotonic() + _SHOW_SECONDS
        while self._shown is None or not wanted(self._shown):
            left = until - time.monotonic()
            if left <= 0:
                raise ConfirmationOver
            self._changed.wait(left)
        return self._shown

    def _token(self) -> str:
        return self._random(_TOKEN_OCTETS).hex()


class Windows:
    """The window of the current request, and how it is opened."""

    def __init__(self, open_address: OpenAddress, random: Random) -> None:
        self._open_address = open_address
        self._random = random
        self._current: Window | None = None
        self.base = ""
        """Scheme, host and port of the agent, once it listens."""

    @contextmanager
    def meet(self, turn: Turn, _request: SignatureRequest) -> Iterator[Person]:
        """Open a window for this request.

        It stays after the block, for the browser to fetch the last page.

        Raises:
            ConfirmationUnavailable: no browser could be opened.
        """
        window = Window(turn, self._random)
        self._current = window
        self._open_address(f"{self.base}/confirm/{window.ticket}")
        yield window

    def opened(self, ticket: str) -> Shown:
        """What the address of this ticket shows.

        Raises:
            ConfirmationOver: it is not the current request's.
        """
        window = self._current
        if window is None or not _same(window.ticket, ticket):
            raise ConfirmationOver
        return window.open()

    def posted(self, token: str, reply: Reply | None) -> Shown:
        """What a form of this token leads to.

        Raises:
            ConfirmationOver: the current request has no such form.
        """
        if self._current is None:
            raise ConfirmationOver
        return self._current.post(token, reply)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode("utf-8", "replace"))
