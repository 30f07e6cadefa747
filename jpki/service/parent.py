"""Stop when whoever started this process is gone, however it ended.

A supervisor keeps a pipe open to the standard input of each server it starts. When it
ends, even by SIGKILL, the system closes the pipe and the server sees the end of input.
"""

from __future__ import annotations

import os
import select
import sys
import threading
from typing import Final

__all__ = ["stop_with_parent"]

_LOOK_SECONDS: Final = 0.25


def stop_with_parent(stop: threading.Event) -> None:
    """Background work for `jpki.service.wsgi.run`: set `stop` at the end of input."""
    source = sys.stdin.fileno()
    while not stop.is_set():
        readable, _, _ = select.select([source], [], [], _LOOK_SECONDS)
        if readable and not os.read(source, 4096):
            stop.set()
