"""What the story asks servers as anybody may: OCSP, CRLs, and the portal's pages."""

from __future__ import annotations

import json
from time import sleep
from typing import Any, Final

import urllib3

from jpki.errors import ServiceUnavailable
from jpki.model.revocation import Revocation
from jpki.model.suites import Digest
from jpki.x509.ocsp import TRY_LATER, build_request, cert_id, parse_response
from jpki.x509.parse import Certificate, CertificateList, parse_crl

__all__ = ["PortalClient", "StatusClient"]

_SECONDS: Final = 15.0
_TRIES: Final = 10
"""How often a responder is asked that says `tryLater`: on a busy machine it may do so
when it has just started (RFC 6960 2.3)."""
_PAUSE_SECONDS: Final = 0.2


class _Plain:
    """Unsigned requests to one server."""

    def __init__(self, service: str, url: str) -> None:
        self._service = service
        self._url = url
        self._pool = urllib3.PoolManager(
            retries=False, timeout=urllib3.Timeout(_SECONDS)
        )

    def _exchange(self, method: str, path: str, **arguments: Any) -> tuple[int, bytes]:
        try:
            answer = self._pool.request(method, f"{self._url}{path}", **arguments)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ServiceUnavailable(self._service, type(error).__name__) from None
        return answer.status, answer.data


class StatusClient(_Plain):
    """The revocation service, as any verifier asks it."""

    def __init__(self, url: str) -> None:
        super().__init__("the revocation service", url)

    def ocsp(self, certificate: Certificate, issuer: Certificate) -> bytes:
        """The OCSP response about one certificate, DER.

        Asked again a few times while it is `tryLater`.
        """
        for _ in range(_TRIES):
            response = self._told(certificate, issuer)
            if parse_response(response).status != TRY_LATER:
                break
            sleep(_PAUSE_SECONDS)
        return response

    def _told(self, certificate: Certificate, issuer: Certificate) -> bytes:
        entry = cert_id(
            issuer.subject_der, issuer.public_key, certificate.serial, Digest.SHA256
        )
        status, body = self._exchange(
            "POST",
            "/ocsp",
            body=build_request([entry]),
            headers={"Content-Type": "application/ocsp-request"},
        )
        if status != 200:
            raise ServiceUnavailable(self._service, f"status {status}")
        return body

    def revocation(
        self, certificate: Certificate, issuer: Certificate
    ) -> tuple[Revocation | None, bytes]:
        """Since when and why it is revoked by OCSP, and the response that says so."""
        response = self.ocsp(certificate, issuer)
        basic = parse_response(response).basic
        if basic is None:
            raise ServiceUnavailable(self._service, "no OCSP answer")
        status = basic.responses[0].status
        return (status if isinstance(status, Revocation) else None), response

    def crl(self, authority: str) -> CertificateList:
        """The newest CRL of an authority's first key."""
        status, body = self._exchange("GET", f"/crls/{authority}/1/crl.crl")
        if status != 200:
            raise ServiceUnavailable(self._service, f"status {status}")
        return parse_crl(body)


class PortalClient(_Plain):
    """The portal, as a citizen's program uses it."""

    def __init__(self, url: str) -> None:
        super().__init__("the portal", url)

    def application(self, fields: dict[str, str]) -> bytes:
        """The application document that the portal makes of these answers."""
        status, body = self._exchange("POST", "/applications", fields=fields)
        if status != 200:
            raise ServiceUnavailable(self._service, f"status {status}")
        return body

    def submit(self, document: bytes, signature: bytes) -> dict[str, Any]:
        """Hand in a signed document; the portal's answer with its verdict."""
        status, body = self._exchange(
            "POST",
            "/submissions",
            fields={
                "application": ("application.xml", document, "application/xml"),
                "signature": (
                    "application.p7s",
                    signature,
                    "application/pkcs7-signature",
                ),
            },
            headers={"Accept": "application/json"},
        )
        try:
            answer = json.loads(body)
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or "verdict" not in answer:
            raise ServiceUnavailable(self._service, f"status {status}")
        return answer
