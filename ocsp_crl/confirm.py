"""有効性確認 over HTTP: a resident's enquiry about their own certificate."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, request

from jpki.authority.answering.confirmation import Confirmation, Confirmed
from jpki.errors import RequestError
from jpki.service.answers import Answer, json_answer
from jpki.service.clock import TEST_INSTANT_HEADER, RequestClock

__all__ = ["blueprint"]

_ENQUIRY: Final = "application/pkcs7-signature"


def blueprint(confirmation: Confirmation, clock: RequestClock) -> Blueprint:
    """The route."""
    routes = Blueprint("confirm", __name__)

    @routes.post("/confirm")
    def confirm() -> Answer:
        """The result stands in the document: HTTP has none for most of them."""
        if request.mimetype != _ENQUIRY:
            raise RequestError(f"the body is {_ENQUIRY}")
        at = clock.at(request.headers.get(TEST_INSTANT_HEADER))
        return json_answer(_document(confirmation.answer(request.get_data(), at)))

    return routes


def _document(found: Confirmed) -> dict[str, object]:
    document: dict[str, object] = {
        "result": int(found.result),
        "name": found.result.name,
        "at": f"{found.at:%Y-%m-%dT%H:%M:%SZ}",
    }
    if found.certificate is not None:
        document["serial"] = f"{found.certificate.serial:x}"
    if found.revocation is not None:
        document["revoked_at"] = f"{found.revocation.at:%Y-%m-%dT%H:%M:%SZ}"
        document["reason"] = found.revocation.reason.label
    return document
