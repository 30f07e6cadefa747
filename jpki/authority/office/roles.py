"""Counters: the municipality that an operator serves."""

from __future__ import annotations

from jpki.access import require_role
from jpki.errors import PermissionDenied
from jpki.model.codes import MunicipalityCode
from jpki.model.operators import Caller, Role

__all__ = ["counter_of"]


def counter_of(by: Caller, act: str) -> MunicipalityCode:
    """The municipality whose counter this operator serves.

    Raises:
        PermissionDenied: the caller is no counter operator, or bound to no place.
    """
    require_role(by, act, Role.COUNTER)
    if by.municipality is None:
        raise PermissionDenied(by.id, act, "to act for a municipality")
    return by.municipality
