"""A private key held in this process, bound to one suite.

The key object is made or loaded once and kept: loading an RSA key validates it, which
costs far more than a signature.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final, TypeGuard

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, mldsa, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from jpki.der import oids
from jpki.errors import KeyProviderError
from jpki.model.suites import Digest, KeyFamily, SignatureSuite

__all__ = [
    "PUBLIC_EXPONENT",
    "PrivateKey",
    "SoftwareSigner",
    "fits",
    "generate_private_key",
]

MLDSAPrivateKey = (
    mldsa.MLDSA44PrivateKey | mldsa.MLDSA65PrivateKey | mldsa.MLDSA87PrivateKey
)
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | MLDSAPrivateKey
_MLDSAType = (
    type[mldsa.MLDSA44PrivateKey]
    | type[mldsa.MLDSA65PrivateKey]
    | type[mldsa.MLDSA87PrivateKey]
)

PUBLIC_EXPONENT: Final = 65537

_HASHES: Final[dict[Digest, hashes.HashAlgorithm]] = {
    Digest.SHA1: hashes.SHA1(),
    Digest.SHA256: hashes.SHA256(),
    Digest.SHA384: hashes.SHA384(),
    Digest.SHA512: hashes.SHA512(),
}
CURVES: Final[dict[str, ec.EllipticCurve]] = {
    oids.SECP256R1: ec.SECP256R1(),
    oids.SECP384R1: ec.SECP384R1(),
}
ML_DSA: Final[dict[int, _MLDSAType]] = {
    44: mldsa.MLDSA44PrivateKey,
    65: mldsa.MLDSA65PrivateKey,
    87: mldsa.MLDSA87PrivateKey,
}


def generate_private_key(suite: SignatureSuite) -> PrivateKey:
    """Make a key of the kind and size that the suite names."""
    if suite.family is KeyFamily.RSA:
        return rsa.generate_private_key(PUBLIC_EXPONENT, int(suite.parameter))
    if suite.family is KeyFamily.EC:
        return ec.generate_private_key(CURVES[str(suite.parameter)])
    return ML_DSA[int(suite.parameter)].generate()


def fits(key: object, suite: SignatureSuite) -> TypeGuard[PrivateKey]:
    """Whether the key is of the kind and size that the suite names."""
    if isinstance(key, rsa.RSAPrivateKey):
        return suite.family is KeyFamily.RSA and key.key_size == suite.parameter
    if isinstance(key, ec.EllipticCurvePrivateKey):
        curve = CURVES.get(str(suite.parameter))
        return curve is not None and key.curve.name == curve.name
    return suite.family is KeyFamily.ML_DSA and isinstance(
        key, ML_DSA[int(suite.parameter)]
    )


class SoftwareSigner:
    """A `Signer` over a private key in memory. The key cannot be taken out again."""

    __slots__ = ("_public_key", "_sign", "_suite")

    def __init__(self, private_key: object, suite: SignatureSuite) -> None:
        if not fits(private_key, suite):
            raise KeyProviderError(f"the key is not of suite {suite.id}")
        self._suite = suite
        self._sign = _operation(private_key, suite)
        self._public_key = private_key.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def suite(self) -> SignatureSuite:
        """The only suite this key signs with."""
        return self._suite

    @property
    def public_key(self) -> bytes:
        """SubjectPublicKeyInfo, DER."""
        return self._public_key

    def sign(self, message: bytes | memoryview) -> bytes:
        """Hash, pad and sign; ECDSA nonces are deterministic (RFC 6979)."""
        return self._sign(message)

    def __repr__(self) -> str:
        name = hashlib.sha256(self._public_key).hexdigest()[:16]
        return f"SoftwareSigner({self._suite.id}, {name})"


def _operation(
    key: PrivateKey, suite: SignatureSuite
) -> Callable[[bytes | memoryview], bytes]:
    if isinstance(key, rsa.RSAPrivateKey):
        assert suite.digest is not None
        rsa_key, pad, name = key, padding.PKCS1v15(), suite.digest.value
        hashed = utils.Prehashed(_HASHES[suite.digest])
        return lambda message: rsa_key.sign(
            hashlib.new(name, message).digest(), pad, hashed
        )
    if isinstance(key, ec.EllipticCurvePrivateKey):
        assert suite.digest is not None
        ec_key = key
        ecdsa = ec.ECDSA(_HASHES[suite.digest], deterministic_signing=True)
        return lambda message: ec_key.sign(message, ecdsa)
    return key.sign
