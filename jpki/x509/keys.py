"""Public keys: naming them, judging them, and checking signatures with them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple, cast

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, mldsa, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_public_key

from jpki.der import oids
from jpki.der.frames import Frame
from jpki.der.reader import Element, read_one
from jpki.der.writer import NULL, object_identifier, sequence
from jpki.errors import EncodingError, KeyRejected
from jpki.model.suites import Digest, KeyFamily, SignatureSuite
from jpki.x509.weak_keys import rsa_weakness

__all__ = [
    "MAX_PUBLIC_KEY",
    "check_strength",
    "inherit_parameters",
    "key_identifier",
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

_HASHES: Final[dict[Digest, hashes.HashAlgorithm]] = {
    Digest.SHA1: hashes.SHA1(),
    Digest.SHA256: hashes.SHA256(),
    Digest.SHA384: hashes.SHA384(),
    Digest.SHA512: hashes.SHA512(),
}
_DIGESTS: Final = {digest.oid: digest for digest in Digest}

_PKCS1: Final = {
    oids.SHA1_WITH_RSA: Digest.SHA1,
    oids.SHA256_WITH_RSA: Digest.SHA256,
    oids.SHA384_WITH_RSA: Digest.SHA384,
    oids.SHA512_WITH_RSA: Digest.SHA512,
}
_ECDSA: Final = {
    _ECDSA_WITH_SHA1: Digest.SHA1,
    oids.ECDSA_WITH_SHA256: Digest.SHA256,
    oids.ECDSA_WITH_SHA384: Digest.SHA384,
    _ECDSA_WITH_SHA512: Digest.SHA512,
}
_DSA_DIGESTS: Final = {_DSA_WITH_SHA1: Digest.SHA1, _DSA_WITH_SHA256: Digest.SHA256}
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
    check = _check_for(bytes(algorithm))
    if check is None:
        return False
    key = _load(bytes(spki))
    if key is None:
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
    if info.oid == oids.RSA_ENCRYPTION:
        modulus, exponent = _read_rsa(info.key)
        if modulus.bit_length() > MAX_VERIFY_RSA_BITS or exponent.bit_length() > 256:
            return None
    try:
        return load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm):
        return None


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
    if oid in _ML_DSA:
        return _ml_dsa(oid)
    if oid in _DSA_DIGESTS:
        return _dsa(_DSA_DIGESTS[oid])
    return None


def _pkcs1(digest: Digest) -> _Check:
    scheme, hash_ = padding.PKCS1v15(), _HASHES[digest]

    def check(key: PublicKeyTypes, signature: bytes, message: bytes) -> None:
        if not isinstance(key, rsa.RSAPublicKey):
            raise InvalidSignature
        key.verify(signature, message, scheme, hash_)

    return check


def _ecdsa(digest: Digest) -> _Check:
    scheme = ec.ECDSA(_HASHES[digest])

    def check(key: PublicKeyTypes, signature: bytes, message: bytes) -> None:
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise InvalidSignature
        key.verify(signature, message, scheme)

    return check


def _dsa(digest: Digest) -> _Check:
    def check(key: PublicKeyTypes, signature: bytes, message: bytes) -> None:
        if not isinstance(key, dsa.DSAPublicKey):
            raise InvalidSignature
        key.verify(signature, message, _HASHES[digest])

    return check


def _ml_dsa(oid: str) -> _Check:
    def check(key: PublicKeyTypes, signature: bytes, message: bytes) -> None:
        if not isinstance(key, _ML_DSA[oid]):
            raise InvalidSignature
        key.verify(signature, message)

    return check


def _pss(parameters: Element) -> _Check | None:
    """RSASSA-PSS-params (RFC 4055 3.1); the same digest for message and mask."""
    fields = parameters.expect(0x30).enter()
    message_digest = _pss_digest(fields.optional(0xA0))
    mask = fields.optional(0xA1)
    salt = fields.optional(0xA2)
    trailer = fields.optional(0xA3)
    fields.finish()
    mask_digest: Digest | None = Digest.SHA1
    if mask is not None:
        oid, inner = _read_algorithm(mask.inside().expect(0x30))
        mask_digest = _digest(inner) if oid == _MGF1 and inner is not None else None
    salt_length = 20 if salt is None else salt.inside().integer()
    if trailer is not None and trailer.inside().integer() != 1:
        return None
    if message_digest is None or mask_digest is None or not 0 <= salt_length <= 1024:
        return None
    scheme = padding.PSS(padding.MGF1(_HASHES[mask_digest]), salt_length)

    def check(key: PublicKeyTypes, signature: bytes, message: bytes) -> None:
        if not isinstance(key, rsa.RSAPublicKey):
            raise InvalidSignature
        key.verify(signature, message, scheme, _HASHES[message_digest])

    return check


def _pss_digest(element: Element | None) -> Digest | None:
    return Digest.SHA1 if element is None else _digest(element.inside())


def _digest(element: Element) -> Digest | None:
    oid, parameters = _read_algorithm(element.expect(0x30))
    if parameters is not None and parameters.raw != NULL:
        return None
    return _DIGESTS.get(oid)
