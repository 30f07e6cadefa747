"""Public keys: naming them, judging them, and checking signatures with them."""

from __future__ import annotations

import hashlib
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
from jpki.der.frames import Frame
from jpki.der.reader import Element, read_one
from jpki.der.writer import NULL, bit_string, object_identifier, sequence
from jpki.errors import EncodingError, KeyRejected
from jpki.model.suites import Digest, KeyFamily, SignatureSuite

__all__ = [
    "MAX_PUBLIC_KEY",
    "check_strength",
    "inherit_parameters",
    "key_identifier",
    "signature_cost",
    "suite_fits",
    "verify_signature",
]

MAX_PUBLIC_KEY: Final = 8192
"""Octets. RSA-16384 has 2,100; ML-DSA-87 has 2,614."""

MAX_VERIFY_RSA_BITS: Final = 8192
"""A verifier's time grows with the square of the size; no authority here uses more."""

_ML_DSA_SIZES: Final = {44: 1312, 65: 1952, 87: 2592}
_ML_DSA_OIDS: Final = {44: oids.ML_DSA_44, 65: oids.ML_DSA_65, 87: oids.ML_DSA_87}
_CURVE_SIZES: Final = {oids.SECP256R1: 32, oids.SECP384R1: 48}

_DSA: Final = "1.2.840.10040.4.1"
_DSA_WITH_SHA1: Final = "1.2.840.10040.4.3"
_DSA_WITH_SHA256: Final = "2.16.840.1.101.3.4.3.2"
_ECDSA_WITH_SHA1: Final = "1.2.840.10045.4.1"
_ECDSA_WITH_SHA512: Final = "1.2.840.10045.4.3.4"
_ECDSA_WITH_SHA224: Final = "1.2.840.10045.4.3.1"
_SHA224_WITH_RSA: Final = "1.2.840.113549.1.1.14"
_ED25519: Final = "1.3.101.112"
_ED448: Final = "1.3.101.113"
_MGF1: Final = "1.2.840.113549.1.1.8"


# -- naming and judging ---------------------------------------------------------------


class _KeyInfo(NamedTuple):
    oid: str
    parameters: bytes | None
    key: bytes


def _read_key_info(spki: bytes) -> _KeyInfo:
    usual = _USUAL.get(spki[:4])
    if usual is not None and len(spki) == usual.size and spki.startswith(usual.head):
        return _KeyInfo(usual.oid, usual.parameters, spki[len(usual.head) :])
    if len(spki) > MAX_PUBLIC_KEY:
        raise EncodingError(f"a public key of {len(spki)} octets")
    fields = read_one(spki, 0x30).enter()
    oid, parameters = _read_algorithm(fields.next(0x30))
    key = fields.next().bit_octets()
    fields.finish()
    return _KeyInfo(oid, None if parameters is None else parameters.raw, key)


def _read_algorithm(element: Element) -> tuple[str, Element | None]:
    fields = element.enter()
    oid = fields.next().object_identifier()
    parameters = fields.next() if fields else None
    fields.finish()
    return oid, parameters


class _Usual(NamedTuple):
    """What stands before the bits of such a key, and the size of it all."""

    oid: str
    parameters: bytes
    head: bytes
    size: int

    @classmethod
    def of(cls, oid: str, parameters: bytes, size: int) -> _Usual:
        identifier = sequence(object_identifier(oid), parameters)
        head = Frame((0x30, identifier), (0x03, b"\x00")).head(size)
        return cls(oid, parameters, head, len(head) + size)


_USUAL: Final = {
    usual.head[:4]: usual
    for usual in (
        _Usual.of(oids.RSA_ENCRYPTION, NULL, 140),
        _Usual.of(oids.RSA_ENCRYPTION, NULL, 270),
        *(
            _Usual.of(oids.EC_PUBLIC_KEY, object_identifier(curve), 1 + 2 * size)
            for curve, size in _CURVE_SIZES.items()
        ),
    )
}
"""Keys as cards make them, by their first octets: RSA of 1024 and 2048 bits with the
exponent 65537, and the curves. They are read without walking through them."""


def key_identifier(spki: bytes) -> bytes:
    """SHA-1 of the key's bits: method (1) of RFC 5280 4.2.1.2. It names, not secures.

    Raises:
        EncodingError: not a SubjectPublicKeyInfo.
    """
    return hashlib.sha1(_read_key_info(spki).key, usedforsecurity=False).digest()


def suite_fits(spki: bytes, suite: SignatureSuite) -> bool:
    """Whether this key is of the kind and size that the suite signs with.

    Raises:
        EncodingError: not a SubjectPublicKeyInfo.
    """
    info = _read_key_info(spki)
    match suite.family:
        case KeyFamily.RSA:
            if info.oid != oids.RSA_ENCRYPTION or info.parameters != NULL:
                return False
            modulus, _ = _read_rsa(info.key)
            return modulus.bit_length() == suite.parameter
        case KeyFamily.EC:
            curve = str(suite.parameter)
            return (
                info.oid == oids.EC_PUBLIC_KEY
                and info.parameters == object_identifier(curve)
                and len(info.key) == 1 + 2 * _CURVE_SIZES[curve]
                and info.key[0] == 0x04
            )
        case KeyFamily.ML_DSA:
            size = int(suite.parameter)
            return (
                info.oid == _ML_DSA_OIDS[size]
                and info.parameters is None
                and len(info.key) == _ML_DSA_SIZES[size]
            )


def _read_rsa(key: bytes) -> tuple[int, int]:
    fields = read_one(key, 0x30).enter()
    modulus = fields.next().integer()
    exponent = fields.next().integer()
    fields.finish()
    if modulus <= 0 or exponent <= 0:
        raise EncodingError("RSA modulus or exponent is not positive")
    return modulus, exponent


def check_strength(spki: bytes, suite: SignatureSuite) -> None:
    """Refuse a key that must not be certified for this suite.

    Raises:
        KeyRejected: of another kind or size, or weak.
        EncodingError: not a SubjectPublicKeyInfo.
    """
    if not suite_fits(spki, suite):
        raise KeyRejected("wrong-suite", f"not a key for {suite.id}")
    if suite.family is KeyFamily.RSA:
        # It computes tables when it is loaded, which verifying needs none of.
        from jpki.x509.weak_keys import rsa_weakness

        modulus, exponent = _read_rsa(_read_key_info(spki).key)
        if (weakness := rsa_weakness(modulus, exponent)) is not None:
            raise KeyRejected("weak", weakness)
    elif _load(spki) is None:
        raise KeyRejected("weak", "the key is not a point of its curve or ring")


def inherit_parameters(spki: bytes, issuer_spki: bytes) -> bytes:
    """This key with the issuer's parameters where it has none (RFC 5280 6.1.4 (e)).

    Raises:
        EncodingError: not a SubjectPublicKeyInfo.
    """
    info, issuer = _read_key_info(spki), _read_key_info(issuer_spki)
    missing = info.parameters is None or info.parameters == NULL
    if info.oid != _DSA or issuer.oid != _DSA or not missing or not issuer.parameters:
        return spki
    key = read_one(spki).enter()
    key.next()
    return sequence(
        sequence(object_identifier(info.oid), issuer.parameters), key.next().raw
    )


# -- signatures -----------------------------------------------------------------------

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
    key = _load(spki)
    if key is None or not _permits(spki, algorithm):
        return False
    try:
        # Any buffer will do, whatever the annotations of the library say.
        check(key, signature, cast("bytes", message))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


@lru_cache(maxsize=1024)
def _load(spki: bytes) -> PublicKeyTypes | None:
    """The key as the cryptographic library has it; None if it will not have it."""
    info = _read_key_info(spki)
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


def _is_well_formed(info: _KeyInfo) -> bool:
    """Whether parameters and sizes are such as the key's algorithm has.

    Explicit curve parameters are refused (RFC 5480 2.1.1): whoever chooses the base
    point can make a key that fits anybody's signature.
    """
    match info.oid:
        case oids.RSA_ENCRYPTION | oids.RSASSA_PSS:
            if info.oid == oids.RSA_ENCRYPTION and info.parameters != NULL:
                return False  # RFC 3279 2.3.1
            modulus, exponent = _read_rsa(info.key)
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
    info = _read_key_info(spki)
    if info.oid != oids.RSASSA_PSS:
        return True
    oid, parameters = _read_algorithm(read_one(algorithm, 0x30))
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
    oid, parameters = _read_algorithm(read_one(algorithm, 0x30))
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
        oid, inner = _read_algorithm(mask.inside().expect(0x30))
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
    oid, parameters = _read_algorithm(element.expect(0x30))
    if parameters is not None and parameters.raw != NULL:
        return None
    return oid if oid in _DIGESTS else None


# -- what it costs --------------------------------------------------------------------


@lru_cache(maxsize=1024)
def signature_cost(spki: bytes) -> int:
    """What checking one signature of this key takes, in checks of RSA-2048.

    Measured orders of magnitude, for budgets; a key that cannot be read costs one.
    """
    try:
        info = _read_key_info(spki)
        if info.oid in (oids.RSA_ENCRYPTION, oids.RSASSA_PSS):
            modulus, exponent = _read_rsa(info.key)
            squarings = max(exponent.bit_length(), 17) / 17
            return max(1, round((modulus.bit_length() / 2048) ** 2 * squarings))
    except EncodingError:
        return 1
    if info.parameters == object_identifier(oids.SECP256R1):
        return 3
    return 25 if info.oid == oids.EC_PUBLIC_KEY else 6
