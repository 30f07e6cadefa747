"""Verifiers: registered by two people, shown by a credential, suspended by one.

Of a token, 256 bits of chance, only the SHA-256 is kept: who reads the database cannot
use it, and a slow hash, made for passwords, would add nothing. A client certificate
counts by its fingerprint, whoever issued it.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime, timedelta
from typing import Final

from jpki.access import require_role
from jpki.authority.agreeing.consent import Consent, redeem
from jpki.authority.agreeing.deeds import registration
from jpki.authority.office import Office, whole_second
from jpki.authority.office.in_office import require_in_office
from jpki.errors import Conflict, RequestError
from jpki.model.operators import Caller, Role
from jpki.model.verifiers import VerifierAccount
from jpki.store import AuthorityUnitOfWork
from jpki.store.verifier_records import (
    CredentialKind,
    VerifierCredential,
    VerifierRecord,
)
from jpki.x509.parse import parse_certificate

__all__ = [
    "accept_certificate",
    "credential_digest",
    "give_token",
    "register_verifier",
    "resume_verifier",
    "suspend_verifier",
]

_TOKEN_OCTETS: Final = 32
_LONGEST_LIFE: Final = timedelta(days=3 * 366)
_LONGEST_GROUND: Final = 500


def register_verifier(
    office: Office, account: VerifierAccount, *, at: datetime, by: Consent
) -> VerifierRecord:
    """Let a verifier in, as two CA operators have agreed. It has no credential yet.

    Raises:
        ConsentError: they have not agreed to exactly this.
        Conflict: another account has this identifier.
    """
    moment = whole_second(at)
    by.require(registration(account))
    with office.store.write() as uow:
        redeem(uow, by, outcome=account.id, at=moment)
        known = uow.verifiers.find(account.id)
        if known is not None:
            if known.account != account or known.registered_by != by.id:
                raise Conflict(f"a verifier {account.id} is registered already")
            uow.commit()
            return known
        record = VerifierRecord(
            account=account, registered_at=moment, registered_by=by.id
        )
        uow.verifiers.add(record)
        uow.audit.append(
            at=moment,
            by=by.id,
            act="verifier.registered",
            subject=account.id,
            details=dict(registration(account).parameters),
        )
        uow.commit()
    return record


def suspend_verifier(
    office: Office, verifier: str, *, ground: str, at: datetime, by: Caller
) -> VerifierRecord:
    """Tell a verifier nothing more, at once; one CA operator is enough.

    Raises:
        PermissionDenied, NotInOffice: not a CA operator in office.
        NotFound: nobody of this identifier is registered.
        Conflict: it is suspended already.
    """
    return _turn(office, verifier, True, ground=ground, at=at, by=by)


def resume_verifier(
    office: Office, verifier: str, *, ground: str, at: datetime, by: Caller
) -> VerifierRecord:
    """End a suspension; credentials that have not ended count again.

    Raises:
        PermissionDenied, NotInOffice: not a CA operator in office.
        NotFound: nobody of this identifier is registered.
        Conflict: it is not suspended.
    """
    return _turn(office, verifier, False, ground=ground, at=at, by=by)


def _turn(
    office: Office,
    verifier: str,
    suspended: bool,
    *,
    ground: str,
    at: datetime,
    by: Caller,
) -> VerifierRecord:
    moment = whole_second(at)
    if not 0 < len(ground.strip()) <= _LONGEST_GROUND:
        raise RequestError("a ground is 1 to 500 characters")
    with office.store.write() as uow:
        _require_operator(uow, by, "suspend a verifier or let it in again")
        known = uow.verifiers.get(verifier)
        if (known.suspended_at is not None) is suspended:
            state = "suspended already" if suspended else "not suspended"
            raise Conflict(f"{verifier} is {state}")
        uow.verifiers.suspend(verifier, moment if suspended else None)
        uow.audit.append(
            at=moment,
            by=by.id,
            act="verifier.suspended" if suspended else "verifier.resumed",
            subject=verifier,
            details={"ground": ground},
        )
        changed = uow.verifiers.get(verifier)
        uow.commit()
    return changed


def give_token(
    office: Office,
    verifier: str,
    *,
    lifetime: timedelta,
    overlap: timedelta,
    at: datetime,
    by: Caller,
) -> tuple[str, VerifierCredential]:
    """A new token, told this once; the verifier's earlier ones end after the overlap.

    Args:
        office: its books.
        verifier: whose.
        lifetime: how long it counts, at most three years.
        overlap: how long earlier tokens go on counting; zero ends them now.
        at: now.
        by: a CA operator.

    Raises:
        PermissionDenied, NotInOffice: not a CA operator in office.
        NotFound: nobody of this identifier is registered.
        RequestError: a lifetime or an overlap that cannot be.
    """
    token = base64.urlsafe_b64encode(office.random(_TOKEN_OCTETS)).rstrip(b"=")
    moment = whole_second(at)
    credential = VerifierCredential(
        digest=credential_digest(token),
        verifier=verifier,
        kind=CredentialKind.TOKEN,
        begins=moment,
        ends=_end(moment, lifetime),
        made_by=by.id,
    )
    if not timedelta(0) <= overlap <= lifetime:
        raise RequestError("tokens overlap for no longer than the new one counts")
    _enter(office, credential, overlap=overlap, by=by)
    return token.decode("ascii"), credential


def accept_certificate(
    office: Office,
    verifier: str,
    certificate: bytes,
    *,
    overlap: timedelta,
    at: datetime,
    by: Caller,
) -> VerifierCredential:
    """Know the verifier by this TLS client certificate, until it expires.

    Args:
        office: its books.
        verifier: whose.
        certificate: DER.
        overlap: how long earlier certificates go on counting.
        at: now.
        by: a CA operator.

    Raises:
        PermissionDenied, NotInOffice: not a CA operator in office.
        NotFound: nobody of this identifier is registered.
        Conflict: the certificate is known already.
        EncodingError: it is none.
        RequestError: it has expired, or an overlap that cannot be.
    """
    moment = whole_second(at)
    shown = parse_certificate(certificate)
    if overlap < timedelta(0):
        raise RequestError("an overlap is not negative")
    if shown.not_after <= moment:
        raise RequestError(f"the certificate expired at {shown.not_after:%Y-%m-%d}")
    credential = VerifierCredential(
        digest=credential_digest(certificate),
        verifier=verifier,
        kind=CredentialKind.CERTIFICATE,
        begins=max(moment, shown.not_before),
        ends=min(shown.not_after, moment + _LONGEST_LIFE),
        made_by=by.id,
    )
    _enter(office, credential, overlap=overlap, at=moment, by=by)
    return credential


def credential_digest(shown: bytes) -> str:
    """By what a token or a certificate (DER) is known."""
    return hashlib.sha256(shown).hexdigest()


def _enter(
    office: Office,
    credential: VerifierCredential,
    *,
    overlap: timedelta,
    by: Caller,
    at: datetime | None = None,
) -> None:
    moment = at or credential.begins
    with office.store.write() as uow:
        _require_operator(uow, by, "give a verifier a credential")
        uow.verifiers.get(credential.verifier)
        ended = uow.verifiers.end_credentials(
            credential.verifier, credential.kind, by=moment + overlap
        )
        uow.verifiers.add_credential(credential)
        uow.audit.append(
            at=moment,
            by=by.id,
            act=f"verifier.{credential.kind.value}",
            subject=credential.verifier,
            details={
                "digest": credential.digest,
                "begins": f"{credential.begins:%Y-%m-%dT%H:%M:%SZ}",
                "ends": f"{credential.ends:%Y-%m-%dT%H:%M:%SZ}",
                "earlier": ended,
                "earlier_end": f"{moment + overlap:%Y-%m-%dT%H:%M:%SZ}",
            },
        )
        uow.commit()


def _end(begins: datetime, lifetime: timedelta) -> datetime:
    if not timedelta(0) < lifetime <= _LONGEST_LIFE:
        raise RequestError("a token counts for 1 to 1098 days")
    return begins + lifetime


def _require_operator(uow: AuthorityUnitOfWork, by: Caller, act: str) -> None:
    require_role(by, act, Role.CA_OPERATOR)
    require_in_office(uow, by)
