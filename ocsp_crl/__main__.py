"""Run the revocation service: `python -m ocsp_crl --config FILE`."""

from __future__ import annotations

import logging
import sys
import threading
from functools import partial

from jpki.authority.verifiers.admission import Admission
from jpki.service.clock import ProcessClock
from jpki.service.command import Server, run_server
from jpki.service.office import open_misbehaving_office, open_status_office
from jpki.service.settings import FILE_STORE, Settings, load
from jpki.service.wsgi import Background
from ocsp_crl import create_app, new_metrics, open_answers
from ocsp_crl.gathering import Gathering
from ocsp_crl.measures import ShortAnswers
from ocsp_crl.short_answers import short_answers

_log = logging.getLogger(__name__)


def _build(settings: Settings, _stop: threading.Event) -> Server:
    clock = ProcessClock(settings.common.clock_offset)
    office = open_status_office(settings)
    opened = open_answers(settings.revocation, office)
    responder, answers = opened

    def refreshing(stop: threading.Event) -> None:
        answers.run(stop, clock)

    own = settings.revocation
    misbehaving = None
    if own.misbehave:
        misbehaving = open_misbehaving_office(settings, office)
        _log.warning("this server answers wrongly below /misbehave: a test system")
    background: list[Background] = [
        answers.watch.run,
        refreshing,
        partial(responder.warm_up, clock=clock),
    ]
    admission = shortcut = None
    metrics = new_metrics()
    if own.access == "open":
        gathering = None
        if own.key_store == FILE_STORE:
            gathering = Gathering(answers, clock, limit=own.queue_limit)
            background.append(gathering.run)
        # Else signing waits for a token, which several threads can do at a time.
        shortcut = short_answers(
            answers, clock, queue_limit=own.queue_limit, gathering=gathering
        )
        metrics.add(ShortAnswers(shortcut))
    else:
        # Without the short way: it knows nobody.
        admission = Admission(office.store)
        background.append(partial(admission.run, clock=clock))
    return Server(
        app=create_app(
            settings,
            office,
            clock=clock,
            opened=opened,
            admission=admission,
            misbehaving=misbehaving,
            metrics=metrics,
        ),
        listening=own,
        background=background,
        shortcut=shortcut,
    )


if __name__ == "__main__":
    sys.exit(run_server("ocsp_crl", "OCSP and CRLs of the authorities.", load, _build))
