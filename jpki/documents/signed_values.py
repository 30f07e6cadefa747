"""A CMS SignedData as values (RFC 5652 section 5), and how large one may be.

Nothing here is checked. Reading is `jpki.documents.signed_data`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

__all__ = [
    "MAX_ATTRIBUTES",
    "MAX_CERTIFICATES",
    "MAX_REVOCATIONS",
    "MAX_SIGNED_DATA",
    "MAX_SIGNERS",
    "SignedDocument",
    "SignerInfo",
    "SigningCertificate",
]

MAX_SIGNED_DATA: Final = 16 << 20
"""Octets; content that is inside counts."""
MAX_SIGNERS: Final = 16
MAX_CERTIFICATES: Final = 64
MAX_REVOCATIONS: Final = 256
"""CRLs and OCSP responses together."""
MAX_ATTRIBUTES: Final = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class SigningCertificate:
    """The first certificate that signing-certificate (RFC 2634) or -v2 (5035) names."""

    digest_oid: str
    certificate_hash: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class SignerInfo:
    """One signature, not checked yet (RFC 5652 5.3)."""

    issuer_der: bytes | None
    """With `serial`, names the certificate; None where the key identifier does."""
    serial: int | None
    subject_key_identifier: bytes | None
    digest_oid: str
    signature_oid: str
    signature_algorithm: bytes = field(repr=False)
    """AlgorithmIdentifier, DER, as it stands there."""
    signature: bytes = field(repr=False)
    signed_attributes: bytes = field(repr=False)
    """The SET OF that the signature is over."""
    message_digest: bytes = field(repr=False)
    signing_time: datetime | None
    """The signer's claim; nothing proves it."""
    bindings: tuple[SigningCertificate, ...]
    """What binds the signature to its certificate: each that is there must hold."""
    unsigned_attributes: Mapping[str, tuple[bytes, ...]] = field(repr=False)
    signed_part: bytes = field(repr=False)
    """All fields before the unsigned attributes, as they stand there."""

    @property
    def signing_certificate(self) -> SigningCertificate | None:
        """The binding to the signer's certificate, if the signature says it."""
        return self.bindings[0] if self.bindings else None


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedDocument:
    """A SignedData, not checked yet."""

    signers: tuple[SignerInfo, ...]
    certificates: tuple[bytes, ...] = field(repr=False)
    """As the sender put them in; nobody vouches for them."""
    content: bytes | None = field(repr=False)
    """None when the signature is detached."""
    content_type: str
    crls: tuple[bytes, ...] = field(default=(), repr=False)
    ocsp_responses: tuple[bytes, ...] = field(default=(), repr=False)
    certificate_choices: tuple[bytes, ...] = field(default=(), repr=False)
    """Everything in the field of certificates, also what is none."""
    revocation_choices: tuple[bytes, ...] = field(default=(), repr=False)
    """Everything in the field of CRLs (RFC 5652 10.2.1), also what is none."""
    was_ber: bool = False
    """It came in BER; what stands beside the signature is not octet by octet as it
    was."""
