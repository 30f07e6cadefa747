"""What all servers' command lines have in common: `python -m NAME --config FILE`."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from jpki.errors import JpkiError
from jpki.service import wsgi
from jpki.service.logs import configure_logging
from jpki.service.settings import CommonSettings
from jpki.service.shortcut import Shortcut

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["HasCommon", "Listening", "Server", "run_server"]


class HasCommon(Protocol):
    """Checked settings of any server."""

    @property
    def common(self) -> CommonSettings:
        """What all servers share."""
        ...


S = TypeVar("S", bound=HasCommon)


class Listening(Protocol):
    """The part of a server's settings that says where and how it listens."""

    @property
    def host(self) -> str:
        """Address."""
        ...

    @property
    def port(self) -> int:
        """0 takes a free one."""
        ...

    @property
    def threads(self) -> int:
        """Requests at the same time."""
        ...

    @property
    def body_limit(self) -> int:
        """Octets."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A server that is ready to run."""

    app: WSGIApplication
    listening: Listening
    background: Sequence[wsgi.Background] = ()
    shortcut: Shortcut | None = None
    entry: str = ""
    """What the announced address ends in, such as `/?key=…`, where not everybody who
    can reach the server may use it."""


def run_server(
    name: str,
    description: str,
    load: Callable[[Path, Mapping[str, str]], S],
    build: Callable[[S, threading.Event], Server],
) -> int:
    """Read the command line and the settings, build the server, serve until stopped.

    Args:
        name: the server's module.
        description: one sentence for `--help`.
        load: reads and checks the file, with the environment's overrides.
        build: makes the server; the event is set when it stops.

    Returns:
        The exit status: 2 where the server cannot start.
    """
    parser = argparse.ArgumentParser(prog=name, description=description)
    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    arguments = parser.parse_args()
    stop = threading.Event()
    try:
        settings = load(arguments.config, os.environ)
        configure_logging(settings.common.log_level)
        server = build(settings, stop)
        return wsgi.run(
            server.app,
            host=server.listening.host,
            port=server.listening.port,
            threads=server.listening.threads,
            body_limit=server.listening.body_limit,
            stop=stop,
            background=[wsgi.stop_with_parent, *server.background],
            shortcut=server.shortcut,
            announce=lambda url: wsgi.announce_ready(f"{url}{server.entry}"),
        )
    except JpkiError as error:
        hint = "" if error.hint is None else f" ({error.hint})"
        print(f"{name}: {error}{hint}", file=sys.stderr)
        return 2
