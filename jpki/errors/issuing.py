"""Making certificates and lists, and the log about it."""

from __future__ import annotations

from datetime import datetime

from jpki.errors.base import JpkiError

__all__ = [
    "ApplicationConflict",
    "AuditError",
    "CertificateLive",
    "IssuanceError",
    "KeyRejected",
    "OutsideSigningWindow",
    "ProofOfPossessionError",
]


class IssuanceError(JpkiError):
    """A certificate, CRL or response cannot be made as asked."""

    code = "issuance"


class OutsideSigningWindow(IssuanceError):
    """The key generation may not sign this: too early, too late, or it outlives it."""

    code = "issuance.outside-signing-window"


class ApplicationConflict(IssuanceError):
    """The application is not in the state that this step needs."""

    code = "application.conflict"


class CertificateLive(IssuanceError):
    """The resident already holds a live certificate of this purpose."""

    code = "application.certificate-live"

    def __init__(
        self,
        message: str,
        *,
        renewable_from: datetime | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.renewable_from = renewable_from
        """When its renewal begins, where that is still to come."""


class KeyRejected(IssuanceError):
    """The submitted public key is weak, reused, or of the wrong suite."""

    code = "key.rejected"

    def __init__(self, problem: str, reason: str) -> None:
        super().__init__(f"public key refused: {reason}")
        self.problem = problem
        """`weak`, `reused` or `wrong-suite`."""
        self.reason = reason


class ProofOfPossessionError(IssuanceError):
    """The request is not signed by the key it carries, or not for this application."""

    code = "key.proof-of-possession"


class AuditError(JpkiError):
    """The audit log does not verify."""

    code = "audit"

    def __init__(self, sequence: int | None, reason: str) -> None:
        where = "audit log" if sequence is None else f"audit entry {sequence}"
        super().__init__(f"{where}: {reason}")
        self.sequence = sequence
        """The first entry that is wrong; none if what stands beside the log is."""
        self.reason = reason
