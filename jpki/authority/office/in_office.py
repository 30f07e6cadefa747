"""Who holds a role now: enrolled, not dismissed, with a certificate that holds."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from jpki.errors import LastInOffice, NotInOffice
from jpki.model.operators import Caller, Role
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import CertificateState, OperatorRecord

__all__ = [
    "LEAVE_BY_TWO",
    "as_caller",
    "caller_in_office",
    "is_founding",
    "require_enough_left",
    "require_in_office",
    "require_still_in_office",
]

LEAVE_BY_TWO: Final = frozenset(
    {Role.CA_OPERATOR, Role.APPROVER, Role.RECOVERY, Role.AUDITOR}
)
"""Whose word counts, and who watches them: nobody sends them away alone."""

_TWO_OF: Final = Role.CA_OPERATOR


def caller_in_office(
    uow: AuthorityUnitOfWork, operator: str, *, at: datetime | None
) -> Caller | None:
    """The operator of this identifier, if in office.

    The certificate must not be revoked and, where an instant is given, neither expired
    nor still to come.
    """
    known = uow.operators.standing(operator)
    if (
        known is None
        or known.operator.dismissed_at is not None
        or known.certificate is not CertificateState.ISSUED
        or known.revoked
        or (at is not None and not known.not_before <= at <= known.not_after)
    ):
        return None
    return as_caller(known.operator)


def is_founding(uow: AuthorityUnitOfWork) -> bool:
    """Whether two CA operators were never enrolled yet."""
    enrolled = [known for known in uow.operators.all() if known.role is _TWO_OF]
    return len(enrolled) < 2


def require_in_office(uow: AuthorityUnitOfWork, by: Caller) -> bool:
    """Whether the caller is taken at their word, because no two are enrolled yet.

    Raises:
        NotInOffice: two are, and this is nobody in office.
    """
    if is_founding(uow):
        return True
    if caller_in_office(uow, by.id, at=None) != by:
        raise _not_in_office(by.id)
    return False


def require_still_in_office(uow: AuthorityUnitOfWork, operator: str) -> None:
    """Say that somebody who has asked or agreed before is in office now.

    Raises:
        NotInOffice: not any more.
    """
    if not is_founding(uow) and caller_in_office(uow, operator, at=None) is None:
        raise _not_in_office(operator)


def _not_in_office(operator: str) -> NotInOffice:
    return NotInOffice(
        f"{operator} is not an operator in office",
        hint="somebody who is enrolled, and neither dismissed nor revoked",
    )


def require_enough_left(
    uow: AuthorityUnitOfWork, leaving: OperatorRecord, *, issuance_approval: bool
) -> None:
    """Say that others can go on agreeing when this operator has left.

    Two CA operators for everything else, and an approver where each certificate waits
    for one. Nobody could enrol a second CA operator any more.

    Raises:
        LastInOffice: there would be too few.
    """
    if leaving.role is Role.CA_OPERATOR:
        needed = 2
    elif leaving.role is Role.APPROVER and issuance_approval:
        needed = 1
    else:
        return
    left = sum(
        other.role is leaving.role
        and other.id != leaving.id
        and caller_in_office(uow, other.id, at=None) is not None
        for other in uow.operators.all()
    )
    if left < needed:
        raise LastInOffice(
            f"without {leaving.id} only {left} of role {leaving.role.value} would be "
            f"left, and {needed} are needed",
            hint="enrol a successor first; a compromised key is revoked all the same, "
            "as keyCompromise",
        )


def as_caller(operator: OperatorRecord) -> Caller:
    """The operator as authentication knows them."""
    return Caller(
        id=operator.id,
        role=operator.role,
        public_key=operator.public_key,
        municipality=operator.municipality,
    )
