"""After a crash: finish what was recorded, and give up what cannot be finished."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from jpki.access import require_role
from jpki.authority.agreeing.consent import Consent, redeem
from jpki.authority.agreeing.deeds import abandonment
from jpki.authority.auditing.journaling import journal, subject_of
from jpki.authority.certifying.making import finish
from jpki.authority.office import Office, whole_second
from jpki.authority.publication import finish_crl
from jpki.authority.revoking.revocation import OF_AUTHORITIES
from jpki.errors import ConsentRequired, JpkiError, RequestError
from jpki.model.operators import Caller, Role
from jpki.model.revocation import RevocationReason
from jpki.store.authority_records import (
    ApplicationState,
    CertificateRecord,
    CertificateState,
    CRLRecord,
)

__all__ = ["Recovered", "abandon", "recover"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recovered:
    """What recovery did."""

    certificates: tuple[CertificateRecord, ...]
    crls: tuple[CRLRecord, ...]
    failed: tuple[tuple[str, JpkiError], ...]
    """What still waits, as the audit log names it, and why."""


def recover(office: Office, *, at: datetime, by: str = "recovery") -> Recovered:
    """Finish every certificate and CRL that is recorded and not completed.

    Safe at any time and in several processes at once: whoever completes first counts.
    What fails stays recorded and is tried again by the next recovery.
    """
    moment = whole_second(at)
    with office.store.read() as uow:
        certificates = uow.certificates.pending()
        crls = uow.crls.prepared()
    finished: list[CertificateRecord] = []
    lists: list[CRLRecord] = []
    failed: list[tuple[str, JpkiError]] = []
    for entry in certificates:
        try:
            finished.append(
                finish(office, entry.authority, entry.serial, at=moment, by=by)
            )
        except JpkiError as error:
            failed.append((subject_of(entry.authority, entry.serial), error))
    for waiting in crls:
        try:
            lists.append(
                finish_crl(office, waiting.authority, waiting.number, at=moment, by=by)
            )
        except JpkiError as error:
            failed.append((f"{waiting.authority}/crl/{waiting.number}", error))
    return Recovered(
        certificates=tuple(finished), crls=tuple(lists), failed=tuple(failed)
    )


def abandon(
    office: Office,
    authority: str,
    serial: int,
    *,
    ground: str,
    at: datetime,
    by: Caller | Consent,
) -> CertificateRecord:
    """Give a recorded certificate up whose signing can never be finished.

    A signature may exist all the same, so the serial number is revoked; the reason is
    the one the service uses for what is discarded before delivery. Revoking takes two
    people where the subject is an authority, and so does this.

    Raises:
        ConsentError: two people have not agreed to exactly this.
        PermissionDenied: not a CA operator.
        NotFound: this serial number was never reserved.
        Conflict: it is not pending.
    """
    moment = whole_second(at)
    if isinstance(by, Consent):
        by.require(abandonment(authority, serial, ground=ground))
    else:
        require_role(by, "abandon a certificate", Role.CA_OPERATOR)
    if not ground or len(ground) > 200:
        raise RequestError("the ground is 1 to 200 characters")
    with office.store.write() as uow:
        certificate = uow.certificates.get(authority, serial)
        if isinstance(by, Consent):
            redeem(uow, by, outcome=subject_of(authority, serial), at=moment)
            if certificate.state is CertificateState.ABANDONED:
                uow.commit()
                return certificate
        elif certificate.kind in OF_AUTHORITIES:
            raise ConsentRequired(
                f"{by.id} alone cannot abandon a {certificate.kind.value} certificate",
                hint="request it, and have another CA operator approve it",
            )
        uow.certificates.abandon(authority, serial, at=moment)
        uow.audit.append(
            at=moment,
            by=by.id,
            act="certificate.abandoned",
            subject=subject_of(authority, serial),
            details={"ground": ground},
        )
        if uow.journal.find(authority, serial) is None:
            journal(
                uow,
                certificate,
                RevocationReason.UNSPECIFIED,
                ground=ground,
                at=moment,
                by=by.id,
            )
        if certificate.application is not None:
            uow.applications.move(
                certificate.application,
                from_=ApplicationState.ISSUING,
                to=ApplicationState.CANCELLED,
                at=moment,
            )
            uow.audit.append(
                at=moment,
                by=by.id,
                act="application.cancelled",
                subject=certificate.application,
                details={"certificate": subject_of(authority, serial)},
            )
        abandoned = uow.certificates.get(authority, serial)
        uow.commit()
    return abandoned
