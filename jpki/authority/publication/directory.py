"""The certificates of the authorities themselves, as every verifier may fetch them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from jpki.authority.office import Office
from jpki.store.authority_records import CertificateKind

__all__ = ["AuthorityCertificate", "authority_certificates"]

_SELF_SIGNED: Final = (CertificateKind.AUTHORITY, CertificateKind.BRIDGE)
_KINDS: Final = (*_SELF_SIGNED, CertificateKind.CROSS, CertificateKind.LINK)


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthorityCertificate:
    """One certificate whose subject is an authority."""

    authority: str
    """Who issued it."""
    kind: CertificateKind
    serial: int
    certificate: bytes

    @property
    def self_signed(self) -> bool:
        """Whether it is the authority's own, not one for another authority."""
        return self.kind in _SELF_SIGNED


def authority_certificates(office: Office) -> tuple[AuthorityCertificate, ...]:
    """Every self-signed, cross and link certificate ever issued, by authority and age.

    Revoked and expired ones are among them: building paths is the verifier's business,
    and old documents need old certificates.
    """
    with office.store.read() as uow:
        return tuple(
            AuthorityCertificate(
                authority=authority.id,
                kind=record.kind,
                serial=record.serial,
                certificate=record.certificate,
            )
            for authority in uow.authorities.all()
            for record in uow.certificates.own(authority.id, _KINDS)
            if record.certificate is not None
        )
