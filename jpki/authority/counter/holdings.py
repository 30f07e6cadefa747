"""What the books hold of a resident, and what is under way at a counter.

A counter asks about residents of its own municipality, and about those to whom it has
issued itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from jpki.authority.counter.applications import renewable_from
from jpki.authority.office import Office, whole_second
from jpki.authority.office.roles import counter_of
from jpki.errors import UnknownResident, WrongMunicipality
from jpki.model.codes import MunicipalityCode, ResidentCode
from jpki.model.operators import Caller
from jpki.model.purposes import Purpose
from jpki.model.revocation import Revocation
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import (
    ApplicationRecord,
    CertificateRecord,
    CertificateState,
)

__all__ = [
    "Holding",
    "Holdings",
    "enquire",
    "open_applications",
    "require_own_resident",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """One certificate that was issued to the resident."""

    authority: str
    serial: int
    purpose: Purpose
    not_before: datetime
    not_after: datetime
    renewable_from: datetime
    """The first instant at which it can be replaced."""
    revocation: Revocation | None

    def lives_at(self, at: datetime) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revocation is None and at <= self.not_after


@dataclass(frozen=True, kw_only=True, slots=True)
class Holdings:
    """What a resident has, and has asked for."""

    certificates: tuple[Holding, ...]
    """Oldest first."""
    applications: tuple[ApplicationRecord, ...]
    """Those that are open: at most one of each purpose."""


def enquire(
    office: Office, resident: ResidentCode, *, at: datetime, by: Caller
) -> Holdings:
    """Tell a counter what one of its residents has.

    Raises:
        PermissionDenied: not a counter operator.
        UnknownResident, RegistryUnavailable: what the register says.
        WrongMunicipality: registered elsewhere, and never served here.
    """
    whole_second(at)
    counter = counter_of(by, "ask about a resident")
    require_own_resident(office, resident, counter)
    with office.store.read() as uow:
        certificates = tuple(
            _holding(uow, record)
            for record in uow.certificates.of_resident(resident)
            if record.state is CertificateState.ISSUED
        )
        found = (uow.applications.live(resident, purpose) for purpose in Purpose)
        return Holdings(
            certificates=certificates,
            applications=tuple(one for one in found if one is not None),
        )


def open_applications(office: Office, *, by: Caller) -> tuple[ApplicationRecord, ...]:
    """What is under way at the operator's own counter, oldest first.

    Raises:
        PermissionDenied: not a counter operator.
    """
    counter = counter_of(by, "read the open applications")
    with office.store.read() as uow:
        return uow.applications.open_at(counter)


def require_own_resident(
    office: Office, resident: ResidentCode, counter: MunicipalityCode
) -> None:
    """Let a counter act for this resident.

    Whoever lives there is its own; so is, after a death or a move, whoever has all
    certificates from there.

    Raises:
        UnknownResident, RegistryUnavailable: what the register says.
        WrongMunicipality: registered elsewhere.
    """
    try:
        # No age limit applies to authentication: children are residents, too.
        provided = office.provide(resident, Purpose.AUTHENTICATION)
        if provided.resident.municipality == counter:
            return
        problem: UnknownResident | WrongMunicipality = WrongMunicipality(str(counter))
    except UnknownResident as error:
        problem = error
    with office.store.read() as uow:
        places = {
            uow.applications.get(record.application).municipality
            for record in uow.certificates.of_resident(resident)
            if record.application is not None
        }
    if places != {counter}:
        raise problem


def _holding(uow: AuthorityUnitOfWork, record: CertificateRecord) -> Holding:
    revoked = uow.journal.revocations(record.authority, [record.serial])
    return Holding(
        authority=record.authority,
        serial=record.serial,
        purpose=Purpose(record.kind.value),
        not_before=record.not_before,
        not_after=record.not_after,
        renewable_from=renewable_from(record.not_after),
        revocation=revoked.get(record.serial),
    )
