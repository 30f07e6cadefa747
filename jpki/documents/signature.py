"""One signature whose mathematics holds, whatever kind of document it is on.

Each kind of document has a module that reads it, finds what was signed and whose key
signed it, and tells that as a `CheckedSignature`. Whom to trust, at which instant and
with which algorithms is decided by `jpki.verify`, for all kinds alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from jpki.x509.parse import Certificate

__all__ = ["CheckedSignature", "Content", "Enclosed", "Kind", "Timestamp"]

Content = bytes | Mapping[str, bytes] | None
"""What a detached signature is over: one document, or several by the names (URI) that
the signature gives them; None where all of it is inside."""


class Kind(Enum):
    """The form of a signature."""

    CMS = "cms"
    """CMS SignedData (RFC 5652), CAdES."""
    PDF = "pdf"
    """ISO 32000, PAdES."""
    XML = "xml"
    """XML Signature, XAdES."""
    RAW = "raw"
    """A bare signature value, the certificate beside it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Enclosed:
    """What the sender put in to help the verifier, DER each; nobody vouches for it."""

    certificates: tuple[bytes, ...] = field(default=(), repr=False)
    crls: tuple[bytes, ...] = field(default=(), repr=False)
    ocsp_responses: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Timestamp:
    """A time-stamp token (RFC 3161) whose imprint is of what it is said to cover."""

    at: datetime
    """genTime, UTC."""
    accuracy: timedelta
    """How far from it the true time may lie; zero where nothing is said."""
    imprint_digest: str
    """OID of the digest that the imprint was made with."""
    signature: CheckedSignature
    """The time-stamp authority's own signature on the token."""
    beside: bool = False
    """It covers what the timestamp before it covers, but not that one itself: several
    authorities were asked at the same time, say."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedSignature:
    """Whose key signed, by mathematics. Neither key nor time is trusted yet."""

    kind: Kind
    holder: Certificate
    """The certificate whose key made the signature; it is bound to the signature as far
    as the form provides for that."""
    algorithm: bytes
    """AlgorithmIdentifier as a certificate would name it, DER."""
    digests: frozenset[str]
    """OIDs of every digest on which rests what was signed."""
    value: bytes = field(repr=False)
    """The signature's octets."""
    claimed_at: datetime | None = None
    """When the signer says it was; nothing proves it."""
    enclosed: Enclosed = Enclosed()
    timestamps: tuple[Timestamp, ...] = ()
    """Proofs that the signature existed, from the innermost out: each covers the
    signature and all that comes before it here, unless it is `beside`."""
    notes: tuple[str, ...] = ()
    """What the reader of a verdict should know: timestamps that prove nothing, say."""

    @property
    def certificate(self) -> bytes:
        """The holder's certificate, DER."""
        return self.holder.raw
