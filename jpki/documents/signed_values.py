"""A CMS SignedData as values (RFC 5652 section 5), and how large one may be.

Nothing here is checked. Reading is `jpki.documents.signed_data`. These are tuples, for
one of each is made for every document: a frozen dataclass takes twice as long.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

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


class SigningCertificate(NamedTuple):
    """The first certificate that signing-certificate (RFC 2634) or -v2 (5035) names."""

    digest_oid: str
    certificate_hash: bytes


class SignerInfo(NamedTuple):
    """One signature, not checked yet (RFC 5652 5.3)."""

    issuer_der: bytes | None
    """With `serial`, names the certificate; None where the key identifier does."""
    serial: int | None
    subject_key_identifier: bytes | None
    digest_oid: str
    signature_oid: str
    signature_algorithm: bytes
    """AlgorithmIdentifier, DER, as it stands there."""
    signature: bytes
    signed_attributes: bytes
    """The SET OF that the signature is over."""
    message_digest: bytes
    signing_time: datetime | None
    """The signer's claim; nothing proves it."""
    bindings: tuple[SigningCertificate, ...]
    """What binds the signature to its certificate: each that is there must hold."""
    unsigned_attributes: Mapping[str, tuple[bytes, ...]]
    signed_part: bytes
    """All fields before the unsigned attributes, as they stand there."""

    def __repr__(self) -> str:
        # The octets say nothing to anybody.
        return f"SignerInfo({self.signature_oid}, {self.signing_time})"

    @property
    def signing_certificate(self) -> SigningCertificate | None:
        """The binding to the signer's certificate, if the signature says it."""
        return self.bindings[0] if self.bindings else None


class SignedDocument(NamedTuple):
    """A SignedData, not checked yet."""

    signers: tuple[SignerInfo, ...]
    certificates: tuple[bytes, ...]
    """As the sender put them in; nobody vouches for them."""
    content: bytes | None
    """None when the signature is detached."""
    content_type: str
    crls: tuple[bytes, ...] = ()
    ocsp_responses: tuple[bytes, ...] = ()
    certificate_choices: tuple[bytes, ...] = ()
    """Everything in the field of certificates, also what is none."""
    revocation_choices: tuple[bytes, ...] = ()
    """Everything in the field of CRLs (RFC 5652 10.2.1), also what is none."""
    was_ber: bool = False
    """It came in BER; what stands beside the signature is not octet by octet as it
    was."""

    def __repr__(self) -> str:
        # The content may be anything, and long.
        return f"SignedDocument({self.content_type}, {self.signers})"
