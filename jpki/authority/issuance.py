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
from jpki.authority.applications import permit, require_applicant
from jpki.authority.certifying import (
    finish,
    key_digest,
    new_serial,
    pending_record,
    sign,
)
from jpki.authority.completing import Completed
from jpki.authority.office import Office, whole_second
from jpki.authority.recording import (
    Draft,
    Enquiry,
    Ready,
    approval,
    look_all,
    record_all,
)
from jpki.errors import (
    ApplicationConflict,
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
    enquiry = Enquiry(office=office, application=application, at=moment)
    ready = office.store.read_together(look_all, enquiry)
    permit(ready.application, _ACT, by)
    public_key = _checked_key(office, ready.application, request, moment)
    completed = _issue(office, ready, public_key, at=moment, by=by)
    return _answer(office, application, completed)


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


def _issue(
    office: Office, ready: Ready, public_key: bytes, *, at: datetime, by: Caller
) -> Completed:
    """Record over items that no applied event has overtaken, then sign.

    Where an earlier call, or one at the same time, has reserved a serial number for the
    same key, that one is finished.
    """
    for _ in range(_ATTEMPTS):
        application = ready.application
        if application.state is not ApplicationState.FILED:
            return _resume(office, application, public_key, at=at, by=by)
        if office.issuance_approval:
            with office.store.read() as uow:
                approval(uow, application, at)
        provided = require_applicant(
            office,
            application.resident,
            application.purpose,
            application.municipality,
            at,
        )
        prepared = _prepare(office, ready, provided, public_key, at)
        pending = pending_record(
            prepared,
            authority=application.authority,
            generation=ready.signing.key.number,
            kind=CertificateKind(application.purpose.value),
            profile=office.era.profiles[application.purpose.value],
            public_key=public_key,
            at=at,
            by=by.id,
            application=application.id,
            resident=application.resident,
            as_of=provided.as_of,
        )
        draft = Draft(
            office=office, pending=pending, findings=len(prepared.findings), at=at
        )
        if office.store.write_together(record_all, draft):
            office.step("issuance.recorded")
            return sign(office, pending, ready.signing.key, at=at, by=by.id)
        enquiry = Enquiry(office=office, application=application.id, at=at)
        ready = office.store.read_together(look_all, enquiry)
    raise RegistryUnavailable(
        "its answers are older than the events that have taken effect here"
    )


def _resume(
    office: Office,
    application: ApplicationRecord,
    public_key: bytes,
    *,
    at: datetime,
    by: Caller,
) -> Completed:
    with office.store.read() as uow:
        serial = _resumed(uow, application, public_key)
    certificate = finish(office, application.authority, serial, at=at, by=by.id)
    return Completed(certificate=certificate, application=None, new=False)


def _prepare(
    office: Office,
    ready: Ready,
    provided: Provided,
    public_key: bytes,
    at: datetime,
) -> PreparedCertificate:
    application, generation = ready.application, ready.signing.key
    role = application.purpose.value
    profile = office.certificate_profile(office.era.profiles[role])
    signature = application.purpose is Purpose.SIGNATURE
    prepared = prepare_certificate(
        profile,
        issuer=ready.signing.issuer,
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


def _answer(office: Office, application: str, completed: Completed) -> Issued:
    certificate, now = completed.certificate, completed.application
    with office.store.read() as uow:
        now = now or uow.applications.get(application)
        generation = uow.authorities.generation(
            certificate.authority, certificate.generation
        )
        own = uow.certificates.get(certificate.authority, generation.serial)
    if now.state is ApplicationState.CANCELLED:
        raise ApplicationConflict(
            "the resident's record changed meanwhile; the certificate is revoked",
            hint="file a new application",
        )
    assert certificate.certificate is not None
    assert own.certificate is not None
    return Issued(
        application=now,
        authority=certificate.authority,
        serial=certificate.serial,
        certificate=certificate.certificate,
        authority_certificate=own.certificate,
    )
