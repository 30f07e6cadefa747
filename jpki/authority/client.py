"""Counters', CA operators' and auditors' side of `ca_server`, over HTTP."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from jpki.access import RequestSigner
from jpki.access.client import SignedConnection
from jpki.authority.deed_reading import deed_from
from jpki.authority.deeds import Deed
from jpki.authority.statements import (
    Statement,
    approval_of,
    refusal_of,
    request_for,
)
from jpki.errors import RemoteRefusal, RequestError, ServiceUnavailable
from jpki.model.codes import ResidentCode
from jpki.model.purposes import Purpose

__all__ = [
    "AuthorityClient",
    "FiledApplication",
    "IssuedCertificate",
    "PendingRequest",
]

_SERVICE = "the certification authority"


@dataclass(frozen=True, kw_only=True, slots=True)
class FiledApplication:
    """An application as the server knows it."""

    id: str
    state: str
    authority: str
    challenge: str
    """Goes into the request that the card signs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IssuedCertificate:
    """What goes onto the card."""

    application: FiledApplication
    authority: str
    serial: int
    certificate: bytes
    authority_certificate: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class PendingRequest:
    """A request for an act that needs two people."""

    id: str
    deed: Deed
    """Its digest is what an approver agrees to."""
    requested_by: str
    approved_by: str | None
    refused_by: str | None
    expires: str


class AuthorityClient:
    """One operator's access to the authorities; may be shared by threads.

    Every method raises ServiceUnavailable without a usable answer, and RemoteRefusal
    with the server's reason. All of them may be repeated: the server recognises what
    it has done already.
    """

    def __init__(self, url: str, signer: RequestSigner) -> None:
        self._connection = SignedConnection(_SERVICE, url, signer)

    def file_application(
        self,
        resident: ResidentCode,
        idempotency_key: str,
        purpose: Purpose = Purpose.SIGNATURE,
    ) -> FiledApplication:
        """File an application; the same key finds it again after a broken answer."""
        body = json.dumps({"resident": str(resident), "purpose": purpose.value})
        return _application(
            self._call(
                "POST",
                "/applications",
                body.encode(),
                {
                    "Content-Type": "application/json",
                    "Idempotency-Key": idempotency_key,
                },
            )
        )

    def certify(self, application: str, request: bytes) -> IssuedCertificate:
        """Send the card's PKCS#10 request (DER) and get the certificate."""
        document = self._call(
            "PUT",
            f"/applications/{_segment(application)}/request",
            request,
            {"Content-Type": "application/pkcs10"},
        )
        return IssuedCertificate(
            application=_application(_member(document, "application", dict)),
            authority=_member(document, "authority", str),
            serial=int(_member(document, "serial", str), 16),
            certificate=_octets(document, "certificate"),
            authority_certificate=_octets(document, "authority_certificate"),
        )

    def confirm_delivery(self, application: str) -> FiledApplication:
        """Tell that the certificate is on the card and the card with its holder."""
        return _application(
            self._call("POST", f"/applications/{_segment(application)}/delivery")
        )

    def cancel(self, application: str) -> FiledApplication:
        """Give an application up."""
        return _application(
            self._call("POST", f"/applications/{_segment(application)}/cancellation")
        )

    def revoke(self, authority: str, serial: int, reason: str, ground: str) -> None:
        """Ask for a revocation; `reason` is the ASN.1 name, such as `keyCompromise`."""
        self._call(
            "POST",
            f"/certificates/{_segment(authority)}/{serial:x}/revocation",
            json.dumps({"reason": reason, "ground": ground}).encode(),
            {"Content-Type": "application/json"},
        )

    def request(self, deed: Deed) -> PendingRequest:
        """Ask for an act that needs two people."""
        return self._say(request_for(deed))

    def requests(self) -> tuple[PendingRequest, ...]:
        """What waits to be approved or carried out, oldest first."""
        document = self._call("GET", "/requests")
        return tuple(map(_pending, _member(document, "requests", list)))

    def approve(self, request: str, digest: bytes) -> PendingRequest:
        """Agree to what was read. It is carried out where the keys are."""
        return self._say(approval_of(request, digest))

    def refuse(self, request: str) -> PendingRequest:
        """Refuse a request, or withdraw one's own."""
        return self._say(refusal_of(request))

    def _say(self, statement: Statement) -> PendingRequest:
        fields = {"Content-Type": "application/json"} if statement.body else {}
        return _pending(self._call("POST", statement.path, statement.body, fields))

    def authority_certificates(self) -> tuple[bytes, ...]:
        """All self-signed and cross certificates, DER."""
        document = self._call("GET", "/certificates")
        return tuple(
            _octets(entry, "certificate")
            for entry in _member(document, "certificates", list)
        )

    def examine_books(self) -> Mapping[str, Any]:
        """The auditor's examination of log and serial numbers."""
        return self._call("GET", "/audit")

    def close(self) -> None:
        """Close idle connections."""
        self._connection.close()

    def _call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        fields: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        answer = self._connection.exchange(method, path, body, fields)
        try:
            document = json.loads(answer.body)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise ServiceUnavailable(_SERVICE, f"unusable answer {answer.status}")
        if answer.status in (200, 201):
            return document
        code = str(document.get("code", ""))[:60]
        detail = str(document.get("detail", document.get("title", "")))[:500]
        if answer.status >= 500:
            raise ServiceUnavailable(_SERVICE, detail or code)
        hint = document.get("hint")
        raise RemoteRefusal(
            _SERVICE, code, detail, hint=None if hint is None else str(hint)[:500]
        )


def _segment(text: str) -> str:
    return quote(text, safe="")


def _member(document: Any, name: str, kind: type[Any]) -> Any:
    value = document.get(name) if isinstance(document, dict) else None
    if not isinstance(value, kind):
        raise ServiceUnavailable(_SERVICE, f"its answer lacks {name}")
    return value


def _octets(document: Any, name: str) -> bytes:
    try:
        return base64.b64decode(_member(document, name, str), validate=True)
    except ValueError:
        raise ServiceUnavailable(_SERVICE, f"its {name} is unreadable") from None


def _pending(document: Any) -> PendingRequest:
    try:
        deed = deed_from(
            _member(document, "act", str), _member(document, "parameters", dict)
        )
    except RequestError as error:
        raise ServiceUnavailable(_SERVICE, f"its request: {error.message}") from None
    if deed.digest.hex() != _member(document, "digest", str):
        raise ServiceUnavailable(_SERVICE, "its request has the digest of another")
    return PendingRequest(
        id=_member(document, "id", str),
        deed=deed,
        requested_by=_member(document, "requested_by", str),
        approved_by=_optional(document, "approved_by"),
        refused_by=_optional(document, "refused_by"),
        expires=_member(document, "expires", str),
    )


def _optional(document: Any, name: str) -> str | None:
    return None if document.get(name) is None else str(_member(document, name, str))


def _application(document: Any) -> FiledApplication:
    return FiledApplication(
        id=_member(document, "id", str),
        state=_member(document, "state", str),
        authority=_member(document, "authority", str),
        challenge=_member(document, "challenge", str),
    )
