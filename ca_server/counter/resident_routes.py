"""The resident's side: two fields for a password, and nobody else at the device.

What is typed goes to the card and nowhere else. It is in no page, cookie or log, and
gone when the request is answered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from ca_server.counter.desk import Desk
from ca_server.counter.pages import address, page
from jpki.authority.workstation import put_on_card, reset_password
from jpki.cards.session import CardSession
from jpki.errors import NotFound, PINFormatError
from jpki.model.purposes import Purpose

__all__ = ["add_resident_routes"]

_SEE_OTHER: Final = 303


@dataclass(frozen=True, kw_only=True, slots=True)
class _Step:
    """One page on which the resident chooses a password."""

    what: str
    """`application` or `reset`."""
    purpose: Purpose
    back: str
    act: Callable[[CardSession, Callable[[], str]], AnyResponse] = field(repr=False)


def add_resident_routes(routes: Blueprint, desk: Desk) -> None:
    """Add the two pages on which a resident types."""
    client = desk.station.client

    @routes.route("/applications/<application>/resident", methods=["GET", "POST"])
    def at_application(application: str) -> AnyResponse:
        """Key, password, certificate: all that needs the resident."""
        found = client.application(application)
        back = f"/applications/{found.id}"

        def act(session: CardSession, password: Callable[[], str]) -> AnyResponse:
            put_on_card(desk.station, session, found, password=password)
            return redirect(address(back), _SEE_OTHER)

        step = _Step(what="application", purpose=found.purpose, back=back, act=act)
        return _ask(desk, step)

    @routes.route("/passwords/<purpose>", methods=["GET", "POST"])
    def at_reset(purpose: str) -> AnyResponse:
        """暗証番号の再設定."""
        try:
            wanted = Purpose(purpose)
        except ValueError:
            raise NotFound("purpose", purpose[:40]) from None

        def act(session: CardSession, password: Callable[[], str]) -> AnyResponse:
            tries = reset_password(
                desk.station, session, password=password, purpose=wanted
            )
            words = desk.words()
            told = words("done", "reset_help", card=session.serial, tries=tries)
            headline = words("done", "reset")
            return page(desk, "done.html", headline=headline, sentence=told)

        return _ask(desk, _Step(what="reset", purpose=wanted, back="/", act=act))


def _ask(desk: Desk, step: _Step) -> AnyResponse:
    with desk.session() as session:
        rule = desk.words().rule(session.card_type.slot(step.purpose).pin)
        if request.method == "GET":
            return _form(desk, step, rule)
        first, second = request.form.get("first", ""), request.form.get("second", "")
        if first != second:
            return _form(desk, step, rule, "differ")
        try:
            return step.act(session, lambda: first)
        except PINFormatError:
            return _form(desk, step, rule, "form")


def _form(desk: Desk, step: _Step, rule: str, problem: str | None = None) -> Response:
    words = desk.words()
    purpose = words("purpose", step.purpose.value)
    return page(
        desk,
        "password.html",
        status=HTTPStatus.OK if problem is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        title=words("password", f"title_{step.what}", purpose=purpose),
        button=words("password", f"do_{step.what}"),
        rule=rule,
        back=step.back,
        moment=step.what == "application",
        problem=None if problem is None else words("password", problem, rule=rule),
    )
