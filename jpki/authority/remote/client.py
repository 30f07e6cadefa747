"""Counters', CA operators' and auditors' side of `ca_server`, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from jpki.access import RequestSigner
from jpki.access.client import SignedConnection
from jpki.authority.agreeing.deeds import Deed
from jpki.authority.agreeing.statements import (
    Statement,
    approval_of,
    refusal_of,
    request_for,
)
from jpki.authority.counter.applications import ApplicationKind
from jpki.authority.remote.answers import (
    SERVICE,
    FiledApplication,
    HeldCertificate,
    IssuedCertificate,
    OpenApplication,
    PendingRequest,
    ResidentHoldings,
    Surrender,
    filed_application,
    held_certificate,
    instant_of,
    issued_certificate,
    member_of,
    number_of,
    octets_of,
    open_application,
    pending_request,
)
from jpki.errors import (
    RemoteRefusal,
    ServiceUnavailable,
)
from jpki.model.codes import ResidentCode
from jpki.model.purposes import Purpose

__all__ = [
    "AuthorityClient",
    "FiledApplication",
    "HeldCertificate",
    "IssuedCertificate",
    "OpenApplication",
    "PendingRequest",
    "ResidentHoldings",
    "Surrender",
]


class AuthorityClient:
    """One operator's access to the authorities; may be shared by threads.

    Every method raises ServiceUnavailable without a usable answer, and RemoteRefusal
    with the server's reason. All of them may be repeated: the server recognises what
    it has done already.
    """

    def __init__(self, url: str, signer: RequestSigner) -> None:
        self._connection = SignedConnection(SERVICE, url, signer)

    def file_application(
        self,
        resident: ResidentCode,
        idempotency_key: str,
        purpose: Purpose = Purpose.SIGNATURE,
        kind: ApplicationKind | None = None,
    ) -> FiledApplication:
        """File an application; the same key finds it again after a broken answer."""
        body = {"resident": str(resident), "purpose": purpose.value}
        if kind is not None:
            body["kind"] = kind.value
        return filed_application(
            self._call(
                "POST",
                "/applications",
                json.dumps(body).encode(),
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
        return issued_certificate(document)

    def issued(self, application: str) -> IssuedCertificate:
        """What was issued for an application, after an interruption."""
        path = f"/applications/{_segment(application)}/certificate"
        return issued_certificate(self._call("GET", path))

    def application(self, application: str) -> FiledApplication:
        """An application as it stands."""
        return filed_application(
            self._call("GET", f"/applications/{_segment(application)}")
        )

    def open_applications(self) -> tuple[OpenApplication, ...]:
        """What is under way at this operator's counter, oldest first."""
        document = self._call("GET", "/applications")
        return tuple(map(open_application, member_of(document, "applications", list)))

    def holdings(self, resident: ResidentCode) -> ResidentHoldings:
        """What a resident of this counter has and has asked for."""
        document = self._tell("/enquiries", {"resident": str(resident)})
        return ResidentHoldings(
            at=instant_of(document, "at"),
            certificates=tuple(
                map(held_certificate, member_of(document, "certificates", list))
            ),
            applications=tuple(
                map(open_application, member_of(document, "applications", list))
            ),
        )

    def surrender(self, resident: ResidentCode, card: str) -> Surrender:
        """Revoke all that a resident has, whose card of this number came back."""
        document = self._tell("/surrenders", {"resident": str(resident), "card": card})
        return Surrender(
            revoked=tuple(
                (member_of(entry, "authority", str), number_of(entry, "serial"))
                for entry in member_of(document, "revoked", list)
            ),
            cancelled=tuple(map(str, member_of(document, "cancelled", list))),
        )

    def confirm_delivery(self, application: str) -> FiledApplication:
        """Tell that the certificate is on the card and the card with its holder."""
        return filed_application(
            self._call("POST", f"/applications/{_segment(application)}/delivery")
        )

    def cancel(self, application: str) -> FiledApplication:
        """Give an application up."""
        return filed_application(
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
        return tuple(map(pending_request, member_of(document, "requests", list)))

    def approve(self, request: str, digest: bytes) -> PendingRequest:
        """Agree to what was read. It is carried out where the keys are."""
        return self._say(approval_of(request, digest))

    def refuse(self, request: str) -> PendingRequest:
        """Refuse a request, or withdraw one's own."""
        return self._say(refusal_of(request))

    def _say(self, statement: Statement) -> PendingRequest:
        fields = {"Content-Type": "application/json"} if statement.body else {}
        return pending_request(
            self._call("POST", statement.path, statement.body, fields)
        )

    def authority_certificates(self) -> tuple[bytes, ...]:
        """All self-signed and cross certificates, DER."""
        document = self._call("GET", "/certificates")
        return tuple(
            octets_of(entry, "certificate")
            for entry in member_of(document, "certificates", list)
        )

    def examine_books(self) -> Mapping[str, Any]:
        """The auditor's examination of log and serial numbers."""
        return self._call("GET", "/audit")

    def close(self) -> None:
        """Close idle connections."""
        self._connection.close()

    def _tell(self, path: str, members: Mapping[str, str]) -> Mapping[str, Any]:
        fields = {"Content-Type": "application/json"}
        return self._call("POST", path, json.dumps(members).encode(), fields)

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
            raise ServiceUnavailable(SERVICE, f"unusable answer {answer.status}")
        if answer.status in (200, 201):
            return document
        code = str(document.get("code", ""))[:60]
        detail = str(document.get("detail", document.get("title", "")))[:500]
        if answer.status >= 500:
            raise ServiceUnavailable(SERVICE, detail or code)
        hint = document.get("hint")
        raise RemoteRefusal(
            SERVICE, code, detail, hint=None if hint is None else str(hint)[:500]
        )


def _segment(text: str) -> str:
    return quote(text, safe="")
