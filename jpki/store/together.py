"""Group commit: what several threads ask for at the same time is done at once.

A durable commit waits for the disk. Callers that come while one is under way wait for
each other instead, and the first of them does the work of all in one transaction. Each
gets an answer only after the commit that made it durable.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from jpki.errors import JpkiError, StoreError

__all__ = ["MOST", "Together"]

MOST: Final = 64
"""How many requests one transaction takes: none holds the lock for long."""

T = TypeVar("T")
R = TypeVar("R")


class _Seat(Generic[T, R]):
    """One caller who waits: for an answer, or for the turn to lead."""

    __slots__ = ("answer", "bell", "item")

    def __init__(self, item: T) -> None:
        self.item = item
        self.answer: list[R | JpkiError] = []
        self.bell = threading.Lock()
        self.bell.acquire()


class Together(Generic[T, R]):
    """Many callers, one act.

    The act takes the items of several callers and gives an answer, or an error of
    ours, for each. Where it fails as a whole nothing was committed, and it is done
    again for each caller alone, so that nobody suffers from another's request.
    """

    def __init__(self, act: Callable[[Sequence[T]], Sequence[R | JpkiError]]) -> None:
        self._act = act
        self._lock = threading.Lock()
        self._waiting: list[_Seat[T, R]] = []
        self._led = False

    def __call__(self, item: T) -> R:
        """Have this done with whatever others ask for.

        Raises:
            JpkiError: what the act says of this item.
        """
        seat = _Seat[T, R](item)
        with self._lock:
            self._waiting.append(seat)
            leads, self._led = not self._led, True
        if not leads:
            seat.bell.acquire()
        if not seat.answer:
            self._lead()
        answer = seat.answer[0]
        if isinstance(answer, JpkiError):
            raise answer
        return answer

    def _lead(self) -> None:
        """Do the work of all who wait, this thread among the first."""
        with self._lock:
            seats, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        try:
            self._serve(seats)
        finally:
            for seat in seats:
                if not seat.answer:
                    seat.answer.append(StoreError("the work was interrupted"))
                seat.bell.release()
            with self._lock:
                self._led = bool(self._waiting)
                if self._waiting:
                    self._waiting[0].bell.release()

    def _serve(self, seats: Sequence[_Seat[T, R]]) -> None:
        try:
            answers = self._act([seat.item for seat in seats])
        except JpkiError as error:
            if len(seats) == 1:
                seats[0].answer.append(error)
                return
            for seat in seats:
                self._serve([seat])
            return
        for seat, answer in zip(seats, answers, strict=True):
            seat.answer.append(answer)
