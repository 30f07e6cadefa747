"""The authorities' HTTP interface: parse, find the caller, call one use case."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flask import Blueprint, Response, request

from ca_server.documents import (
    application_document,
    as_base64,
    as_time,
    issued_document,
)
from ca_server.enquiries import add_enquiries
from jpki.access import (
    Authenticator,
    Evidence,
    SignedRequest,
    request_from_environ,
    require_role,
)
from jpki.authority.acts import deed_from
from jpki.authority.agreeing.consent import approve, deed_of, open_requests, refuse
from jpki.authority.agreeing.consent import request as ask
from jpki.authority.auditing.examining import account_for_serials, verify_audit
from jpki.authority.counter.applications import (
    ApplicationKind,
    application_for,
    cancel,
    deliver,
    file_application,
)
from jpki.authority.issuing.issuance import issue
from jpki.authority.office import Office
from jpki.authority.publication.directory import authority_certificates
from jpki.authority.revoking.intake import cursor
from jpki.authority.revoking.revocation import revoke
from jpki.errors import NotFound, RequestError
from jpki.model.codes import ResidentCode
from jpki.model.operators import Caller, Role
from jpki.model.purposes import Purpose
from jpki.model.revocation import RevocationReason
from jpki.service.answers import Answer, json_answer
from jpki.service.clock import TEST_INSTANT_HEADER, RequestClock, parse_instant
from jpki.service.health import Health
from jpki.store.authority_records import ConsentRecord
from jpki.strict_json import Fields, parse_object

__all__ = ["Counter", "blueprint"]

_REASONS: Final = {reason.label: reason for reason in RevocationReason}
_PKCS10: Final = "application/pkcs10"
_SERIAL: Final = re.compile(r"[0-9A-Fa-f]{1,40}")
"""At most 20 octets (RFC 5280 section 4.1.2.2)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counter:
    """What the routes work with."""

    office: Office
    authenticator: Authenticator
    clock: RequestClock
    health: Health
    origin: str | None

    def instant(self) -> datetime:
        """The one instant that the current request is served at."""
        return self.clock.at(request.headers.get(TEST_INSTANT_HEADER))

    def caller(self) -> Caller:
        """Who signed the current request."""
        return self.authenticator.authenticate(self._signed(), self.clock.clock())

    def caller_with_evidence(self) -> tuple[Caller, Evidence]:
        """The same, and what proves it later."""
        return self.authenticator.authenticate_for_keeping(
            self._signed(), self.clock.clock()
        )

    def _signed(self) -> SignedRequest:
        return request_from_environ(
            request.environ, request.get_data(), origin=self.origin
        )


def blueprint(counter: Counter) -> Blueprint:
    """The routes over one office."""
    routes = Blueprint("authority", __name__)
    routes.add_url_rule("/health/live", view_func=counter.health.live)
    routes.add_url_rule("/health/ready", view_func=counter.health.ready)
    _open_to_all(routes, counter)
    _for_counters(routes, counter)
    add_enquiries(
        routes,
        counter.office,
        caller=counter.caller,
        instant=counter.instant,
        fields=lambda what: Fields(parse_object(_body("application/json")), what),
    )
    _for_auditors(routes, counter)
    _for_two(routes, counter)
    return routes


def _open_to_all(routes: Blueprint, counter: Counter) -> None:
    """What every verifier may fetch."""

    @routes.get("/certificates")
    def certificates() -> Answer:
        """All self-signed and cross certificates, for building paths."""
        listed = authority_certificates(counter.office)
        return json_answer(
            {
                "certificates": [
                    {
                        "authority": entry.authority,
                        "kind": entry.kind.value,
                        "serial": f"{entry.serial:x}",
                        "certificate": as_base64(entry.certificate),
                    }
                    for entry in listed
                ]
            }
        )

    @routes.get("/authorities/<authority>/certificate.cer")
    def own_certificate(authority: str) -> Response:
        """The newest self-signed certificate of one authority, DER."""
        own = [
            entry
            for entry in authority_certificates(counter.office)
            if entry.authority == authority and entry.self_signed
        ]
        if not own:
            raise NotFound("authority", authority)
        return Response(own[-1].certificate, mimetype="application/pkix-cert")


def _for_counters(routes: Blueprint, counter: Counter) -> None:
    """受付窓口: applications and revocations, each request signed by an operator."""
    office = counter.office

    @routes.post("/applications")
    def file() -> Answer:
        caller = counter.caller()
        fields = Fields(parse_object(_body("application/json")), "the application")
        resident = fields.need("resident", str, ResidentCode)
        purpose = fields.take("purpose", str, Purpose) or Purpose.SIGNATURE
        kind = fields.take("kind", str, ApplicationKind)
        fields.done()
        filed = file_application(
            office,
            resident=resident,
            purpose=purpose,
            kind=kind,
            idempotency_key=request.headers.get("Idempotency-Key", ""),
            at=counter.instant(),
            by=caller,
        )
        return json_answer(application_document(filed), 201)

    @routes.get("/applications/<application>")
    def show(application: str) -> Answer:
        caller = counter.caller()
        with office.store.read() as uow:
            found = application_for(uow, application, "read an application", caller)
        return json_answer(application_document(found))

    @routes.put("/applications/<application>/request")
    def certify(application: str) -> Answer:
        """Take the card's PKCS#10 request; answer with the certificate."""
        caller = counter.caller()
        issued = issue(
            office, application, _body(_PKCS10), at=counter.instant(), by=caller
        )
        return json_answer(issued_document(issued))

    @routes.post("/applications/<application>/delivery")
    def delivered(application: str) -> Answer:
        caller = counter.caller()
        return json_answer(
            application_document(
                deliver(office, application, at=counter.instant(), by=caller)
            )
        )

    @routes.post("/applications/<application>/cancellation")
    def cancelled(application: str) -> Answer:
        caller = counter.caller()
        return json_answer(
            application_document(
                cancel(office, application, at=counter.instant(), by=caller)
            )
        )

    @routes.post("/certificates/<authority>/<serial>/revocation")
    def revoked(authority: str, serial: str) -> Answer:
        caller = counter.caller()
        fields = Fields(parse_object(_body("application/json")), "the revocation")
        reason = fields.need("reason", str, _reason)
        ground = fields.need("ground", str, str)
        since = fields.take("invalidity_date", str, parse_instant)
        fields.done()
        entry = revoke(
            office,
            authority,
            _serial(serial),
            reason,
            ground=ground,
            invalidity_date=since,
            at=counter.instant(),
            by=caller,
        )
        return json_answer(
            {
                "serial": f"{entry.serial:x}",
                "revoked_at": as_time(entry.revoked_at),
                "reason": entry.reason.label,
                "ground": entry.ground,
            }
        )


def _for_auditors(routes: Blueprint, counter: Counter) -> None:
    """The books, examined afresh at each call."""
    office = counter.office

    @routes.get("/audit")
    def books() -> Answer:
        require_role(counter.caller(), "examine the books", Role.AUDITOR)
        with office.store.read() as uow:
            log = verify_audit(uow)
            account = account_for_serials(uow)
        return json_answer(
            {
                "log": {"entries": log.entries, "head": log.head},
                "serials": dict(account.summary),
                "problems": list(account.problems),
                "feed_position": cursor(office),
            }
        )


def _for_two(routes: Blueprint, counter: Counter) -> None:
    """Requests that need another person's approval. Approving carries nothing out."""
    office = counter.office

    @routes.get("/requests")
    def waiting() -> Answer:
        act = "read the requests"
        roles = Role.CA_OPERATOR, Role.APPROVER, Role.RECOVERY
        require_role(counter.caller(), act, *roles)
        records = open_requests(office, at=counter.instant())
        return json_answer({"requests": [_request(record) for record in records]})

    @routes.post("/requests")
    def asked() -> Answer:
        caller, evidence = counter.caller_with_evidence()
        fields = Fields(parse_object(_body("application/json")), "the request")
        act = fields.need("act", str, str)
        parameters = fields.need("parameters", dict, dict)
        fields.done()
        deed = deed_from(act, parameters)
        at = counter.instant()
        record = ask(office, deed, at=at, by=caller, evidence=evidence)
        return json_answer(_request(record), 201)

    @routes.post("/requests/<identifier>/approval")
    def agreed(identifier: str) -> Answer:
        """The digest says what the approver has read."""
        caller, evidence = counter.caller_with_evidence()
        fields = Fields(parse_object(_body("application/json")), "the approval")
        digest = fields.need("digest", str, bytes.fromhex)
        fields.done()
        at = counter.instant()
        approve(office, identifier, digest, at=at, by=caller, evidence=evidence)
        with office.store.read() as uow:
            return json_answer(_request(uow.consents.get(identifier)))

    @routes.post("/requests/<identifier>/refusal")
    def refused(identifier: str) -> Answer:
        caller, evidence = counter.caller_with_evidence()
        at = counter.instant()
        record = refuse(office, identifier, at=at, by=caller, evidence=evidence)
        return json_answer(_request(record))


def _request(record: ConsentRecord) -> dict[str, object]:
    return {
        "id": record.id,
        "act": record.act,
        "parameters": dict(deed_of(record).parameters),
        "digest": record.digest.hex(),
        "requested_by": record.requested_by,
        "requested_at": as_time(record.requested_at),
        "expires": as_time(record.expires),
        "approved_by": record.approved_by,
        "refused_by": record.refused_by,
        "outcome": record.outcome,
    }


def _body(media_type: str) -> bytes:
    if request.mimetype != media_type:
        raise RequestError(f"the body is {media_type}")
    return request.get_data()


def _serial(text: str) -> int:
    if not _SERIAL.fullmatch(text):
        raise RequestError("a serial number is 1 to 40 hexadecimal digits")
    return int(text, 16)


def _reason(label: str) -> RevocationReason:
    try:
        return _REASONS[label]
    except KeyError:
        raise ValueError(label) from None
