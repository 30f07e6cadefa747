"""The portal's HTTP interface: the same paths for browsers and programs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, request

from examples.portal.application import (
    Application,
    read_application,
    write_application,
)
from examples.portal.archive import Archive
from examples.portal.pages import first_page, script, verdict_page, wants_page
from examples.portal.words import Words, words_in
from jpki.errors import RequestError
from jpki.service.answers import Answer, json_answer
from jpki.service.clock import TEST_INSTANT_HEADER, RequestClock
from jpki.service.health import Health
from jpki.verify import LANGUAGES, Valid, VerificationPolicy, Verifier
from jpki.verify.records import make_record
from jpki.verify.watching import Seen

__all__ = ["Portal", "blueprint"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Portal:
    """What the routes work with."""

    verifier: Verifier
    policy: VerificationPolicy
    archive: Archive
    clock: RequestClock
    language: str
    health: Health
    agent_url: str | None = None
    """Of residents' own signing agents."""

    def instant(self) -> datetime:
        """The one instant that the current request is served at."""
        return self.clock.at(request.headers.get(TEST_INSTANT_HEADER))

    def words(self) -> Words:
        """In the language asked for in the address, else the browser's, else ours."""
        asked = request.args.get("lang")
        if asked in LANGUAGES:
            return words_in(asked)
        preferred = request.accept_languages.best_match(LANGUAGES, self.language)
        return words_in(preferred or self.language)


def blueprint(portal: Portal) -> Blueprint:
    """The routes of one portal."""
    routes = Blueprint("portal", __name__, template_folder="templates")
    routes.add_url_rule("/health/live", view_func=portal.health.live)
    routes.add_url_rule("/health/ready", view_func=portal.health.ready)

    @routes.get("/")
    def first() -> Response:
        return first_page(portal.words(), portal.agent_url)

    if portal.agent_url is not None:
        routes.add_url_rule("/script.js", view_func=script)

    @routes.post("/applications")
    def make() -> Response:
        """The document to sign, from a form or from JSON."""
        application = _application()
        response = Response(write_application(application), mimetype="application/xml")
        response.headers["Content-Disposition"] = (
            'attachment; filename="application.xml"'
        )
        response.headers["Cache-Control"] = "no-store"
        return response

    @routes.post("/submissions")
    def submit() -> Response | Answer:
        """Judge the signature; accept and keep what is valid."""
        document, signature = _file("application"), _file("signature")
        application = read_application(document)
        seen = Seen()
        at = portal.instant()
        outcome = portal.verifier.verify(signature, document, at, seen=seen)
        receipt = None
        if isinstance(outcome, Valid):
            record = make_record(portal.policy, signature, document, outcome, seen)
            receipt = portal.archive.accept(document, signature, outcome, record)
        if wants_page(request):
            return verdict_page(portal.words(), outcome, application, receipt)
        return json_answer(
            {
                "accepted": receipt is not None,
                "receipt": None if receipt is None else receipt.to_json(),
                "application": {
                    "procedure": application.procedure,
                    "statement": application.statement,
                },
                "verdict": outcome.to_json(),
            }
        )

    return routes


def _application() -> Application:
    if request.mimetype == "application/json":
        try:
            fields = json.loads(request.get_data())
        except (ValueError, RecursionError):
            raise RequestError("the body is not JSON") from None
        if not isinstance(fields, dict):
            raise RequestError("the body is not a JSON object")
    else:
        fields = request.form.to_dict()
    unknown = sorted(fields.keys() - {"procedure", "statement"})
    if unknown:
        raise RequestError(f"unknown field: {unknown[0][:40]}")
    procedure, statement = fields.get("procedure"), fields.get("statement")
    if not isinstance(procedure, str) or not isinstance(statement, str):
        raise RequestError("procedure and statement are both needed, as text")
    # Browsers send line ends as CR LF, whatever was typed.
    return Application(procedure, statement.replace("\r\n", "\n").replace("\r", "\n"))


def _file(name: str) -> bytes:
    sent = request.files.getlist(name)
    if len(sent) != 1:
        raise RequestError(f"exactly one file is needed: {name}")
    content: bytes = sent[0].read()
    if not content:
        raise RequestError(f"the file is empty: {name}")
    return content
