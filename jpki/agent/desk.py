"""One request at a time: whose turn it is, and who must wait or give way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Event
from typing import Final

from jpki.agent.person import MeetPerson, Turn
from jpki.agent.signing import OpenCard, carry_out
from jpki.agent.wire import SignatureRequest, Signed
from jpki.errors import AgentBusy
from jpki.model.ports import Clock

__all__ = ["Desk"]

_GIVE_WAY_SECONDS: Final = 5.0
"""How long an earlier request of the same page may take to let go of the card."""


class Desk:
    """Where requests come one after the other."""

    def __init__(
        self,
        *,
        meet: MeetPerson,
        open_card: OpenCard,
        clock: Clock,
        patience: int,
        stop: Event,
    ) -> None:
        """Set up the desk.

        Args:
            meet: how the person is reached.
            open_card: how the card is.
            clock: the signatures' claim of when.
            patience: seconds that a person has to confirm.
            stop: set when the agent ends; whoever waits gives up.
        """
        self._meet = meet
        self._open_card = open_card
        self._clock = clock
        self._patience = patience
        self._stop = stop
        self._turns = Condition()
        self._current: Turn | None = None

    @property
    def busy(self) -> bool:
        """Whether a request is being confirmed."""
        return self._current is not None

    def sign(self, request: SignatureRequest) -> Signed:
        """Wait for the person and the card.

        Raises:
            AgentBusy: another page's request is being confirmed.
            AgentError, CardError: as `carry_out`.
        """
        with self._turn(request.origin) as turn, self._meet(turn, request) as person:
            return carry_out(request, person, self._open_card, self._clock)

    @contextmanager
    def _turn(self, origin: str) -> Iterator[Turn]:
        turn = Turn(origin, self._patience, self._stop)
        until = time.monotonic() + _GIVE_WAY_SECONDS
        with self._turns:
            while self._current is not None:
                # A page that was reloaded asks anew: what it asked before is void.
                left = until - time.monotonic()
                if self._current.origin != origin or left <= 0:
                    raise AgentBusy
                self._current.supersede()
                self._turns.wait(left)
            self._current = turn
        try:
            yield turn
        finally:
            with self._turns:
                self._current = None
                self._turns.notify_all()
