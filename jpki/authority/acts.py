"""From a deed that two agreed to, to its act."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from jpki import data
from jpki.authority.agreeing.consent import Consent
from jpki.authority.agreeing.deed_reading import (
    account_from,
    deed_from,
    instant_from,
    operator_from,
    reason_from,
    serial_from,
)
from jpki.authority.agreeing.deeds import DeedKind
from jpki.authority.delegating.operators import dismiss_operator, enrol_operator
from jpki.authority.founding.establish import (
    cross_certify,
    found_bridge,
    found_governor,
    found_national,
)
from jpki.authority.founding.rollover import roll_over
from jpki.authority.office import Office
from jpki.authority.office.identifiers import BRIDGE, governor_id, national_id
from jpki.authority.recovering.unfinished import abandon
from jpki.authority.revoking.revocation import revoke
from jpki.authority.verifiers.accounts import register_verifier
from jpki.errors import ConsentMismatch, NotFound
from jpki.model.purposes import Purpose
from jpki.strict_json import Fields

__all__ = ["carry_out", "deed_from"]


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
                issues_from=fields.need("issues_from", str, instant_from),
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
                fields.need("serial", str, serial_from),
                fields.need("reason", str, reason_from),
                ground=fields.need("ground", str, str),
                invalidity_date=fields.take("invalidity_date", str, instant_from),
                at=at,
                by=consent,
            )
            return _name((authority, entry.serial))
        case DeedKind.ENROL:
            authority = fields.need("authority", str, str)
            _, enrolled = enrol_operator(
                office, authority, operator_from(fields), at=at, by=consent
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
                fields.need("serial", str, serial_from),
                ground=fields.need("ground", str, str),
                at=at,
                by=consent,
            )
            return _name((authority, abandoned.serial))
        case DeedKind.REGISTER_VERIFIER:
            return register_verifier(
                office, account_from(fields), at=at, by=consent
            ).account.id
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
