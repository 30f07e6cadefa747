"""CRLs over HTTP (RFC 2585, RFC 9110, RFC 9111): in force, by number, by date.

A list in force may be followed by a newer one at any moment. So caches give it for a
short while only, far less than until its nextUpdate; but where they cannot ask, they
may go on with it until then. A list with its number in the address never changes.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final

from flask import Blueprint, Response, request

from jpki.authority.office import Office
from jpki.authority.publication.indirect import INDIRECT, bridge_name
from jpki.authority.publication.kept_lists import KeptList, KeptLists
from jpki.authority.publication.lookup import list_for
from jpki.authority.publication.scopes import kinds_in, shard_scope
from jpki.errors import Damaged, IssuanceError, NotFound, RequestError
from jpki.service.answers import Answer, json_answer
from jpki.service.clock import TEST_INSTANT_HEADER, RequestClock, parse_instant
from jpki.service.problems import plain_problem
from jpki.service.representations import Representation, choose
from jpki.store.authority_records import CRLRecord, ListName
from jpki.x509.extensions import distribution_point_name
from jpki.x509.names import parse_name, rfc4514
from jpki.x509.parse import parse_certificate
from ocsp_crl.gate import require_scope
from ocsp_crl.problems import PROBLEMS

__all__ = ["ListService", "archived_path", "blueprint"]

_MEDIA_TYPES: Final = {"crl": "application/pkix-crl", "pem": "application/x-pem-file"}
_CERTIFICATE: Final = "application/pkix-cert"
_BLOCK: Final = 1 << 18
"""Octets handed over at once by a server that has no way to send shared ones."""
_FOREVER: Final = "public, max-age=31536000, immutable, no-transform"
"""RFC 8246; a year is as long as RFC 9111 caches are asked to remember anything."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class ListService:
    """What the routes work with."""

    office: Office
    lists: KeptLists
    clock: RequestClock
    max_age: int
    """Seconds."""

    def instant(self) -> datetime:
        """The one instant that the current request is served at."""
        return self.clock.at(request.headers.get(TEST_INSTANT_HEADER))


def blueprint(service: ListService) -> Blueprint:
    """The routes over one database."""
    routes = Blueprint("lists", __name__, url_prefix="/crls")
    one = "/<authority>/<int(max=99999):generation>/<scope>"

    @routes.post("/lookup")
    def lookup() -> Response:
        """Where the list is that a certificate is to be looked up in."""
        if request.mimetype != _CERTIFICATE:
            raise RequestError(f"the body is a certificate, {_CERTIFICATE}")
        certificate = parse_certificate(request.get_data())
        with service.office.store.read() as uow:
            name = list_for(service.office, uow, certificate)
        place = "/crls/" + "/".join(map(str, name)) + ".crl"
        return Response(
            f"{place}\n",
            HTTPStatus.SEE_OTHER,
            {"Location": place, "Cache-Control": "no-store"},
            mimetype="text/plain",
        )

    @routes.get("")
    def crls() -> Answer:
        """Which lists are in force, and where."""
        return json_answer({"crls": _in_force(service.office)})

    @routes.get(f"{one}.<kind>")
    def current(authority: str, generation: int, scope: str, kind: str) -> Response:
        """The list of one key in force, now or at the instant `at`."""
        _known(kind, authority, generation, scope)
        name = ListName(authority, generation, scope)
        _allow(service.office, name)
        now = service.instant()
        asked = request.args.get("at")
        if asked is None:
            kept = service.lists.current(name, at=now)
            return _given(service, kept, kind, _while_in_force(service, kept, now))
        instant = parse_instant(asked)
        if instant > now:
            raise RequestError(f"{asked!r} is yet to come", hint="name a past instant")
        kept = service.lists.at(name, instant)
        # What was in force a moment ago may still change, by whoever was about to
        # publish then; asked again, it costs a 304.
        response = _given(service, kept, kind, "public, no-cache, no-transform")
        response.headers["Content-Location"] = archived_path(kept.record, kind)
        return response

    @routes.get(f"{one}/<int:number>.<kind>")
    def numbered(
        authority: str, generation: int, scope: str, number: int, kind: str
    ) -> Response:
        """One list, in force or long superseded."""
        what = _known(kind, authority, generation, scope, number)
        name = ListName(authority, generation, scope)
        _allow(service.office, name)
        if number.bit_length() > 63:
            raise NotFound("CRL", what)
        kept = service.lists.numbered(authority, number)
        if kept.record.name != name:
            raise NotFound("CRL", what)
        return _given(service, kept, kind, _FOREVER)

    @routes.errorhandler(Damaged)
    def damaged(error: Damaged) -> Answer:
        """Told to the operator as well: nobody else can help."""
        _log.error("%s; %s", error.message, error.hint)
        return PROBLEMS.problem(error)

    return routes


def _allow(office: Office, name: ListName) -> None:
    """Say whether whoever asks may see this list; there may be none."""
    with suppress(IssuanceError):
        require_scope(kinds_in(office, name))


def _known(kind: str, *name: object) -> str:
    what = "/".join(map(str, name)) + f".{kind}"
    if kind not in _MEDIA_TYPES:
        raise NotFound("CRL", what)
    return what


def _given(
    service: ListService, kept: KeptList, kind: str, cache_control: str
) -> Response:
    text = kind == "pem"
    form, coding = kept.plain(text=text), None
    if _wants_gzip():
        packed = service.lists.packed(kept, text=text)
        if packed is not None:
            form, coding = packed, "gzip"
    chosen = choose(
        Representation(
            octets=form.octets,
            media_type=_MEDIA_TYPES[kind],
            tag=form.tag,
            modified=kept.record.this_update if kept.alone_in_its_second else None,
            coding=coding,
            fields=(("Cache-Control", cache_control), ("Vary", "Accept-Encoding")),
        ),
        request.headers,
        method=request.method,
    )
    if chosen.status in (
        HTTPStatus.PRECONDITION_FAILED,
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    ):
        problem = plain_problem(chosen.status, None, *chosen.fields)
        return Response(problem.body, problem.status, list(problem.headers))
    response = Response(status=chosen.status)
    del response.headers["Content-Type"]
    if chosen.body is not None:
        wrapped = request.environ.get("wsgi.file_wrapper")
        body = chosen.body
        response.response = wrapped(body, _BLOCK) if wrapped else iter(body)
        response.direct_passthrough = True
        response.content_length = len(body)
    response.headers.extend(chosen.fields)
    return response


def _wants_gzip() -> bool:
    """Whether gzip is accepted, and nothing else preferred (RFC 9110 12.5.3)."""
    accepted = request.accept_encodings
    gzip = accepted["gzip"]
    return bool(gzip) and gzip >= accepted["identity"]


def _while_in_force(service: ListService, kept: KeptList, now: datetime) -> str:
    left = int((kept.record.next_update - now).total_seconds())
    fresh = min(service.max_age, left)
    if fresh <= 0:
        return "public, no-cache, no-transform"
    # RFC 5861: where this server is away, a signed list is better than none.
    return f"public, max-age={fresh}, stale-if-error={left - fresh}, no-transform"


# -- what there is --------------------------------------------------------------------


def _in_force(office: Office) -> list[dict[str, object]]:
    with office.store.read() as uow:
        records = uow.crls.in_force()
        names = {
            authority.id: rfc4514(parse_name(authority.name))
            for authority in uow.authorities.all()
        }
        points = {
            ListName(shard.authority, shard.generation, scope): shard.point
            for shard in uow.shards.all()
            if (scope := shard_scope(office, shard.id)) is not None
        }
        bridge = bridge_name(uow)
    if bridge is not None:
        points |= {
            record.name: distribution_point_name(bridge)
            for record in records
            if record.scope == INDIRECT
        }
    return [
        _described(record, names[record.authority], points)
        for record in sorted(records, key=lambda record: record.name)
    ]


def _described(
    record: CRLRecord, issuer: str, points: Mapping[ListName, bytes]
) -> dict[str, object]:
    octets = points.get(record.name)
    point = None if octets is None else base64.b64encode(octets).decode("ascii")
    return {
        "authority": record.authority,
        "issuer": issuer,
        "generation": record.generation,
        "scope": record.scope,
        "point": point,
        "number": record.number,
        "this_update": f"{record.this_update:%Y-%m-%dT%H:%M:%SZ}",
        "next_update": f"{record.next_update:%Y-%m-%dT%H:%M:%SZ}",
        "path": f"{_place_of(record)}.crl",
        "archived": archived_path(record, "crl"),
    }


def _place_of(record: CRLRecord) -> str:
    return "/crls/" + "/".join(map(str, record.name))


def archived_path(record: CRLRecord, kind: str) -> str:
    """Where one list is given for ever, whatever follows it."""
    return f"{_place_of(record)}/{record.number}.{kind}"
