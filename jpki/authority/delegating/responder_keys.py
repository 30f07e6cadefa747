"""Keys that answer OCSP requests: certified, found, and renewed before they expire.

Each key of an authority certifies responders of its own (RFC 6960 4.2.2.2): they answer
for what that key signed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from jpki.access import require_role
from jpki.authority.certifying.making import finish, signing_generation
from jpki.authority.delegating.delegates import record_delegate
from jpki.authority.office import Office, whole_second
from jpki.authority.office.identifiers import key_label
from jpki.errors import JpkiError, OutsideSigningWindow
from jpki.model.eras import Act
from jpki.model.operators import Caller, Role
from jpki.model.suites import suite
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import (
    CertificateKind,
    CertificateRecord,
    CertificateState,
    KeyGenerationRecord,
    ResponderRecord,
)

__all__ = [
    "certify_responder",
    "current_responder",
    "renew_responders",
    "responder_in_force",
]

_ROLE: Final = CertificateKind.RESPONDER

_LAST_PART: Final = 4
"""A responder is renewed when less than a quarter of its life is left: of the year that
the packaged profile gives, in the last three months."""


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
    with office.store.read() as uow:
        key = (
            signing_generation(office, uow, authority, moment)
            if generation is None
            else _usable(uow.authorities.generation(authority, generation), moment)
        )
    return _certify(office, key, only_if_due=False, at=moment, by=by.id)


def renew_responders(
    office: Office, *, at: datetime, by: str = "maintenance"
) -> tuple[CertificateRecord, ...]:
    """Certify a responder for every key that has none, or one that ends soon.

    Safe at any time and in several processes at once: of several that see the need,
    one renews. What a process before this one recorded and did not sign is finished.

    Raises:
        AlgorithmError: the era's suite for responders may not issue at this time.
        KeyProviderError: no key can be made, or an authority's cannot be opened. All
            others have been renewed all the same.
    """
    moment = whole_second(at)
    with office.store.read() as uow:
        due = [
            key
            for key in uow.authorities.every_generation()
            if _lives(uow, key, moment) and _is_due(office, uow, key, moment)
        ]
    renewed, failed = [], []
    for key in due:
        try:
            _, certificate = _certify(office, key, only_if_due=True, at=moment, by=by)
        except JpkiError as error:
            failed.append(error)
        else:
            renewed.append(certificate)
    if failed:
        raise failed[0]
    return tuple(renewed)


def current_responder(
    office: Office, authority: str, *, at: datetime, generation: int | None = None
) -> tuple[ResponderRecord, CertificateRecord] | None:
    """The newest responder whose certificate holds now.

    It may answer for what the same key signed that certified it (RFC 6960 4.2.2.2);
    `generation` asks for the responder of one key.
    """
    with office.store.read() as uow:
        return responder_in_force(uow, authority, at=at, generation=generation)


def responder_in_force(
    uow: AuthorityUnitOfWork,
    authority: str,
    *,
    at: datetime,
    generation: int | None = None,
) -> tuple[ResponderRecord, CertificateRecord] | None:
    """As `current_responder`, for who has the books open."""
    moment = whole_second(at)
    for responder in reversed(uow.authorities.responders(authority)):
        if generation not in (None, responder.generation):
            continue
        certificate = uow.certificates.get(authority, responder.serial)
        if (
            certificate.state is CertificateState.ISSUED
            and certificate.not_before <= moment <= certificate.not_after
            and uow.journal.find(authority, responder.serial) is None
        ):
            return responder, certificate
    return None


def _certify(
    office: Office,
    key: KeyGenerationRecord,
    *,
    only_if_due: bool,
    at: datetime,
    by: str,
) -> tuple[ResponderRecord, CertificateRecord]:
    wanted = suite(office.era.suites[_ROLE.value])
    office.era.require(wanted.id, Act.ISSUE, at)
    responder = None
    if only_if_due:
        with office.store.read() as uow:
            responder = _lasting(office, uow, key, at)
    if responder is None:
        label = key_label(office, f"{key.authority}-ocsp")
        uri, signer = office.keyring.generate(wanted, label)
        with office.store.write() as uow:
            # Another process may have been faster: then our key answers nothing.
            if only_if_due:
                responder = _lasting(office, uow, key, at)
            if responder is None:
                serial = record_delegate(
                    office, uow, key, _ROLE, signer.public_key, {}, at=at, by=by
                )
                responder = ResponderRecord(
                    authority=key.authority,
                    serial=serial,
                    generation=key.number,
                    suite=wanted.id,
                    key_uri=uri,
                    public_key=signer.public_key,
                )
                uow.authorities.add_responder(responder)
                uow.commit()
        office.step("establish.recorded")
    return responder, finish(office, key.authority, responder.serial, at=at, by=by)


def _usable(key: KeyGenerationRecord, at: datetime) -> KeyGenerationRecord:
    if not key.signs_from <= at <= key.signs_until:
        raise OutsideSigningWindow(
            f"key {key.number} of {key.authority} signs from {key.signs_from:%Y-%m-%d} "
            f"to {key.signs_until:%Y-%m-%d}"
        )
    return key


def _lives(uow: AuthorityUnitOfWork, key: KeyGenerationRecord, at: datetime) -> bool:
    """Whether this key signs, and its own certificate exists and is not revoked."""
    return (
        key.signs_from <= at <= key.signs_until
        and uow.certificates.get(key.authority, key.serial).state
        is CertificateState.ISSUED
        and uow.journal.find(key.authority, key.serial) is None
    )


def _is_due(
    office: Office, uow: AuthorityUnitOfWork, key: KeyGenerationRecord, at: datetime
) -> bool:
    """Whether this key has no lasting responder whose certificate is complete."""
    responder = _lasting(office, uow, key, at)
    if responder is None:
        return True
    certificate = uow.certificates.get(key.authority, responder.serial)
    return certificate.state is not CertificateState.ISSUED


def _lasting(
    office: Office, uow: AuthorityUnitOfWork, key: KeyGenerationRecord, at: datetime
) -> ResponderRecord | None:
    """The newest responder of this key that need not be renewed, signed or not yet."""
    validity = office.certificate_profile(office.era.profiles[_ROLE.value]).validity
    for responder in reversed(uow.authorities.responders(key.authority)):
        certificate = uow.certificates.get(key.authority, responder.serial)
        life = certificate.not_after - certificate.not_before
        left = certificate.not_after - at
        # Near the end of the authority's own key a new one would end no later.
        gain = min(validity.ends(at), key.signs_until) > certificate.not_after
        if (
            responder.generation == key.number
            and certificate.state is not CertificateState.ABANDONED
            and left >= timedelta(0)
            and (left >= life / _LAST_PART or not gain)
            and uow.journal.find(key.authority, responder.serial) is None
        ):
            return responder
    return None
