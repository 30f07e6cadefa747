"""Whether a signature is one of this key, by every algorithm that certificates use."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple, cast

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import (
    dsa,
    ec,
    ed448,
    ed25519,
    mldsa,
    padding,
    rsa,
)
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_public_key

from jpki.der import oids
from jpki.der.reader import Element, read_one
from jpki.der.writer import NULL, bit_string, object_identifier, sequence
from jpki.errors import EncodingError
from jpki.model.suites import Digest
from jpki.x509.key_info import KeyInfo, read_algorithm, read_key_info, read_rsa

__all__ = ["loaded_key", "signature_cost", "verify_signature"]

MAX_VERIFY_RSA_BITS: Final = 8192
"""A verifier's time grows with the square of the size; no authority here uses more."""

_DSA_WITH_SHA1: Final = "1.2.840.10040.4.3"
_DSA_WITH_SHA256: Final = "2.16.840.1.101.3.4.3.2"
_ECDSA_WITH_SHA1: Final = "1.2.840.10045.4.1"
_ECDSA_WITH_SHA512: Final = "1.2.840.10045.4.3.4"
_ECDSA_WITH_SHA224: Final = "1.2.840.10045.4.3.1"
_SHA224_WITH_RSA: Final = "1.2.840.113549.1.1.14"
_ED25519: Final = "1.3.101.112"
_ED448: Final = "1.3.101.113"
_MGF1: Final = "1.2.840.113549.1.1.8"

_Check = Callable[[PublicKeyTypes, bytes, bytes], None]

_SHA1, _SHA224, _SHA256 = hashes.SHA1(), hashes.SHA224(), hashes.SHA256()
_SHA384, _SHA512 = hashes.SHA384(), hashes.SHA512()

_DIGESTS: Final[dict[str, hashes.HashAlgorithm]] = {
    Digest.SHA1.oid: _SHA1,
    "2.16.840.1.101.3.4.2.4": _SHA224,
    Digest.SHA256.oid: _SHA256,
    Digest.SHA384.oid: _SHA384,
    Digest.SHA512.oid: _SHA512,
}
_PKCS1: Final[dict[str, hashes.HashAlgorithm]] = {
    oids.SHA1_WITH_RSA: _SHA1,
    _SHA224_WITH_RSA: _SHA224,
    oids.SHA256_WITH_RSA: _SHA256,
    oids.SHA384_WITH_RSA: _SHA384,
    oids.SHA512_WITH_RSA: _SHA512,
}
_ECDSA: Final[dict[str, hashes.HashAlgorithm]] = {
    _ECDSA_WITH_SHA1: _SHA1,
    _ECDSA_WITH_SHA224: _SHA224,
    oids.ECDSA_WITH_SHA256: _SHA256,
    oids.ECDSA_WITH_SHA384: _SHA384,
    _ECDSA_WITH_SHA512: _SHA512,
}
"""MD2 and MD5 are left out on purpose: anybody can make such a signature fit."""
_DSA_DIGESTS: Final[dict[str, hashes.HashAlgorithm]] = {
    _DSA_WITH_SHA1: _SHA1,
    _DSA_WITH_SHA256: _SHA256,
}
_EdwardsPublicKey = ed25519.Ed25519PublicKey | ed448.Ed448PublicKey
_EDWARDS: Final[dict[str, type[_EdwardsPublicKey]]] = {
    _ED25519: ed25519.Ed25519PublicKey,
    _ED448: ed448.Ed448PublicKey,
}
_MLDSAPublicKey = (
    mldsa.MLDSA44PublicKey | mldsa.MLDSA65PublicKey | mldsa.MLDSA87PublicKey
)
_ML_DSA: Final[dict[str, type[_MLDSAPublicKey]]] = {
    oids.ML_DSA_44: mldsa.MLDSA44PublicKey,
    oids.ML_DSA_65: mldsa.MLDSA65PublicKey,
    oids.ML_DSA_87: mldsa.MLDSA87PublicKey,
}


def verify_signature(
    spki: bytes, algorithm: bytes, signature: bytes, message: bytes | memoryview
) -> bool:
    """Whether this key made this signature over the message.

    `algorithm` is the AlgorithmIdentifier as it stands beside the signature. An unknown
    algorithm, or one that does not fit the key, gives False: whether an algorithm is
    still good enough at some time is for an era to judge, not for this function.

    Raises:
        EncodingError: key or algorithm is not DER of its type.
    """
    algorithm, spki = bytes(algorithm), bytes(spki)
    check = _check_for(algorithm)
    if check is None:
        return False
    key = loaded_key(spki)
    if key is None or not _permits(spki, algorithm):
        return False
    try:
        # Any buffer will do, whatever the annotations of the library say.
        check(key, signature, cast("bytes", message))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


@lru_cache(maxsize=1024)
def loaded_key(spki: bytes) -> PublicKeyTypes | None:
    """The key as the cryptographic library has it; None if it will not have it."""
    info = read_key_info(spki)
    if not _is_well_formed(info):
        return None
    if info.oid == oids.RSASSA_PSS:
        # The library takes few of the parameters; `_permits` reads them all.
        spki = sequence(_RSA_IDENTIFIER, bit_string(info.key))
    try:
        return load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm):
        return None


_RSA_IDENTIFIER: Final = sequence(object_identifier(oids.RSA_ENCRYPTION), NULL)


def _is_well_formed(info: KeyInfo) -> bool:
    """Whether parameters and sizes are such as the key's algorithm has.

    Explicit curve parameters are refused (RFC 5480 2.1.1): whoever chooses the base
    point can make a key that fits anybody's signature.
    """
    match info.oid:
        case oids.RSA_ENCRYPTION | oids.RSASSA_PSS:
            if info.oid == oids.RSA_ENCRYPTION and info.parameters != NULL:
                return False  # RFC 3279 2.3.1
            modulus, exponent = read_rsa(info.key)
            return (
                modulus.bit_length() <= MAX_VERIFY_RSA_BITS
                and 1 < exponent.bit_length() <= 256
                and bool(modulus & exponent & 1)
            )
        case oids.EC_PUBLIC_KEY:
            return info.parameters is not None and info.parameters[0] == 0x06
        case "1.3.101.112" | "1.3.101.113":
            return info.parameters is None  # RFC 8410 3
    return True


@lru_cache(maxsize=1024)
def _permits(spki: bytes, algorithm: bytes) -> bool:
    """Whether the key does not forbid this algorithm (RFC 4055 1.2, 3.1).

    A key named as RSASSA-PSS makes no other signatures, and where it has parameters,
    only with that digest and no shorter salt.
    """
    info = read_key_info(spki)
    if info.oid != oids.RSASSA_PSS:
        return True
    oid, parameters = read_algorithm(read_one(algorithm, 0x30))
    if oid != oids.RSASSA_PSS or parameters is None:
        return False
    if info.parameters is None:
        return True
    wanted = _read_pss(read_one(info.parameters))
    used = _read_pss(parameters)
    return (
        wanted is not None
        and used is not None
        and (used.digest, used.mask) == (wanted.digest, wanted.mask)
        and used.salt >= wanted.salt
    )


@lru_cache(maxsize=256)
def _check_for(algorithm: bytes) -> _Check | None:
    """How signatures of this AlgorithmIdentifier are checked; None if it is unknown."""
    oid, parameters = read_algorithm(read_one(algorithm, 0x30))
    if oid in _PKCS1 and (parameters is None or parameters.raw == NULL):
        return _pkcs1(_PKCS1[oid])
    if oid == oids.RSASSA_PSS and parameters is not None:
        return _pss(parameters)
    if parameters is not None:
        return None
    if oid in _ECDSA:
        return _ecdsa(_ECDSA[oid])
    if oid in _EDWARDS:
        return _edwards(oid)
    if oid in _ML_DSA:
        return _ml_dsa(oid)
    if oid in _DSA_DIGESTS:
        return _dsa(_DSA_DIGESTS[oid])
    return None


def _pkcs1(digest: hashes.HashAlgorithm) -> _Check:
    scheme = padding.PKCS1v15()

    def check(key: PublicKeyTypes, signature: bytes, message: bytes) -> None:
        if not isinstance(key, rsa.RSAPublicKey):
            raise InvalidSignature
        key.verify(signature, message, scheme, digest)

    return check


def _ecdsa(digest: hashes.HashAlgorithm) -> _Check:
    scheme = ec.ECDSA(digest)

    def check(key: PublicKeyTypes, signature: bytes, message: bytes) -> None:
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise InvalidSignature
        key.verify(signature, message, scheme)

    return check


def _edwards(oid: str) -> _Check:
    def check(key: PublicKeyTypes, signature: bytes, message: bytes) -> None:
        if not isinstance(key, _EDWARDS[oid]):
            raise InvalidSignature
        key.verify(signature, bytes(message))

    return check


def _dsa(digest: hashes.HashAlgorithm) -> _Check:
    def check(key: PublicKeyTypes, signature: bytes, message: bytes) -> None:
        if not isinstance(key, dsa.DSAPublicKey):
            raise InvalidSignature
        key.verify(signature, message, digest)

    return check


def _ml_dsa(oid: str) -> _Check:
    def check(key: PublicKeyTypes, signature: bytes, message: bytes) -> None:
        if not isinstance(key, _ML_DSA[oid]):
            raise InvalidSignature
        key.verify(signature, message)

    return check


class _PSS(NamedTuple):
    """RSASSA-PSS-params, understood; digests by identifier."""

    digest: str
    mask: str
    salt: int


def _read_pss(parameters: Element) -> _PSS | None:
    """RSASSA-PSS-params (RFC 4055 3.1); None where a digest or trailer is unknown."""
    fields = parameters.expect(0x30).enter()
    message_digest = fields.optional(0xA0)
    mask = fields.optional(0xA1)
    salt = fields.optional(0xA2)
    trailer = fields.optional(0xA3)
    fields.finish()
    sha1 = Digest.SHA1.oid
    digest = sha1 if message_digest is None else _digest(message_digest.inside())
    mask_digest: str | None = sha1
    if mask is not None:
        oid, inner = read_algorithm(mask.inside().expect(0x30))
        mask_digest = _digest(inner) if oid == _MGF1 and inner is not None else None
    salt_length = 20 if salt is None else salt.inside().integer()
    if trailer is not None and trailer.inside().integer() != 1:
        return None
    if digest is None or mask_digest is None or not 0 <= salt_length <= 1024:
        return None
    return _PSS(digest, mask_digest, salt_length)


def _pss(parameters: Element) -> _Check | None:
    read = _read_pss(parameters)
    if read is None:
        return None
    digest = _DIGESTS[read.digest]
    scheme = padding.PSS(padding.MGF1(_DIGESTS[read.mask]), read.salt)

    def check(key: PublicKeyTypes, signature: bytes, message: bytes) -> None:
        if not isinstance(key, rsa.RSAPublicKey):
            raise InvalidSignature
        key.verify(signature, message, scheme, digest)

    return check


def _digest(element: Element) -> str | None:
    oid, parameters = read_algorithm(element.expect(0x30))
    if parameters is not None and parameters.raw != NULL:
        return None
    return oid if oid in _DIGESTS else None


@lru_cache(maxsize=1024)
def signature_cost(spki: bytes) -> int:
    """What checking one signature of this key takes, in checks of RSA-2048.

    Measured orders of magnitude, for budgets; a key that cannot be read costs one.
    """
    try:
        info = read_key_info(spki)
        if info.oid in (oids.RSA_ENCRYPTION, oids.RSASSA_PSS):
            modulus, exponent = read_rsa(info.key)
            squarings = max(exponent.bit_length(), 17) / 17
            return max(1, round((modulus.bit_length() / 2048) ** 2 * squarings))
    except EncodingError:
        return 1
    if info.parameters == object_identifier(oids.SECP256R1):
        return 3
    return 25 if info.oid == oids.EC_PUBLIC_KEY else 6
