"""What was known of a certificate: the status at one instant, as known at another.

For who has to judge a signature years later. Each answer names the signed lists that
say the same, at addresses that stay.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from flask import Blueprint, request

from jpki.authority.answering.history import PastStatus, past_status
from jpki.authority.office import Office
from jpki.errors import RequestError
from jpki.service.answers import Answer, json_answer
from jpki.service.clock import TEST_INSTANT_HEADER, RequestClock, parse_instant
from jpki.store.authority_records import CRLRecord
from ocsp_crl.gate import require_scope
from ocsp_crl.lists import archived_path

__all__ = ["blueprint"]

_SERIAL: Final = re.compile(r"[0-9A-Fa-f]{1,40}")
"""Twenty octets (RFC 5280 4.1.2.2)."""


def blueprint(office: Office, clock: RequestClock) -> Blueprint:
    """The route over one office."""
    routes = Blueprint("history", __name__)

    @routes.get("/history/<authority>/<serial>")
    def history(authority: str, serial: str) -> Answer:
        """The status of a certificate `at` an instant, as `known` at another."""
        if _SERIAL.fullmatch(serial) is None:
            raise RequestError(
                "a serial number is written in hexadecimal", hint="such as 1f3a"
            )
        now = clock.at(request.headers.get(TEST_INSTANT_HEADER))
        known = _instant("known", now)
        with office.store.read() as uow:
            found = past_status(
                office,
                uow,
                authority,
                int(serial, 16),
                at=_instant("at", known),
                known_at=known,
                now=now,
            )
        require_scope([found.certificate.kind])
        return json_answer(_document(found))

    return routes


def _instant(name: str, otherwise: datetime) -> datetime:
    text = request.args.get(name)
    return otherwise if text is None else parse_instant(text)


def _document(found: PastStatus) -> dict[str, object]:
    told = found.revocation
    document: dict[str, object] = {
        "authority": found.certificate.authority,
        "serial": f"{found.certificate.serial:x}",
        "at": _written(found.at),
        "known_at": _written(found.known_at),
        "status": found.standing.value,
        "suspect": found.suspect,
        "within_validity": found.within_validity,
        "list_in_force": _list(found.in_force),
        "proof": _list(found.proof),
    }
    if told is not None:
        document["revoked_at"] = _written(told.at)
        document["reason"] = told.reason.label
        if told.invalidity_date is not None:
            document["invalidity_date"] = _written(told.invalidity_date)
    return document


def _list(record: CRLRecord | None) -> dict[str, object] | None:
    if record is None:
        return None
    return {
        "number": record.number,
        "this_update": _written(record.this_update),
        "next_update": _written(record.next_update),
        "path": archived_path(record, "crl"),
    }


def _written(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"
