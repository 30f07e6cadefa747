"""Applications at the counter: filed, then issued for, then delivered or cancelled."""

from __future__ import annotations

import uuid
from datetime import datetime, time
from enum import Enum
from typing import Final

from jpki.access import require_municipality, require_role
from jpki.authority.agreeing.consent import enter_request
from jpki.authority.agreeing.deeds import issuance
from jpki.authority.auditing.journaling import journal, subject_of
from jpki.authority.office import Office, whole_second
from jpki.authority.office.identifiers import authority_for
from jpki.authority.office.roles import counter_of
from jpki.errors import (
    ApplicationConflict,
    CertificateLive,
    Conflict,
    IssuanceError,
    RequestError,
    WrongMunicipality,
)
from jpki.model.calendar import JST, day_in_japan, months_before
from jpki.model.codes import MunicipalityCode, ResidentCode
from jpki.model.eligibility import require_eligible
from jpki.model.operators import Caller, Role
from jpki.model.purposes import Purpose
from jpki.model.residents import Provided
from jpki.model.revocation import RevocationReason
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import (
    ApplicationRecord,
    ApplicationState,
    CertificateRecord,
    CertificateState,
)

__all__ = [
    "RENEWAL_MONTHS",
    "ApplicationKind",
    "application_for",
    "cancel",
    "deliver",
    "file_application",
    "give_up",
    "live_certificate",
    "permit",
    "renewable_from",
    "require_applicant",
]

RENEWAL_MONTHS: Final = 3
"""有効期間の更新: a live certificate may be replaced in its last three months."""

_MAX_IDEMPOTENCY_KEY: Final = 128
_CHALLENGE_OCTETS: Final = 16


class ApplicationKind(Enum):
    """What a counter means an application to be; the books must bear it out."""

    NEW = "new"
    """新規発行: the resident holds no live certificate."""
    RENEWAL = "renewal"
    """更新: the live certificate is in its last months and is replaced."""
    REISSUE = "reissue"
    """再発行: an earlier certificate was revoked, as by a move, or has expired."""


def renewable_from(not_after: datetime) -> datetime:
    """When a certificate of this end can be renewed: a midnight in Japan, UTC."""
    first = months_before(RENEWAL_MONTHS, day_in_japan(not_after))
    return whole_second(datetime.combine(first, time(), JST))


def file_application(
    office: Office,
    *,
    resident: ResidentCode,
    idempotency_key: str,
    at: datetime,
    by: Caller,
    purpose: Purpose = Purpose.SIGNATURE,
    kind: ApplicationKind | None = None,
) -> ApplicationRecord:
    """File an application; the same key from the same operator finds it again.

    The four items are not part of it: they come from the register when the certificate
    is made. The answer's challenge goes into the request that the card signs. Where
    issuing needs an approver, filing is asking for it. Without a kind it is whichever
    the books allow.

    Raises:
        PermissionDenied: not a counter operator.
        UnknownResident, NotEligible, WrongMunicipality, RegistryUnavailable: what the
            register says.
        ApplicationConflict: another application of this person is under way, or there
            is nothing to renew or to issue again.
        CertificateLive: the person holds a certificate that lives on.
        NotFound: the authority that would certify this person is not founded.
    """
    moment = whole_second(at)
    counter = counter_of(by, "file an application")
    if not 1 <= len(idempotency_key) <= _MAX_IDEMPOTENCY_KEY:
        raise RequestError(
            f"the idempotency key is 1 to {_MAX_IDEMPOTENCY_KEY} characters"
        )
    if purpose.value not in office.era.profiles:
        raise IssuanceError(
            f"no {purpose.value} certificates are issued in era {office.era.id}"
        )
    with office.store.read() as uow:
        before = _filed_before(uow, by, idempotency_key, resident, purpose)
    if before is not None:
        return before
    require_applicant(office, resident, purpose, counter, moment)
    with office.store.write() as uow:
        before = _filed_before(uow, by, idempotency_key, resident, purpose)
        if before is not None:
            return before
        authority = uow.authorities.get(authority_for(office.era, counter, purpose)).id
        application = ApplicationRecord(
            id=str(uuid.UUID(bytes=office.random(16), version=4)),
            idempotency_key=idempotency_key,
            authority=authority,
            resident=resident,
            municipality=counter,
            purpose=purpose,
            state=ApplicationState.FILED,
            challenge=office.random(_CHALLENGE_OCTETS).hex(),
            filed_at=moment,
            filed_by=by.id,
            changed_at=moment,
            renews=_renewed(uow, resident, purpose, authority, moment, kind),
        )
        uow.applications.add(application)
        _log(uow, application, "application.filed", at=moment, by=by)
        if office.issuance_approval:
            enter_request(office, uow, issuance(application.id), at=moment, by=by)
        uow.commit()
    office.step("application.filed")
    return application


def require_applicant(
    office: Office,
    code: ResidentCode,
    purpose: Purpose,
    counter: MunicipalityCode,
    at: datetime,
) -> Provided:
    """What the register says of somebody who may apply at this counter.

    Raises:
        UnknownResident, NotEligible, RegistryUnavailable: what the register says.
        WrongMunicipality: registered somewhere else.
    """
    provided = office.provide(code, purpose)
    require_eligible(provided.resident, purpose, day_in_japan(at))
    if provided.resident.municipality != counter:
        raise WrongMunicipality(str(counter))
    return provided


def _filed_before(
    uow: AuthorityUnitOfWork,
    by: Caller,
    idempotency_key: str,
    resident: ResidentCode,
    purpose: Purpose,
) -> ApplicationRecord | None:
    before = uow.applications.of_request(by.id, idempotency_key)
    if before is not None and (before.resident, before.purpose) != (resident, purpose):
        raise Conflict(
            "this idempotency key stands for another application",
            hint="use a new key for a new application",
        )
    return before


def _renewed(
    uow: AuthorityUnitOfWork,
    resident: ResidentCode,
    purpose: Purpose,
    authority: str,
    at: datetime,
    kind: ApplicationKind | None,
) -> int | None:
    """The serial number that the new certificate replaces, if there is one.

    Raises:
        ApplicationConflict: another application of this person is under way, or the
            books know nothing that could be renewed or issued again.
        CertificateLive: the live certificate cannot be replaced yet.
    """
    other = uow.applications.live(resident, purpose)
    if other is not None:
        raise ApplicationConflict(
            f"application {other.id} of this resident is {other.state.value}",
            hint="go on with that application or cancel it",
        )
    live = live_certificate(uow, resident, purpose, at)
    if live is None:
        _require_earlier(uow, resident, purpose, kind)
        return None
    lives = f"certificate {live.serial:x} lives until {live.not_after:%Y-%m-%d}"
    first = renewable_from(live.not_after)
    if live.authority != authority or at < first:
        raise CertificateLive(
            lives,
            renewable_from=first if at < first else None,
            hint=f"it can be renewed from {day_in_japan(first)} on, "
            "or revoked at the counter",
        )
    if kind in (ApplicationKind.NEW, ApplicationKind.REISSUE):
        raise CertificateLive(lives, hint="it can be renewed now")
    return live.serial


def _require_earlier(
    uow: AuthorityUnitOfWork,
    resident: ResidentCode,
    purpose: Purpose,
    kind: ApplicationKind | None,
) -> None:
    """Say that what is to be renewed or issued again exists.

    Raises:
        ApplicationConflict: it does not.
    """
    if kind is ApplicationKind.RENEWAL:
        raise ApplicationConflict(
            "the resident holds no certificate that could be renewed",
            hint="apply for a new one",
        )
    if kind is ApplicationKind.REISSUE and not any(
        certificate.kind.value == purpose.value
        and certificate.state is CertificateState.ISSUED
        for certificate in uow.certificates.of_resident(resident)
    ):
        raise ApplicationConflict(
            "the resident never had a certificate of this kind",
            hint="apply for a new one",
        )


def live_certificate(
    uow: AuthorityUnitOfWork, resident: ResidentCode, purpose: Purpose, at: datetime
) -> CertificateRecord | None:
    """The certificate of this person that is neither expired nor revoked."""
    for certificate in uow.certificates.of_resident(resident):
        if (
            certificate.kind.value == purpose.value
            and certificate.state is not CertificateState.ABANDONED
            and at <= certificate.not_after
            and uow.journal.find(certificate.authority, certificate.serial) is None
        ):
            return certificate
    return None


def application_for(
    uow: AuthorityUnitOfWork, application: str, act: str, by: Caller
) -> ApplicationRecord:
    """An application that this operator may work on.

    Raises:
        NotFound: there is no such application.
        PermissionDenied: it was filed at another municipality's counter.
    """
    require_role(by, act, Role.COUNTER)
    found = uow.applications.get(application)
    permit(found, act, by)
    return found


def permit(application: ApplicationRecord, act: str, by: Caller) -> None:
    """Let an operator of the counter where it was filed, and nobody else.

    Raises:
        PermissionDenied: it was filed at another municipality's counter.
    """
    require_role(by, act, Role.COUNTER)
    require_municipality(by, act, application.municipality)


def deliver(
    office: Office, application: str, *, at: datetime, by: Caller
) -> ApplicationRecord:
    """Record that the certificate is on the card and in the resident's hands (交付).

    Raises:
        ApplicationConflict: there is no certificate to deliver.
    """
    moment = whole_second(at)
    with office.store.write() as uow:
        found = application_for(uow, application, "deliver a certificate", by)
        if found.state is ApplicationState.DELIVERED:
            return found
        if found.state is not ApplicationState.ISSUED:
            raise ApplicationConflict(
                f"application {found.id} is {found.state.value}",
                hint="issue the certificate first, or file a new application",
            )
        delivered = _move(
            uow, found, ApplicationState.DELIVERED, "application.delivered", moment, by
        )
        uow.commit()
    office.step("application.delivered")
    return delivered


def cancel(
    office: Office, application: str, *, at: datetime, by: Caller
) -> ApplicationRecord:
    """Give an application up; a certificate that exists already is revoked.

    Raises:
        ApplicationConflict: it is delivered, or being signed at this moment.
    """
    moment = whole_second(at)
    with office.store.write() as uow:
        found = application_for(uow, application, "cancel an application", by)
        if found.state is ApplicationState.CANCELLED:
            return found
        cancelled = give_up(uow, found, at=moment, by=by)
        uow.commit()
    office.step("application.cancelled")
    return cancelled


def give_up(
    uow: AuthorityUnitOfWork, found: ApplicationRecord, *, at: datetime, by: Caller
) -> ApplicationRecord:
    """Cancel an open application in the caller's transaction.

    Raises:
        ApplicationConflict: it is delivered, or being signed at this moment.
    """
    if found.state in (ApplicationState.DELIVERED, ApplicationState.ISSUING):
        hint = (
            "revoke the certificate instead"
            if found.state is ApplicationState.DELIVERED
            else "send the same request again, then cancel"
        )
        raise ApplicationConflict(
            f"application {found.id} is {found.state.value}", hint=hint
        )
    if found.serial is not None and (
        uow.journal.find(found.authority, found.serial) is None
    ):
        journal(
            uow,
            uow.certificates.get(found.authority, found.serial),
            RevocationReason.UNSPECIFIED,
            ground="discarded before delivery",
            at=at,
            by=by.id,
        )
    return _move(
        uow, found, ApplicationState.CANCELLED, "application.cancelled", at, by
    )


def _move(
    uow: AuthorityUnitOfWork,
    application: ApplicationRecord,
    to: ApplicationState,
    act: str,
    at: datetime,
    by: Caller,
) -> ApplicationRecord:
    uow.applications.move(application.id, from_=application.state, to=to, at=at)
    _log(uow, application, act, at=at, by=by)
    return uow.applications.get(application.id)


def _log(
    uow: AuthorityUnitOfWork,
    application: ApplicationRecord,
    act: str,
    *,
    at: datetime,
    by: Caller,
) -> None:
    serial = application.serial
    uow.audit.append(
        at=at,
        by=by.id,
        act=act,
        subject=application.id,
        details={
            "municipality": str(application.municipality),
            "purpose": application.purpose.value,
            "certificate": None
            if serial is None
            else subject_of(application.authority, serial),
        },
    )
