"""`jpki tsa serve` as a process of its own, for tests that ask it over HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["serving"]


@contextmanager
def serving(directory: Path, *options: str) -> Iterator[str]:
    """The URL of the authority in this folder, until the end."""
    program = "from jpki.cli import main; main()"
    command = [sys.executable, "-c", program, "tsa", "serve", str(directory)]
    with subprocess.Popen(
        [*command, "--port", "0", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            line = process.stdout.readline()
            yield str(json.loads(line)["ready"])
        finally:
            # The server ends with the pipe that holds it.
            process.stdin.close()
            process.wait(20)
    assert process.returncode == 0
