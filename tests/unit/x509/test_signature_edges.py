"""Signatures that a careless check would take: RSA PKCS#1 v1.5, PSS and ECDSA.

The cases are of the kinds that Project Wycheproof collects. What the cryptographic
library refuses stays refused behind our door, and what it accepts stays accepted.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Final

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from jpki.der import oids
from jpki.der.writer import (
    NULL,
    explicit,
    integer,
    object_identifier,
    octet_string,
    sequence,
    tlv,
)
from jpki.model.suites import suite
from jpki.x509.signatures import verify_signature

MESSAGE: Final = b"123400"
_SHA256: Final = "2.16.840.1.101.3.4.2.1"
_SHA512: Final = "2.16.840.1.101.3.4.2.3"
_DIGEST: Final = hashlib.sha256(MESSAGE).digest()


def _spki(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


# -- RSA PKCS#1 v1.5 ------------------------------------------------------------------

_ALGORITHM: Final = sequence(object_identifier(oids.SHA256_WITH_RSA), NULL)


@cache
def _key(exponent: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(exponent, 2048)


def _info(
    oid: str = _SHA256, parameters: bytes = NULL, digest: bytes = _DIGEST
) -> bytes:
    return sequence(sequence(object_identifier(oid), parameters), octet_string(digest))


def _powered(block: bytes, exponent: int = 65537) -> bytes:
    """The private operation on any block of the modulus' size."""
    numbers = _key(exponent).private_numbers()
    modulus = numbers.public_numbers.n
    value = pow(int.from_bytes(block), numbers.d, modulus)
    return value.to_bytes(256)


def _block(
    info: bytes,
    *,
    head: bytes = b"\x00\x01",
    fill: bytes = b"\xff",
    end: bytes = b"\x00",
) -> bytes:
    length = 256 - len(head) - len(end) - len(info)
    return head + (fill * length)[:length] + end + info


_GOOD: Final = _block(_info())
_BLOCKS: Final = {
    "no parameters in DigestInfo": _block(_info(parameters=b"")),
    "empty sequence as parameters": _block(_info(parameters=sequence())),
    "another digest named": _block(_info(oid=_SHA512)),
    "the digest of another message": _block(_info(digest=hashlib.sha256().digest())),
    "a digest that is too short": _block(_info(digest=_DIGEST[:-1])),
    "the digest alone": _block(_DIGEST),
    "octets after DigestInfo": _block(_info() + b"\x00"),
    "octets inside DigestInfo": _block(
        tlv(0x30, _info()[2:] + b"\x05\x00"),
    ),
    "length of DigestInfo in the long form": _block(
        b"\x30\x81" + bytes([len(_info()) - 2]) + _info()[2:]
    ),
    "block type 0": _block(_info(), head=b"\x00\x00"),
    "block type 2": _block(_info(), head=b"\x00\x02"),
    "first octet not zero": _block(_info(), head=b"\x01\x01"),
    "padding of zeros": _block(_info(), fill=b"\x00"),
    "one octet of padding is another": _GOOD[:20] + b"\xfe" + _GOOD[21:],
    "no octet between": _block(_info(), end=b""),
    "two octets between": _block(_info(), end=b"\x00\x00"),
    "hardly any padding, the rest behind": (
        b"\x00\x01" + b"\xff" * 8 + b"\x00" + _info()
    ).ljust(256, b"\x00"),
}


def test_the_right_block_is_accepted() -> None:
    """So that the others fail for what they are."""
    assert verify_signature(
        _spki(_key(65537).public_key()), _ALGORITHM, _powered(_GOOD), MESSAGE
    )


@pytest.mark.parametrize("name", _BLOCKS)
def test_a_block_that_is_not_exactly_right(name: str) -> None:
    """EMSA-PKCS1-v1_5 is built and compared, not parsed (RFC 8017 8.2.2)."""
    block = _BLOCKS[name]
    assert len(block) == 256
    spki = _spki(_key(65537).public_key())
    assert not verify_signature(spki, _ALGORITHM, _powered(block), MESSAGE)


def test_a_forged_cube_is_refused() -> None:
    """With exponent 3 a cube root needs no private key (Bleichenbacher, 2006)."""
    key = _key(3)
    prefix = b"\x00\x01" + b"\xff" * 8 + b"\x00" + _info()
    target = int.from_bytes(prefix.ljust(256, b"\xff"))
    low, high = 0, 1 << 700
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**3 <= target else (low, middle - 1)
    assert (low**3).to_bytes(256).startswith(prefix)
    forged = low.to_bytes(256)
    assert not verify_signature(_spki(key.public_key()), _ALGORITHM, forged, MESSAGE)
    good = _powered(_GOOD, 3)
    assert verify_signature(_spki(key.public_key()), _ALGORITHM, good, MESSAGE)


def test_values_out_of_range_and_length() -> None:
    """Shorter, longer, zero, one, and the same again beyond the modulus."""
    spki, good = _spki(_key(65537).public_key()), _powered(_GOOD)
    modulus = _key(65537).public_key().public_numbers().n
    beyond = int.from_bytes(good) + modulus
    values = [b"", good[1:], good[:-1], b"\x00" + good, good + b"\x00", bytes(256)]
    values += [(1).to_bytes(256), (modulus - 1).to_bytes(256), modulus.to_bytes(256)]
    if beyond < 1 << 2048:
        values.append(beyond.to_bytes(256))
    for value in values:
        assert not verify_signature(spki, _ALGORITHM, value, MESSAGE)


# -- RSASSA-PSS -----------------------------------------------------------------------


def _pss_algorithm(
    salt: int = 32, trailer: int | None = None, mgf: str = _SHA256
) -> bytes:
    digest = sequence(object_identifier(_SHA256), NULL)
    mask = sequence(
        object_identifier("1.2.840.113549.1.1.8"),
        sequence(object_identifier(mgf), NULL),
    )
    parameters = explicit(0, digest) + explicit(1, mask) + explicit(2, integer(salt))
    if trailer is not None:
        parameters += explicit(3, integer(trailer))
    return sequence(object_identifier(oids.RSASSA_PSS), sequence(parameters))


def _pss(salt: int) -> bytes:
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), salt)
    return _key(65537).sign(MESSAGE, scheme, hashes.SHA256())


@pytest.mark.parametrize("salt", [0, 20, 32, 222])
def test_the_salt_has_the_length_that_is_said(salt: int) -> None:
    """One signature, one length."""
    spki, signature = _spki(_key(65537).public_key()), _pss(salt)
    assert verify_signature(spki, _pss_algorithm(salt), signature, MESSAGE)
    for other in {0, 20, 32, 222} - {salt}:
        assert not verify_signature(spki, _pss_algorithm(other), signature, MESSAGE)


def test_pss_parameters_are_meant() -> None:
    """Another trailer, another mask, an impossible salt, v1.5 instead: refused."""
    spki, signature = _spki(_key(65537).public_key()), _pss(32)
    for algorithm in (
        _pss_algorithm(trailer=2),
        _pss_algorithm(mgf=_SHA512),
        _pss_algorithm(salt=223),
        _pss_algorithm(salt=-1),
        _ALGORITHM,
        sequence(object_identifier(oids.RSASSA_PSS)),
    ):
        assert not verify_signature(spki, algorithm, signature, MESSAGE)
    for end in (b"\xcc", b"\x00"):
        broken = signature[:-1] + end
        assert broken == signature or not verify_signature(
            spki, _pss_algorithm(), broken, MESSAGE
        )


# -- ECDSA ----------------------------------------------------------------------------

_CURVES: Final = {
    "p256-sha256": (
        ec.SECP256R1(),
        0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    ),
    "p384-sha384": (
        ec.SECP384R1(),
        int(
            "ffffffffffffffffffffffffffffffffffffffffffffffff"
            "c7634d81f4372ddf581a0db248b0a77aecec196accc52973",
            16,
        ),
    ),
}


def _ecdsa_cases(r: int, s: int, order: int) -> dict[str, bytes]:
    good = encode_dss_signature(r, s)
    first, second = integer(r), integer(s)

    def pair(one: int, other: int) -> bytes:
        return sequence(integer(one), integer(other))

    return {
        "empty": b"",
        "empty sequence": sequence(),
        "r alone": sequence(first),
        "three numbers": sequence(first, second, second),
        "r is 0": pair(0, s),
        "s is 0": pair(r, 0),
        "both 0": pair(0, 0),
        "both 1": pair(1, 1),
        "r is negative": pair(-r, s),
        "s is negative": pair(r, -s),
        "r and the order": pair(r + order, s),
        "s and the order": pair(r, s + order),
        "r less the order": pair(r - order, s),
        "s is the order": pair(r, order),
        "r is the order": pair(order, s),
        "swapped": pair(s, r),
        "a leading zero": sequence(tlv(0x02, b"\x00\x00" + first[2:]), second),
        "octets behind": good + b"\x00",
        "octets inside": tlv(0x30, good[2:] + b"\x05\x00"),
        "length in the long form": b"\x30\x81" + bytes([len(good) - 2]) + good[2:],
        "length that is not there": b"\x30\x80" + good[2:] + b"\x00\x00",
        "cut": good[:-1],
        "a set": b"\x31" + good[1:],
        "r as octets": sequence(octet_string(first[2:]), second),
        "plain r and s": r.to_bytes(48) + s.to_bytes(48),
        "twice": good + good,
    }


@pytest.mark.parametrize("suite_id", _CURVES)
def test_ecdsa_values_that_are_not_exactly_right(suite_id: str) -> None:
    """ECDSA-Sig-Value in DER with r and s between 1 and the order less 1."""
    curve, order = _CURVES[suite_id]
    kind = suite(suite_id)
    key = ec.generate_private_key(curve)
    hash_ = hashes.SHA256() if suite_id.startswith("p256") else hashes.SHA384()
    good = key.sign(MESSAGE, ec.ECDSA(hash_))
    spki, algorithm = _spki(key.public_key()), kind.algorithm_identifier
    assert verify_signature(spki, algorithm, good, MESSAGE)
    r, s = decode_dss_signature(good)
    for name, value in _ecdsa_cases(r, s, order).items():
        assert not verify_signature(spki, algorithm, value, MESSAGE), name
    # The other square root is a signature too, by the standard: nobody's name for it
    # may rest on its octets alone.
    assert verify_signature(
        spki, algorithm, encode_dss_signature(r, order - s), MESSAGE
    )
    with_parameters = sequence(object_identifier(kind.signature_oid), NULL)
    assert not verify_signature(spki, with_parameters, good, MESSAGE)


@pytest.mark.parametrize("suite_id", _CURVES)
def test_ecdsa_agrees_with_the_library(suite_id: str) -> None:
    """Every single octet of a signature, changed: both say no."""
    curve, _order = _CURVES[suite_id]
    kind = suite(suite_id)
    key = ec.generate_private_key(curve)
    hash_ = hashes.SHA256() if suite_id.startswith("p256") else hashes.SHA384()
    good = key.sign(MESSAGE, ec.ECDSA(hash_))
    spki = _spki(key.public_key())
    for place in range(len(good)):
        changed = good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :]
        with pytest.raises(InvalidSignature):
            key.public_key().verify(changed, MESSAGE, ec.ECDSA(hash_))
        assert not verify_signature(spki, kind.algorithm_identifier, changed, MESSAGE)
