"""Run the revocation service: `python -m ocsp_crl --config FILE`."""

from __future__ import annotations

import sys
import threading

from jpki.service.clock import ProcessClock
from jpki.service.command import Server, run_server
from jpki.service.office import open_status_office
from jpki.service.settings import Settings, load
from ocsp_crl import create_app


def _build(settings: Settings, _stop: threading.Event) -> Server:
    clock = ProcessClock(settings.common.clock_offset)
    office = open_status_office(settings)
    return Server(
        app=create_app(settings, office, clock=clock), listening=settings.revocation
    )


if __name__ == "__main__":
    sys.exit(run_server("ocsp_crl", "OCSP and CRLs of the authorities.", load, _build))
