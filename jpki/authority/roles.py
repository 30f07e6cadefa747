"""Who may do what. One function, so that no use case forgets the error's wording."""

from __future__ import annotations

from jpki.errors import PermissionDenied
from jpki.model.codes import MunicipalityCode
from jpki.model.operators import Caller, Role

__all__ = ["counter_of", "require"]


def require(by: Caller, act: str, *roles: Role) -> None:
    """Let these roles pass.

    Raises:
        PermissionDenied: the caller has another role.
    """
    if by.role not in roles:
        needed = " or ".join(role.value for role in roles)
        raise PermissionDenied(by.id, act, f"role {needed}")


def counter_of(by: Caller, act: str) -> MunicipalityCode:
    """The municipality whose counter this operator serves.

    Raises:
        PermissionDenied: the caller is no counter operator, or bound to no place.
    """
    require(by, act, Role.COUNTER)
    if by.municipality is None:
        raise PermissionDenied(by.id, act, "a municipality")
    return by.municipality
