"""The one table of signature algorithms. Everything else derives from it.

A suite names key, digest and signature identifier together; a key is bound to one
suite for life, so nobody picks a digest at signing time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from jpki.der import oids
from jpki.der.writer import NULL, object_identifier, sequence
from jpki.errors import KeyProviderError

__all__ = ["SUITES", "Digest", "KeyFamily", "SignatureSuite", "SuiteId", "suite"]

SuiteId = str
"""Such as `rsa2048-sha256`; the key of `SUITES`."""


class KeyFamily(Enum):
    """What kind of key."""

    RSA = "rsa"
    EC = "ec"
    ML_DSA = "ml-dsa"


class Digest(Enum):
    """Hash functions, by their `hashlib` names."""

    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"

    @property
    def oid(self) -> str:
        """The hash function's object identifier."""
        return _DIGEST_OIDS[self]


_DIGEST_OIDS: Final = {
    Digest.SHA1: oids.SHA1,
    Digest.SHA256: oids.SHA256,
    Digest.SHA384: oids.SHA384,
    Digest.SHA512: oids.SHA512,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class SignatureSuite:
    """Key, digest and signature algorithm as one thing."""

    id: SuiteId
    family: KeyFamily
    parameter: int | str
    """RSA: modulus bits. EC: curve object identifier. ML-DSA: 44, 65 or 87."""
    digest: Digest | None
    """None where the algorithm signs the message itself (ML-DSA, FIPS 204)."""
    signature_oid: str
    source: str

    algorithm_identifier: bytes = field(init=False, repr=False)
    """AlgorithmIdentifier DER: NULL parameters for RSA, absent for the others."""

    def __post_init__(self) -> None:
        parameters = NULL if self.family is KeyFamily.RSA else b""
        identifier = sequence(object_identifier(self.signature_oid), parameters)
        object.__setattr__(self, "algorithm_identifier", identifier)


def _rsa(bits: int, digest: Digest, oid: str) -> SignatureSuite:
    return SignatureSuite(
        id=f"rsa{bits}-{digest.value}",
        family=KeyFamily.RSA,
        parameter=bits,
        digest=digest,
        signature_oid=oid,
        source="RFC 8017 section 8.2, RFC 4055 section 5",
    )


_TABLE: Final = (
    _rsa(1024, Digest.SHA1, oids.SHA1_WITH_RSA),
    _rsa(2048, Digest.SHA1, oids.SHA1_WITH_RSA),
    _rsa(2048, Digest.SHA256, oids.SHA256_WITH_RSA),
    SignatureSuite(
        id="p256-sha256",
        family=KeyFamily.EC,
        parameter=oids.SECP256R1,
        digest=Digest.SHA256,
        signature_oid=oids.ECDSA_WITH_SHA256,
        source="RFC 5758 section 3.2",
    ),
    SignatureSuite(
        id="p384-sha384",
        family=KeyFamily.EC,
        parameter=oids.SECP384R1,
        digest=Digest.SHA384,
        signature_oid=oids.ECDSA_WITH_SHA384,
        source="RFC 5758 section 3.2",
    ),
    SignatureSuite(
        id="mldsa65",
        family=KeyFamily.ML_DSA,
        parameter=65,
        digest=None,
        signature_oid=oids.ML_DSA_65,
        source="FIPS 204, RFC 9881",
    ),
)

SUITES: Final = {entry.id: entry for entry in _TABLE}


def suite(suite_id: SuiteId) -> SignatureSuite:
    """The suite of this id.

    Raises:
        KeyProviderError: no such suite.
    """
    try:
        return SUITES[suite_id]
    except KeyError:
        known = ", ".join(SUITES)
        raise KeyProviderError(
            f"unknown signature suite {suite_id!r}", hint=f"one of {known}"
        ) from None
