"""Prepare, lint, record, sign, complete: the one way by which a certificate is made.

1. `prepare_certificate` lints the exact bytes that will be signed.
2. `record` reserves the serial number with those bytes; its transaction commits.
3. `finish` signs them, checks the result as a stranger would, and completes the record
   in a second transaction.

Whatever happens in between, the serial number and the bytes are on record; recovery
calls `finish` again. Nothing else in `jpki.authority` signs a certificate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from jpki.authority.auditing.journaling import subject_of
from jpki.authority.certifying.clock_guard import require_clock
from jpki.authority.certifying.completing import Completion, complete_all, settled
from jpki.authority.office import Office
from jpki.authority.office.identifiers import key_digest
from jpki.errors import IssuanceError, JpkiError, OutsideSigningWindow
from jpki.model.codes import ResidentCode
from jpki.model.eras import Act
from jpki.model.suites import suite
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import (
    CertificateKind,
    CertificateRecord,
    CertificateState,
    KeyGenerationRecord,
)
from jpki.x509.certificates import PreparedCertificate
from jpki.x509.issuers import IssuerView, assemble
from jpki.x509.names import parse_name
from jpki.x509.signatures import verify_signature

__all__ = [
    "Signing",
    "established_generation",
    "finish",
    "issuer_view",
    "log_prepared",
    "pending_record",
    "record",
    "signed",
    "signing_generation",
    "signing_key",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Signing:
    """A key that may certify now, and how certificates refer to it."""

    key: KeyGenerationRecord
    certificate: bytes
    """The key's own, self-signed."""
    issuer: IssuerView


def signing_key(
    office: Office, uow: AuthorityUnitOfWork, authority: str, at: datetime
) -> Signing:
    """With what this authority certifies others now.

    Raises:
        NotFound, OutsideSigningWindow, AlgorithmError: as `signing_generation`.
    """
    for key, certificate in _established(uow, authority, at):
        if key.issues_from <= at:
            office.era.require(key.suite, Act.ISSUE, at)
            return Signing(
                key=key, certificate=certificate, issuer=issuer_view(uow, key)
            )
    raise _no_key(authority, at)


def signing_generation(
    office: Office, uow: AuthorityUnitOfWork, authority: str, at: datetime
) -> KeyGenerationRecord:
    """The key of this authority that certifies others now: the newest in its turn.

    Raises:
        NotFound: the authority is not founded.
        OutsideSigningWindow: it has no key that may sign now.
        ClockBehind: the clock stands before what the log has.
        AlgorithmError: the key's suite may not be used for issuing any more.
    """
    for key, _ in _established(uow, authority, at):
        if key.issues_from <= at:
            office.era.require(key.suite, Act.ISSUE, at)
            return key
    raise _no_key(authority, at)


def established_generation(
    office: Office, uow: AuthorityUnitOfWork, authority: str, at: datetime
) -> KeyGenerationRecord:
    """The newest key of this authority, though its turn to certify may be to come.

    Raises:
        NotFound, OutsideSigningWindow, AlgorithmError: as `signing_generation`.
    """
    for key, _ in _established(uow, authority, at):
        office.era.require(key.suite, Act.ISSUE, at)
        return key
    raise _no_key(authority, at)


def _established(
    uow: AuthorityUnitOfWork, authority: str, at: datetime
) -> Iterator[tuple[KeyGenerationRecord, bytes]]:
    """Keys whose own certificates exist and hold now, newest first."""
    require_clock(uow, at)
    standings = uow.authorities.standings(authority)
    if not standings:
        uow.authorities.get(authority)
    for standing in reversed(standings):
        key, certificate = standing.key, standing.certificate
        if (
            certificate is not None
            and key.signs_from <= at <= key.signs_until
            and not standing.revoked
        ):
            yield key, certificate


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


def record(uow: AuthorityUnitOfWork, entry: CertificateRecord, findings: int) -> None:
    """Reserve the serial number with the bytes to be signed; the caller commits.

    Raises:
        Conflict: the serial number is taken.
    """
    uow.certificates.reserve(entry)
    log_prepared(uow, entry, findings)


def pending_record(
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
    shard: str | None = None,
) -> CertificateRecord:
    """A certificate that is about to be recorded."""
    return CertificateRecord(
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
        shard=shard,
    )


def log_prepared(
    uow: AuthorityUnitOfWork, entry: CertificateRecord, findings: int
) -> None:
    """Say in the log which bytes will be signed."""
    assert entry.tbs is not None
    uow.audit.append(
        at=entry.prepared_at,
        by=entry.prepared_by,
        act="certificate.prepared",
        subject=subject_of(entry.authority, entry.serial),
        details={
            "kind": entry.kind.value,
            "profile": entry.profile,
            "generation": entry.generation,
            "tbs": hashlib.sha256(entry.tbs).hexdigest(),
            "application": entry.application,
            "findings": findings,
        },
    )


def finish(
    office: Office, authority: str, serial: int, *, at: datetime, by: str
) -> CertificateRecord:
    """Sign what is on record and complete it; a completed one is returned as it is.

    Raises:
        NotFound: this serial number was never reserved.
        IssuanceError: it was abandoned, or the signature does not verify.
        KeyProviderError: the key cannot be used.
    """
    with office.store.read() as uow:
        pending = uow.certificates.get(authority, serial)
        generation = uow.authorities.generation(authority, pending.generation)
        application = (
            None
            if pending.application is None
            else uow.applications.get(pending.application)
        )
    if pending.state is not CertificateState.PENDING:
        return settled(pending)
    item = Completion(
        office=office,
        pending=pending,
        application=application,
        certificate=signed(office, pending, generation),
        at=at,
        by=by,
    )
    with office.store.write() as uow:
        (completed,) = complete_all(uow, [item])
        uow.commit()
    if isinstance(completed, JpkiError):
        raise completed
    if completed.new:
        office.step("issuance.completed")
    return completed.certificate


def signed(
    office: Office, pending: CertificateRecord, key: KeyGenerationRecord
) -> bytes:
    """The certificate over bytes that are on record, its signature checked.

    Raises:
        IssuanceError: the signature does not verify; nothing is to be handed out.
        KeyProviderError: the key cannot be used.
    """
    tbs, algorithm = pending.tbs, suite(key.suite)
    assert tbs is not None
    signature = office.keyring.open(key.key_uri).sign(tbs)
    office.step("issuance.signed")
    if not verify_signature(
        key.public_key, algorithm.algorithm_identifier, signature, tbs
    ):
        raise IssuanceError(
            f"the signature of {key.authority} key {key.number} does not verify; the "
            "certificate is not handed out",
            hint="check the key store, then run recovery",
        )
    return assemble(tbs, algorithm, signature)
