"""Whether a certificate holds, from the books: what OCSP answers and clerks look up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jpki.model.revocation import Revocation
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import CertificateState
from jpki.x509.ocsp import Good, Status, Unknown

__all__ = ["status_of", "statuses_of"]


def status_of(
    uow: AuthorityUnitOfWork, authority: str, serial: int, *, generation: int
) -> Status:
    """What became of this serial number under one key of the authority.

    Good is said only of what was issued (RFC 6960 2.2): not of numbers that were never
    reserved, nor of those that are reserved for what does not exist yet.
    """
    revoked = uow.journal.revocations(authority, [serial])
    (status,) = statuses_of(
        uow, authority, [serial], generation=generation, revoked=revoked
    )
    return status


def statuses_of(
    uow: AuthorityUnitOfWork,
    authority: str,
    serials: Sequence[int],
    *,
    generation: int,
    revoked: Mapping[int, Revocation],
) -> list[Status]:
    """As `status_of`, in their order, for who knows which of them are revoked."""
    standing = uow.certificates.standing(authority, serials)
    found: list[Status] = []
    for serial in serials:
        key, state = standing.get(serial, (None, None))
        if key != generation:
            found.append(Unknown())
        elif serial in revoked:
            found.append(revoked[serial])
        else:
            issued = state is CertificateState.ISSUED
            found.append(Good() if issued else Unknown())
    return found
