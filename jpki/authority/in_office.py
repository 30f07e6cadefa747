"""Who holds a role now: enrolled, not dismissed, with a certificate that holds."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from jpki.model.operators import Caller, Role
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import CertificateState, OperatorRecord

__all__ = ["as_caller", "caller_in_office", "is_founding"]

_TWO_OF: Final = Role.CA_OPERATOR


def caller_in_office(
    uow: AuthorityUnitOfWork, operator: str, *, at: datetime | None
) -> Caller | None:
    """The operator of this identifier, if in office.

    The certificate must not be revoked and, where an instant is given, neither expired
    nor still to come.
    """
    known = uow.operators.find(operator)
    if known is None or known.dismissed_at is not None:
        return None
    certificate = uow.certificates.get(known.authority, known.serial)
    if (
        certificate.state is not CertificateState.ISSUED
        or uow.journal.find(known.authority, known.serial) is not None
    ):
        return None
    if at is not None and not certificate.not_before <= at <= certificate.not_after:
        return None
    return as_caller(known)


def is_founding(uow: AuthorityUnitOfWork) -> bool:
    """Whether two CA operators were never enrolled yet."""
    enrolled = [known for known in uow.operators.all() if known.role is _TWO_OF]
    return len(enrolled) < 2


def as_caller(operator: OperatorRecord) -> Caller:
    """The operator as authentication knows them."""
    return Caller(
        id=operator.id,
        role=operator.role,
        public_key=operator.public_key,
        municipality=operator.municipality,
    )
