"""Delta CRLs (RFC 5280 5.2.4): what has been revoked since a complete list.

A delta goes on from the oldest complete list that is still valid: whoever has that one
or any younger fetches the delta alone. Both kinds share one sequence of numbers and are
never of the same second, so that no two have to have the same number (RFC 5280 5.2.3).
Nothing is ever taken off a list before it has expired, so a delta only adds.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from jpki.errors import NotFound
from jpki.model.profiles import (
    CRLNumberRule,
    CRLProfile,
    DeltaCRLIndicatorRule,
    FreshestCRLRule,
)
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import CRLRecord, ListName

__all__ = ["COMPLETE", "DELTA", "announcing", "base_of", "beside", "delta_of"]

COMPLETE: Final = "crl"
"""The scope of the lists that deltas go on from."""
DELTA: Final = "delta"
"""The scope of the deltas."""

_ANNOUNCEMENT: Final = FreshestCRLRule(critical=False, uri="{delta_url}")


def announcing(profile: CRLProfile) -> CRLProfile:
    """The profile of a complete list that says where its deltas are."""
    return replace(profile, extensions=(*profile.extensions, _ANNOUNCEMENT))


def delta_of(profile: CRLProfile, age: timedelta) -> CRLProfile:
    """The profile of the deltas of a complete list.

    Issuer, key and distribution point are the same: RFC 5280 5.2.4 combines no others.

    Args:
        profile: the complete list's.
        age: how old a delta becomes at most.
    """
    extensions = [
        added
        for rule in profile.extensions
        for added in (
            (rule, DeltaCRLIndicatorRule(critical=True))
            if isinstance(rule, CRLNumberRule)
            else (rule,)
        )
    ]
    return replace(
        profile,
        id=f"{profile.id}-delta",
        title=f"{profile.title}: delta",
        period=age / 2,
        lifetime=age,
        extensions=tuple(extensions),
    )


def beside(name: ListName) -> ListName | None:
    """Of a complete list its delta, of a delta its complete list, or else nothing."""
    others = {COMPLETE: DELTA, DELTA: COMPLETE}
    other = others.get(name.scope)
    return None if other is None else name._replace(scope=other)


def base_of(uow: AuthorityUnitOfWork, name: ListName, at: datetime) -> CRLRecord | None:
    """The complete list that a delta goes on from; None for any other list.

    Raises:
        NotFound: there is no complete list yet.
    """
    if name.scope != DELTA:
        return None
    complete = name._replace(scope=COMPLETE)
    base = uow.archive.first_until(complete, at) or uow.crls.standing(complete)
    if base is None:
        raise NotFound("CRL", "/".join(map(str, complete)))
    return base
