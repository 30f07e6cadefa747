"""Trust anchors: the keys that a verdict starts from (RFC 5280 6.1.1 (d), RFC 5937)."""

from __future__ import annotations

from dataclasses import dataclass

from jpki.model.names import Name
from jpki.x509.parse import Certificate

__all__ = ["TrustAnchor"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TrustAnchor:
    """A name and a key that are trusted without proof."""

    name: Name
    public_key: bytes
    """SubjectPublicKeyInfo, DER."""
    certificate: Certificate | None = None
    """Where the anchor came as a certificate, its dates and constraints bind as well
    (RFC 5937 section 3). Its signature is not looked at: a self-signature proves
    nothing."""

    @classmethod
    def of(cls, certificate: Certificate) -> TrustAnchor:
        """The anchor that this certificate describes."""
        return cls(
            name=certificate.subject,
            public_key=certificate.public_key,
            certificate=certificate,
        )
