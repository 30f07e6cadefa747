"""Where certificates, CRLs and OCSP responses come from: handed in, never fetched here.

A source may be a pool on a shelf or a client on the network. What it brings is not
trusted; what it fails to bring is noted, and missing evidence never makes a `Valid`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from jpki.verify.pool import Pool
from jpki.x509.parse import Certificate

__all__ = ["AtHand", "EvidenceSource", "Gathered", "Issued", "Together"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Issued:
    """A certificate on a path, with the key that signed it."""

    certificate: Certificate
    issuer_key: bytes
    """SubjectPublicKeyInfo, DER."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gathered:
    """What a source brought, and in `notes` what it could not."""

    pool: Pool = field(default_factory=Pool)
    notes: tuple[str, ...] = ()


class EvidenceSource(Protocol):
    """Brings evidence when asked. Raises nothing: failures become notes."""

    def certificates(self) -> Gathered:
        """Authorities' certificates to build paths with."""
        ...

    def revocation(self, wanted: Sequence[Issued]) -> Gathered:
        """CRLs and OCSP responses about these certificates."""
        ...


@dataclass(frozen=True, slots=True)
class AtHand:
    """A source that has all it will ever have: for verifying without a network."""

    pool: Pool

    def certificates(self) -> Gathered:
        """Everything."""
        return Gathered(pool=self.pool)

    def revocation(self, wanted: Sequence[Issued]) -> Gathered:
        """Nothing more than `certificates` brought."""
        return Gathered()


@dataclass(frozen=True, slots=True)
class Together:
    """Several sources as one: what any of them brings is at hand."""

    sources: tuple[EvidenceSource, ...]

    def certificates(self) -> Gathered:
        """What all sources have."""
        return _joined([source.certificates() for source in self.sources])

    def revocation(self, wanted: Sequence[Issued]) -> Gathered:
        """What all sources find about these certificates."""
        return _joined([source.revocation(wanted) for source in self.sources])


def _joined(brought: Sequence[Gathered]) -> Gathered:
    return Gathered(
        pool=Pool(beneath=[gathered.pool for gathered in brought]),
        notes=tuple(note for gathered in brought for note in gathered.notes),
    )
