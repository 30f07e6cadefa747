"""Run the authorities: `python -m ca_server --config FILE`."""

from __future__ import annotations

import sys
import threading

from ca_server import create_app
from ca_server.following import Follower
from jpki.service.clock import ProcessClock
from jpki.service.command import Server, run_server
from jpki.service.office import open_keyring, open_office, open_register
from jpki.service.settings import Settings, load


def _build(settings: Settings, _stop: threading.Event) -> Server:
    clock = ProcessClock(settings.common.clock_offset)
    register = open_register(settings, clock)
    office = open_office(settings, register)
    office.store.follow_outside()
    follower = Follower(
        office, register, clock, lambda: open_keyring(settings.revocation)
    )
    follower.recover()
    return Server(
        app=create_app(settings, office, clock=clock),
        listening=settings.authority,
        background=[follower.follow, follower.publish, follower.maintain],
    )


if __name__ == "__main__":
    sys.exit(run_server("ca_server", "The certification authorities.", load, _build))
