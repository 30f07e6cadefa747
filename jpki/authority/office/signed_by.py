"""Which of these authorities' keys signed a certificate that somebody shows."""

from __future__ import annotations

from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import KeyGenerationRecord
from jpki.x509.names import normalized, parse_name
from jpki.x509.parse import Certificate
from jpki.x509.signatures import verify_signature

__all__ = ["signed_by"]


def signed_by(
    uow: AuthorityUnitOfWork, certificate: Certificate
) -> KeyGenerationRecord | None:
    """The key whose signature it bears, whether or not it stands in the books."""
    issuer = normalized(certificate.issuer)
    for authority in uow.authorities.all():
        if normalized(parse_name(authority.name)) != issuer:
            continue
        for key in uow.authorities.generations(authority.id):
            if verify_signature(
                key.public_key,
                certificate.signature_algorithm,
                certificate.signature,
                certificate.tbs,
            ):
                return key
    return None
