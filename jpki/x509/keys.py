"""Public keys: naming them, and judging whether they may be certified."""

from __future__ import annotations

import hashlib
from typing import Final

from jpki.der import oids
from jpki.der.reader import read_one
from jpki.der.writer import NULL, object_identifier, sequence
from jpki.errors import KeyRejected
from jpki.model.suites import KeyFamily, SignatureSuite
from jpki.x509.key_info import CURVE_SIZES, read_key_info, read_rsa
from jpki.x509.signatures import loaded_key

__all__ = ["check_strength", "inherit_parameters", "key_identifier", "suite_fits"]

_ML_DSA_SIZES: Final = {44: 1312, 65: 1952, 87: 2592}
_ML_DSA_OIDS: Final = {44: oids.ML_DSA_44, 65: oids.ML_DSA_65, 87: oids.ML_DSA_87}
_DSA: Final = "1.2.840.10040.4.1"


def key_identifier(spki: bytes) -> bytes:
    """SHA-1 of the key's bits: method (1) of RFC 5280 4.2.1.2. It names, not secures.

    Raises:
        EncodingError: not a SubjectPublicKeyInfo.
    """
    return hashlib.sha1(read_key_info(spki).key, usedforsecurity=False).digest()


def suite_fits(spki: bytes, suite: SignatureSuite) -> bool:
    """Whether this key is of the kind and size that the suite signs with.

    Raises:
        EncodingError: not a SubjectPublicKeyInfo.
    """
    info = read_key_info(spki)
    match suite.family:
        case KeyFamily.RSA:
            if info.oid != oids.RSA_ENCRYPTION or info.parameters != NULL:
                return False
            modulus, _ = read_rsa(info.key)
            return modulus.bit_length() == suite.parameter
        case KeyFamily.EC:
            curve = str(suite.parameter)
            return (
                info.oid == oids.EC_PUBLIC_KEY
                and info.parameters == object_identifier(curve)
                and len(info.key) == 1 + 2 * CURVE_SIZES[curve]
                and info.key[0] == 0x04
            )
        case KeyFamily.ML_DSA:
            size = int(suite.parameter)
            return (
                info.oid == _ML_DSA_OIDS[size]
                and info.parameters is None
                and len(info.key) == _ML_DSA_SIZES[size]
            )


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

        modulus, exponent = read_rsa(read_key_info(spki).key)
        if (weakness := rsa_weakness(modulus, exponent)) is not None:
            raise KeyRejected("weak", weakness)
    elif loaded_key(spki) is None:
        raise KeyRejected("weak", "the key is not a point of its curve or ring")


def inherit_parameters(spki: bytes, issuer_spki: bytes) -> bytes:
    """This key with the issuer's parameters where it has none (RFC 5280 6.1.4 (e)).

    Raises:
        EncodingError: not a SubjectPublicKeyInfo.
    """
    info, issuer = read_key_info(spki), read_key_info(issuer_spki)
    missing = info.parameters is None or info.parameters == NULL
    if info.oid != _DSA or issuer.oid != _DSA or not missing or not issuer.parameters:
        return spki
    key = read_one(spki).enter()
    key.next()
    return sequence(
        sequence(object_identifier(info.oid), issuer.parameters), key.next().raw
    )
