"""The revocation service: OCSP responses and CRLs of every authority.

`create_app` makes the WSGI application; `python -m ocsp_crl --config FILE` runs it.
"""

from __future__ import annotations

from typing import Final

from flask import Flask
from werkzeug.exceptions import HTTPException

from jpki.authority.answering.asked_kinds import AskedKinds
from jpki.authority.answering.confirmation import Confirmation
from jpki.authority.answering.kept_answers import KeptAnswers
from jpki.authority.answering.responder import NeverIssued, Responder
from jpki.authority.office import Office
from jpki.authority.publication.kept_lists import KeptLists
from jpki.authority.verifiers.admission import Admission
from jpki.model.ports import Clock
from jpki.service.clock import RequestClock
from jpki.service.health import Health
from jpki.service.metrics import Metrics
from jpki.service.problems import refused
from jpki.service.settings import RevocationSettings, Settings
from ocsp_crl.client import PublicAddresses
from ocsp_crl.confirm import blueprint as confirm_routes
from ocsp_crl.gate import Gate
from ocsp_crl.history import blueprint as history_routes
from ocsp_crl.lists import ListService
from ocsp_crl.lists import blueprint as list_routes
from ocsp_crl.measures import StatusMeasures
from ocsp_crl.misbehave import Misbehaviour
from ocsp_crl.misbehave import blueprint as misbehave_routes
from ocsp_crl.problems import PROBLEMS
from ocsp_crl.routes import Encoded, RevocationService, blueprint

__all__ = ["create_app", "new_metrics", "open_answers"]

_WORDS: Final = ("confirm", "crls", "health", "history", "misbehave", "ocsp")


def new_metrics() -> Metrics:
    """Metrics that tell the paths of this server apart."""
    return Metrics(*_WORDS)


def open_answers(
    settings: RevocationSettings, office: Office
) -> tuple[Responder, KeptAnswers]:
    """Who answers OCSP as the settings say: from the books, and from what is kept."""
    responder = Responder(
        office,
        settings.response_lifetime,
        never_issued=NeverIssued(settings.never_issued),
        retention=settings.archive_retention,
    )
    answers = KeptAnswers(
        office,
        responder,
        limit=settings.kept_answers,
        at_work=max(1, settings.threads // 2),
    )
    return responder, answers


def create_app(
    settings: Settings,
    office: Office,
    *,
    clock: Clock,
    opened: tuple[Responder, KeptAnswers] | None = None,
    admission: Admission | None = None,
    misbehaving: Office | None = None,
    metrics: Metrics | None = None,
) -> Flask:
    """Serve the status of what an office has issued.

    Args:
        settings: the whole file; [common] and [revocation] are used.
        office: its keyring opens the responders' keys, not the authorities'.
        clock: the time.
        opened: what `open_answers` gave, where somebody shares it.
        admission: admits verifiers; None lets everybody ask.
        metrics: where requests are counted, if anybody else counts there, too.
        misbehaving: opens the authorities' keys too, to be wrong where it is asked to.
    """
    own = settings.revocation
    metrics = metrics or new_metrics()
    responder, answers = opened or open_answers(own, office)
    instants = RequestClock(clock=clock, test_system=settings.common.test_system)
    service = RevocationService(
        office=office,
        responder=responder,
        answers=answers,
        clock=instants,
        health=Health({"database": lambda: _current(office)}),
        public=PublicAddresses(office),
        kinds=None if admission is None else AskedKinds(office.store, responder),
    )
    metrics.add(StatusMeasures(office, answers))
    app = Flask(__name__, static_folder=None)
    metrics.watch(app)
    app.config["MAX_CONTENT_LENGTH"] = own.body_limit
    # Base64 holds slashes, and two of them side by side mean what they say.
    app.url_map.merge_slashes = False
    app.url_map.converters["encoded"] = Encoded
    if admission is not None:
        Gate(admission, instants, own.trusted_proxy).guard(app)
    app.register_blueprint(blueprint(service))
    confirmation = Confirmation(
        office, hours=own.service_hours, at_work=max(1, own.threads // 4)
    )
    app.register_blueprint(confirm_routes(confirmation, instants))
    kept_lists = KeptLists(office.store)
    lists = ListService(
        office=office,
        lists=kept_lists,
        clock=instants,
        max_age=own.crl_max_age_seconds,
    )
    app.register_blueprint(list_routes(lists))
    app.register_blueprint(history_routes(office, instants))
    if misbehaving is not None:
        wrong = Misbehaviour(
            office=misbehaving, responder=responder, lists=kept_lists, clock=instants
        )
        app.register_blueprint(misbehave_routes(wrong))
    app.register_error_handler(HTTPException, refused)
    app.register_error_handler(Exception, PROBLEMS.problem)
    return app


def _current(office: Office) -> None:
    if not office.store.is_current():
        raise RuntimeError("the schema is not the newest")
