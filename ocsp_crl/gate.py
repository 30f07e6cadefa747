"""Who is told what is revoked, where only registered verifiers are.

By articles 17 and 36 of Act No. 153 of 2002 (平成14年法律第153号) verifiers who have
been registered receive revocation information, and nobody else. A verifier
shows a bearer token (RFC 6750), or a TLS client certificate that a proxy it trusts
passes on (RFC 9440).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection
from http import HTTPStatus
from typing import Final

from flask import Flask, Response, g, request

from jpki.authority.verifiers.admission import Admission
from jpki.errors import AuthenticationError, PermissionDenied
from jpki.service.clock import TEST_INSTANT_HEADER, RequestClock
from jpki.store.authority_records import CertificateKind
from jpki.store.verifier_records import CredentialKind, Service, VerifierRecord

__all__ = ["CHALLENGE", "Gate", "may_ask", "require_scope"]

CHALLENGE: Final = 'Bearer realm="revocation"'
_TOKEN: Final = re.compile(r"Bearer ([A-Za-z0-9\-._~+/]{20,200}=*)", re.IGNORECASE)
_SERVICES: Final = {
    "ocsp": Service.OCSP,
    "crls": Service.CRL,
    "history": Service.HISTORY,
}
"""By the first part of the path; whatever else there is, anybody may ask for."""


class Gate:
    """Admits verifiers to one application, and counts what they were given."""

    def __init__(
        self, admission: Admission, clock: RequestClock, trusted_proxy: str | None
    ) -> None:
        """Make it.

        Args:
            admission: knows them.
            clock: the time.
            trusted_proxy: whose word for client certificates is taken.
        """
        self._admission = admission
        self._clock = clock
        self._trusted_proxy = trusted_proxy

    def guard(self, app: Flask) -> None:
        """Stand before every request."""
        app.before_request(self._enter)
        app.after_request(self._leave)

    def _enter(self) -> None:
        service = _SERVICES.get(request.path.split("/")[1])
        if service is None:
            return
        at = self._clock.at(request.headers.get(TEST_INSTANT_HEADER))
        kind, shown = self._shown()
        record = self._admission.admit(kind, shown, at)
        g.visit = (record, service, at)
        self._admission.require_quota(record, at)

    def _leave(self, response: Response) -> Response:
        visit = g.pop("visit", None)
        if visit is not None:
            record, service, at = visit
            refused = g.pop("refused", False) or response.status_code in (
                HTTPStatus.FORBIDDEN,
                HTTPStatus.TOO_MANY_REQUESTS,
            )
            if refused or response.status_code < HTTPStatus.BAD_REQUEST:
                self._admission.count(record, service, at, answered=not refused)
            # What one verifier was given no cache gives to others (RFC 9111 3.5).
            caching = response.headers.get("Cache-Control", "")
            response.headers["Cache-Control"] = caching.replace("public", "private")
        return response

    def _shown(self) -> tuple[CredentialKind, bytes]:
        passed_on = request.headers.get("Client-Cert")
        if passed_on is not None and request.remote_addr == self._trusted_proxy:
            return CredentialKind.CERTIFICATE, _octets(passed_on)
        stated = request.headers.get("Authorization")
        if stated is None:
            raise AuthenticationError(
                "only registered verifiers are answered",
                hint="send the token that you were given: Authorization: Bearer …",
            )
        token = _TOKEN.fullmatch(stated.strip())
        if token is None:
            raise AuthenticationError("this is no bearer token")
        return CredentialKind.TOKEN, token[1].encode("ascii")


def _octets(field: str) -> bytes:
    """A byte sequence of structured fields (RFC 8941 3.3.5)."""
    try:
        if len(field) > 1 and field[0] == field[-1] == ":":
            return base64.b64decode(field[1:-1], validate=True)
    except binascii.Error:
        pass
    raise AuthenticationError("Client-Cert holds no certificate (RFC 9440)")


def require_scope(kinds: Collection[CertificateKind]) -> None:
    """Say whether whoever asks may know of certificates of one of these kinds.

    Raises:
        PermissionDenied: it may not.
    """
    visit: tuple[VerifierRecord, object, object] | None = g.get("visit")
    if visit is None:
        return
    account = visit[0].account
    citizens = {CertificateKind.SIGNATURE, CertificateKind.AUTHENTICATION}
    asked = citizens & set(kinds)
    if asked and not any(
        account.signature
        if kind is CertificateKind.SIGNATURE
        else account.authentication
        for kind in asked
    ):
        names = " or ".join(sorted(kind.value for kind in asked))
        raise PermissionDenied(
            account.id,
            f"be told of {names} certificates",
            f"a registration as verifier of {names} certificates",
        )


def may_ask(kinds: Collection[CertificateKind]) -> bool:
    """The same for OCSP, which has an answer of its own for it; of every kind named."""
    try:
        for kind in kinds:
            require_scope([kind])
    except PermissionDenied:
        g.refused = True
        return False
    return True
