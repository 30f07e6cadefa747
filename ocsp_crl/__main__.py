"""Run the revocation service: `python -m ocsp_crl --config FILE`."""

from __future__ import annotations

import sys
import threading

from jpki.authority.admission import Admission
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

    own = settings.revocation
    if own.access == "open":
        return Server(
            app=create_app(settings, office, clock=clock, opened=opened),
            listening=own,
            background=[answers.watch.run, refreshing],
            shortcut=short_answers(answers, clock, queue_limit=own.queue_limit),
        )
    admission = Admission(office.store)

    def entering(stop: threading.Event) -> None:
        admission.run(stop, clock)

    # Without the short way: it knows nobody.
    return Server(
        app=create_app(
            settings, office, clock=clock, opened=opened, admission=admission
        ),
        listening=own,
        background=[answers.watch.run, refreshing, entering],
    )


if __name__ == "__main__":
    sys.exit(run_server("ocsp_crl", "OCSP and CRLs of the authorities.", load, _build))
