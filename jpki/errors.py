"""The one tree of errors.

Every error a public function may raise on bad input stands here. An instance carries
its data as attributes and builds its own message from them; `code` is stable and is
what programs match on. Nothing here knows about HTTP: a server joins codes to answers
in its own table.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

__all__ = [
    "APDUError",
    "AlgorithmError",
    "AlreadyRedeemed",
    "ApplicationConflict",
    "AuditError",
    "AuthenticationError",
    "CardError",
    "CardGone",
    "CertificateLive",
    "ConfigurationError",
    "Conflict",
    "ConsentError",
    "ConsentExpired",
    "ConsentMismatch",
    "ConsentRefused",
    "ConsentRequired",
    "ConsentUsed",
    "CredentialError",
    "DocumentError",
    "EncodingError",
    "EventRefused",
    "IssuanceError",
    "JpkiError",
    "KeyNotFound",
    "KeyProviderError",
    "KeyRejected",
    "LastInOffice",
    "NotEligible",
    "NotFound",
    "NotInOffice",
    "OutsideSigningWindow",
    "PINBlocked",
    "PINError",
    "PINFormatError",
    "PermissionDenied",
    "ProfileError",
    "ProofOfPossessionError",
    "RegistryError",
    "RegistryUnavailable",
    "RemoteRefusal",
    "RequestError",
    "RuleViolation",
    "SamePerson",
    "ServiceUnavailable",
    "StoreError",
    "TokenGone",
    "TokenPINError",
    "UnexpectedOutcome",
    "UnknownResident",
    "WrongCard",
    "WrongMunicipality",
]


class JpkiError(Exception):
    """The root. `code` is stable; `data` is what the message was built from."""

    code: ClassVar[str] = "jpki"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        """What the reader can do next, when there is something."""

    @property
    def data(self) -> Mapping[str, object]:
        """The public attributes of this instance, for logs and problem documents."""
        hidden = {"message", "hint"}
        return {
            key: value
            for key, value in vars(self).items()
            if not key.startswith("_") and key not in hidden and value is not None
        }


# -- bytes and settings -------------------------------------------------------------


class EncodingError(JpkiError):
    """Bytes are not the DER, name or time they should be (X.690, RFC 5280)."""

    code = "encoding"

    def __init__(
        self, reason: str, *, offset: int | None = None, tag: int | None = None
    ) -> None:
        where = "" if offset is None else f" at byte {offset}"
        super().__init__(f"{reason}{where}")
        self.reason = reason
        self.offset = offset
        self.tag = tag


class ProfileError(JpkiError):
    """A profile, era or policy file says something that cannot be used."""

    code = "profile"

    def __init__(self, file: str, key: str, reason: str) -> None:
        super().__init__(f"{file}: {key}: {reason}")
        self.file = file
        self.key = key
        self.reason = reason


class ConfigurationError(JpkiError):
    """A setting is missing, unknown or unusable; names the file and the key."""

    code = "configuration"

    def __init__(
        self, file: str, key: str, reason: str, *, hint: str | None = None
    ) -> None:
        super().__init__(f"{file}: {key}: {reason}", hint=hint)
        self.file = file
        self.key = key
        self.reason = reason


class RuleViolation(JpkiError):
    """A rule said no before signing."""

    code = "rule"

    def __init__(self, rule: str, citation: str, reason: str) -> None:
        super().__init__(f"{rule}: {reason} ({citation})")
        self.rule = rule
        self.citation = citation
        self.reason = reason


class AlgorithmError(JpkiError):
    """A suite is not allowed for this act at this time."""

    code = "algorithm"

    def __init__(
        self,
        suite: str,
        act: str,
        at: datetime,
        *,
        until: datetime | None = None,
        reason: str = "not allowed in this era",
    ) -> None:
        super().__init__(f"{suite} may not {act} on {at:%Y-%m-%d}: {reason}")
        self.suite = suite
        self.act = act
        self.at = at
        self.until = until
        self.reason = reason


# -- issuing ------------------------------------------------------------------------


class IssuanceError(JpkiError):
    """A certificate, CRL or response cannot be made as asked."""

    code = "issuance"


class AlreadyRedeemed(IssuanceError):
    """A prepared object signs once."""

    code = "issuance.already-redeemed"


class OutsideSigningWindow(IssuanceError):
    """The key generation may not sign this: too early, too late, or it outlives it."""

    code = "issuance.outside-signing-window"


class ApplicationConflict(IssuanceError):
    """The application is not in the state that this step needs."""

    code = "application.conflict"


class CertificateLive(IssuanceError):
    """The resident already holds a live certificate of this purpose."""

    code = "application.certificate-live"


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


# -- who may call -------------------------------------------------------------------


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


class RequestError(JpkiError):
    """A request to a server is malformed."""

    code = "request"


class ServiceUnavailable(JpkiError):
    """A server that is needed for this step does not answer."""

    code = "service.unavailable"

    def __init__(self, service: str, reason: str) -> None:
        super().__init__(
            f"{service} does not answer: {reason}",
            hint=f"check that {service} is running, then try the same step again",
        )
        self.service = service
        self.reason = reason


class RemoteRefusal(JpkiError):
    """A server understood and refused; `reason_code` is the code it gave."""

    code = "service.refused"

    def __init__(
        self, service: str, reason_code: str, detail: str, *, hint: str | None = None
    ) -> None:
        super().__init__(f"{service} refused: {detail}", hint=hint)
        self.service = service
        self.reason_code = reason_code
        self.detail = detail


class UnexpectedOutcome(JpkiError):
    """A procedure that was to show something showed something else."""

    code = "unexpected"

    def __init__(self, what: str, expected: str, found: str) -> None:
        super().__init__(f"{what}: expected {expected}, found {found}")
        self.what = what
        self.expected = expected
        self.found = found


# -- cards and keys -----------------------------------------------------------------


class CardError(JpkiError):
    """Something went wrong between us and a card."""

    code = "card"


class APDUError(CardError):
    """A status word that has no better name here (ISO/IEC 7816-4)."""

    code = "card.apdu"

    def __init__(self, status_word: int, command: str) -> None:
        super().__init__(f"{command}: card answered {status_word:04X}")
        self.status_word = status_word
        self.command = command


class PINError(CardError):
    """The PIN was wrong."""

    code = "card.pin-wrong"

    def __init__(self, retries_left: int) -> None:
        super().__init__(f"wrong PIN, {retries_left} tries left")
        self.retries_left = retries_left


class PINFormatError(CardError):
    """The PIN cannot be right by its form; it was not sent and no try was used."""

    code = "card.pin-format"


class PINBlocked(CardError):
    """No tries left; the issuer must unblock."""

    code = "card.pin-blocked"

    def __init__(self) -> None:
        super().__init__(
            "PIN is blocked",
            hint="the municipal counter can unblock it",
        )
        self.retries_left = 0


class WrongCard(CardError):
    """The card does not carry the application or object that is asked for."""

    code = "card.wrong-card"


class CardGone(CardError):
    """The card was removed or its process ended."""

    code = "card.gone"


class KeyProviderError(JpkiError):
    """A key cannot be made, opened or used."""

    code = "keys"


class KeyNotFound(KeyProviderError):
    """There is no key under this URI."""

    code = "keys.not-found"


class TokenGone(KeyProviderError):
    """A hardware token was removed, or no longer holds the key it held."""

    code = "keys.token-gone"

    def __init__(self, token: str, reason: str) -> None:
        super().__init__(
            f"{token}: token removed ({reason})",
            hint="put the token back; the next attempt opens it anew",
        )
        self.token = token
        self.reason = reason


class TokenPINError(KeyProviderError):
    """A hardware token does not accept the PIN, or accepts none any more."""

    code = "keys.pin"


class DocumentError(JpkiError):
    """A signed document cannot be read or made."""

    code = "document"


# -- storage and registry -----------------------------------------------------------


class StoreError(JpkiError):
    """The database refused or cannot be used."""

    code = "store"


class NotFound(StoreError):
    """There is no such thing."""

    code = "not-found"

    def __init__(self, kind: str, identifier: object) -> None:
        super().__init__(f"no {kind} {identifier}")
        self.kind = kind
        self.identifier = str(identifier)


class Conflict(StoreError):
    """Another writer was first, or the thing exists already."""

    code = "conflict"


class RegistryError(JpkiError):
    """The resident register says no, or nothing."""

    code = "registry"


class UnknownResident(RegistryError):
    """No resident has this code."""

    code = "registry.unknown-resident"

    def __init__(self) -> None:
        super().__init__("no resident of this code is registered")


class NotEligible(RegistryError):
    """The resident may not hold this certificate; `ground` says why."""

    code = "registry.not-eligible"

    def __init__(self, ground: str, reason: str) -> None:
        super().__init__(reason)
        self.ground = ground
        """`under-15`, `deceased` or `not-resident`."""


class EventRefused(RegistryError):
    """The change does not fit the record as it stands; `ground` says why."""

    code = "registry.event-refused"

    def __init__(self, ground: str, reason: str) -> None:
        super().__init__(reason)
        self.ground = ground
        """`future`, `before-birth`, `unchanged`, `not-registered`,
        `registered-already`, `deceased` or `code-taken`."""


class WrongMunicipality(RegistryError):
    """The resident lives in another municipality than this counter serves."""

    code = "registry.wrong-municipality"

    def __init__(self, counter: str) -> None:
        super().__init__(f"the resident is not registered in {counter}")
        self.counter = counter


class RegistryUnavailable(RegistryError, ServiceUnavailable):
    """The registry does not answer."""

    code = "registry.unavailable"

    def __init__(self, reason: str) -> None:
        ServiceUnavailable.__init__(self, "the resident register", reason)
