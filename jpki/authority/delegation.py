"""Certifying those who work for an authority: OCSP responders and operators."""

from __future__ import annotations

from datetime import datetime

from jpki.access import require_role
from jpki.authority.certifying import (
    finish,
    issuer_view,
    journal,
    key_digest,
    new_serial,
    record,
    signing_generation,
    subject_of,
)
from jpki.authority.consent import Consent, redeem
from jpki.authority.deeds import enrolment
from jpki.authority.in_office import as_caller, caller_in_office
from jpki.authority.office import Office, whole_second
from jpki.errors import (
    Conflict,
    ConsentRequired,
    KeyRejected,
    OutsideSigningWindow,
    RequestError,
)
from jpki.model.eras import Act
from jpki.model.operators import Caller, Role
from jpki.model.revocation import RevocationReason
from jpki.model.suites import suite
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import (
    CertificateKind,
    CertificateRecord,
    CertificateState,
    KeyGenerationRecord,
    OperatorRecord,
    ResponderRecord,
)
from jpki.x509.certificates import PreparedCertificate, prepare_certificate
from jpki.x509.keys import check_strength

__all__ = [
    "certify_responder",
    "current_responder",
    "dismiss_operator",
    "enrol_operator",
    "find_caller",
]

_MAX_OPERATOR_ID = 64
"""ub-common-name (RFC 5280 A.1): the identifier stands in the certificate."""


def certify_responder(
    office: Office,
    authority: str,
    *,
    at: datetime,
    by: Caller,
    generation: int | None = None,
) -> tuple[ResponderRecord, CertificateRecord]:
    """Make a key for OCSP answers and certify it with the key that certifies now.

    Args:
        generation: another key of the authority, for answers about what that signed.

    Raises:
        PermissionDenied: not a CA operator.
        NotFound, OutsideSigningWindow, AlgorithmError: the authority cannot sign now.
    """
    moment = whole_second(at)
    require_role(by, "certify a responder", Role.CA_OPERATOR)
    role = CertificateKind.RESPONDER
    wanted = suite(office.era.suites[role.value])
    office.era.require(wanted.id, Act.ISSUE, moment)
    with office.store.read() as uow:
        key = (
            signing_generation(office, uow, authority, moment)
            if generation is None
            else _usable(uow.authorities.generation(authority, generation), moment)
        )
    serial = new_serial(office.random)
    uri, signer = office.keyring.generate(wanted, f"{authority}-ocsp-{serial:x}")
    responder = ResponderRecord(
        authority=authority,
        serial=serial,
        generation=key.number,
        suite=wanted.id,
        key_uri=uri,
        public_key=signer.public_key,
    )
    with office.store.write() as uow:
        prepared = _prepare(
            office, uow, key, role, serial, signer.public_key, {}, moment
        )
        _record(
            uow, office, prepared, key, role, signer.public_key, at=moment, by=by.id
        )
        uow.authorities.add_responder(responder)
        uow.commit()
    office.step("establish.recorded")
    return responder, finish(office, authority, serial, at=moment, by=by.id)


def _usable(key: KeyGenerationRecord, at: datetime) -> KeyGenerationRecord:
    if not key.signs_from <= at <= key.signs_until:
        raise OutsideSigningWindow(
            f"key {key.number} of {key.authority} signs from {key.signs_from:%Y-%m-%d} "
            f"to {key.signs_until:%Y-%m-%d}"
        )
    return key


def current_responder(
    office: Office, authority: str, *, at: datetime, generation: int | None = None
) -> tuple[ResponderRecord, CertificateRecord] | None:
    """The newest responder whose certificate holds now.

    It may answer for what the same key signed that certified it (RFC 6960 4.2.2.2);
    `generation` asks for the responder of one key.
    """
    moment = whole_second(at)
    with office.store.read() as uow:
        for responder in reversed(uow.authorities.responders(authority)):
            certificate = uow.certificates.get(authority, responder.serial)
            if (
                generation in (None, responder.generation)
                and certificate.state is CertificateState.ISSUED
                and certificate.not_before <= moment <= certificate.not_after
                and uow.journal.find(authority, responder.serial) is None
            ):
                return responder, certificate
    return None


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
            prepared = _prepare(
                office,
                uow,
                generation,
                role,
                new_serial(office.random),
                operator.public_key,
                {"operator": operator.id},
                moment,
            )
            if isinstance(by, Consent):
                outcome = subject_of(authority, prepared.serial)
                redeem(uow, by, outcome=outcome, at=moment)
            _record(
                uow,
                office,
                prepared,
                generation,
                role,
                operator.public_key,
                at=moment,
                by=by.id,
            )
            known = OperatorRecord(
                id=operator.id,
                role=operator.role,
                municipality=operator.municipality,
                public_key=operator.public_key,
                authority=authority,
                serial=prepared.serial,
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
    if operator.role in (Role.CA_OPERATOR, Role.APPROVER):
        raise ConsentRequired(
            f"{by.id} alone cannot enrol {operator.id} as {operator.role.value}",
            hint="request the enrolment, and have another CA operator approve it",
        )


def dismiss_operator(
    office: Office, operator: str, *, at: datetime, by: Caller
) -> OperatorRecord:
    """Take the role away and revoke the certificate.

    Raises:
        PermissionDenied: not a CA operator.
        NotFound: no such operator in office.
    """
    moment = whole_second(at)
    require_role(by, "dismiss an operator", Role.CA_OPERATOR)
    with office.store.write() as uow:
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


def _prepare(
    office: Office,
    uow: AuthorityUnitOfWork,
    generation: KeyGenerationRecord,
    role: CertificateKind,
    serial: int,
    public_key: bytes,
    values: dict[str, str],
    at: datetime,
) -> PreparedCertificate:
    profile = office.certificate_profile(office.era.profiles[role.value])
    prepared = prepare_certificate(
        profile,
        issuer=issuer_view(uow, generation),
        values=values,
        public_key=public_key,
        serial=serial,
        not_before=at,
        not_after=min(profile.validity.ends(at), generation.signs_until),
    )
    if prepared.not_after <= at:
        raise OutsideSigningWindow(f"{generation.authority} ends before it can certify")
    return prepared


def _record(
    uow: AuthorityUnitOfWork,
    office: Office,
    prepared: PreparedCertificate,
    generation: KeyGenerationRecord,
    role: CertificateKind,
    public_key: bytes,
    *,
    at: datetime,
    by: str,
) -> None:
    known = uow.certificates.of_key(key_digest(public_key))
    if known:
        raise KeyRejected("reused", "this key has a certificate already")
    record(
        uow,
        prepared,
        authority=generation.authority,
        generation=generation.number,
        kind=role,
        profile=office.era.profiles[role.value],
        public_key=public_key,
        at=at,
        by=by,
    )
