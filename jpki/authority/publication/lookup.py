"""Which list a certificate is to be looked up in, for who has the certificate only.

Certificates of this service name their list by a directory name (RFC 5280 4.2.1.13),
and no directory answers outside it. So the revocation service finds the list itself.
"""

from __future__ import annotations

from jpki.authority.office import Office
from jpki.authority.office.signed_by import signed_by
from jpki.authority.publication.scopes import (
    kinds_of,
    profile_of,
    scopes_of,
    shard_scope,
)
from jpki.errors import NotFound
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import CertificateKind, ListName
from jpki.store.distribution_points import named_point
from jpki.x509.parse import Certificate

__all__ = ["list_for"]


def list_for(
    office: Office, uow: AuthorityUnitOfWork, certificate: Certificate
) -> ListName:
    """The list that would carry this certificate.

    It must have been signed by one of the authorities' keys; whether it stands in the
    books does not matter.

    Raises:
        NotFound: none of these authorities signed it, or the era has no such list.
    """
    constraints = certificate.basic_constraints
    is_authority = constraints is not None and constraints.ca
    kind = CertificateKind.AUTHORITY if is_authority else CertificateKind.SIGNATURE
    key = signed_by(uow, certificate)
    if key is not None:
        point = None if is_authority else named_point(certificate.raw, None)
        if point is not None:
            shard = uow.shards.find(key.authority, key.number, point)
            scope = None if shard is None else shard_scope(office, shard.id)
            if scope is not None:
                return ListName(key.authority, key.number, scope)
        for scope in scopes_of(office):
            if kind in kinds_of(profile_of(office, scope)):
                return ListName(key.authority, key.number, scope)
    raise NotFound("CRL", "for a certificate that none of these authorities signed")
