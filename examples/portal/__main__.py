"""Run the portal: `python -m examples.portal --config FILE`."""

from __future__ import annotations

import sys
import threading

from examples.portal import create_app
from examples.portal.config import PortalConfiguration, load
from jpki.service.command import Server, run_server


def _build(configuration: PortalConfiguration, _stop: threading.Event) -> Server:
    return Server(app=create_app(configuration), listening=configuration.own)


if __name__ == "__main__":
    sys.exit(run_server("examples.portal", "An e-application portal.", load, _build))
