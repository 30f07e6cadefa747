"""A room with its own PC/SC service: real pcscd and vpcd, apart from this machine's.

vpcd listens on all addresses: so it runs in a network of its own, and so does whatever
is to speak to it. pcscd is handed its socket as systemd would do, in the room's folder;
programs find it there by `PCSCLITE_CSOCK_NAME`. None of it needs root; but where nobody
may make user namespaces, as in a chroot, root does without one.
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
from typing import Final, NoReturn

from tests.support.installation import within

__all__ = ["JPKI", "READERS", "Room", "environment", "room"]

JPKI: Final = (
    sys.executable,
    "-c",
    "from jpki.cli import main; main(prog_name='jpki')",
)
"""The command, from this source tree."""

READERS: Final = ("Virtual PCD 00 00", "Virtual PCD 00 01")
_ROOT: Final = Path(__file__).parents[2]
_SIOCSIFFLAGS: Final = 0x8914
_IFF_UP: Final = 1
_PATIENCE: Final = 60
"""Seconds until the service has seen a card come or go, on a machine that is busy."""
_READY: Final = b"ready\n"
_SOCKET: Final = "pcscd.comm"
_FIRST_DESCRIPTOR: Final = 3
_IS_ROOT: Final = os.geteuid() == 0


class Room:
    """Where commands are run beside a PC/SC service with two virtual readers."""

    def __init__(self, pid: int, folder: Path) -> None:
        self._pid = pid
        self.folder = folder

    def command(self, line: Sequence[str | Path]) -> list[str]:
        """The same command, to be run in here."""
        enter = ["nsenter", "--target", str(self._pid), "--net"]
        if not _IS_ROOT:
            enter += ["--user", "--preserve-credentials", "--mount"]
        found_at = f"PCSCLITE_CSOCK_NAME={self.folder / _SOCKET}"
        return [*enter, f"--wd={self.folder}", "env", found_at, *map(str, line)]

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
            env=environment(),
        )
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done

    def jpki(
        self, *words: str | Path, typed: str = "", check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run `jpki`."""
        return self.run(*JPKI, *words, typed=typed, check=check)

    @contextmanager
    def inserted(self, card: Path, reader: int = 0) -> Iterator[subprocess.Popen[str]]:
        """A virtual card in one of the readers: the process that is the card."""
        port = str(35963 + reader)
        line = [*JPKI, "card", "serve", str(card), "--port", port]
        with subprocess.Popen(
            self.command(line),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(),
        ) as process:
            try:
                assert process.stdout is not None
                first = process.stdout.readline()
                assert "Ctrl-C" in first, first
                assert within(_PATIENCE, lambda: self.holds(reader))
                yield process
            finally:
                process.terminate()
                process.wait(10)
        assert within(_PATIENCE, lambda: not self.holds(reader))

    def holds(self, reader: int) -> bool:
        """Whether a card is in this reader."""
        told = self.run("opensc-tool", "--list-readers").stdout
        lines = [line for line in told.splitlines() if READERS[reader] in line]
        return len(lines) == 1 and "Yes" in lines[0]


@contextmanager
def room(folder: Path) -> Iterator[Room]:
    """A new one; everything in it ends with it."""
    line = ["unshare", "--net", "--pid", "--fork", "--kill-child"]
    if not _IS_ROOT:
        line += ["--user", "--map-root-user", "--mount"]
    with subprocess.Popen(
        [*line, sys.executable, __file__, folder / _SOCKET, str(_IS_ROOT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
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


def environment() -> dict[str, str]:
    """Of what is started in a room."""
    return {**os.environ, "PYTHONPATH": str(_ROOT), "LC_ALL": "C.UTF-8"}


def _keep_service(path: Path, as_root: bool) -> None:
    """Inside: the service, until whoever opened the room ends."""
    if not as_root:
        # It makes a folder below /run, whatever socket it is handed.
        subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh22x", b"lo", _IFF_UP)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, request)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen(16)
        child = os.fork()
        if child == 0:
            _become_pcscd(listening)
        sys.stdout.buffer.write(_READY)
        sys.stdout.flush()
        sys.stdin.buffer.read()


def _become_pcscd(listening: socket.socket) -> NoReturn:
    """sd_listen_fds(3): the socket is descriptor 3, and said to be ours."""
    os.dup2(listening.fileno(), _FIRST_DESCRIPTOR)
    os.set_inheritable(_FIRST_DESCRIPTOR, True)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    handed = {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
    os.execvpe("pcscd", ["pcscd", "--foreground"], {**os.environ, **handed})


if __name__ == "__main__":
    # Whoever is root in here need not be root outside.
    _keep_service(Path(sys.argv[1]), sys.argv[2] == str(True))
