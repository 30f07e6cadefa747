"""Who may call, and what two people have agreed to."""

from __future__ import annotations

from jpki.errors.base import JpkiError

__all__ = [
    "AuthenticationError",
    "ConsentError",
    "ConsentExpired",
    "ConsentMismatch",
    "ConsentRefused",
    "ConsentRequired",
    "ConsentUsed",
    "CredentialError",
    "LastInOffice",
    "NotInOffice",
    "PermissionDenied",
    "QuotaExhausted",
    "SamePerson",
    "VerifierSuspended",
]


class CredentialError(JpkiError):
    """A credential cannot be read or does not fit its owner."""

    code = "credential"


class AuthenticationError(JpkiError):
    """The caller did not prove who they are."""

    code = "authentication"


class PermissionDenied(JpkiError):
    """The caller is known but this act needs another role."""

    code = "permission"

    def __init__(self, caller: str, act: str, needed: str) -> None:
        super().__init__(f"{caller} may not {act}: needs {needed}")
        self.caller = caller
        self.act = act
        self.needed = needed


class ConsentError(JpkiError):
    """An act needs the agreement of two people, and this is none."""

    code = "consent"


class ConsentRequired(ConsentError):
    """Nobody has asked for it, or nobody has approved it yet."""

    code = "consent.required"


class ConsentMismatch(ConsentError):
    """What was agreed to is another act, or has other parameters."""

    code = "consent.mismatch"


class ConsentExpired(ConsentError):
    """The request is too old to be approved or carried out."""

    code = "consent.expired"


class ConsentRefused(ConsentError):
    """The request was refused or withdrawn."""

    code = "consent.refused"


class ConsentUsed(ConsentError):
    """The request was carried out; it serves once."""

    code = "consent.used"


class SamePerson(ConsentError):
    """One person, or one key, cannot both request and approve."""

    code = "consent.same-person"


class NotInOffice(ConsentError):
    """The operator is not enrolled, was dismissed, or has a revoked certificate."""

    code = "consent.not-in-office"


class LastInOffice(ConsentError):
    """Too few would be left who could agree to anything."""

    code = "consent.last-in-office"


class VerifierSuspended(JpkiError):
    """The verifier is registered, and told nothing for the time being."""

    code = "verifier.suspended"

    def __init__(self, verifier: str) -> None:
        super().__init__(
            f"{verifier} is suspended", hint="ask the operators of the authority"
        )
        self.verifier = verifier


class QuotaExhausted(JpkiError):
    """The verifier has had the answers of this day."""

    code = "verifier.quota"

    def __init__(self, verifier: str, quota: int, retry_after: int) -> None:
        super().__init__(
            f"{verifier} has had its {quota} answers of today",
            hint="the next day begins at midnight in Japan",
        )
        self.verifier = verifier
        self.quota = quota
        self.retry_after = retry_after
        """Seconds until then."""
