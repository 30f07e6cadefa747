"""The verdict: valid, invalid or indeterminate, with its reason and its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from jpki.documents.signature import CheckedSignature
from jpki.errors import EncodingError
from jpki.model.key_usage import KeyUsage
from jpki.model.purposes import Purpose
from jpki.verify.anchors import TrustAnchor
from jpki.verify.reasons import Code, Reason
from jpki.x509.basic_information import CertifiedAttributes
from jpki.x509.names import rfc4514
from jpki.x509.parse import Certificate

if TYPE_CHECKING:
    from jpki.verify.statements import Statement

__all__ = [
    "Evidence",
    "Existence",
    "Indeterminate",
    "Invalid",
    "JudgedDocument",
    "Outcome",
    "Proof",
    "SignerIdentity",
    "Valid",
    "Verdict",
    "Work",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """One authentic statement about one certificate's revocation."""

    kind: str
    """`crl` or `ocsp`."""
    certificate: str
    """SHA-256 of the certificate it is about, hexadecimal."""
    status: str
    """`good` or `revoked`; `stale` where it is too old to say, `unusable` where it
    holds something that is not understood."""
    issuer: str
    fingerprint: str
    """SHA-256 of the CRL or OCSP response, hexadecimal."""
    this_update: datetime
    next_update: datetime | None
    number: int | None = None
    """cRLNumber."""

    def to_json(self) -> dict[str, object]:
        """A JSON-serialisable form."""
        return {
            "kind": self.kind,
            "certificate": self.certificate,
            "status": self.status,
            "issuer": self.issuer,
            "sha256": self.fingerprint,
            "this_update": _time(self.this_update),
            "next_update": None
            if self.next_update is None
            else _time(self.next_update),
            "number": self.number,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """A timestamp that proves since when the signature exists."""

    at: datetime
    """What the time-stamp authority attests, UTC."""
    accuracy: timedelta
    authority: Certificate
    evidence: tuple[Evidence, ...]
    """That its certificate was not revoked."""

    def to_json(self) -> dict[str, object]:
        """A JSON-serialisable form."""
        return {
            "at": _time(self.at),
            "accuracy_seconds": self.accuracy.total_seconds(),
            "authority": rfc4514(self.authority.subject),
            "sha256": self.authority.fingerprint,
            "revocation": [found.to_json() for found in self.evidence],
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Existence:
    """The earliest instant at which a signature is proven to have been there."""

    at: datetime
    proofs: tuple[Proof, ...] = ()
    """The timestamps that prove it, from the outermost in."""
    notes: tuple[str, ...] = ()
    """Why others prove nothing."""


class Work(NamedTuple):
    """What the verdict cost."""

    signatures: int = 0
    paths: int = 0


_NO_WORK: Final = Work()


@dataclass(frozen=True, kw_only=True, slots=True)
class SignerIdentity:
    """Who signed, as the signature certificate says."""

    certificate: Certificate

    @property
    def attributes(self) -> CertifiedAttributes | None:
        """The four items, where the certificate has them and they can be read."""
        try:
            return self.certificate.basic_attributes
        except EncodingError:
            return None

    @property
    def purpose(self) -> Purpose | None:
        """Which of a citizen's two certificates it is, by its key usage; None: neither.

        Whether it is the one that was asked for is the policy's business.
        """
        try:
            usage = self.certificate.key_usage or frozenset()
        except EncodingError:
            return None
        if KeyUsage.NON_REPUDIATION in usage:
            return Purpose.SIGNATURE
        return Purpose.AUTHENTICATION if KeyUsage.DIGITAL_SIGNATURE in usage else None

    def to_json(self) -> dict[str, object]:
        """A JSON-serialisable form; the four items under their own names."""
        items = self.attributes
        return {
            "subject": rfc4514(self.certificate.subject),
            "issuer": rfc4514(self.certificate.issuer),
            "serial": f"{self.certificate.serial:x}",
            "sha256": self.certificate.fingerprint,
            "purpose": self.purpose and self.purpose.value,
            "not_before": _time(self.certificate.not_before),
            "not_after": _time(self.certificate.not_after),
            "basic_information": None
            if items is None
            else {
                "name": items.name,
                "name_substitutions": items.name_substitutions,
                "address": items.address,
                "address_substitutions": items.address_substitutions,
                "date_of_birth": None
                if items.date_of_birth is None
                else items.date_of_birth.isoformat(),
                "gender": items.gender.value,
            },
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedDocument:
    """What a verdict on a document rests on besides the path of the certificate."""

    signature: CheckedSignature
    existence: Existence


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What all three outcomes tell. Made only as one of the three."""

    outcome: ClassVar[str]

    at: datetime
    """The instant that was judged at."""
    reason: Reason
    anchor: TrustAnchor | None = None
    """Where the path begins; None where none was found."""
    path: tuple[Certificate, ...] = ()
    """Below the trust anchor, the end entity last; empty where none was found."""
    policies: frozenset[str] = frozenset()
    """The user-constrained policy set."""
    statements: tuple[tuple[Certificate, Statement], ...] = ()
    """What lists and responses say about which certificate, from the top."""
    work: Work = _NO_WORK
    document: JudgedDocument | None = None
    """None where a certificate alone was judged, or a document could not be read."""
    notes: tuple[str, ...] = ()
    """What could not be fetched or does not count, and why."""
    signature_file: str | None = None
    """Of an application that came as files: the one that its signature stands in."""
    covered: tuple[str, ...] = ()
    """Of a document: the files beside it that its signature is over, by their names;
    none where the signature is wrong."""
    not_covered: tuple[str, ...] = ()
    """Of an application that came as files: those of which its signature says nothing,
    whatever the verdict."""

    @property
    def code(self) -> Code:
        """The stable code of the reason."""
        return self.reason.code

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The statements, in the words of a verdict."""
        return tuple(said.evidence(about) for about, said in self.statements)

    @property
    def signer(self) -> SignerIdentity | None:
        """Of a document: shown whatever the outcome, to be believed only if valid."""
        if self.document is None:
            return None
        return SignerIdentity(certificate=self.document.signature.holder)

    @property
    def existed_at(self) -> datetime | None:
        """Of a document: the earliest instant at which its signature is proven to have
        been there, and at which certificate and algorithms were judged; without a
        timestamp that holds, `at`."""
        return None if self.document is None else self.document.existence.at

    @property
    def claimed_at(self) -> datetime | None:
        """Of a document: when the signer says it was signed; nothing proves it."""
        return None if self.document is None else self.document.signature.claimed_at

    @property
    def kind(self) -> str | None:
        """Of a document: `cms`, `pdf`, `xml` or `raw`."""
        return None if self.document is None else self.document.signature.kind.value

    @property
    def proofs(self) -> tuple[Proof, ...]:
        """The timestamps that `existed_at` rests on, from the outermost in."""
        return () if self.document is None else self.document.existence.proofs

    def to_json(self) -> dict[str, object]:
        """A JSON-serialisable form."""
        return {
            "outcome": self.outcome,
            "at": _time(self.at),
            **self.reason.to_json(),
            "anchor": None if self.anchor is None else rfc4514(self.anchor.name),
            "path": [certificate.fingerprint for certificate in self.path],
            "policies": sorted(self.policies),
            "revocation": [evidence.to_json() for evidence in self.evidence],
            "work": {"signatures": self.work.signatures, "paths": self.work.paths},
            "signer": None if self.signer is None else self.signer.to_json(),
            "kind": self.kind,
            "existed_at": None if self.existed_at is None else _time(self.existed_at),
            "claimed_at": None if self.claimed_at is None else _time(self.claimed_at),
            "timestamps": [proof.to_json() for proof in self.proofs],
            "notes": list(self.notes),
            "files": self._files(),
        }

    def _files(self) -> dict[str, object] | None:
        if not self.covered and not self.not_covered:
            return None
        return {
            "signature": self.signature_file,
            "covered": list(self.covered),
            "not_covered": list(self.not_covered),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Valid(Verdict):
    """Everything that was asked holds."""

    outcome: ClassVar[str] = "valid"


@dataclass(frozen=True, kw_only=True, slots=True)
class Invalid(Verdict):
    """Something that was asked is known not to hold."""

    outcome: ClassVar[str] = "invalid"


@dataclass(frozen=True, kw_only=True, slots=True)
class Indeterminate(Verdict):
    """Something that was asked could not be found out. Never to be taken for valid."""

    outcome: ClassVar[str] = "indeterminate"


Outcome = Valid | Invalid | Indeterminate


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
