"""Which lists an era has, and which certificates each of them is about.

A key has a complete list for end entities (`crl`), one for authorities (`arl`), and,
where the era has them, one for each point that residents' certificates name: the
scope of such a shard is `crl-` and its name, such as `crl-08220` for a municipality.
Where the installation wants them, `delta` has what came after a complete list, and
`indirect`, of the bridge, what all authorities have revoked.
"""

from __future__ import annotations

from typing import Final

from jpki.authority.office import Office
from jpki.authority.office.identifiers import BRIDGE, national_id
from jpki.authority.publication.deltas import COMPLETE, DELTA, announcing, delta_of
from jpki.authority.publication.indirect import INDIRECT, indirect_of
from jpki.errors import IssuanceError
from jpki.model.profiles import CRLProfile, IssuingDistributionPointRule
from jpki.model.purposes import Purpose
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import (
    CertificateKind,
    CertificateRecord,
    ListName,
)

__all__ = [
    "SCOPES",
    "kinds_in",
    "kinds_of",
    "lists_about",
    "more_of",
    "profile_of",
    "scopes_of",
    "shard_in",
    "shard_scope",
]

SCOPES: Final = ("crl", "arl")
"""Roles of an era that name a CRL profile: for end entities, and for authorities."""

_SHARD: Final = "crl-"
_SHARD_ROLE: Final = "crl-partition"

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
    """The scopes of the lists that each key of this office has, beside its shards."""
    scopes = tuple(scope for scope in SCOPES if scope in office.era.profiles)
    if office.crl_deltas is not None and COMPLETE in scopes:
        return (*scopes, DELTA)
    return scopes


def more_of(
    office: Office, uow: AuthorityUnitOfWork, authority: str, generation: int
) -> tuple[str, ...]:
    """The scopes of what one key has beside them: its shards, the bridge's list."""
    shards = _shards_of(office, uow, authority, generation)
    if authority == BRIDGE and office.crl_indirect and COMPLETE in office.era.profiles:
        return (*shards, INDIRECT)
    return shards


def _shards_of(
    office: Office, uow: AuthorityUnitOfWork, authority: str, generation: int
) -> tuple[str, ...]:
    scopes = (
        shard_scope(office, shard.id)
        for shard in uow.shards.of_key(authority, generation)
    )
    return tuple(scope for scope in scopes if scope is not None)


def shard_scope(office: Office, shard: str) -> str | None:
    """The scope of a shard, where the era has shards."""
    return f"{_SHARD}{shard}" if _SHARD_ROLE in office.era.profiles else None


def shard_in(scope: str) -> str | None:
    """The shard that a scope names; None for a complete list."""
    return scope.removeprefix(_SHARD) if scope.startswith(_SHARD) else None


def profile_of(office: Office, scope: str) -> CRLProfile:
    """What lists of this scope look like.

    Raises:
        IssuanceError: the era has none of this scope.
    """
    if scope == INDIRECT and office.crl_indirect:
        return indirect_of(_profile(office, COMPLETE))
    if scope == DELTA and office.crl_deltas is not None:
        return delta_of(_profile(office, COMPLETE), office.crl_deltas)
    role = scope if shard_in(scope) is None else _SHARD_ROLE
    if role not in (*SCOPES, _SHARD_ROLE):
        raise _not_published(office, scope)
    profile = _profile(office, role)
    if scope == COMPLETE and office.crl_deltas is not None:
        return announcing(profile)
    return profile


def _profile(office: Office, role: str) -> CRLProfile:
    if role not in office.era.profiles:
        raise _not_published(office, role)
    return office.crl_profile(office.era.profiles[role])


def _not_published(office: Office, what: str) -> IssuanceError:
    return IssuanceError(f"era {office.era.id} publishes no {what[:60]!r}")


def kinds_of(profile: CRLProfile) -> tuple[CertificateKind, ...]:
    """Which certificates a list is about, as its issuingDistributionPoint says."""
    for rule in profile.extensions:
        if isinstance(rule, IssuingDistributionPointRule):
            if rule.only_user_certificates:
                return _END_ENTITIES
            if rule.only_authority_certificates:
                return _AUTHORITIES
    return tuple(CertificateKind)


def lists_about(office: Office, certificate: CertificateRecord) -> tuple[ListName, ...]:
    """The lists that would carry this certificate: its shard first, the complete one.

    Each says both who is revoked and who is not, as a delta does not. Empty where the
    era publishes none.
    """
    where = certificate.authority, certificate.generation
    scopes = [
        scope
        for scope in scopes_of(office)
        if scope != DELTA and certificate.kind in kinds_of(profile_of(office, scope))
    ]
    if certificate.shard is not None:
        shard = shard_scope(office, certificate.shard)
        scopes = [*([] if shard is None else [shard]), *scopes]
    return tuple(ListName(*where, scope) for scope in scopes)


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
