"""What tokens take and give (PKCS #11), in the forms that certificates have."""

from __future__ import annotations

import hashlib
from typing import Final

from jpki.cards.signing import digest_info
from jpki.der import oids
from jpki.der.reader import read_one
from jpki.der.writer import (
    NULL,
    bit_string,
    integer,
    object_identifier,
    sequence,
)
from jpki.errors import EncodingError, KeyProviderError
from jpki.model.suites import SUITES, KeyFamily, SignatureSuite

__all__ = [
    "ec_public_key",
    "ecdsa_value",
    "key_label",
    "prepared",
    "rsa_public_key",
    "suite_of_label",
]

_OCTET_STRING: Final = 0x04


def key_label(suite: SignatureSuite, name: str) -> str:
    """`SUITE:NAME`: a token knows a key's kind and size, not which digest it is for."""
    return f"{suite.id}:{name}"


def suite_of_label(label: str) -> SignatureSuite:
    """The suite that the label of a key binds it to.

    Raises:
        KeyProviderError: it names none.
    """
    suite = SUITES.get(label.partition(":")[0])
    if suite is None:
        raise KeyProviderError(
            f"the key {label!r} does not name its suite",
            hint=f"its label must begin with one of {', '.join(SUITES)} and a colon",
        )
    return suite


def prepared(suite: SignatureSuite, message: bytes | memoryview) -> bytes:
    """What the token's plain mechanism signs: DigestInfo for RSA, the hash for EC."""
    if suite.digest is None:
        raise KeyProviderError(f"suite {suite.id} has no digest to hand to a token")
    digest = hashlib.new(suite.digest.value, message).digest()
    if suite.family is KeyFamily.RSA:
        return digest_info(suite.digest.value, digest)
    return digest


def ecdsa_value(raw: bytes) -> bytes:
    """Ecdsa-Sig-Value (RFC 3279 2.2.3) of the two numbers as a token joins them.

    Raises:
        KeyProviderError: not two numbers of the same length.
    """
    middle, odd = divmod(len(raw), 2)
    r, s = int.from_bytes(raw[:middle], "big"), int.from_bytes(raw[middle:], "big")
    if odd or not r or not s:
        raise KeyProviderError(
            f"the token gave {len(raw)} octets that are no ECDSA signature"
        )
    return sequence(integer(r), integer(s))


def rsa_public_key(modulus: bytes, exponent: bytes) -> bytes:
    """SubjectPublicKeyInfo of CKA_MODULUS and CKA_PUBLIC_EXPONENT."""
    key = sequence(
        integer(int.from_bytes(modulus, "big")),
        integer(int.from_bytes(exponent, "big")),
    )
    algorithm = sequence(object_identifier(oids.RSA_ENCRYPTION), NULL)
    return sequence(algorithm, bit_string(key))


def ec_public_key(parameters: bytes, point: bytes) -> bytes:
    """SubjectPublicKeyInfo of CKA_EC_PARAMS and CKA_EC_POINT.

    The point is an OCTET STRING (PKCS #11 v2.40 2.3.3); some tokens give it bare.

    Raises:
        KeyProviderError: not a point.
    """
    try:
        octets = read_one(point, _OCTET_STRING).content
    except EncodingError:
        octets = point
    if octets[:1] != b"\x04":
        raise KeyProviderError("the token gave no uncompressed point of a curve")
    algorithm = sequence(object_identifier(oids.EC_PUBLIC_KEY), parameters)
    return sequence(algorithm, bit_string(bytes(octets)))
