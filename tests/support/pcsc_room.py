"""A room with its own PC/SC service: real pcscd and vpcd, apart from this machine's.

pcscd always listens at one place below /run, and vpcd on all addresses. So both run in
namespaces of their own (user, network, mounts), without root; whatever is to speak to
them is started in the same room.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.support.installation import within

__all__ = ["READERS", "Room", "room"]

READERS: Final = ("Virtual PCD 00 00", "Virtual PCD 00 01")
_ROOT: Final = Path(__file__).parents[2]
_SIOCSIFFLAGS: Final = 0x8914
_IFF_UP: Final = 1
_READY: Final = b"ready\n"


class Room:
    """Where commands are run beside a PC/SC service with two virtual readers."""

    def __init__(self, pid: int, folder: Path) -> None:
        self._pid = pid
        self.folder = folder

    def command(self, line: Sequence[str | Path]) -> list[str]:
        """The same command, to be run in here."""
        enter = ["nsenter", "--target", str(self._pid)]
        enter += ["--user", "--preserve-credentials", "--net", "--mount"]
        return [*enter, f"--wd={self.folder}", *map(str, line)]

    def run(
        self, *line: str | Path, typed: str = "", check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        done = subprocess.run(
            self.command(line),
            input=typed,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=_environment(),
        )
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done

    def jpki(
        self, *words: str | Path, typed: str = "", check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run `jpki`."""
        return self.run(*_jpki(), *words, typed=typed, check=check)

    @contextmanager
    def inserted(self, card: Path, reader: int = 0) -> Iterator[subprocess.Popen[str]]:
        """A virtual card in one of the readers: the process that is the card."""
        port = str(35963 + reader)
        line = [*_jpki(), "card", "serve", str(card), "--port", port]
        with subprocess.Popen(
            self.command(line),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=_environment(),
        ) as process:
            try:
                assert process.stdout is not None
                first = process.stdout.readline()
                assert "Ctrl-C" in first, first
                assert within(10, lambda: self.holds(reader))
                yield process
            finally:
                process.terminate()
                process.wait(10)
        assert within(10, lambda: not self.holds(reader))

    def holds(self, reader: int) -> bool:
        """Whether a card is in this reader."""
        told = self.run("opensc-tool", "--list-readers").stdout
        lines = [line for line in told.splitlines() if READERS[reader] in line]
        return len(lines) == 1 and "Yes" in lines[0]


@contextmanager
def room(folder: Path) -> Iterator[Room]:
    """A new one; everything in it ends with it."""
    line = ["unshare", "--user", "--map-root-user", "--net", "--mount"]
    line += ["--pid", "--fork", "--kill-child"]
    with subprocess.Popen(
        [*line, sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
    ) as process:
        try:
            assert process.stdout is not None
            told = process.stdout.readline()
            if told != _READY:
                process.kill()
                assert process.stderr is not None
                raise AssertionError(process.stderr.read().decode())
            yield Room(_child_of(process.pid), folder)
        finally:
            process.kill()


def _child_of(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0])


def _jpki() -> list[str]:
    return [sys.executable, "-c", "from jpki.cli import main; main(prog_name='jpki')"]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(_ROOT), "LC_ALL": "C.UTF-8"}


def _keep_service() -> None:
    """Inside: the service, until whoever opened the room ends."""
    # Nothing of this machine's /run is seen or touched.
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
    Path("/run/pcscd").mkdir()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh22x", b"lo", _IFF_UP)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, request)
    with subprocess.Popen(["pcscd", "--foreground"], stdout=sys.stderr):
        listening = Path("/run/pcscd/pcscd.comm").exists
        if within(10, listening):
            sys.stdout.buffer.write(_READY)
            sys.stdout.flush()
            sys.stdin.buffer.read()


if __name__ == "__main__":
    _keep_service()
