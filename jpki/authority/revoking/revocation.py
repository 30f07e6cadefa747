"""Revoking: one line in an append-only journal, and never a word back."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from jpki.access import require_role
from jpki.authority.agreeing import deeds
from jpki.authority.agreeing.consent import Consent, redeem
from jpki.authority.auditing.checkpoints import seal_if_due
from jpki.authority.auditing.journaling import journal, subject_of
from jpki.authority.office import Office, whole_second
from jpki.authority.office.in_office import LEAVE_BY_TWO, require_enough_left
from jpki.authority.office.roles import counter_of
from jpki.errors import ConsentRequired, PermissionDenied, RequestError
from jpki.model.operators import Caller, Role
from jpki.model.revocation import RevocationReason
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import (
    CertificateKind,
    CertificateRecord,
    JournalEntry,
)

__all__ = [
    "COUNTER_REASONS",
    "OF_AUTHORITIES",
    "checked",
    "permit",
    "permit_end_of_office",
    "revoke",
]

COUNTER_REASONS: Final = frozenset(
    {
        RevocationReason.KEY_COMPROMISE,
        RevocationReason.CESSATION_OF_OPERATION,
        RevocationReason.CERTIFICATE_HOLD,
    }
)
"""What a subscriber asks for at a counter: 失効申請 (平成14年法律第153号 art. 9) and
notice of a key that leaked or may have (art. 10)."""

_ACT: Final = "revoke a certificate"

OF_AUTHORITIES: Final = frozenset(
    {
        CertificateKind.AUTHORITY,
        CertificateKind.BRIDGE,
        CertificateKind.CROSS,
        CertificateKind.LINK,
    }
)
"""Certificates whose subject is an authority."""


def revoke(
    office: Office,
    authority: str,
    serial: int,
    reason: RevocationReason,
    *,
    ground: str,
    at: datetime,
    by: Caller | Consent,
    invalidity_date: datetime | None = None,
) -> JournalEntry:
    """Revoke a certificate; one that is revoked already stays exactly as it is.

    A counter revokes for the residents it issued to; a CA operator revokes anything but
    an authority's certificate, for which it takes two of them. Two also end the office
    of a colleague, unless the key is compromised: that is stopped by whoever knows it,
    even where nobody is left to agree to anything afterwards.

    Raises:
        NotFound: this serial number was never reserved.
        ConsentError: two people have not agreed to exactly this.
        LastInOffice: it would end an office without which nothing can be agreed to.
        PermissionDenied: not this caller, or not for this reason.
        RequestError: the invalidity date lies in the future, or the ground is too long.
    """
    moment = whole_second(at)
    since = checked(ground, invalidity_date, moment)
    if isinstance(by, Consent):
        by.require(
            deeds.revocation(
                authority, serial, reason, ground=ground, invalidity_date=since
            )
        )
    with office.store.write() as uow:
        certificate = uow.certificates.get(authority, serial)
        if not isinstance(by, Consent):
            permit(uow, certificate, reason, by)
        known = uow.journal.find(authority, serial)
        if known is None:
            permit_end_of_office(office, uow, certificate, reason, by)
        if isinstance(by, Consent):
            redeem(uow, by, outcome=subject_of(authority, serial), at=moment)
        if known is not None:
            uow.commit()
            return known
        entry = journal(
            uow,
            certificate,
            reason,
            ground=ground,
            at=moment,
            by=by.id,
            invalidity_date=since,
        )
        seal_if_due(office, uow, moment)
        uow.commit()
    office.step("revocation.recorded")
    return entry


def checked(
    ground: str, invalidity_date: datetime | None, at: datetime
) -> datetime | None:
    """The invalidity date in whole seconds.

    Raises:
        RequestError: it lies in the future, or the ground is too long or missing.
    """
    if not ground or len(ground) > 200:
        raise RequestError("the ground of a revocation is 1 to 200 characters")
    since = None if invalidity_date is None else whole_second(invalidity_date)
    if since is not None and since > at:
        raise RequestError("the invalidity date lies in the future")
    return since


def permit_end_of_office(
    office: Office,
    uow: AuthorityUnitOfWork,
    certificate: CertificateRecord,
    reason: RevocationReason,
    by: Caller | Consent,
) -> None:
    """See that an operator's certificate may be revoked; others always may.

    Raises:
        ConsentRequired, LastInOffice: it may not, or not by this one alone.
    """
    if (
        certificate.kind is not CertificateKind.OPERATOR
        or reason is RevocationReason.KEY_COMPROMISE
    ):
        return
    for operator in uow.operators.all():
        if (operator.authority, operator.serial) != (
            certificate.authority,
            certificate.serial,
        ):
            continue
        if operator.role in LEAVE_BY_TWO and not isinstance(by, Consent):
            raise ConsentRequired(
                f"{by.id} alone cannot end the office of {operator.id}",
                hint="request the dismissal, and have another CA operator approve it; "
                "a compromised key is revoked by one, as keyCompromise",
            )
        approval = office.issuance_approval
        require_enough_left(uow, operator, issuance_approval=approval)


def permit(
    uow: AuthorityUnitOfWork,
    certificate: CertificateRecord,
    reason: RevocationReason,
    by: Caller,
) -> None:
    """See that one person may revoke this certificate for this reason.

    Raises:
        ConsentRequired: it takes two.
        PermissionDenied: not this one.
    """
    if certificate.kind in OF_AUTHORITIES:
        require_role(by, _ACT, Role.CA_OPERATOR)
        raise ConsentRequired(
            f"{by.id} alone cannot revoke a {certificate.kind.value} certificate",
            hint="request its revocation, and have another CA operator approve it",
        )
    if by.role is Role.CA_OPERATOR:
        return
    municipality = counter_of(by, _ACT)
    application = certificate.application
    if (
        application is None
        or uow.applications.get(application).municipality != municipality
    ):
        raise PermissionDenied(by.id, _ACT, "the counter that issued it")
    if reason not in COUNTER_REASONS:
        raise PermissionDenied(by.id, f"{_ACT} as {reason.label}", "role ca-operator")
