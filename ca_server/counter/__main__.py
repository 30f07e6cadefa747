"""Run the operator's page: `python -m ca_server.counter --config FILE`."""

from __future__ import annotations

import sys
import threading

from ca_server.counter import create_app
from ca_server.counter.guard import Guard
from jpki.service.clock import system_random
from jpki.service.command import Server, run_server
from jpki.service.workstation import WorkstationConfiguration, load


def _build(configuration: WorkstationConfiguration, _stop: threading.Event) -> Server:
    own = configuration.counter
    guard = Guard(host=own.host, random=system_random)
    app = create_app(configuration, guard=guard)
    return Server(app=app, listening=own, entry=guard.entry)


if __name__ == "__main__":
    sys.exit(
        run_server(
            "ca_server.counter", "The page of a counter's operator.", load, _build
        )
    )
