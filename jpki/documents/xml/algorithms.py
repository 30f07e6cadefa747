"""What XML calls signature and digest algorithms, and what they are (RFC 9231)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from jpki.der import oids
from jpki.der.reader import read_one
from jpki.der.writer import (
    NULL,
    explicit,
    integer,
    object_identifier,
    sequence,
)
from jpki.errors import DocumentError, DocumentFault
from jpki.model.suites import Digest, KeyFamily, SignatureSuite

__all__ = [
    "DIGESTS",
    "SignatureAlgorithm",
    "digest_uri",
    "signature_algorithm",
    "signature_uri",
    "value_from_der",
    "value_to_der",
]

_DS: Final = "http://www.w3.org/2000/09/xmldsig#"
_MORE: Final = "http://www.w3.org/2001/04/xmldsig-more#"
_ENC: Final = "http://www.w3.org/2001/04/xmlenc#"
_PSS: Final = "http://www.w3.org/2007/05/xmldsig-more#"
_MGF1: Final = "1.2.840.113549.1.1.8"

DIGESTS: Final = {
    f"{_DS}sha1": Digest.SHA1,
    f"{_ENC}sha256": Digest.SHA256,
    f"{_MORE}sha384": Digest.SHA384,
    f"{_ENC}sha512": Digest.SHA512,
}
"""By DigestMethod/@Algorithm."""

_RSA: Final = {
    Digest.SHA1: (f"{_DS}rsa-sha1", oids.SHA1_WITH_RSA),
    Digest.SHA256: (f"{_MORE}rsa-sha256", oids.SHA256_WITH_RSA),
    Digest.SHA384: (f"{_MORE}rsa-sha384", oids.SHA384_WITH_RSA),
    Digest.SHA512: (f"{_MORE}rsa-sha512", oids.SHA512_WITH_RSA),
}
_ECDSA: Final = {
    Digest.SHA1: (f"{_MORE}ecdsa-sha1", "1.2.840.10045.4.1"),
    Digest.SHA256: (f"{_MORE}ecdsa-sha256", oids.ECDSA_WITH_SHA256),
    Digest.SHA384: (f"{_MORE}ecdsa-sha384", oids.ECDSA_WITH_SHA384),
    Digest.SHA512: (f"{_MORE}ecdsa-sha512", "1.2.840.10045.4.3.4"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class SignatureAlgorithm:
    """A SignatureMethod."""

    identifier: bytes
    """AlgorithmIdentifier as a certificate would name it, DER."""
    digest: Digest
    elliptic: bool = False
    """The value is r and s side by side (XMLDSIG 6.4.3), not DER."""


def _pss(digest: Digest) -> bytes:
    """RSASSA-PSS-params for sha*-rsa-MGF1 (RFC 9231 2.3.10): one digest throughout."""
    hash_ = sequence(object_identifier(digest.oid), NULL)
    mask = sequence(object_identifier(_MGF1), hash_)
    size = {"sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64}[digest.value]
    parameters = sequence(
        explicit(0, hash_), explicit(1, mask), explicit(2, integer(size))
    )
    return sequence(object_identifier(oids.RSASSA_PSS), parameters)


_SIGNATURES: Final = {
    **{
        uri: SignatureAlgorithm(
            identifier=sequence(object_identifier(oid), NULL), digest=digest
        )
        for digest, (uri, oid) in _RSA.items()
    },
    **{
        uri: SignatureAlgorithm(
            identifier=sequence(object_identifier(oid)), digest=digest, elliptic=True
        )
        for digest, (uri, oid) in _ECDSA.items()
    },
    **{
        f"{_PSS}{digest.value}-rsa-MGF1": SignatureAlgorithm(
            identifier=_pss(digest), digest=digest
        )
        for digest in Digest
    },
}


def signature_algorithm(uri: str) -> SignatureAlgorithm:
    """What SignatureMethod/@Algorithm names.

    An HMAC is none: its key would be a secret that both sides know, and a verifier that
    took the signer's public key for it could be told anything.

    Raises:
        DocumentError: unknown, or no signature.
    """
    try:
        return _SIGNATURES[uri]
    except KeyError:
        raise DocumentError(
            f"signature algorithm {uri[:128]}", fault=DocumentFault.UNSUPPORTED
        ) from None


def signature_uri(suite: SignatureSuite) -> str:
    """How XML names the signatures of this suite.

    Raises:
        DocumentError: it has no name for them, as for ML-DSA.
    """
    table = {KeyFamily.RSA: _RSA, KeyFamily.EC: _ECDSA}.get(suite.family)
    if table is None or suite.digest is None:
        raise DocumentError(
            f"XML Signature has no identifier for {suite.id}",
            fault=DocumentFault.UNSUPPORTED,
            hint="sign as CMS or PDF",
        )
    return table[suite.digest][0]


def digest_uri(digest: Digest) -> str:
    """DigestMethod/@Algorithm of a digest."""
    return next(uri for uri, known in DIGESTS.items() if known is digest)


def value_to_der(value: bytes, public_key: bytes) -> bytes | None:
    """The DER of an ECDSA signature that is r and s in as many octets as the field has.

    None if it has another length.
    """
    size = _field_size(public_key)
    if size is None or len(value) != 2 * size:
        return None
    halves = (value[:size], value[size:])
    return sequence(*(integer(int.from_bytes(half, "big")) for half in halves))


def value_from_der(value: bytes, public_key: bytes) -> bytes:
    """r and s side by side."""
    size = _field_size(public_key)
    assert size is not None, "an ECDSA signature has an EC key"
    fields = read_one(value, 0x30).enter()
    pair = (fields.next().integer(), fields.next().integer())
    fields.finish()
    return b"".join(number.to_bytes(size, "big") for number in pair)


def _field_size(public_key: bytes) -> int | None:
    """Octets of one coordinate of an uncompressed point."""
    fields = read_one(public_key, 0x30).enter()
    if fields.next(0x30).enter().next().object_identifier() != oids.EC_PUBLIC_KEY:
        return None
    point = fields.next().bit_octets()
    return (len(point) - 1) // 2 if point[:1] == b"\x04" else None
