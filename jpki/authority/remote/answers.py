"""What the authorities' server answers, as values; whatever is not so is no answer."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from jpki.authority.agreeing.deed_reading import deed_from
from jpki.authority.agreeing.deeds import Deed
from jpki.errors import JpkiError, RequestError, ServiceUnavailable
from jpki.model.codes import ResidentCode
from jpki.model.purposes import Purpose

__all__ = [
    "SERVICE",
    "FiledApplication",
    "HeldCertificate",
    "IssuedCertificate",
    "OpenApplication",
    "PendingRequest",
    "ResidentHoldings",
    "Surrender",
    "filed_application",
    "held_certificate",
    "instant_of",
    "issued_certificate",
    "member_of",
    "number_of",
    "octets_of",
    "open_application",
    "pending_request",
]

SERVICE: Final = "the certification authority"


@dataclass(frozen=True, kw_only=True, slots=True)
class FiledApplication:
    """An application as the server knows it."""

    id: str
    state: str
    authority: str
    challenge: str
    """Goes into the request that the card signs."""
    purpose: Purpose


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenApplication:
    """One that is neither delivered nor cancelled, as its own counter sees it."""

    application: FiledApplication
    resident: ResidentCode
    filed_at: datetime
    filed_by: str
    renews: bool
    """Whether it replaces a live certificate."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldCertificate:
    """A certificate of a resident, by the authorities' books."""

    authority: str
    serial: int
    purpose: Purpose
    live: bool
    not_after: datetime
    renewable_from: datetime
    reason: str | None
    """Why it is revoked, by its ASN.1 name; None if it is not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ResidentHoldings:
    """What a resident has and has asked for."""

    at: datetime
    """By the authorities' clock."""
    certificates: tuple[HeldCertificate, ...]
    """Oldest first."""
    applications: tuple[OpenApplication, ...]

    def live(self, purpose: Purpose) -> HeldCertificate | None:
        """The certificate of this purpose that is in force."""
        found = (held for held in self.certificates if held.purpose is purpose)
        return next((held for held in found if held.live), None)

    def under_way(self, purpose: Purpose) -> FiledApplication | None:
        """The open application for this purpose."""
        found = (entry.application for entry in self.applications)
        return next((one for one in found if one.purpose is purpose), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Surrender:
    """What the surrender of a card ended."""

    revoked: tuple[tuple[str, int], ...]
    """Authority and serial number."""
    cancelled: tuple[str, ...]
    """Applications."""


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


def member_of(document: Any, name: str, kind: type[Any]) -> Any:
    """A member of this type.

    Raises:
        ServiceUnavailable: the answer has none.
    """
    value = document.get(name) if isinstance(document, dict) else None
    if not isinstance(value, kind):
        raise ServiceUnavailable(SERVICE, f"its answer lacks {name}")
    return value


def octets_of(document: Any, name: str) -> bytes:
    """Octets in base64."""
    try:
        return base64.b64decode(member_of(document, name, str), validate=True)
    except ValueError:
        raise ServiceUnavailable(SERVICE, f"its {name} is unreadable") from None


def pending_request(document: Any) -> PendingRequest:
    """A request that two people decide on."""
    try:
        deed = deed_from(
            member_of(document, "act", str), member_of(document, "parameters", dict)
        )
    except RequestError as error:
        raise ServiceUnavailable(SERVICE, f"its request: {error.message}") from None
    if deed.digest.hex() != member_of(document, "digest", str):
        raise ServiceUnavailable(SERVICE, "its request has the digest of another")
    return PendingRequest(
        id=member_of(document, "id", str),
        deed=deed,
        requested_by=member_of(document, "requested_by", str),
        approved_by=_optional(document, "approved_by"),
        refused_by=_optional(document, "refused_by"),
        expires=member_of(document, "expires", str),
    )


def _optional(document: Any, name: str) -> str | None:
    return None if document.get(name) is None else str(member_of(document, name, str))


def filed_application(document: Any) -> FiledApplication:
    """An application."""
    return FiledApplication(
        id=member_of(document, "id", str),
        state=member_of(document, "state", str),
        authority=member_of(document, "authority", str),
        challenge=member_of(document, "challenge", str),
        purpose=_purpose(document),
    )


def issued_certificate(document: Any) -> IssuedCertificate:
    """What goes onto the card."""
    return IssuedCertificate(
        application=filed_application(member_of(document, "application", dict)),
        authority=member_of(document, "authority", str),
        serial=number_of(document, "serial"),
        certificate=octets_of(document, "certificate"),
        authority_certificate=octets_of(document, "authority_certificate"),
    )


def open_application(document: Any) -> OpenApplication:
    """An application that is under way."""
    try:
        resident = ResidentCode(member_of(document, "resident", str))
    except JpkiError:
        raise ServiceUnavailable(SERVICE, "it names no resident") from None
    return OpenApplication(
        application=filed_application(document),
        resident=resident,
        filed_at=instant_of(document, "filed_at"),
        filed_by=member_of(document, "filed_by", str),
        renews=document.get("renews") is not None,
    )


def held_certificate(document: Any) -> HeldCertificate:
    """A certificate of a resident."""
    return HeldCertificate(
        authority=member_of(document, "authority", str),
        serial=number_of(document, "serial"),
        purpose=_purpose(document),
        live=member_of(document, "live", bool),
        not_after=instant_of(document, "not_after"),
        renewable_from=instant_of(document, "renewable_from"),
        reason=_optional(document, "reason"),
    )


def _purpose(document: Any) -> Purpose:
    try:
        return Purpose(member_of(document, "purpose", str))
    except ValueError:
        raise ServiceUnavailable(SERVICE, "it names no purpose") from None


def number_of(document: Any, name: str) -> int:
    """A serial number, hexadecimal."""
    try:
        return int(member_of(document, name, str), 16)
    except ValueError:
        raise ServiceUnavailable(SERVICE, f"its {name} is no number") from None


def instant_of(document: Any, name: str) -> datetime:
    """RFC 3339."""
    try:
        found = datetime.fromisoformat(member_of(document, name, str))
    except ValueError:
        raise ServiceUnavailable(SERVICE, f"its {name} is no time") from None
    if found.tzinfo is None:
        raise ServiceUnavailable(SERVICE, f"its {name} is no time")
    return found
