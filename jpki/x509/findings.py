"""What a rule is, and what it says when it is not kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from jpki.model.profiles import CertificateProfile
from jpki.x509.parse import TBSCertificate

__all__ = ["Check", "Finding", "Rule", "Severity"]


class Severity(Enum):
    """How bad."""

    ERROR = "error"
    """Must not be signed."""
    WARNING = "warning"
    """Against a SHOULD; recorded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One rule that is not kept."""

    rule: str
    severity: Severity
    citation: str
    message: str


Check = Callable[[TBSCertificate, CertificateProfile], str | None]
"""What is wrong, in words, or None."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One rule, and from when until when it holds."""

    id: str
    severity: Severity
    citation: str
    check: Check
    effective: datetime | None = None
    ineffective: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether the rule was in force at this instant."""
        return not (
            (self.effective is not None and at < self.effective)
            or (self.ineffective is not None and at >= self.ineffective)
        )
