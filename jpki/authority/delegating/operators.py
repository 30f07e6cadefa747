"""Operators: enrolled with a certificate, found when they ask, dismissed."""

from __future__ import annotations

from datetime import datetime

from jpki.access import require_role
from jpki.authority.agreeing.consent import Consent, redeem
from jpki.authority.agreeing.deeds import dismissal, enrolment
from jpki.authority.auditing.journaling import journal, subject_of
from jpki.authority.certifying.making import (
    finish,
    signing_generation,
)
from jpki.authority.delegating.delegates import record_delegate
from jpki.authority.office import Office, whole_second
from jpki.authority.office.in_office import (
    LEAVE_BY_TWO,
    as_caller,
    caller_in_office,
    require_enough_left,
)
from jpki.errors import (
    Conflict,
    ConsentRequired,
    RequestError,
)
from jpki.model.eras import Act
from jpki.model.operators import Caller, Role
from jpki.model.revocation import RevocationReason
from jpki.model.suites import suite
from jpki.store.authority_records import (
    CertificateKind,
    CertificateRecord,
    OperatorRecord,
)
from jpki.x509.keys import check_strength

__all__ = ["dismiss_operator", "enrol_operator", "find_caller"]

_MAX_OPERATOR_ID = 64
"""ub-common-name (RFC 5280 A.1): the identifier stands in the certificate."""


def enrol_operator(
    office: Office,
    authority: str,
    operator: Caller,
    *,
    at: datetime,
    by: Caller | Consent,
) -> tuple[OperatorRecord, CertificateRecord]:
    """Give somebody a role, with a certificate for the key that signs their requests.

    The same operator with the same key and role is found again. Whose word makes one
    half of an agreement is enrolled by two people, or one could make the other.

    Raises:
        ConsentError: two people have not agreed to exactly this.
        PermissionDenied: not a CA operator.
        Conflict: the identifier belongs to another key, role or place.
        KeyRejected: the key is weak, or not of the era's suite for operators.
        RequestError: the identifier cannot stand in a certificate.
    """
    moment = whole_second(at)
    _permit(authority, operator, by)
    if not operator.id.isascii() or not 1 <= len(operator.id) <= _MAX_OPERATOR_ID:
        raise RequestError(
            f"an operator's identifier is 1 to {_MAX_OPERATOR_ID} ASCII characters"
        )
    role = CertificateKind.OPERATOR
    wanted = suite(office.era.suites[role.value])
    office.era.require(wanted.id, Act.ISSUE, moment)
    check_strength(operator.public_key, wanted)
    with office.store.write() as uow:
        known = uow.operators.find(operator.id)
        if known is None:
            generation = signing_generation(office, uow, authority, moment)
            serial = record_delegate(
                office,
                uow,
                generation,
                role,
                operator.public_key,
                {"operator": operator.id},
                at=moment,
                by=by.id,
            )
            if isinstance(by, Consent):
                outcome = subject_of(authority, serial)
                redeem(uow, by, outcome=outcome, at=moment)
            known = OperatorRecord(
                id=operator.id,
                role=operator.role,
                municipality=operator.municipality,
                public_key=operator.public_key,
                authority=authority,
                serial=serial,
                enrolled_at=moment,
                enrolled_by=by.id,
            )
            uow.operators.add(known)
            uow.audit.append(
                at=moment,
                by=by.id,
                act="operator.enrolled",
                subject=operator.id,
                details={
                    "role": operator.role.value,
                    "municipality": None
                    if operator.municipality is None
                    else str(operator.municipality),
                },
            )
            uow.commit()
        elif isinstance(by, Consent) and as_caller(known) == operator:
            outcome = subject_of(known.authority, known.serial)
            redeem(uow, by, outcome=outcome, at=moment)
            uow.commit()
    if as_caller(known) != operator or known.dismissed_at is not None:
        raise Conflict(
            f"operator {operator.id} is or was somebody else",
            hint="choose an identifier that nobody has had",
        )
    return known, finish(office, known.authority, known.serial, at=moment, by=by.id)


def _permit(authority: str, operator: Caller, by: Caller | Consent) -> None:
    if isinstance(by, Consent):
        by.require(enrolment(authority, operator))
        return
    require_role(by, "enrol an operator", Role.CA_OPERATOR)
    if operator.role in (Role.CA_OPERATOR, Role.APPROVER, Role.RECOVERY):
        raise ConsentRequired(
            f"{by.id} alone cannot enrol {operator.id} as {operator.role.value}",
            hint="request the enrolment, and have another CA operator approve it",
        )


def dismiss_operator(
    office: Office, operator: str, *, at: datetime, by: Caller | Consent
) -> OperatorRecord:
    """Take the role away and revoke the certificate.

    Two people agree to it where the operator's word counts, or where an auditor would
    have to go; one CA operator dismisses the others. A key that is compromised waits
    for nobody: `revoke` ends its holder's office at once.

    Raises:
        ConsentError: two people have not agreed to exactly this.
        LastInOffice: too few would be left to agree to anything.
        PermissionDenied: not a CA operator.
        NotFound: no such operator in office.
    """
    moment = whole_second(at)
    if isinstance(by, Consent):
        by.require(dismissal(operator))
    else:
        require_role(by, "dismiss an operator", Role.CA_OPERATOR)
    with office.store.write() as uow:
        leaving = uow.operators.get(operator)
        if leaving.role in LEAVE_BY_TWO and not isinstance(by, Consent):
            raise ConsentRequired(
                f"{by.id} alone cannot dismiss {operator}, {leaving.role.value}",
                hint="request the dismissal, and have another CA operator approve it; "
                "a compromised key is revoked by one, as keyCompromise",
            )
        if isinstance(by, Consent):
            redeem(uow, by, outcome=operator, at=moment)
            if leaving.dismissed_at is not None:
                uow.commit()
                return leaving
        approval = office.issuance_approval
        require_enough_left(uow, leaving, issuance_approval=approval)
        uow.operators.dismiss(operator, at=moment)
        dismissed = uow.operators.get(operator)
        if uow.journal.find(dismissed.authority, dismissed.serial) is None:
            journal(
                uow,
                uow.certificates.get(dismissed.authority, dismissed.serial),
                RevocationReason.CESSATION_OF_OPERATION,
                ground="operator dismissed",
                at=moment,
                by=by.id,
            )
        uow.audit.append(
            at=moment, by=by.id, act="operator.dismissed", subject=operator
        )
        uow.commit()
    return dismissed


def find_caller(
    office: Office, operator: str, *, at: datetime | None = None
) -> Caller | None:
    """Who signs requests under this identifier, for authenticating them.

    An operator counts while in office and while the certificate is not revoked and,
    where an instant is given, neither expired nor still to come.
    """
    with office.store.read() as uow:
        return caller_in_office(uow, operator, at=at)
