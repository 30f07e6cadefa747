"""Questions that need the books, gathered by the loop and answered together.

The loop that receives requests must never wait for a database, and a thread for each
request would spend its time on taking the interpreter's lock from the others: every
step of a statement gives it up. So one thread answers what has come in meanwhile, all
of it with one look into the books, while the loop goes on.

Whoever has waited for a second is told `tryLater`, also where that one thread waits for
a database that does not answer. A question whose key is being opened is asked again
when it is open, and all others go on.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Final

from jpki.authority.answering.kept_answers import AT_ONCE, KeptAnswers
from jpki.authority.answering.ocsp_answers import LATER, OCSPAnswer
from jpki.model.ports import Clock

__all__ = ["Gathering", "Tell"]

Tell = Callable[[OCSPAnswer | None], None]
"""Takes the answer; None if it could not be made."""

_WAIT_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 0.25
"""After which the thread looks whether it is to stop."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Asked:
    """A question, and who waits for its answer."""

    request: bytes
    tell: Tell
    until: float
    """Monotonic seconds; then its time is over."""
    over: bool = False
    """Whether it has been told something."""


class Gathering:
    """Shared by the loop and one thread, which is `run`."""

    def __init__(
        self,
        kept: KeptAnswers,
        clock: Clock,
        *,
        limit: int,
        seconds: float = _WAIT_SECONDS,
    ) -> None:
        """Make it.

        Args:
            kept: answers; its keys do not let their caller wait.
            clock: the time.
            limit: how many may wait.
            seconds: how long each waits.
        """
        self._kept = kept
        self._clock = clock
        self._limit = limit
        self._seconds = seconds
        self._open = 0
        self._in_order: deque[_Asked] = deque()
        """All who wait, the oldest first; of the loop alone."""
        self._new: list[_Asked] = []
        """Came in this turn; of the loop alone."""
        self._waiting: deque[_Asked] = deque()
        """Not yet taken by the thread."""
        self._made: deque[tuple[_Asked, OCSPAnswer | None]] = deque()
        """Not yet told by the loop."""
        self._bell = threading.Event()
        self.wake: Callable[[], None] = lambda: None
        """Ends the loop's waiting; called by the thread."""

    def put(self, request: bytes, tell: Tell) -> bool:
        """Have this answered; False where too many wait. Called by the loop.

        Args:
            request: OCSPRequest, or what claims to be one.
            tell: called by the loop at the end of one of its turns.
        """
        if self._open >= self._limit:
            return False
        self._open += 1
        self._new.append(_Asked(request, tell, monotonic() + self._seconds))
        return True

    def end_turn(self) -> None:
        """Tell what has been answered, and hand on what has come in."""
        while self._made:
            asked, answer = self._made.popleft()
            self._tell(asked, answer)
        if self._new:
            self._in_order += self._new
            self._waiting += self._new
            self._new = []
            self._bell.set()
        if self._in_order:
            now = monotonic()
            while self._in_order and (
                self._in_order[0].over or self._in_order[0].until <= now
            ):
                self._tell(self._in_order.popleft(), LATER)

    def run(self, stop: threading.Event) -> None:
        """Answer until told to stop, and then what is still waiting."""
        while not stop.is_set() or self._waiting:
            self._bell.wait(_LOOK_SECONDS)
            self._bell.clear()
            while self._waiting:
                self._answer()

    def _answer(self) -> None:
        """Answer some of those who wait, to whom the loop only adds others."""
        some: list[_Asked] = []
        while self._waiting and len(some) < AT_ONCE:
            asked = self._waiting.popleft()
            if not asked.over:
                some.append(asked)
        answers: Sequence[OCSPAnswer | None]
        try:
            answers = self._kept.answer_all(
                [asked.request for asked in some], self._clock()
            )
        except Exception:
            # The application is asked instead, and tells its own errors.
            _log.exception("questions could not be answered together")
            answers = [None] * len(some)
        for asked, answer in zip(some, answers, strict=True):
            if answer is not None and answer.opening is not None:
                answer.opening.add_done_callback(partial(self._again, asked))
            else:
                self._made.append((asked, answer))
        self.wake()

    def _again(self, asked: _Asked, _opened: object) -> None:
        self._waiting.append(asked)
        self._bell.set()

    def _tell(self, asked: _Asked, answer: OCSPAnswer | None) -> None:
        if not asked.over:
            asked.over = True
            self._open -= 1
            asked.tell(answer)
