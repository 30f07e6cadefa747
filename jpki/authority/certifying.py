"""Prepare, lint, record, sign, complete: the one way by which a certificate is made.

1. `prepare_certificate` lints the exact bytes that will be signed.
2. `record` reserves the serial number with those bytes; its transaction commits.
3. `finish` signs them, checks the result as a stranger would, and completes the record
   in a second transaction.

Whatever happens in between, the serial number and the bytes are on record; recovery
calls `finish` again. Nothing else in this package signs a certificate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime

from jpki.authority.office import Office
from jpki.errors import IssuanceError, OutsideSigningWindow
from jpki.model.codes import ResidentCode
from jpki.model.eras import Act
from jpki.model.ports import Random
from jpki.model.revocation import Revocation, RevocationReason
from jpki.model.serials import SerialScheme, next_serial
from jpki.model.suites import suite
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import (
    ApplicationState,
    CertificateKind,
    CertificateRecord,
    CertificateState,
    JournalEntry,
    KeyGenerationRecord,
)
from jpki.x509.certificates import PreparedCertificate
from jpki.x509.issuers import IssuerView, assemble
from jpki.x509.keys import verify_signature
from jpki.x509.names import parse_name
from jpki.x509.parse import parse_certificate

__all__ = [
    "established_generation",
    "finish",
    "issuer_view",
    "journal",
    "key_digest",
    "new_serial",
    "record",
    "signing_generation",
    "subject_of",
]


def new_serial(random: Random) -> int:
    """A serial number nobody can guess."""
    return next_serial(SerialScheme.MODERN, random=random, last=0)


def key_digest(public_key: bytes) -> bytes:
    """By which one public key is known in the books."""
    return hashlib.sha256(public_key).digest()


def subject_of(authority: str, serial: int) -> str:
    """How the audit log names a certificate."""
    return f"{authority}/{serial:x}"


def signing_generation(
    office: Office, uow: AuthorityUnitOfWork, authority: str, at: datetime
) -> KeyGenerationRecord:
    """The key of this authority that certifies others now: the newest in its turn.

    Raises:
        NotFound: the authority is not founded.
        OutsideSigningWindow: it has no key that may sign now.
        AlgorithmError: the key's suite may not be used for issuing any more.
    """
    for generation in _established(uow, authority, at):
        if generation.issues_from <= at:
            office.era.require(generation.suite, Act.ISSUE, at)
            return generation
    raise _no_key(authority, at)


def established_generation(
    office: Office, uow: AuthorityUnitOfWork, authority: str, at: datetime
) -> KeyGenerationRecord:
    """The newest key of this authority, though its turn to certify may be to come.

    Raises:
        NotFound, OutsideSigningWindow, AlgorithmError: as `signing_generation`.
    """
    for generation in _established(uow, authority, at):
        office.era.require(generation.suite, Act.ISSUE, at)
        return generation
    raise _no_key(authority, at)


def _established(
    uow: AuthorityUnitOfWork, authority: str, at: datetime
) -> Iterator[KeyGenerationRecord]:
    """Keys whose own certificates exist and hold now, newest first."""
    uow.authorities.get(authority)
    for generation in reversed(uow.authorities.generations(authority)):
        own = uow.certificates.get(authority, generation.serial)
        if (
            own.state is CertificateState.ISSUED
            and generation.signs_from <= at <= generation.signs_until
            and uow.journal.find(authority, generation.serial) is None
        ):
            yield generation


def _no_key(authority: str, at: datetime) -> OutsideSigningWindow:
    return OutsideSigningWindow(
        f"{authority} has no key that may sign on {at:%Y-%m-%d}",
        hint="found the authority, finish its founding with recovery, or renew its key",
    )


def issuer_view(
    uow: AuthorityUnitOfWork, generation: KeyGenerationRecord
) -> IssuerView:
    """One key of an authority as certificates and CRLs refer to it."""
    authority = uow.authorities.get(generation.authority)
    name = parse_name(authority.name)
    alternative = authority.alternative_name
    return IssuerView(
        name=name,
        alternative_name=None if alternative is None else parse_name(alternative),
        key_identifier=generation.key_identifier,
        certificate_issuer=name,
        certificate_serial=generation.serial,
        suite=suite(generation.suite),
    )


def record(
    uow: AuthorityUnitOfWork,
    prepared: PreparedCertificate,
    *,
    authority: str,
    generation: int,
    kind: CertificateKind,
    profile: str,
    public_key: bytes,
    at: datetime,
    by: str,
    application: str | None = None,
    resident: ResidentCode | None = None,
    as_of: int | None = None,
) -> CertificateRecord:
    """Reserve the serial number with the bytes to be signed; the caller commits.

    Raises:
        Conflict: the serial number is taken.
    """
    entry = CertificateRecord(
        authority=authority,
        serial=prepared.serial,
        generation=generation,
        kind=kind,
        profile=profile,
        state=CertificateState.PENDING,
        subject_key=key_digest(public_key),
        not_before=prepared.not_before,
        not_after=prepared.not_after,
        prepared_at=at,
        prepared_by=by,
        tbs=prepared.tbs,
        application=application,
        resident=resident,
        as_of=as_of,
    )
    uow.certificates.reserve(entry)
    uow.audit.append(
        at=at,
        by=by,
        act="certificate.prepared",
        subject=subject_of(authority, prepared.serial),
        details={
            "kind": kind.value,
            "profile": profile,
            "generation": generation,
            "tbs": hashlib.sha256(prepared.tbs).hexdigest(),
            "application": application,
            "findings": len(prepared.findings),
        },
    )
    return entry


def finish(
    office: Office, authority: str, serial: int, *, at: datetime, by: str
) -> CertificateRecord:
    """Sign what is on record and complete it; a completed one is returned as it is.

    Raises:
        NotFound: this serial number was never reserved.
        IssuanceError: it was abandoned, or the signature does not verify.
    """
    with office.store.read() as uow:
        pending = uow.certificates.get(authority, serial)
        generation = uow.authorities.generation(authority, pending.generation)
    if pending.state is not CertificateState.PENDING:
        return _settled(pending)
    assert pending.tbs is not None
    signer = office.keyring.open(generation.key_uri)
    certificate = assemble(pending.tbs, signer.suite, signer.sign(pending.tbs))
    office.step("issuance.signed")
    _check(certificate, pending.tbs, generation)
    with office.store.write() as uow:
        now = uow.certificates.get(authority, serial)
        if now.state is not CertificateState.PENDING:
            # Another process finished the same bytes meanwhile: its signature counts.
            return _settled(now)
        _complete(uow, now, certificate, at=at, by=by)
        completed = uow.certificates.get(authority, serial)
        uow.commit()
    office.step("issuance.completed")
    return completed


def _settled(entry: CertificateRecord) -> CertificateRecord:
    if entry.state is CertificateState.ABANDONED:
        raise IssuanceError(
            f"serial number {entry.serial:x} was abandoned",
            hint="file a new application",
        )
    return entry


def _check(certificate: bytes, tbs: bytes, generation: KeyGenerationRecord) -> None:
    parsed = parse_certificate(certificate)
    if parsed.tbs != tbs or not verify_signature(
        generation.public_key, parsed.signature_algorithm, parsed.signature, tbs
    ):
        raise IssuanceError(
            f"the signature of {generation.authority} key {generation.number} does not "
            "verify; the certificate is not handed out",
            hint="check the key store, then run recovery",
        )


def _complete(
    uow: AuthorityUnitOfWork,
    pending: CertificateRecord,
    certificate: bytes,
    *,
    at: datetime,
    by: str,
) -> None:
    authority, serial = pending.authority, pending.serial
    uow.certificates.complete(authority, serial, certificate=certificate, at=at)
    uow.audit.append(
        at=at,
        by=by,
        act="certificate.completed",
        subject=subject_of(authority, serial),
        details={"sha256": hashlib.sha256(certificate).hexdigest()},
    )
    if pending.application is None:
        return
    application = uow.applications.get(pending.application)
    revoked = uow.journal.find(authority, serial) is not None
    uow.applications.move(
        application.id,
        from_=ApplicationState.ISSUING,
        to=ApplicationState.CANCELLED if revoked else ApplicationState.ISSUED,
        at=at,
    )
    uow.audit.append(
        at=at,
        by=by,
        act="application.cancelled" if revoked else "application.issued",
        subject=application.id,
        details={"certificate": subject_of(authority, serial)},
    )
    if application.renews is not None and not revoked:
        _supersede(uow, authority, application.renews, at=at, by=by)


def _supersede(
    uow: AuthorityUnitOfWork, authority: str, serial: int, *, at: datetime, by: str
) -> None:
    if uow.journal.find(authority, serial) is None:
        journal(
            uow,
            uow.certificates.get(authority, serial),
            RevocationReason.SUPERSEDED,
            ground="renewed",
            at=at,
            by=by,
        )


def journal(
    uow: AuthorityUnitOfWork,
    certificate: CertificateRecord,
    reason: RevocationReason,
    *,
    ground: str,
    at: datetime,
    by: str,
    invalidity_date: datetime | None = None,
    event_id: str | None = None,
) -> JournalEntry:
    """Put a serial number into the journal and the audit log; the caller commits.

    Raises:
        Conflict: it is in the journal.
    """
    entry = uow.journal.append(
        Revocation(
            serial=certificate.serial,
            at=at,
            reason=reason,
            invalidity_date=invalidity_date,
        ),
        authority=certificate.authority,
        ground=ground,
        actor=by,
        event_id=event_id,
    )
    uow.audit.append(
        at=at,
        by=by,
        act="certificate.revoked",
        subject=subject_of(certificate.authority, certificate.serial),
        details={"reason": reason.label, "ground": ground, "event": event_id},
    )
    return entry
