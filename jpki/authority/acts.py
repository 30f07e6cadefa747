"""From what people write to a deed, and from a deed that two agreed to, to its act."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime

from jpki import data
from jpki.authority import deeds
from jpki.authority.consent import Consent
from jpki.authority.deeds import Deed, DeedKind
from jpki.authority.delegation import dismiss_operator, enrol_operator
from jpki.authority.establish import (
    cross_certify,
    found_bridge,
    found_governor,
    found_national,
)
from jpki.authority.identifiers import BRIDGE, governor_id, national_id
from jpki.authority.office import Office
from jpki.authority.recovery import abandon
from jpki.authority.revocation import revoke
from jpki.authority.rollover import roll_over
from jpki.errors import ConsentMismatch, NotFound, RequestError
from jpki.model.codes import MunicipalityCode
from jpki.model.operators import Caller, Role
from jpki.model.purposes import Purpose
from jpki.model.revocation import RevocationReason
from jpki.strict_json import Fields

__all__ = ["carry_out", "deed_from"]

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
                issues_from=fields.need("issues_from", str, _instant),
                cross_certify=fields.need("cross_certify", bool, bool),
            )
        case DeedKind.REVOKE:
            return deeds.revocation(
                fields.need("authority", str, str),
                fields.need("serial", str, _serial),
                fields.need("reason", str, _reason),
                ground=fields.need("ground", str, str),
                invalidity_date=fields.take("invalidity_date", str, _instant),
            )
        case DeedKind.ENROL:
            return deeds.enrolment(
                fields.need("authority", str, str), _operator(fields)
            )
        case DeedKind.DISMISS:
            return deeds.dismissal(fields.need("operator", str, str))
        case DeedKind.ABANDON:
            return deeds.abandonment(
                fields.need("authority", str, str),
                fields.need("serial", str, _serial),
                ground=fields.need("ground", str, str),
            )
        case DeedKind.ISSUE:
            return deeds.issuance(fields.need("application", str, str))


def carry_out(office: Office, consent: Consent, *, at: datetime) -> str:
    """Do what two people agreed to; the answer is what came of it.

    Raises:
        ConsentMismatch: it is carried out by another procedure: issuance.
        JpkiError: as the use case of this act.
    """
    parameters: Mapping[str, object] = consent.deed.parameters
    fields = Fields(dict(parameters), consent.deed.kind.value)
    match consent.deed.kind:
        case DeedKind.FOUND:
            authority = fields.need("authority", str, str)
            return _name(_found(office, authority, at, consent))
        case DeedKind.CROSS_CERTIFY:
            issuer = fields.need("issuer", str, str)
            subject = fields.need("subject", str, str)
            crossed = cross_certify(office, issuer, subject, at=at, by=consent)
            return _name((issuer, crossed.serial))
        case DeedKind.ROLL_OVER:
            authority = fields.need("authority", str, str)
            rolled = roll_over(
                office,
                authority,
                issues_from=fields.need("issues_from", str, _instant),
                cross_certify=fields.need("cross_certify", bool, bool),
                at=at,
                by=consent,
            )
            return _name((authority, rolled.own.serial))
        case DeedKind.REVOKE:
            authority = fields.need("authority", str, str)
            entry = revoke(
                office,
                authority,
                fields.need("serial", str, _serial),
                fields.need("reason", str, _reason),
                ground=fields.need("ground", str, str),
                invalidity_date=fields.take("invalidity_date", str, _instant),
                at=at,
                by=consent,
            )
            return _name((authority, entry.serial))
        case DeedKind.ENROL:
            authority = fields.need("authority", str, str)
            _, enrolled = enrol_operator(
                office, authority, _operator(fields), at=at, by=consent
            )
            return _name((authority, enrolled.serial))
        case DeedKind.DISMISS:
            operator = fields.need("operator", str, str)
            return dismiss_operator(office, operator, at=at, by=consent).id
        case DeedKind.ABANDON:
            authority = fields.need("authority", str, str)
            abandoned = abandon(
                office,
                authority,
                fields.need("serial", str, _serial),
                ground=fields.need("ground", str, str),
                at=at,
                by=consent,
            )
            return _name((authority, abandoned.serial))
        case DeedKind.ISSUE:
            raise ConsentMismatch(
                "an approved application is issued when the counter asks for it",
                hint="the counter sends the card's request",
            )


def _found(
    office: Office, authority: str, at: datetime, by: Consent
) -> tuple[str, int]:
    if authority == BRIDGE:
        return authority, found_bridge(office, at=at, by=by).serial
    for prefecture in data.prefectures().values():
        if authority == governor_id(prefecture):
            return authority, found_governor(office, prefecture, at=at, by=by).serial
    for purpose in Purpose:
        if authority == national_id(purpose):
            return authority, found_national(office, purpose, at=at, by=by).serial
    raise NotFound("kind of authority", authority)


def _name(certificate: tuple[str, int]) -> str:
    authority, serial = certificate
    return f"{authority}/{serial:x}"


def _operator(fields: Fields) -> Caller:
    return Caller(
        id=fields.need("operator", str, str),
        role=fields.need("role", str, Role),
        public_key=fields.need("public_key", str, _octets),
        municipality=fields.take("municipality", str, MunicipalityCode),
    )


def _octets(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _instant(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def _serial(text: str) -> int:
    if not 1 <= len(text) <= 40:
        raise ValueError(text)
    return int(text, 16)


def _reason(label: str) -> RevocationReason:
    try:
        return _REASONS[label]
    except KeyError:
        raise ValueError(label) from None
