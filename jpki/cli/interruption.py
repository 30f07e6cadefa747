"""Ending a command that runs until it is told to stop."""

from __future__ import annotations

import signal
from types import FrameType

__all__ = ["Interruption", "interruptible"]


class Interruption:
    """Whether this process was told to stop."""

    def __init__(self) -> None:
        self._came = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        """End what is being done, as Ctrl-C does."""
        self._came = True
        raise KeyboardInterrupt

    def check(self) -> None:
        """End it now, if the interpreter ignored that at the time (in a destructor).

        Raises:
            KeyboardInterrupt: it was told to.
        """
        if self._came:
            raise KeyboardInterrupt


def interruptible() -> Interruption:
    """Let SIGTERM end this process as Ctrl-C does, so that everything is stopped."""
    interruption = Interruption()
    signal.signal(signal.SIGTERM, interruption)
    signal.signal(signal.SIGINT, interruption)
    return interruption
