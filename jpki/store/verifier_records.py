"""What the books hold about verifiers, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum

from jpki.model.verifiers import VerifierAccount

__all__ = [
    "CredentialKind",
    "Service",
    "UsageRecord",
    "VerifierCredential",
    "VerifierRecord",
]


class CredentialKind(Enum):
    """With what a verifier shows who it is."""

    TOKEN = "token"
    """A bearer token (RFC 6750)."""
    CERTIFICATE = "certificate"
    """A client certificate, by its fingerprint."""


class Service(Enum):
    """What was asked for."""

    OCSP = "ocsp"
    CRL = "crl"
    HISTORY = "history"


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifierRecord:
    """A registered verifier."""

    account: VerifierAccount
    registered_at: datetime
    registered_by: str
    suspended_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifierCredential:
    """One credential of a verifier; it counts from `begins`, and not at `ends`."""

    digest: str
    """SHA-256, hex: of the token, or of the certificate's DER."""
    verifier: str
    kind: CredentialKind
    begins: datetime
    ends: datetime
    made_by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class UsageRecord:
    """How often a verifier asked for one service on one day."""

    verifier: str
    day: date
    """Calendar day in Japan."""
    service: Service
    answered: int
    refused: int
    """Over its quota, or about certificates that are not its business."""
