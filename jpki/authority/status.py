"""Whether a certificate holds, from the books: what OCSP answers and clerks look up."""

from __future__ import annotations

from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import CertificateState
from jpki.x509.ocsp import Good, Status, Unknown

__all__ = ["status_of"]


def status_of(
    uow: AuthorityUnitOfWork, authority: str, serial: int, *, generation: int
) -> Status:
    """What became of this serial number under one key of the authority.

    Good is said only of what was issued (RFC 6960 2.2): not of numbers that were never
    reserved, nor of those that are reserved for what does not exist yet.
    """
    certificate = uow.certificates.find(authority, serial)
    if certificate is None or certificate.generation != generation:
        return Unknown()
    revoked = uow.journal.find(authority, serial)
    if revoked is not None:
        return revoked.revocation
    if certificate.state is not CertificateState.ISSUED:
        return Unknown()
    return Good()
