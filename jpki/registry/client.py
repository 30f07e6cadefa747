"""Ask the register over HTTP, with signed requests."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from jpki.access import RequestSigner
from jpki.access.client import SignedConnection
from jpki.errors import (
    Conflict,
    EventRefused,
    JpkiError,
    NotEligible,
    PermissionDenied,
    RegistryUnavailable,
    RequestError,
    ServiceUnavailable,
    UnknownResident,
    WrongMunicipality,
)
from jpki.model.codes import ResidentCode
from jpki.model.events import RegistryEvent
from jpki.model.purposes import Purpose
from jpki.model.residents import Provided
from jpki.registry.changes import Change
from jpki.registry.wire import (
    change_to_json,
    event_from_json,
    page_from_json,
    provided_from_json,
)
from jpki.strict_json import parse_object

__all__ = ["RegistryClient"]

T = TypeVar("T")


class RegistryClient:
    """One caller's access to the register; may be shared by threads."""

    def __init__(self, url: str, signer: RequestSigner) -> None:
        self._connection = SignedConnection("the resident register", url, signer)

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
        self._connection.close()

    def _call(
        self,
        method: str,
        path: str,
        read: Callable[[object], T],
        body: bytes = b"",
        *,
        patience: float = 0.0,
    ) -> T:
        fields = {"Content-Type": "application/json"} if body else {}
        try:
            answer = self._connection.exchange(
                method, path, body, fields, patience=patience
            )
            document = parse_object(answer.body)
            if answer.status in (200, 201):
                return read(document)
        except ServiceUnavailable as error:
            raise RegistryUnavailable(error.reason) from None
        except RequestError as error:
            raise RegistryUnavailable(f"no usable exchange: {error}") from None
        raise _problem(answer.status, document)


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
