"""Deeds: acts that need two people, each with its exact parameters.

A deed is written down in one way only (JSON, names sorted, ASCII, no spaces), so that
its digest says which act with which parameters two people have agreed to.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Final

from jpki.model.operators import Caller
from jpki.model.revocation import RevocationReason
from jpki.model.verifiers import VerifierAccount

__all__ = [
    "Deed",
    "DeedKind",
    "abandonment",
    "cross_certification",
    "dismissal",
    "enrolment",
    "founding",
    "issuance",
    "registration",
    "revocation",
    "rollover",
]

_DOMAIN: Final = b"jpki deed 1\x00"


class DeedKind(Enum):
    """What may be asked for."""

    FOUND = "found"
    CROSS_CERTIFY = "cross-certify"
    ROLL_OVER = "roll-over"
    REVOKE = "revoke"
    """A certificate whose subject is an authority."""
    ENROL = "enrol"
    """Somebody whose word counts here: a CA operator or an approver."""
    DISMISS = "dismiss"
    """Somebody whose word counts here, or who watches: an auditor."""
    ABANDON = "abandon"
    """A certificate that was recorded for an authority and cannot be signed."""
    ISSUE = "issue"
    """A citizen's certificate, where the installation wants an approver."""
    REGISTER_VERIFIER = "register-verifier"
    """Somebody who may ask for the status of citizens' certificates."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One act with its parameters; equal deeds have equal digests."""

    kind: DeedKind
    parameters: Mapping[str, str | bool | int | None]

    @property
    def text(self) -> str:
        """The parameters as they are kept and shown."""
        return json.dumps(dict(self.parameters), sort_keys=True, separators=(",", ":"))

    @property
    def digest(self) -> bytes:
        """SHA-256 over act and parameters."""
        return hashlib.sha256(
            _DOMAIN + self.kind.value.encode() + b"\x00" + self.text.encode()
        ).digest()


def founding(authority: str, era: str) -> Deed:
    """Found an authority with its first key."""
    return Deed(DeedKind.FOUND, {"authority": authority, "era": era})


def cross_certification(issuer: str, subject: str) -> Deed:
    """One authority certifies another's newest key."""
    return Deed(DeedKind.CROSS_CERTIFY, {"issuer": issuer, "subject": subject})


def rollover(
    authority: str, era: str, *, issues_from: datetime, cross_certify: bool
) -> Deed:
    """Give an authority a new key, with the algorithms of this era."""
    return Deed(
        DeedKind.ROLL_OVER,
        {
            "authority": authority,
            "era": era,
            "issues_from": _time(issues_from),
            "cross_certify": cross_certify,
        },
    )


def revocation(
    authority: str,
    serial: int,
    reason: RevocationReason,
    *,
    ground: str,
    invalidity_date: datetime | None = None,
) -> Deed:
    """Revoke a certificate whose subject is an authority."""
    return Deed(
        DeedKind.REVOKE,
        {
            "authority": authority,
            "serial": f"{serial:x}",
            "reason": reason.label,
            "ground": ground,
            "invalidity_date": None
            if invalidity_date is None
            else _time(invalidity_date),
        },
    )


def enrolment(authority: str, operator: Caller) -> Deed:
    """Give somebody a role, for the key that signs their requests."""
    place = operator.municipality
    return Deed(
        DeedKind.ENROL,
        {
            "authority": authority,
            "operator": operator.id,
            "role": operator.role.value,
            "municipality": None if place is None else str(place),
            "public_key": base64.b64encode(operator.public_key).decode("ascii"),
        },
    )


def dismissal(operator: str) -> Deed:
    """Take an operator's role away."""
    return Deed(DeedKind.DISMISS, {"operator": operator})


def abandonment(authority: str, serial: int, *, ground: str) -> Deed:
    """Give up a certificate that was recorded for an authority."""
    return Deed(
        DeedKind.ABANDON,
        {"authority": authority, "serial": f"{serial:x}", "ground": ground},
    )


def issuance(application: str) -> Deed:
    """Issue the certificate that this application asks for."""
    return Deed(DeedKind.ISSUE, {"application": application})


def registration(account: VerifierAccount) -> Deed:
    """Let somebody ask for the status of citizens' certificates."""
    return Deed(
        DeedKind.REGISTER_VERIFIER,
        {
            "verifier": account.id,
            "name": account.name,
            "signature": account.signature,
            "authentication": account.authentication,
            "daily_quota": account.daily_quota,
        },
    )


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
