"""Run the register: `python -m registry_stub --config FILE`."""

from __future__ import annotations

import sys
import threading

from jpki.service.command import Server, run_server
from jpki.service.settings import Settings, load
from registry_stub import create_app


def _build(settings: Settings, stop: threading.Event) -> Server:
    return Server(app=create_app(settings, stop=stop), listening=settings.registry)


if __name__ == "__main__":
    sys.exit(run_server("registry_stub", "The resident register.", load, _build))
