"""Run the revocation service: `python -m ocsp_crl --config FILE`."""

from __future__ import annotations

import sys
import threading

from jpki.service.clock import ProcessClock
from jpki.service.command import Server, run_server
from jpki.service.office import open_status_office
from jpki.service.settings import Settings, load
from ocsp_crl import create_app, open_answers
from ocsp_crl.short_answers import short_answers


def _build(settings: Settings, _stop: threading.Event) -> Server:
    clock = ProcessClock(settings.common.clock_offset)
    office = open_status_office(settings)
    opened = open_answers(settings.revocation, office)
    _, answers = opened

    def refreshing(stop: threading.Event) -> None:
        answers.run(stop, clock)

    return Server(
        app=create_app(settings, office, clock=clock, opened=opened),
        listening=settings.revocation,
        background=[answers.watch.run, refreshing],
        shortcut=short_answers(
            answers, clock, queue_limit=settings.revocation.queue_limit
        ),
    )


if __name__ == "__main__":
    sys.exit(run_server("ocsp_crl", "OCSP and CRLs of the authorities.", load, _build))
