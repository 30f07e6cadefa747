"""SubjectPublicKeyInfo read octet by octet: which key it is, and nothing judged."""

from __future__ import annotations

from typing import Final, NamedTuple

from jpki.der import oids
from jpki.der.frames import Frame
from jpki.der.reader import Element, read_one
from jpki.der.writer import NULL, object_identifier, sequence
from jpki.errors import EncodingError

__all__ = [
    "CURVE_SIZES",
    "MAX_PUBLIC_KEY",
    "KeyInfo",
    "read_algorithm",
    "read_key_info",
    "read_rsa",
]

MAX_PUBLIC_KEY: Final = 8192
"""Octets. RSA-16384 has 2,100; ML-DSA-87 has 2,614."""

CURVE_SIZES: Final = {oids.SECP256R1: 32, oids.SECP384R1: 48}
"""Octets of a coordinate, by the curve's OID."""


class KeyInfo(NamedTuple):
    """A SubjectPublicKeyInfo in its parts."""

    oid: str
    parameters: bytes | None
    key: bytes


def read_key_info(spki: bytes) -> KeyInfo:
    """The parts of a public key; whether they fit together is not looked at.

    Raises:
        EncodingError: not a SubjectPublicKeyInfo, or longer than any key.
    """
    usual = _USUAL.get(spki[:4])
    if usual is not None and len(spki) == usual.size and spki.startswith(usual.head):
        return KeyInfo(usual.oid, usual.parameters, spki[len(usual.head) :])
    if len(spki) > MAX_PUBLIC_KEY:
        raise EncodingError(f"a public key of {len(spki)} octets")
    fields = read_one(spki, 0x30).enter()
    oid, parameters = read_algorithm(fields.next(0x30))
    key = fields.next().bit_octets()
    fields.finish()
    return KeyInfo(oid, None if parameters is None else parameters.raw, key)


def read_algorithm(element: Element) -> tuple[str, Element | None]:
    """An AlgorithmIdentifier's OID, and its parameters if it has any.

    Raises:
        EncodingError: it is none.
    """
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
            for curve, size in CURVE_SIZES.items()
        ),
    )
}
"""Keys as cards make them, by their first octets: RSA of 1024 and 2048 bits with the
exponent 65537, and the curves. They are read without walking through them."""


def read_rsa(key: bytes) -> tuple[int, int]:
    """Modulus and exponent of an RSAPublicKey.

    Raises:
        EncodingError: it is none, or a number is not positive.
    """
    fields = read_one(key, 0x30).enter()
    modulus = fields.next().integer()
    exponent = fields.next().integer()
    fields.finish()
    if modulus <= 0 or exponent <= 0:
        raise EncodingError("RSA modulus or exponent is not positive")
    return modulus, exponent
