"""What a known caller may do."""

from __future__ import annotations

from jpki.errors import PermissionDenied
from jpki.model.codes import MunicipalityCode
from jpki.model.operators import Caller, Role

__all__ = ["require_municipality", "require_role"]


def require_role(caller: Caller, act: str, *roles: Role) -> None:
    """Let only these roles pass.

    Raises:
        PermissionDenied: the caller has another role.
    """
    if caller.role not in roles:
        needed = " or ".join(role.value for role in roles)
        raise PermissionDenied(caller.id, act, f"the role {needed}")


def require_municipality(
    caller: Caller, act: str, municipality: MunicipalityCode
) -> None:
    """Let only callers that act for this municipality pass.

    Raises:
        PermissionDenied: the caller acts for another, or for none.
    """
    if caller.municipality != municipality:
        raise PermissionDenied(
            caller.id, act, f"to act for municipality {municipality}"
        )
