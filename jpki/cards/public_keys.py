"""Public keys as cards give them and as certificates hold them."""

from __future__ import annotations

from typing import Final

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

__all__ = ["public_key_info", "public_key_template"]

_TEMPLATE: Final = 0x49  # second octet of tag 7F49 (ISO/IEC 7816-8 table 3)
_MODULUS: Final = 0x81
_EXPONENT: Final = 0x82


def public_key_template(modulus: int, exponent: int) -> bytes:
    """Tag 7F49 with an RSA public key."""
    octets = (modulus.bit_length() + 7) // 8
    body = tlv(_MODULUS, modulus.to_bytes(octets, "big"))
    body += tlv(_EXPONENT, exponent.to_bytes((exponent.bit_length() + 7) // 8, "big"))
    return b"\x7f" + tlv(_TEMPLATE, body)


def public_key_info(template: bytes) -> bytes:
    """SubjectPublicKeyInfo, DER, of the RSA key in a 7F49 template.

    Raises:
        CardError: it is no such template.
    """
    try:
        if template[:1] != b"\x7f":
            raise EncodingError("no public key template")
        # The rest reads as one element of tag 49, whose inside is two elements.
        content = read_one(template[1:], _TEMPLATE).content
        fields = read_one(tlv(0x30, content)).enter()
        modulus = int.from_bytes(fields.next(_MODULUS).content, "big")
        exponent = int.from_bytes(fields.next(_EXPONENT).content, "big")
        fields.finish()
    except EncodingError as error:
        raise CardError(f"the card's public key: {error}") from None
    return sequence(
        sequence(object_identifier(oids.RSA_ENCRYPTION), NULL),
        bit_string(sequence(integer(modulus), integer(exponent))),
    )
