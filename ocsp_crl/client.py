"""The service's own public addresses, asked as a stranger would ask.

What stands in certificates must answer: a proxy, a name or a port in between can be
wrong while the server itself is well.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from http import HTTPStatus
from time import monotonic
from typing import Final

import urllib3

from jpki.authority.office import Office
from jpki.errors import EncodingError, StoreError
from jpki.model.suites import Digest
from jpki.store.authority_records import ListName
from jpki.x509.ocsp import (
    MAX_RESPONSE,
    CertID,
    build_request,
    cert_id,
    parse_response,
)

__all__ = ["PublicAddresses"]

_SECONDS: Final = 3.0
_GOOD_FOR: Final = 10.0
"""Seconds: however often somebody asks how we are, we ask ourselves no oftener."""
_OK: Final = "ok"


class PublicAddresses:
    """Looks whether OCSP and lists answer there; shared by threads."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._http = urllib3.PoolManager(retries=False, timeout=_SECONDS, maxsize=2)
        self._lock = threading.Lock()
        self._found: Mapping[str, str] = {}
        self._until = float("-inf")

    def look(self) -> Mapping[str, str]:
        """`ok`, or in a few words what is wrong, for `ocsp` and `crls`."""
        with self._lock:
            if monotonic() >= self._until:
                self._found = self._ask()
                self._until = monotonic() + _GOOD_FOR
            return self._found

    def _ask(self) -> Mapping[str, str]:
        try:
            with self._office.store.read() as uow:
                # Whose list is the newest surely lives, whatever becomes of other keys.
                newest = max(
                    uow.crls.in_force(),
                    key=lambda record: (record.this_update, record.number),
                    default=None,
                )
                if newest is None:
                    return dict.fromkeys(("ocsp", "crls"), "no list is in force")
                name = uow.authorities.get(newest.authority).name
                key = uow.authorities.generation(newest.authority, newest.generation)
        except StoreError:
            return dict.fromkeys(("ocsp", "crls"), "the database cannot be asked")
        asked = cert_id(name, key.public_key, key.serial, Digest.SHA1)
        return {"ocsp": self._ocsp(asked), "crls": self._list(newest.name)}

    def _ocsp(self, asked: CertID) -> str:
        try:
            answer = self._http.request(
                "POST",
                self._office.ocsp_url,
                body=build_request([asked]),
                headers={"Content-Type": "application/ocsp-request"},
                redirect=False,
                preload_content=False,
            )
            try:
                octets = answer.read(MAX_RESPONSE)
            finally:
                answer.release_conn()
        except (urllib3.exceptions.HTTPError, OSError):
            return "no connection"
        if answer.status != HTTPStatus.OK:
            return _status(answer.status)
        try:
            basic = parse_response(octets).basic
        except EncodingError:
            return "what answers there is no OCSP responder"
        if basic is None:
            return "it has no answer now"
        about = [single.cert_id for single in basic.responses]
        return _OK if about == [asked] else "it answers about something else"

    def _list(self, name: ListName) -> str:
        place = "/".join(map(str, name))
        try:
            answer = self._http.request(
                "HEAD", f"{self._office.crls_url}/{place}.crl", redirect=False
            )
        except (urllib3.exceptions.HTTPError, OSError):
            return "no connection"
        return _status(answer.status)


def _status(status: int) -> str:
    """Strangers are refused where only registered verifiers are answered."""
    well = status in (HTTPStatus.OK, HTTPStatus.UNAUTHORIZED)
    return _OK if well else f"it answered {status}"
