"""Deeds as people and requests write them: every parameter checked."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime

from jpki.authority.agreeing import deeds
from jpki.authority.agreeing.deeds import Deed, DeedKind
from jpki.errors import RequestError
from jpki.model.codes import MunicipalityCode
from jpki.model.operators import Caller, Role
from jpki.model.revocation import RevocationReason
from jpki.model.verifiers import VerifierAccount
from jpki.strict_json import Fields

__all__ = [
    "account_from",
    "deed_from",
    "instant_from",
    "operator_from",
    "reason_from",
    "serial_from",
]

_REASONS = {reason.label: reason for reason in RevocationReason}


def deed_from(act: str, parameters: Mapping[str, object]) -> Deed:
    """The deed of this name, every parameter checked.

    Raises:
        RequestError: no such act, or a parameter is missing, unknown or unusable.
    """
    try:
        kind = DeedKind(act)
    except ValueError:
        known = ", ".join(each.value for each in DeedKind)
        raise RequestError(f"no act {act[:40]!r}", hint=f"one of {known}") from None
    fields = Fields(dict(parameters), act)
    deed = _read(kind, fields)
    fields.done()
    return deed


def _read(kind: DeedKind, fields: Fields) -> Deed:
    match kind:
        case DeedKind.FOUND:
            return deeds.founding(
                fields.need("authority", str, str), fields.need("era", str, str)
            )
        case DeedKind.CROSS_CERTIFY:
            return deeds.cross_certification(
                fields.need("issuer", str, str), fields.need("subject", str, str)
            )
        case DeedKind.ROLL_OVER:
            return deeds.rollover(
                fields.need("authority", str, str),
                fields.need("era", str, str),
                issues_from=fields.need("issues_from", str, instant_from),
                cross_certify=fields.need("cross_certify", bool, bool),
            )
        case DeedKind.REVOKE:
            return deeds.revocation(
                fields.need("authority", str, str),
                fields.need("serial", str, serial_from),
                fields.need("reason", str, reason_from),
                ground=fields.need("ground", str, str),
                invalidity_date=fields.take("invalidity_date", str, instant_from),
            )
        case DeedKind.ENROL:
            return deeds.enrolment(
                fields.need("authority", str, str), operator_from(fields)
            )
        case DeedKind.DISMISS:
            return deeds.dismissal(fields.need("operator", str, str))
        case DeedKind.ABANDON:
            return deeds.abandonment(
                fields.need("authority", str, str),
                fields.need("serial", str, serial_from),
                ground=fields.need("ground", str, str),
            )
        case DeedKind.ISSUE:
            return deeds.issuance(fields.need("application", str, str))
        case DeedKind.REGISTER_VERIFIER:
            return deeds.registration(account_from(fields))


def operator_from(fields: Fields) -> Caller:
    """Somebody to be enrolled."""
    return Caller(
        id=fields.need("operator", str, str),
        role=fields.need("role", str, Role),
        public_key=fields.need("public_key", str, _octets),
        municipality=fields.take("municipality", str, MunicipalityCode),
    )


def account_from(fields: Fields) -> VerifierAccount:
    """A verifier to be registered."""
    return VerifierAccount(
        id=fields.need("verifier", str, str),
        name=fields.need("name", str, str),
        signature=fields.need("signature", bool, bool),
        authentication=fields.need("authentication", bool, bool),
        daily_quota=fields.take("daily_quota", int, int),
    )


def _octets(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def instant_from(text: str) -> datetime:
    """A UTC instant of whole seconds."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def serial_from(text: str) -> int:
    """A serial number, hexadecimal."""
    if not 1 <= len(text) <= 40:
        raise ValueError(text)
    return int(text, 16)


def reason_from(label: str) -> RevocationReason:
    """A reason by its ASN.1 name."""
    try:
        return _REASONS[label]
    except KeyError:
        raise ValueError(label) from None
