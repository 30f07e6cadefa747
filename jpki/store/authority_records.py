"""What the authority database holds, as frozen values.

Private keys are not among them: a record holds the URI under which a key provider
finds its key.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from jpki.model.codes import MunicipalityCode, ResidentCode
from jpki.model.operators import Role
from jpki.model.purposes import Purpose
from jpki.model.revocation import Revocation, RevocationReason
from jpki.model.suites import SuiteId

__all__ = [
    "ApplicationMove",
    "ApplicationRecord",
    "ApplicationStanding",
    "ApplicationState",
    "AppliedEvent",
    "AuditEntry",
    "AuditKeyRecord",
    "AuthorityKind",
    "AuthorityRecord",
    "CRLRecord",
    "CRLState",
    "CertificateKind",
    "CertificateRecord",
    "CertificateState",
    "ConsentRecord",
    "JournalEntry",
    "KeyGenerationRecord",
    "KeyStanding",
    "ListName",
    "OperatorRecord",
    "OperatorStanding",
    "ResponderRecord",
    "SerialBlockRecord",
    "ShardRecord",
]


class AuthorityKind(Enum):
    """Whose authority it is."""

    GOVERNOR = "governor"
    """都道府県知事の認証局."""
    BRIDGE = "bridge"
    """ブリッジ認証局 of the prefectural association."""
    NATIONAL = "national"
    """地方公共団体情報システム機構の認証局, from 2016."""


class CertificateKind(Enum):
    """What a certificate is for; the value names its role in an era."""

    AUTHORITY = "authority"
    """Self-signed, one per key generation."""
    BRIDGE = "bridge"
    """The bridge's self-signed certificate."""
    CROSS = "cross"
    LINK = "link"
    """One key of an authority certifies another of the same (RFC 4210 4.4)."""
    RESPONDER = "responder"
    OPERATOR = "operator"
    SIGNATURE = "signature"
    AUTHENTICATION = "authentication"


class CertificateState(Enum):
    """Where a reserved serial number stands."""

    PENDING = "pending"
    """Recorded with the bytes to be signed; a signature may exist."""
    ISSUED = "issued"
    ABANDONED = "abandoned"
    """Never handed out. Its serial is in the revocation journal all the same."""


class ApplicationState(Enum):
    """Where an application for a citizen's certificate stands."""

    FILED = "filed"
    """受付済: waits for the public key from the card."""
    ISSUING = "issuing"
    """A serial is reserved; the certificate is signed or about to be."""
    ISSUED = "issued"
    """Waits to be written onto the card."""
    DELIVERED = "delivered"
    """交付済."""
    CANCELLED = "cancelled"


class CRLState(Enum):
    """Where a CRL number stands."""

    PREPARED = "prepared"
    PUBLISHED = "published"
    """In force: one for each scope and key."""
    SUPERSEDED = "superseded"
    """Was in force until a higher one came."""
    REFUSED = "refused"
    """Overtaken, or it did not follow from its predecessor. Never served."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthorityRecord:
    """One certification authority; it outlives its keys."""

    id: str
    """Such as `governor-08` (JIS X 0401) or `bridge`."""
    kind: AuthorityKind
    prefecture: str | None
    era: str
    name: bytes
    """Distinguished name, DER."""
    alternative_name: bytes | None
    """The same in Japanese, DER."""
    founded_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyGenerationRecord:
    """One key of an authority, with its self-signed certificate."""

    authority: str
    number: int
    suite: SuiteId
    key_uri: str
    public_key: bytes
    """SubjectPublicKeyInfo, DER."""
    key_identifier: bytes
    serial: int
    """Of the self-signed certificate."""
    signs_from: datetime
    """Since when its own certificate holds: from here on it signs CRLs."""
    signs_until: datetime
    """Neither certificates nor CRLs bear its signature after this."""
    issues_from: datetime
    """From when on it certifies others, in the place of the key before it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyStanding:
    """One key of an authority, and whether its own certificate holds."""

    key: KeyGenerationRecord
    certificate: bytes | None
    """The self-signed certificate; None while it is not finished."""
    revoked: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class CertificateRecord:
    """Every serial number ever reserved, and what became of it."""

    authority: str
    serial: int
    generation: int
    kind: CertificateKind
    profile: str
    state: CertificateState
    subject_key: bytes
    """SHA-256 of the SubjectPublicKeyInfo."""
    not_before: datetime
    not_after: datetime
    prepared_at: datetime
    prepared_by: str
    completed_at: datetime | None = None
    tbs: bytes | None = None
    """The exact bytes to sign, until the certificate holds them."""
    certificate: bytes | None = None
    application: str | None = None
    resident: ResidentCode | None = None
    as_of: int | None = None
    """Position of the feed at which the register gave the items."""
    shard: str | None = None
    """Of the lists of its key, beside the complete one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardRecord:
    """A list that certificates of one key name."""

    authority: str
    generation: int
    id: str
    point: bytes
    """DistributionPointName, DER, as it stands in them."""
    since: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class SerialBlockRecord:
    """Counted serial numbers that were reserved together, before their certificates."""

    authority: str
    first: int
    last: int
    reserved_at: datetime
    reserved_by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ApplicationRecord:
    """発行申請: one application at a counter."""

    id: str
    idempotency_key: str
    authority: str
    resident: ResidentCode
    municipality: MunicipalityCode
    purpose: Purpose
    state: ApplicationState
    challenge: str
    """Stands in the card's request, so that a request fits one application only."""
    filed_at: datetime
    filed_by: str
    changed_at: datetime
    serial: int | None = None
    renews: int | None = None
    """The serial that this certificate replaces in the last months of its life."""


class ApplicationMove(NamedTuple):
    """What becomes of an application."""

    id: str
    state: ApplicationState
    changed_at: datetime
    serial: int | None


class ApplicationStanding(NamedTuple):
    """What of an application may change."""

    state: ApplicationState
    resident: ResidentCode


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalEntry:
    """One line of the revocation journal: never changed, never taken out."""

    position: int
    authority: str
    serial: int
    revoked_at: datetime
    reason: RevocationReason
    invalidity_date: datetime | None
    ground: str
    """Why, for the books: a law's article, or what the operator gave."""
    event_id: str | None
    """The event of the register that caused it."""
    actor: str
    shard: str | None = field(default=None, compare=False)
    """That of the certificate, so that its list is found without it."""

    @property
    def revocation(self) -> Revocation:
        """The part that CRLs and OCSP responses tell."""
        return Revocation(
            serial=self.serial,
            at=self.revoked_at,
            reason=self.reason,
            invalidity_date=self.invalidity_date,
        )


class ListName(NamedTuple):
    """Which CRL: one key of an authority signs it, and what it is about."""

    authority: str
    generation: int
    scope: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CRLRecord:
    """One CRL number and what became of it."""

    authority: str
    scope: str
    """`crl`, `arl`, or one partition."""
    number: int
    generation: int
    this_update: datetime
    next_update: datetime
    journal_position: int
    """How much of the journal it has seen."""
    state: CRLState
    prepared_at: datetime
    completed_at: datetime | None = None

    @property
    def name(self) -> ListName:
        """Which list this is, whatever its number."""
        return ListName(self.authority, self.generation, self.scope)


@dataclass(frozen=True, kw_only=True, slots=True)
class OperatorRecord:
    """操作者: somebody who may ask the authority for something."""

    id: str
    role: Role
    municipality: MunicipalityCode | None
    public_key: bytes
    authority: str
    serial: int
    enrolled_at: datetime
    enrolled_by: str
    dismissed_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OperatorStanding:
    """An operator, and whether the certificate holds."""

    operator: OperatorRecord
    certificate: CertificateState
    not_before: datetime
    not_after: datetime
    revoked: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ResponderRecord:
    """An OCSP responder that one key generation has authorised (RFC 6960 4.2.2.2)."""

    authority: str
    serial: int
    generation: int
    suite: SuiteId
    key_uri: str
    public_key: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsentRecord:
    """A request for an act that needs two people."""

    id: str
    act: str
    parameters: str
    """A JSON object, in the one way in which a deed is written."""
    digest: bytes
    """SHA-256 over act and parameters."""
    requested_by: str
    requester_key: bytes
    """SHA-256 of the SubjectPublicKeyInfo."""
    requested_at: datetime
    expires: datetime
    approved_by: str | None = None
    approver_key: bytes | None = None
    approved_at: datetime | None = None
    refused_by: str | None = None
    refused_at: datetime | None = None
    used_at: datetime | None = None
    outcome: str | None = None
    """What came of it, as the audit log names it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AppliedEvent:
    """An event of the register that has taken effect."""

    sequence: int
    event_id: str
    kind: str
    recorded_at: datetime
    applied_at: datetime
    revoked: int
    """How many certificates it revoked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditEntry:
    """One entry of the audit log, chained to the one before it by its hash.

    It holds text exactly as it was hashed, so that no reading of it can differ.
    """

    sequence: int
    at: str
    """ISO 8601, UTC."""
    actor: str
    act: str
    """Such as `certificate.prepared`."""
    subject: str
    """What it happened to, such as `governor-08/4f00…` for a serial number."""
    details: str
    """A JSON object, keys sorted."""
    previous: bytes
    hash: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditKeyRecord:
    """The key with which checkpoints of the log are signed."""

    id: str
    """SHA-256 of the SubjectPublicKeyInfo, hex."""
    suite: SuiteId
    key_uri: str
    public_key: bytes
    made_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckpointRecord:
    """A signed head of the Merkle tree over the first entries of the log."""

    entries: int
    root: bytes
    at: str
    """ISO 8601, UTC, as it was signed."""
    key: str
    signature: bytes
