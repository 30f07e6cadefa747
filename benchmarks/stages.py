"""Where a server's time goes: processor time of each stage, measured in its threads.

The functions that begin a stage are wrapped; the thread's own processor clock is read
where one begins or ends. Time counts for the innermost stage only, so the stages add up
to what the threads computed; waiting for locks, disk and network counts nowhere. A
stage's wrapper costs about a microsecond of the stage around it.
"""

from __future__ import annotations

import functools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

__all__ = ["Stages"]


class Stages:
    """A stopwatch for each thread, and what all of them came to."""

    def __init__(self) -> None:
        self._of_thread = threading.local()
        self._all: list[Counter[str]] = []

    def seconds(self) -> dict[str, float]:
        """Of each stage, in all threads, so far."""
        total: Counter[str] = Counter()
        for each in tuple(self._all):
            total.update(each.copy())
        return {stage: nanoseconds / 1e9 for stage, nanoseconds in total.items()}

    @contextmanager
    def stage(self, name: str, *, whole: bool = False) -> Iterator[None]:
        """Count what this thread computes for this stage.

        Args:
            name: of the stage.
            whole: stages that begin within it count for it.
        """
        own = self._of_thread
        if not hasattr(own, "stack"):
            own.stack, own.mark, own.spent, own.whole = [], 0, Counter(), False
            self._all.append(own.spent)
        self._charge()
        if own.whole:
            yield
            return
        own.stack.append(name)
        own.whole = whole
        try:
            yield
        finally:
            self._charge()
            own.stack.pop()
            own.whole = False

    def _charge(self) -> None:
        own, now = self._of_thread, time.thread_time_ns()
        if own.stack:
            own.spent[own.stack[-1]] += now - own.mark
        own.mark = now

    def wrap(self, owner: Any, name: str, stage: str, *, whole: bool = False) -> None:
        """Let every call of this function of a class or module be of this stage."""
        function: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(function)
        def wrapped(*arguments: Any, **named: Any) -> Any:
            with self.stage(stage, whole=whole):
                return function(*arguments, **named)

        setattr(owner, name, wrapped)

    def wrap_context(self, owner: Any, name: str, stage: str) -> None:
        """The same for a method whose result is used in a `with` statement."""
        function: Callable[..., AbstractContextManager[Any]] = getattr(owner, name)

        @functools.wraps(function)
        @contextmanager
        def wrapped(*arguments: Any, **named: Any) -> Iterator[Any]:
            with self.stage(stage), function(*arguments, **named) as value:
                yield value

        setattr(owner, name, wrapped)
