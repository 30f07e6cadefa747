"""Public keys as cards give them and as certificates hold them."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from jpki.der import oids
from jpki.der.reader import read_one
from jpki.der.writer import (
    NULL,
    bit_string,
    integer,
    object_identifier,
    sequence,
    tlv,
)
from jpki.errors import CardError, EncodingError
from jpki.model.suites import KeyFamily, SignatureSuite

__all__ = ["key_bits", "public_key_info", "public_key_template"]

# ISO/IEC 7816-8 table 3
_TEMPLATE: Final = 0x49  # second octet of tag 7F49
_MODULUS: Final = 0x81
_EXPONENT: Final = 0x82
_POINT: Final = 0x86

_CURVE_BITS: Final = {oids.SECP256R1: 256, oids.SECP384R1: 384}


def key_bits(suite: SignatureSuite) -> int:
    """By which GENERATE ASYMMETRIC KEY PAIR asks for such a key."""
    if suite.family is KeyFamily.EC:
        return _CURVE_BITS[str(suite.parameter)]
    return int(suite.parameter)


def public_key_template(key: RSAPublicKey | EllipticCurvePublicKey) -> bytes:
    """Tag 7F49 with a public key: modulus and exponent, or a point not compressed."""
    if isinstance(key, RSAPublicKey):
        numbers = key.public_numbers()
        body = tlv(_MODULUS, _octets(numbers.n)) + tlv(_EXPONENT, _octets(numbers.e))
    else:
        point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        body = tlv(_POINT, point)
    return b"\x7f" + tlv(_TEMPLATE, body)


def public_key_info(template: bytes, suite: SignatureSuite) -> bytes:
    """SubjectPublicKeyInfo, DER, of the key in a 7F49 template.

    Raises:
        CardError: it is no such template.
    """
    try:
        if template[:1] != b"\x7f":
            raise EncodingError("no public key template")
        # The rest reads as one element of tag 49, whose inside is one or two elements.
        content = read_one(template[1:], _TEMPLATE).content
        fields = read_one(tlv(0x30, content)).enter()
        if suite.family is KeyFamily.EC:
            point = bytes(fields.next(_POINT).content)
            fields.finish()
            curve = object_identifier(str(suite.parameter))
            algorithm = sequence(object_identifier(oids.EC_PUBLIC_KEY), curve)
            return sequence(algorithm, bit_string(point))
        modulus = int.from_bytes(fields.next(_MODULUS).content, "big")
        exponent = int.from_bytes(fields.next(_EXPONENT).content, "big")
        fields.finish()
    except EncodingError as error:
        raise CardError(f"the card's public key: {error}") from None
    return sequence(
        sequence(object_identifier(oids.RSA_ENCRYPTION), NULL),
        bit_string(sequence(integer(modulus), integer(exponent))),
    )


def _octets(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)
