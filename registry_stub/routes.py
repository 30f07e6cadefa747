"""The register's HTTP interface: parse, find the caller, call one use case, answer."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flask import Blueprint, request

from jpki.access import Authenticator, request_from_environ, require_role
from jpki.errors import EncodingError, PermissionDenied, RequestError
from jpki.model.codes import ResidentCode
from jpki.model.operators import Caller, Role
from jpki.model.purposes import Purpose
from jpki.registry import Feed, provide, record_event
from jpki.registry.feed import MAX_WAIT_SECONDS
from jpki.registry.wire import (
    change_from_json,
    event_to_json,
    page_to_json,
    provided_to_json,
)
from jpki.service.answers import Answer, json_answer
from jpki.service.clock import TEST_INSTANT_HEADER, RequestClock
from jpki.service.health import Health
from jpki.store import RegistryStore
from jpki.strict_json import parse_object

__all__ = ["Registry", "blueprint"]

_MAX_POSITION: Final = 2**63 - 1

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Registry:
    """What the routes work with."""

    store: RegistryStore
    feed: Feed
    authenticator: Authenticator
    clock: RequestClock
    health: Health
    origin: str | None

    def instant(self) -> datetime:
        """The one instant that the current request is served at."""
        return self.clock.at(request.headers.get(TEST_INSTANT_HEADER))

    def caller(self, act: str, role: Role) -> Caller:
        """Who signed the current request; only this role passes."""
        signed = request_from_environ(
            request.environ, request.get_data(), origin=self.origin
        )
        caller = self.authenticator.authenticate(signed, self.clock.clock())
        require_role(caller, act, role)
        return caller


def blueprint(registry: Registry) -> Blueprint:
    """The routes over one register."""
    routes = Blueprint("registry", __name__)
    routes.add_url_rule("/health/live", view_func=registry.health.live)
    routes.add_url_rule("/health/ready", view_func=registry.health.ready)

    @routes.get("/residents/<code>")
    def items(code: str) -> Answer:
        """Provide the four items: to the authorities' server and nobody else."""
        caller = registry.caller("ask for the four items", Role.AUTHORITY_SERVER)
        at = registry.instant()
        purpose = _purpose(request.args.get("purpose", Purpose.SIGNATURE.value))
        provided = provide(registry.store, _resident_code(code), purpose, at=at)
        _log.info("items provided to %s as of event %d", caller.id, provided.as_of)
        return json_answer(provided_to_json(provided))

    @routes.post("/residents/<code>/events")
    def record(code: str) -> Answer:
        """Record a change that the resident's municipality reports."""
        act = "record a change"
        caller = registry.caller(act, Role.REGISTRAR)
        if caller.municipality is None:
            raise PermissionDenied(caller.id, act, "to act for a municipality")
        if request.mimetype != "application/json":
            raise RequestError("the body is application/json")
        at = registry.instant()
        recorded = record_event(
            registry.store,
            _resident_code(code),
            change_from_json(parse_object(request.get_data())),
            municipality=caller.municipality,
            at=at,
        )
        registry.feed.announce()
        event = recorded.event
        _log.info(
            "event %d (%s) recorded by %s", event.sequence, event.kind.value, caller.id
        )
        return json_answer(event_to_json(event), 200 if recorded.repeated else 201)

    @routes.get("/events")
    def events() -> Answer:
        """The feed after a position; waits for the next event if there is none."""
        registry.caller("read the feed", Role.AUTHORITY_SERVER)
        after = _number("after", "0", whole=True)
        wait = _number("wait", "0", whole=False)
        return json_answer(page_to_json(registry.feed.after(int(after), wait=wait)))

    return routes


def _resident_code(text: str) -> ResidentCode:
    try:
        return ResidentCode(text)
    except EncodingError as error:
        raise RequestError(str(error)) from None


def _purpose(text: str) -> Purpose:
    try:
        return Purpose(text)
    except ValueError:
        known = ", ".join(purpose.value for purpose in Purpose)
        raise RequestError("no such purpose", hint=f"one of {known}") from None


def _number(name: str, default: str, *, whole: bool) -> float:
    text = request.args.get(name, default)
    try:
        number = int(text) if whole else float(text)
    except (ValueError, OverflowError):
        number = math.nan
    highest = _MAX_POSITION if whole else MAX_WAIT_SECONDS
    if not 0 <= number <= highest:
        raise RequestError(f"{name} is a number from 0 to {highest:g}")
    return number
