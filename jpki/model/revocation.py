"""Why and since when a certificate is revoked (RFC 5280 5.3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

__all__ = ["Revocation", "RevocationReason"]


class RevocationReason(IntEnum):
    """CRLReason (RFC 5280 5.3.1). removeFromCRL does not occur in this service."""

    UNSPECIFIED = 0
    KEY_COMPROMISE = 1
    CA_COMPROMISE = 2
    AFFILIATION_CHANGED = 3
    SUPERSEDED = 4
    CESSATION_OF_OPERATION = 5
    CERTIFICATE_HOLD = 6
    """Never released here: 'doubt about the key' stays until expiry."""
    PRIVILEGE_WITHDRAWN = 9
    AA_COMPROMISE = 10

    @property
    def label(self) -> str:
        """The ASN.1 name, such as `affiliationChanged`."""
        first, *rest = self.name.lower().split("_")
        if first in ("ca", "aa"):
            first = f"{first[0]}A"
        return first + "".join(word.capitalize() for word in rest)


@dataclass(frozen=True, kw_only=True, slots=True)
class Revocation:
    """One line of the journal; never taken back."""

    serial: int
    at: datetime
    """When the authority revoked, UTC, whole seconds."""
    reason: RevocationReason
    invalidity_date: datetime | None = None
    """Since when the certificate should not be trusted (RFC 5280 5.3.2), if known."""
