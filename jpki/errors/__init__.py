"""The one tree of errors.

Every error a public function may raise on bad input stands here, in one module for each
subject. An instance carries its data as attributes and builds its own message from
them; `code` is stable and is what programs match on. Nothing here knows about HTTP: a
server joins codes to answers in its own table.
"""

from __future__ import annotations

from jpki.errors.base import JpkiError
from jpki.errors.callers import (
    AuthenticationError,
    ConsentError,
    ConsentExpired,
    ConsentMismatch,
    ConsentRefused,
    ConsentRequired,
    ConsentUsed,
    CredentialError,
    LastInOffice,
    NotInOffice,
    PermissionDenied,
    QuotaExhausted,
    SamePerson,
    VerifierSuspended,
)
from jpki.errors.documents import DocumentError, DocumentFault
from jpki.errors.inputs import (
    AlgorithmError,
    ConfigurationError,
    EncodingError,
    ProfileError,
    RuleViolation,
)
from jpki.errors.issuing import (
    AlreadyRedeemed,
    ApplicationConflict,
    AuditError,
    CertificateLive,
    IssuanceError,
    KeyRejected,
    OutsideSigningWindow,
    ProofOfPossessionError,
)
from jpki.errors.keys import (
    APDUError,
    CardError,
    CardGone,
    KeyNotFound,
    KeyProviderError,
    PINBlocked,
    PINError,
    PINFormatError,
    TokenGone,
    TokenPINError,
    WrongCard,
)
from jpki.errors.register import (
    EventRefused,
    NotEligible,
    RegistryError,
    RegistryUnavailable,
    UnknownResident,
    WrongMunicipality,
)
from jpki.errors.services import (
    RemoteRefusal,
    RequestError,
    ServiceUnavailable,
    UnexpectedOutcome,
)
from jpki.errors.storage import (
    ClockBehind,
    Conflict,
    Damaged,
    DiskFull,
    JournalAhead,
    NotFound,
    StoreError,
)

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
    "ClockBehind",
    "ConfigurationError",
    "Conflict",
    "ConsentError",
    "ConsentExpired",
    "ConsentMismatch",
    "ConsentRefused",
    "ConsentRequired",
    "ConsentUsed",
    "CredentialError",
    "Damaged",
    "DiskFull",
    "DocumentError",
    "DocumentFault",
    "EncodingError",
    "EventRefused",
    "IssuanceError",
    "JournalAhead",
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
    "QuotaExhausted",
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
    "VerifierSuspended",
    "WrongCard",
    "WrongMunicipality",
]
