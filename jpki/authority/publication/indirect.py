"""The bridge's indirect CRL: what is revoked of all authorities, in one list.

Whoever trusts the bridge alone can ask it about everybody. It is in its place beside
the authorities' own lists: certificates name both (RFC 5280 4.2.1.13, 5.2.5).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from jpki.authority.office.identifiers import BRIDGE
from jpki.model.names import Name
from jpki.model.profiles import (
    CertificateProfile,
    CRLDistributionPointsRule,
    CRLProfile,
    IssuingDistributionPointRule,
)
from jpki.store import AuthorityUnitOfWork
from jpki.x509.names import parse_name

__all__ = ["INDIRECT", "bridge_name", "indirect_of", "naming"]

INDIRECT: Final = "indirect"
"""The scope of the list."""

_POINT: Final = IssuingDistributionPointRule(
    critical=True,
    name=None,
    issuer_name=True,
    only_user_certificates=True,
    only_authority_certificates=False,
    indirect=True,
)


def indirect_of(profile: CRLProfile) -> CRLProfile:
    """The profile of the indirect list.

    Args:
        profile: of a complete list.
    """
    kept = [rule for rule in profile.extensions if rule.oid != _POINT.oid]
    return replace(
        profile,
        id=f"{profile.id}-indirect",
        title=f"{profile.title}: indirect",
        extensions=(*kept, _POINT),
    )


def naming(profile: CertificateProfile, bridge: Name) -> CertificateProfile:
    """The profile of certificates that name the indirect list beside their own."""
    return replace(
        profile,
        extensions=tuple(
            replace(rule, crl_issuer=bridge)
            if isinstance(rule, CRLDistributionPointsRule)
            else rule
            for rule in profile.extensions
        ),
    )


def bridge_name(uow: AuthorityUnitOfWork) -> Name | None:
    """Who signs the indirect list; None where there is no bridge."""
    for authority in uow.authorities.all():
        if authority.id == BRIDGE:
            return parse_name(authority.name)
    return None
