"""Starts the servers as processes of their own, waits until they answer, stops them.

A server is `python -m NAME --config FILE`. It prints one JSON line,
`{"ready": "http://…"}`, when it accepts connections. Its standard input is a pipe that
this process holds open: when we end, however we end, the pipe closes and it stops too.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, NoReturn, Self

from jpki.cli.interruption import Interruption
from jpki.errors import ServiceUnavailable

__all__ = ["Server", "Supervisor", "free_ports"]

START_SECONDS: Final = 30.0
"""A server that says nothing for so long will not come."""

STOP_SECONDS: Final = 10.0
"""How long a server may take to finish its requests after SIGTERM."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server process."""

    module: str
    url: str
    process: subprocess.Popen[bytes]
    log: Path


class Supervisor:
    """Owns the server processes of one configuration; a context manager."""

    def __init__(self, config: Path, logs: Path) -> None:
        self._config = config
        self._logs = logs
        self._servers: list[Server] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def servers(self) -> tuple[Server, ...]:
        """Those that run, in the order they were started."""
        return tuple(self._servers)

    def start(self, *modules: str, config: Path | None = None) -> None:
        """Start these servers side by side and return when all of them are ready.

        Args:
            modules: what `python -m` runs.
            config: their settings, where they are not those of the installation.

        Raises:
            ServiceUnavailable: one of them ended or stayed silent; all are stopped.
        """
        settings = config or self._config
        launched = [(module, *self._launch(module, settings)) for module in modules]
        try:
            for module, process, log in launched:
                url = _await_ready(module, process, log)
                self._servers.append(
                    Server(module=module, url=url, process=process, log=log)
                )
        except BaseException:
            for _, process, _ in launched:
                _end(process)
            self.stop()
            raise

    def _launch(
        self, module: str, config: Path
    ) -> tuple[subprocess.Popen[bytes], Path]:
        self._logs.mkdir(parents=True, exist_ok=True)
        log = self._logs / f"{module.rpartition('.')[2]}.log"
        with log.open("ab") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", module, "--config", str(config)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        return process, log

    def watch(self, interruption: Interruption) -> NoReturn:
        """Block as long as all servers run and nobody tells this process to stop.

        Raises:
            KeyboardInterrupt: somebody did, perhaps while the interpreter ignored it.
            ServiceUnavailable: one of them ended by itself.
        """
        while True:
            interruption.check()
            for server in self._servers:
                status = server.process.poll()
                if status is not None:
                    raise ServiceUnavailable(
                        server.module,
                        f"it ended by itself with status {status}; see {server.log}",
                    )
            time.sleep(0.2)

    def stop(self) -> None:
        """Stop all servers, the last started first."""
        while self._servers:
            _end(self._servers.pop().process)


def _await_ready(module: str, process: subprocess.Popen[bytes], log: Path) -> str:
    for line in _lines(process, START_SECONDS):
        with contextlib.suppress(ValueError):
            message = json.loads(line)
            if isinstance(message, dict) and isinstance(message.get("ready"), str):
                return str(message["ready"])
    last = log.read_text(errors="replace").strip().splitlines()[-1:]
    raise ServiceUnavailable(module, last[0] if last else f"silent; see {log}")


def _lines(process: subprocess.Popen[bytes], seconds: float) -> Iterator[bytes]:
    """Lines of its standard output, until it ends or the time is over."""
    assert process.stdout is not None
    deadline = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while selector.select(max(0.0, deadline - time.monotonic())):
            line = process.stdout.readline()
            if not line:
                return
            yield line


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listens on now, all different."""
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]
