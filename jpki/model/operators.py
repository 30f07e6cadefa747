"""People and machines that may ask a server for something, and what they may ask."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from jpki.model.codes import MunicipalityCode

__all__ = ["Caller", "Role"]


class Role(Enum):
    """What a credential allows."""

    COUNTER = "counter"
    """受付窓口端末 operator: files applications of residents of one municipality."""
    APPROVER = "approver"
    CA_OPERATOR = "ca-operator"
    RECOVERY = "recovery"
    """Approves who enters or leaves office, nothing else: a sealed credential, for the
    day on which one of two CA operators has lost theirs."""
    AUDITOR = "auditor"
    REGISTRAR = "registrar"
    """Municipal clerk who records moves, deaths and corrections in the register."""
    AUTHORITY_SERVER = "authority-server"
    """The CA's server, as a client of the register."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Who is asking, after authentication."""

    id: str
    """Stable, short, ASCII, such as `counter-082201-1`; stands in audit entries."""
    role: Role
    public_key: bytes
    """SubjectPublicKeyInfo DER of the request-signing key."""
    municipality: MunicipalityCode | None = None
    """The municipality this caller acts for, where the role is bound to one."""
