"""The operator's side: the counter, a resident, an application. Paths name no codes."""

from __future__ import annotations

from typing import Final, TypeVar

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from ca_server.counter.desk import CardView, Desk
from ca_server.counter.pages import address, page
from jpki.authority.counter.applications import ApplicationKind
from jpki.authority.remote.answers import ResidentHoldings
from jpki.authority.workstation import apply_for, hand_over, surrender_card
from jpki.errors import RequestError
from jpki.model.codes import ResidentCode
from jpki.model.purposes import Purpose
from jpki.service.health import Health

__all__ = ["blueprint"]

_SEE_OTHER: Final = 303
_LONGEST: Final = 128

T = TypeVar("T", ApplicationKind, Purpose)


def blueprint(desk: Desk, health: Health) -> Blueprint:
    """The routes of one counter."""
    routes = Blueprint("counter", __name__, template_folder="templates")
    client = desk.station.client
    routes.add_url_rule("/health/live", view_func=health.live)
    routes.add_url_rule("/health/ready", view_func=health.ready)

    @routes.get("/")
    def home() -> Response:
        """The card, what is under way, and where to begin."""
        return page(
            desk,
            "home.html",
            card=_card(desk),
            applications=client.open_applications(),
        )

    @routes.post("/residents")
    def resident() -> Response:
        """What a resident has, and what can be done."""
        code = _resident()
        holdings = client.holdings(code)
        return page(
            desk,
            "resident.html",
            card=_card(desk),
            code=code,
            holdings=holdings,
            offers=[
                (purpose, *_offer(holdings, purpose))
                for purpose in Purpose
                if purpose.value in desk.station.era.profiles
            ],
            key=desk.random(16).hex(),
        )

    @routes.post("/applications")
    def file() -> AnyResponse:
        code = _resident()
        application, _ = apply_for(
            desk.station,
            client.holdings(code),
            code,
            _choice(ApplicationKind, "kind"),
            _choice(Purpose, "purpose"),
            _field("key"),
        )
        return redirect(address(f"/applications/{application.id}"), _SEE_OTHER)

    @routes.get("/applications/<application>")
    def show(application: str) -> Response:
        found = client.application(application)
        return page(desk, "application.html", card=_card(desk), application=found)

    @routes.post("/applications/<application>/delivery")
    def delivered(application: str) -> AnyResponse:
        """交付: the card itself is looked at first."""
        found = client.application(application)
        with desk.session() as session:
            hand_over(desk.station, session, found)
        return redirect(address(f"/applications/{found.id}"), _SEE_OTHER)

    @routes.post("/applications/<application>/cancellation")
    def cancelled(application: str) -> AnyResponse:
        found = client.cancel(application)
        return redirect(address(f"/applications/{found.id}"), _SEE_OTHER)

    @routes.post("/surrenders")
    def surrendered() -> Response:
        """返納: with the card that the operator saw when deciding."""
        code = _resident()
        if request.form.get("sure") != "yes":
            raise RequestError("nobody said to be sure")
        with desk.session() as session:
            if session.serial != _field("card"):
                raise RequestError("another card is in the reader now")
            done = surrender_card(desk.station, session, resident=code)
        words = desk.words()
        revoked = len(done.ended.revoked)
        return page(
            desk,
            "done.html",
            headline=words("done", "surrender"),
            sentence=words("done", "surrender_help", revoked=revoked, card=done.card),
        )

    return routes


def _offer(holdings: ResidentHoldings, purpose: Purpose) -> tuple[str, object]:
    """What can be begun for this purpose: a word, and what goes with it."""
    known = holdings.under_way(purpose)
    if known is not None:
        return "resume", known.id
    live = holdings.live(purpose)
    if live is None:
        had = any(held.purpose is purpose for held in holdings.certificates)
        kind = ApplicationKind.REISSUE if had else ApplicationKind.NEW
        return kind.value, None
    if holdings.at < live.renewable_from:
        return "too_early", live.renewable_from
    return ApplicationKind.RENEWAL.value, None


def _card(desk: Desk) -> CardView | None:
    found = desk.card()
    return found if isinstance(found, CardView) else None


def _resident() -> ResidentCode:
    text = _field("resident")
    return ResidentCode("".join(text.replace("-", " ").split()))


def _field(name: str) -> str:
    value = request.form.get(name, "")
    if not 0 < len(value) <= _LONGEST:
        raise RequestError(f"the form lacks {name}")
    return value


def _choice(kind: type[T], name: str) -> T:
    try:
        return kind(_field(name))
    except ValueError:
        raise RequestError(f"the form has no usable {name}") from None
