"""Ask the register over HTTP, with signed requests."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import urllib3

from jpki.access import RequestSigner
from jpki.errors import (
    Conflict,
    EventRefused,
    JpkiError,
    NotEligible,
    PermissionDenied,
    RegistryUnavailable,
    RequestError,
    UnknownResident,
    WrongMunicipality,
)
from jpki.model.codes import ResidentCode
from jpki.model.events import RegistryEvent
from jpki.model.purposes import Purpose
from jpki.model.residents import Provided
from jpki.registry.changes import Change
from jpki.registry.json_fields import parse_object
from jpki.registry.wire import (
    change_to_json,
    event_from_json,
    page_from_json,
    provided_from_json,
)

__all__ = ["RegistryClient"]

_CONNECT_SECONDS: Final = 3.0
_ANSWER_SECONDS: Final = 10.0
_MAX_ANSWER: Final = 1024 * 1024
"""Octets; a full page of the feed needs a fifth of it."""

_log = logging.getLogger(__name__)

T = TypeVar("T")


class RegistryClient:
    """One caller's access to the register; may be shared by threads."""

    def __init__(self, url: str, signer: RequestSigner) -> None:
        self._url = url.rstrip("/")
        self._signer = signer
        self._pool = urllib3.PoolManager(maxsize=8, retries=False)

    def provide(
        self, code: ResidentCode, purpose: Purpose = Purpose.SIGNATURE
    ) -> Provided:
        """The four items of a resident, for a certificate of this purpose.

        Raises:
            UnknownResident: nobody has this code.
            NotEligible: the resident may not hold such a certificate.
            RegistryUnavailable: no answer, or one that cannot be used.
        """
        path = f"/residents/{code}?purpose={purpose.value}"
        provided = self._call("GET", path, provided_from_json)
        if provided.resident.code != code:
            raise RegistryUnavailable("it answered for another resident")
        return provided

    def events_after(
        self, position: int, wait: float = 0.0
    ) -> tuple[RegistryEvent, ...]:
        """The events that follow `position`, waiting up to `wait` seconds for one.

        Raises:
            RegistryUnavailable: no answer, or one that cannot be used; also where the
                feed is shorter than it was, as after restoring an old backup.
        """
        path = f"/events?after={position}&wait={wait:.3f}"
        page = self._call(
            "GET",
            path,
            lambda document: page_from_json(document, after=position),
            patience=wait,
        )
        if page.position < position:
            raise RegistryUnavailable(
                f"its feed ends at {page.position}, before {position}"
            )
        return page.events

    def record_event(self, code: ResidentCode, change: Change) -> RegistryEvent:
        """Report a change; safe to repeat with the same `event_id`.

        Raises:
            UnknownResident: nobody has this code.
            EventRefused: the change does not fit the record.
            WrongMunicipality: the record is another municipality's.
            PermissionDenied: this caller reports no changes.
            Conflict: another event has this identifier.
            RequestError: the register finds the report malformed.
            RegistryUnavailable: no answer, or one that cannot be used.
        """
        body = json.dumps(change_to_json(change), ensure_ascii=False).encode()
        return self._call("POST", f"/residents/{code}/events", event_from_json, body)

    def close(self) -> None:
        """Close idle connections."""
        self._pool.clear()

    def _call(
        self,
        method: str,
        path: str,
        read: Callable[[object], T],
        body: bytes = b"",
        *,
        patience: float = 0.0,
    ) -> T:
        status, answer = self._exchange(method, path, body, patience)
        try:
            document = parse_object(answer)
            if status in (200, 201):
                return read(document)
        except RequestError as error:
            raise RegistryUnavailable(f"its answer is unusable: {error}") from None
        raise _problem(status, document)

    def _exchange(
        self, method: str, path: str, body: bytes, patience: float
    ) -> tuple[int, bytes]:
        url = f"{self._url}{path}"
        fields = {"Content-Type": "application/json"} if body else {}
        timeout = urllib3.Timeout(
            connect=_CONNECT_SECONDS, read=_ANSWER_SECONDS + patience
        )
        try:
            response = self._pool.request(
                method,
                url,
                body=body or None,
                headers=self._signer.headers(method, url, body, fields),
                timeout=timeout,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            try:
                answer = response.read(_MAX_ANSWER + 1)
                if len(answer) > _MAX_ANSWER:
                    response.close()
                    raise RegistryUnavailable("its answer is too long")
            finally:
                response.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            _log.info("no answer from the register: %s", type(error).__name__)
            raise RegistryUnavailable(_reason(error)) from None
        return response.status, answer


def _reason(error: Exception) -> str:
    """In words, without the path that the library would quote."""
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return "no connection"
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return "too slow"
    return "the connection broke"


def _problem(status: int, document: Mapping[str, Any]) -> JpkiError:
    """The error that a problem document tells of (RFC 9457)."""
    detail = str(document.get("detail", ""))[:500]
    makers: Mapping[object, Callable[[], JpkiError]] = {
        UnknownResident.code: UnknownResident,
        NotEligible.code: lambda: NotEligible(_text(document, "ground"), detail),
        EventRefused.code: lambda: EventRefused(_text(document, "ground"), detail),
        WrongMunicipality.code: lambda: WrongMunicipality(_text(document, "counter")),
        PermissionDenied.code: lambda: PermissionDenied(
            *(_text(document, name) for name in ("caller", "act", "needed"))
        ),
        Conflict.code: lambda: Conflict(detail),
        RequestError.code: lambda: RequestError(detail),
    }
    code = document.get("code")
    if isinstance(code, str) and code in makers:
        return makers[code]()
    return RegistryUnavailable(f"it answered {status} ({str(code)[:40]})")


def _text(document: Mapping[str, Any], name: str) -> str:
    return str(document.get(name, ""))[:100]
