"""A certificate for the key of somebody, or something, that works for an authority."""

from __future__ import annotations

from datetime import datetime

from jpki.authority.certifying.making import issuer_view, pending_record, record
from jpki.authority.certifying.serials import serials_for
from jpki.authority.office import Office
from jpki.authority.office.addresses import list_addresses
from jpki.authority.office.identifiers import key_digest
from jpki.errors import KeyRejected, OutsideSigningWindow
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import CertificateKind, KeyGenerationRecord
from jpki.x509.certificates import prepare_certificate

__all__ = ["record_delegate"]


def record_delegate(
    office: Office,
    uow: AuthorityUnitOfWork,
    generation: KeyGenerationRecord,
    role: CertificateKind,
    public_key: bytes,
    values: dict[str, str],
    *,
    at: datetime,
    by: str,
) -> int:
    """Record a certificate for somebody's new key, not yet signed; its serial number.

    Raises:
        KeyRejected: the key has a certificate.
        OutsideSigningWindow: the authority's key ends before it could begin.
    """
    if uow.certificates.of_key(key_digest(public_key)):
        raise KeyRejected("reused", "this key has a certificate already")
    profile = office.certificate_profile(office.era.profiles[role.value])
    authority = generation.authority
    (serial,) = serials_for(office, uow, authority, 1, at=at, by=by)
    prepared = prepare_certificate(
        profile,
        issuer=issuer_view(uow, generation),
        values={**list_addresses(office, authority, generation.number), **values},
        public_key=public_key,
        serial=serial,
        not_before=at,
        not_after=min(profile.validity.ends(at), generation.signs_until),
    )
    if prepared.not_after <= at:
        raise OutsideSigningWindow(f"{authority} ends before it can certify")
    record(
        uow,
        pending_record(
            prepared,
            authority=authority,
            generation=generation.number,
            kind=role,
            profile=profile.id,
            public_key=public_key,
            at=at,
            by=by,
        ),
        len(prepared.findings),
    )
    return serial
