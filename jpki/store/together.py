"""What several threads ask for at the same time is done at once.

A durable commit waits for the disk. Callers that come while one is under way wait for
each other instead, and one of them does the work of all. Each gets an answer only when
the work is done.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

from jpki.errors import JpkiError, StoreError

__all__ = ["MOST", "Act", "Groups", "Together", "each"]

MOST: Final = 64
"""How many requests are done at once: none holds a transaction for long."""

_GATHERING: Final = 0.02
_LOOK: Final = 0.0005
"""Seconds for which a leader waits at most for as many others as there were before, and
after which it looks whether they are there."""

_CROWD: Final = 16
"""How many wait before a second group begins beside the first."""

T = TypeVar("T")
R = TypeVar("R")

Act = Callable[[Sequence[T]], Sequence[R | JpkiError]]
"""Does what several callers ask for; an answer, or an error of ours, for each."""


def each(act: Act[T, R], items: Sequence[T]) -> Sequence[R | JpkiError]:
    """The act's answers; where it fails as a whole, it is done for each item alone.

    So nobody suffers from another's request. The act must leave nothing behind that
    keeps it from being done again.
    """
    try:
        return act(items)
    except JpkiError as error:
        if len(items) == 1:
            return [error]
        return [answer for item in items for answer in each(act, [item])]


class _Seat(Generic[T, R]):
    """One caller who waits: for an answer, or for the turn to lead."""

    __slots__ = ("answer", "bell", "item")

    def __init__(self, item: T) -> None:
        self.item = item
        self.answer: list[R | JpkiError] = []
        self.bell = threading.Lock()
        self.bell.acquire()


class Together(Generic[T, R]):
    """Many callers, one act; `each` of them gets its own answer."""

    def __init__(self, act: Act[T, R], *, leaders: int = 1) -> None:
        """Let so many callers at a time do the work, each for a group of others."""
        self._act = act
        self._lock = threading.Lock()
        self._waiting: list[_Seat[T, R]] = []
        self._leaders = leaders
        self._at_work = 0
        self._before = 0
        """How many others the last group had."""

    def __call__(self, item: T) -> R:
        """Have this done with whatever others ask for.

        Raises:
            JpkiError: what the act says of this item.
        """
        seat = _Seat[T, R](item)
        with self._lock:
            leads = self._may_lead()
            if leads:
                self._at_work += 1
            else:
                self._waiting.append(seat)
        if not leads:
            seat.bell.acquire()
        if not seat.answer:
            self._lead(seat)
        answer = seat.answer[0]
        if isinstance(answer, JpkiError):
            raise answer
        return answer

    def _may_lead(self) -> bool:
        """Whether another group begins now: the first always, others with a crowd."""
        return self._at_work == 0 or (
            self._at_work < self._leaders and len(self._waiting) >= _CROWD
        )

    def _lead(self, own: _Seat[T, R]) -> None:
        """Do the work of those who wait; then the next of them leads, if any."""
        # Those whom the last group answered are about to come again.
        until = time.monotonic() + _GATHERING
        while len(self._waiting) < self._before and time.monotonic() < until:
            time.sleep(_LOOK)
        with self._lock:
            others, self._waiting = self._waiting[: MOST - 1], self._waiting[MOST - 1 :]
            self._before = len(others)
        seats = [own, *others]
        try:
            answers = each(self._act, [seat.item for seat in seats])
            for seat, answer in zip(seats, answers, strict=True):
                seat.answer.append(answer)
        finally:
            for seat in others:
                if not seat.answer:
                    seat.answer.append(StoreError("the work was interrupted"))
                seat.bell.release()
            with self._lock:
                self._at_work -= 1
                if self._waiting and self._may_lead():
                    self._at_work += 1
                    self._waiting.pop(0).bell.release()


class Groups:
    """The callers of each act, for one database."""

    def __init__(self) -> None:
        self._groups: dict[object, Together[Any, Any]] = {}

    def __call__(self, act: Act[T, R], item: T, *, leaders: int = 1) -> R:
        """Do this act for the item, together with what other threads ask of it.

        Args:
            act: a function of a module: all its callers make one group.
            leaders: how many groups may be at work at a time.

        Raises:
            JpkiError: what the act says of this item.
        """
        group = self._groups.get(act)
        if group is None:
            group = self._groups.setdefault(act, Together(act, leaders=leaders))
        answer: R = group(item)
        return answer
