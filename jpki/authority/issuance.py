"""Issuing a citizen's certificate for an application and the card's request.

The counter sends the PKCS#10 request that the card signed; the four items come from the
register, never from the counter. Sending the same request again gives the same answer,
also after a crash in the middle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from jpki import data
from jpki.authority.applications import (
    application_for,
    live_certificate,
    require_applicant,
)
from jpki.authority.certifying import (
    finish,
    issuer_view,
    key_digest,
    new_serial,
    record,
    signing_generation,
    subject_of,
)
from jpki.authority.consent import Consent, redeem, usable_consent
from jpki.authority.deeds import issuance
from jpki.authority.office import Office, whole_second
from jpki.errors import (
    ApplicationConflict,
    CertificateLive,
    ConsentRequired,
    KeyRejected,
    OutsideSigningWindow,
    ProofOfPossessionError,
    RegistryUnavailable,
)
from jpki.model.calendar import JST
from jpki.model.eras import Act
from jpki.model.operators import Caller
from jpki.model.ports import Random
from jpki.model.purposes import Purpose
from jpki.model.residents import Provided
from jpki.model.suites import suite
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import (
    ApplicationRecord,
    ApplicationState,
    CertificateKind,
    CertificateRecord,
    KeyGenerationRecord,
)
from jpki.x509.certificates import PreparedCertificate, prepare_certificate
from jpki.x509.keys import check_strength
from jpki.x509.requests import parse_certification_request, verify_possession

__all__ = ["Issued", "issue"]

_ACT: Final = "issue a certificate"

_ATTEMPTS: Final = 5
"""How often the register is asked again because events overtook its answer."""

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_OPAQUE_LENGTH: Final = 14


@dataclass(frozen=True, kw_only=True, slots=True)
class Issued:
    """What goes back to the counter and onto the card."""

    application: ApplicationRecord
    authority: str
    serial: int
    certificate: bytes
    authority_certificate: bytes
    """The self-signed certificate of the key that signed."""


def issue(
    office: Office, application: str, request: bytes, *, at: datetime, by: Caller
) -> Issued:
    """Certify the key in this request for the applicant.

    Raises:
        EncodingError: not a certification request.
        ProofOfPossessionError: not signed by its key, or for another application.
        KeyRejected: weak, reused, or of the wrong suite.
        ApplicationConflict: cancelled, or issued for with another key; or the record of
            the resident changed while the certificate was made.
        ConsentError: an approver must agree first, and has not.
        NotEligible, WrongMunicipality, UnknownResident: what the register says now.
        RegistryUnavailable: it does not answer, or only with what is out of date.
        AlgorithmError, OutsideSigningWindow: the authority's key may not sign this.
        RuleViolation: the certificate would break a rule; nothing is recorded.
    """
    moment = whole_second(at)
    with office.store.read() as uow:
        found = application_for(uow, application, _ACT, by)
    public_key = _checked_key(office, found, request, moment)
    serial = _record(office, found, public_key, at=moment, by=by)
    office.step("issuance.recorded")
    completed = finish(office, found.authority, serial, at=moment, by=by.id)
    return _answer(office, found.id, completed)


def _checked_key(
    office: Office, application: ApplicationRecord, request: bytes, at: datetime
) -> bytes:
    parsed = parse_certification_request(request)
    verify_possession(parsed)
    if parsed.challenge != application.challenge:
        raise ProofOfPossessionError(
            "the request was signed for another application",
            hint="put this application's challenge into the request and sign it again",
        )
    wanted = suite(office.era.suites[application.purpose.value])
    office.era.require(wanted.id, Act.ISSUE, at)
    check_strength(parsed.public_key, wanted)
    return parsed.public_key


def _resumed(
    uow: AuthorityUnitOfWork, application: ApplicationRecord, public_key: bytes
) -> int:
    """The serial number of an earlier call with the same key."""
    if application.serial is not None:
        known = uow.certificates.get(application.authority, application.serial)
        if (
            application.state is not ApplicationState.CANCELLED
            and known.subject_key == key_digest(public_key)
        ):
            return application.serial
    raise ApplicationConflict(
        f"application {application.id} is {application.state.value}",
        hint="file a new application for another key",
    )


def _record(
    office: Office,
    application: ApplicationRecord,
    public_key: bytes,
    *,
    at: datetime,
    by: Caller,
) -> int:
    """Reserve a serial number over items that no applied event has overtaken.

    Where an earlier call, or one at the same time, has reserved one for the same key,
    that is the answer.
    """
    for _ in range(_ATTEMPTS):
        if application.state is not ApplicationState.FILED:
            with office.store.read() as uow:
                return _resumed(uow, application, public_key)
        if office.issuance_approval:
            with office.store.read() as uow:
                _approval(uow, application, at)
        provided = require_applicant(
            office,
            application.resident,
            application.purpose,
            application.municipality,
            at,
        )
        with office.store.read() as uow:
            generation = signing_generation(office, uow, application.authority, at)
            prepared = _prepare(
                office, uow, application, generation, provided, public_key, at
            )
        with office.store.write() as uow:
            application = uow.applications.get(application.id)
            if application.state is not ApplicationState.FILED:
                continue
            overtaken = uow.events.position() > provided.as_of
            taken = uow.certificates.find(application.authority, prepared.serial)
            if overtaken or taken is not None:
                continue
            _recheck(uow, application, public_key, at)
            if office.issuance_approval:
                outcome = subject_of(application.authority, prepared.serial)
                consent = _approval(uow, application, at)
                redeem(uow, consent, outcome=outcome, at=at)
            record(
                uow,
                prepared,
                authority=application.authority,
                generation=generation.number,
                kind=CertificateKind(application.purpose.value),
                profile=office.era.profiles[application.purpose.value],
                public_key=public_key,
                at=at,
                by=by.id,
                application=application.id,
                resident=application.resident,
                as_of=provided.as_of,
            )
            uow.applications.move(
                application.id,
                from_=ApplicationState.FILED,
                to=ApplicationState.ISSUING,
                at=at,
                serial=prepared.serial,
            )
            uow.audit.append(
                at=at,
                by=by.id,
                act="application.issuing",
                subject=application.id,
                details={
                    "certificate": subject_of(application.authority, prepared.serial)
                },
            )
            uow.commit()
        return prepared.serial
    raise RegistryUnavailable(
        "its answers are older than the events that have taken effect here"
    )


def _approval(
    uow: AuthorityUnitOfWork, application: ApplicationRecord, at: datetime
) -> Consent:
    asked = uow.consents.newest(issuance(application.id).digest)
    if asked is None:
        raise ConsentRequired(
            f"nobody was asked to approve application {application.id}",
            hint="request the issuance, and have an approver agree",
        )
    return usable_consent(uow, asked, at)


def _recheck(
    uow: AuthorityUnitOfWork,
    application: ApplicationRecord,
    public_key: bytes,
    at: datetime,
) -> None:
    """What must be true in the very transaction that reserves the serial number."""
    if uow.certificates.of_key(key_digest(public_key)):
        raise KeyRejected("reused", "this key has a certificate already")
    live = live_certificate(uow, application.resident, application.purpose, at)
    if live is not None and live.serial != application.renews:
        raise CertificateLive(f"certificate {live.serial:x} lives on")


def _prepare(
    office: Office,
    uow: AuthorityUnitOfWork,
    application: ApplicationRecord,
    generation: KeyGenerationRecord,
    provided: Provided,
    public_key: bytes,
    at: datetime,
) -> PreparedCertificate:
    role = application.purpose.value
    profile = office.certificate_profile(office.era.profiles[role])
    signature = application.purpose is Purpose.SIGNATURE
    prepared = prepare_certificate(
        profile,
        issuer=issuer_view(uow, generation),
        values=_values(office, application, at),
        public_key=public_key,
        serial=new_serial(office.random),
        not_before=at,
        basic=provided.resident.basic if signature else None,
        japanese=provided.resident.japanese,
    )
    if prepared.not_after > generation.signs_until:
        raise OutsideSigningWindow(
            f"the certificate would outlive key {generation.number} of "
            f"{generation.authority}",
            hint="renew the authority's key first",
        )
    return prepared


def _values(
    office: Office, application: ApplicationRecord, at: datetime
) -> Mapping[str, str]:
    municipality = data.municipalities()[application.municipality]
    return {
        "prefecture": municipality.prefecture.romaji,
        "municipality": municipality.romaji,
        "municipality_code": municipality.code.five,
        "issued_at": f"{at.astimezone(JST):%Y%m%d%H%M%S}",
        "opaque": _opaque(office.random),
        "ocsp_url": office.ocsp_url,
    }


def _opaque(random: Random) -> str:
    """Characters that say nothing about the person."""
    number = int.from_bytes(random(16), "big")
    characters = []
    for _ in range(_OPAQUE_LENGTH):
        number, index = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[index])
    return "".join(characters)


def _answer(office: Office, application: str, completed: CertificateRecord) -> Issued:
    with office.store.read() as uow:
        now = uow.applications.get(application)
        generation = uow.authorities.generation(
            completed.authority, completed.generation
        )
        own = uow.certificates.get(completed.authority, generation.serial)
    if now.state is ApplicationState.CANCELLED:
        raise ApplicationConflict(
            "the resident's record changed meanwhile; the certificate is revoked",
            hint="file a new application",
        )
    assert completed.certificate is not None
    assert own.certificate is not None
    return Issued(
        application=now,
        authority=completed.authority,
        serial=completed.serial,
        certificate=completed.certificate,
        authority_certificate=own.certificate,
    )
