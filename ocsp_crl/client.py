"""The service's own public addresses, asked as a stranger would ask.

What stands in certificates must answer: a proxy, a name or a port in between can be
wrong while the server itself is well.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from time import monotonic
from typing import Final

import urllib3

from jpki.authority.office import Office
from jpki.errors import EncodingError, StoreError
from jpki.model.suites import Digest
from jpki.x509.ocsp import MAX_RESPONSE, build_request, cert_id, parse_response

__all__ = ["PublicAddresses"]

_SECONDS: Final = 3.0
_GOOD_FOR: Final = 10.0
"""Seconds: however often somebody asks how we are, we ask ourselves no oftener."""
_REGISTERED: Final = 401
"""What strangers are told where only registered verifiers are answered."""


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
                self._found = {"ocsp": self._ocsp(), "crls": self._lists()}
                self._until = monotonic() + _GOOD_FOR
            return self._found

    def _ocsp(self) -> str:
        try:
            with self._office.store.read() as uow:
                authority = uow.authorities.all()[0]
                key = uow.authorities.generations(authority.id)[-1]
        except StoreError:
            return "the database cannot be asked"
        except IndexError:
            return "no authority is founded"
        entry = cert_id(authority.name, key.public_key, key.serial, Digest.SHA1)
        try:
            answer = self._http.request(
                "POST",
                self._office.ocsp_url,
                body=build_request([entry]),
                headers={"Content-Type": "application/ocsp-request"},
                redirect=False,
                preload_content=False,
            )
            try:
                if answer.status == _REGISTERED:
                    return "ok"
                if answer.status != 200:
                    return f"it answered {answer.status}"
                basic = parse_response(answer.read(MAX_RESPONSE)).basic
            finally:
                answer.release_conn()
        except (urllib3.exceptions.HTTPError, OSError, ValueError):
            return "no connection"
        except EncodingError:
            return "what answers there is no OCSP responder"
        if basic is None:
            return "it has no answer now"
        about = [single.cert_id for single in basic.responses]
        return "ok" if about == [entry] else "it answers about something else"

    def _lists(self) -> str:
        try:
            with self._office.store.read() as uow:
                names = sorted(record.name for record in uow.crls.in_force())
        except StoreError:
            return "the database cannot be asked"
        for name in names[:1]:
            place = "/".join(map(str, name))
            try:
                answer = self._http.request(
                    "HEAD", f"{self._office.crls_url}/{place}.crl", redirect=False
                )
            except (urllib3.exceptions.HTTPError, OSError, ValueError):
                return "no connection"
            if answer.status not in (200, _REGISTERED):
                return f"it answered {answer.status}"
        return "ok" if names else "no list is in force"
