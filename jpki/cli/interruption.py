"""Ending a command that runs until it is told to stop."""

from __future__ import annotations

import signal
from types import FrameType

__all__ = ["interruptible"]


def interruptible() -> None:
    """Let SIGTERM end this process as Ctrl-C does, so that everything is stopped."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
