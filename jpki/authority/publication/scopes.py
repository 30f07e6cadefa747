"""Which lists an era has, and which certificates each of them is about."""

from __future__ import annotations

from typing import Final

from jpki.authority.identifiers import national_id
from jpki.authority.office import Office
from jpki.errors import IssuanceError
from jpki.model.profiles import CRLProfile, IssuingDistributionPointRule
from jpki.model.purposes import Purpose
from jpki.store.authority_records import (
    CertificateKind,
    CertificateRecord,
    ListName,
)

__all__ = ["SCOPES", "kinds_in", "kinds_of", "list_about", "profile_of", "scopes_of"]

SCOPES: Final = ("crl", "arl")
"""Roles of an era that name a CRL profile: for end entities, and for authorities."""

_AUTHORITIES: Final = (
    CertificateKind.AUTHORITY,
    CertificateKind.BRIDGE,
    CertificateKind.CROSS,
    CertificateKind.LINK,
)
_END_ENTITIES: Final = tuple(
    kind for kind in CertificateKind if kind not in _AUTHORITIES
)


def scopes_of(office: Office) -> tuple[str, ...]:
    """The scopes in which this office publishes."""
    return tuple(scope for scope in SCOPES if scope in office.era.profiles)


def profile_of(office: Office, scope: str) -> CRLProfile:
    """What lists of this scope look like.

    Raises:
        IssuanceError: the era has none of this scope.
    """
    if scope not in scopes_of(office):
        raise IssuanceError(f"era {office.era.id} publishes no {scope!r}")
    return office.crl_profile(office.era.profiles[scope])


def kinds_of(profile: CRLProfile) -> tuple[CertificateKind, ...]:
    """Which certificates a list is about, as its issuingDistributionPoint says."""
    for rule in profile.extensions:
        if isinstance(rule, IssuingDistributionPointRule):
            if rule.only_user_certificates:
                return _END_ENTITIES
            if rule.only_authority_certificates:
                return _AUTHORITIES
    return tuple(CertificateKind)


def list_about(office: Office, certificate: CertificateRecord) -> ListName | None:
    """The list that would carry this certificate; None if the era publishes none."""
    for scope in scopes_of(office):
        if certificate.kind in kinds_of(profile_of(office, scope)):
            return ListName(certificate.authority, certificate.generation, scope)
    return None


def kinds_in(office: Office, name: ListName) -> tuple[CertificateKind, ...]:
    """Which certificates can stand in a list: of this scope, and of this authority.

    Raises:
        IssuanceError: the era has none of this scope.
    """
    authentication = name.authority == national_id(Purpose.AUTHENTICATION)
    never = (
        CertificateKind.SIGNATURE if authentication else CertificateKind.AUTHENTICATION
    )
    return tuple(
        kind for kind in kinds_of(profile_of(office, name.scope)) if kind is not never
    )
