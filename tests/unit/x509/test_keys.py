"""Public keys: which are refused, and which signatures hold."""

from __future__ import annotations

from itertools import count
from math import gcd, prod
from typing import Final

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from jpki.der import oids
from jpki.der.reader import read_one
from jpki.der.writer import (
    NULL,
    bit_string,
    explicit,
    integer,
    object_identifier,
    sequence,
)
from jpki.errors import KeyRejected
from jpki.keys.memory import generate_key
from jpki.model.suites import SUITES, suite
from jpki.x509.keys import (
    check_strength,
    inherit_parameters,
    key_identifier,
    suite_fits,
    verify_signature,
)

_RSA: Final = suite("rsa2048-sha256")
_PRIMES: Final = [n for n in range(2, 752) if all(n % d for d in range(2, n))]
_SMALL: Final = prod(_PRIMES)
_MESSAGE: Final = "電子申請".encode()


def _rsa_key(modulus: int, exponent: int = 65537) -> bytes:
    return sequence(
        sequence(object_identifier(oids.RSA_ENCRYPTION), NULL),
        bit_string(sequence(integer(modulus), integer(exponent))),
    )


def _modulus(spki: bytes) -> int:
    key = load_der_public_key(spki)
    assert isinstance(key, rsa.RSAPublicKey)
    return key.public_numbers().n


@pytest.mark.parametrize("suite_id", SUITES)
def test_a_fresh_key_of_the_suite_is_accepted(suite_id: str) -> None:
    """Every suite's own keys pass, and sign what then verifies."""
    signer = generate_key(suite(suite_id))
    check_strength(signer.public_key, signer.suite)
    signature = signer.sign(_MESSAGE)
    algorithm = signer.suite.algorithm_identifier
    assert verify_signature(signer.public_key, algorithm, signature, _MESSAGE)
    assert not verify_signature(signer.public_key, algorithm, signature, b"other")
    flipped = bytes([signature[0], signature[1] ^ 1]) + signature[2:]
    assert not verify_signature(signer.public_key, algorithm, flipped, _MESSAGE)


def test_a_key_of_another_suite_is_refused() -> None:
    """Size, curve and kind must be the suite's."""
    keys = {suite_id: generate_key(suite(suite_id)).public_key for suite_id in SUITES}
    for suite_id, key in keys.items():
        for other in SUITES.values():
            same = (other.family, other.parameter) == (
                SUITES[suite_id].family,
                SUITES[suite_id].parameter,
            )
            assert suite_fits(key, other) == same
            if not same:
                with pytest.raises(KeyRejected) as caught:
                    check_strength(key, other)
                assert caught.value.problem == "wrong-suite"


def _without_small_factors(start: int, step: int) -> int:
    """The first of these numbers that no prime up to 751 divides."""
    return next(n for n in count(start, step) if gcd(n, _SMALL) == 1)


def _roca_modulus() -> int:
    """2048 bits, a power of 65537 modulo each prime up to 167, as in CVE-2017-15361."""
    product = prod(prime for prime in _PRIMES if prime <= 167)
    start = pow(65537, 12345, product) + product * ((1 << 2047) // product + 1)
    return _without_small_factors(start, product)


def _close_modulus() -> int:
    """Two factors that lie near each other."""
    first = _without_small_factors((1 << 1023) + (1 << 1022) + 1, 2)
    return first * _without_small_factors(first + 2, 2)


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (_rsa_key((1 << 2048) - 1), "small factor"),
        (_rsa_key(_roca_modulus()), "ROCA"),
        (_rsa_key(_close_modulus()), "close"),
    ],
)
def test_a_weak_modulus_is_refused(key: bytes, why: str) -> None:
    """What faulty generators are known to make is found."""
    with pytest.raises(KeyRejected, match=why) as caught:
        check_strength(key, _RSA)
    assert caught.value.problem == "weak"


@pytest.mark.parametrize("exponent", [1, 3, 65536, 65538, (1 << 256) + 1])
def test_a_bad_exponent_is_refused(exponent: int) -> None:
    """Odd, at least 65537, at most 256 bits."""
    modulus = _modulus(generate_key(_RSA).public_key)
    with pytest.raises(KeyRejected, match="exponent"):
        check_strength(_rsa_key(modulus, exponent), _RSA)


def test_a_point_off_the_curve_is_refused() -> None:
    """A public key must be a point of the curve it names."""
    signer = generate_key(suite("p256-sha256"))
    broken = signer.public_key[:-1] + bytes([signer.public_key[-1] ^ 1])
    with pytest.raises(KeyRejected):
        check_strength(broken, signer.suite)


def test_rsa_without_null_does_not_fit() -> None:
    """RFC 3279 2.3.1: the parameters are NULL."""
    modulus = _modulus(generate_key(_RSA).public_key)
    key = sequence(
        sequence(object_identifier(oids.RSA_ENCRYPTION)),
        bit_string(sequence(integer(modulus), integer(65537))),
    )
    assert not suite_fits(key, _RSA)


def test_a_key_identifier_is_the_digest_of_the_bits_alone() -> None:
    """RFC 5280 4.2.1.2 (1), as the bridge of 2003 has it; see the vectors too."""
    whole = sequence(sequence(object_identifier("1.2.3.4")), bit_string(b"abc"))
    assert key_identifier(whole).hex() == "a9993e364706816aba3e25717850c26c9cd0d89d"


# -- signatures -----------------------------------------------------------------------

_MGF1: Final = "1.2.840.113549.1.1.8"


def _pss(digest: str, mask: str, salt: int) -> bytes:
    def hash_algorithm(oid: str) -> bytes:
        return sequence(object_identifier(oid), NULL)

    parameters = sequence(
        explicit(0, hash_algorithm(digest)),
        explicit(1, sequence(object_identifier(_MGF1), hash_algorithm(mask))),
        explicit(2, integer(salt)),
    )
    return sequence(object_identifier(oids.RSASSA_PSS), parameters)


def _spki(key: rsa.RSAPublicKey | dsa.DSAPublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_pss_is_checked_with_its_own_parameters() -> None:
    """Digest, mask digest and salt length come from the algorithm identifier."""
    key = rsa.generate_private_key(65537, 2048)
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    signature = key.sign(_MESSAGE, scheme, hashes.SHA256())
    spki = _spki(key.public_key())
    good = _pss(oids.SHA256, oids.SHA256, 32)
    assert verify_signature(spki, good, signature, _MESSAGE)
    for bad in (
        _pss(oids.SHA256, oids.SHA256, 20),
        _pss(oids.SHA256, oids.SHA1, 32),
        _pss(oids.SHA384, oids.SHA256, 32),
        _pss("1.2.3", oids.SHA256, 32),
        sequence(object_identifier(oids.RSASSA_PSS)),
    ):
        assert not verify_signature(spki, bad, signature, _MESSAGE)


def test_pss_defaults_are_sha1() -> None:
    """RFC 4055 3.1: absent parameters mean SHA-1 and 20 octets of salt."""
    key = rsa.generate_private_key(65537, 2048)
    scheme = padding.PSS(padding.MGF1(hashes.SHA1()), 20)
    signature = key.sign(_MESSAGE, scheme, hashes.SHA1())
    algorithm = sequence(object_identifier(oids.RSASSA_PSS), sequence())
    assert verify_signature(_spki(key.public_key()), algorithm, signature, _MESSAGE)


def test_an_unknown_algorithm_holds_for_nothing() -> None:
    """MD5 is not in any table; neither is an algorithm of another kind of key."""
    key = rsa.generate_private_key(65537, 2048)
    signature = key.sign(_MESSAGE, padding.PKCS1v15(), hashes.MD5())
    spki = _spki(key.public_key())
    md5 = sequence(object_identifier("1.2.840.113549.1.1.4"), NULL)
    assert not verify_signature(spki, md5, signature, _MESSAGE)
    ecdsa = suite("p256-sha256").algorithm_identifier
    assert not verify_signature(spki, ecdsa, signature, _MESSAGE)


def test_parameters_where_none_belong_are_refused() -> None:
    """ECDSA and ML-DSA identifiers have no parameters (RFC 5758, RFC 9881)."""
    for suite_id in ("p256-sha256", "mldsa65"):
        signer = generate_key(suite(suite_id))
        algorithm = sequence(object_identifier(signer.suite.signature_oid), NULL)
        signature = signer.sign(_MESSAGE)
        assert not verify_signature(signer.public_key, algorithm, signature, _MESSAGE)


def test_a_dsa_key_takes_missing_parameters_from_its_issuer() -> None:
    """RFC 5280 6.1.4 (e): old hierarchies state them once."""
    key = dsa.generate_private_key(1024)
    whole = _spki(key.public_key())
    fields = read_one(whole).enter()
    fields.next()
    bits = fields.next().raw
    bare = sequence(sequence(object_identifier("1.2.840.10040.4.1")), bits)
    assert inherit_parameters(bare, whole) == whole
    assert inherit_parameters(whole, bare) == whole
    algorithm = sequence(object_identifier("1.2.840.10040.4.3"))
    signature = key.sign(_MESSAGE, hashes.SHA1())
    assert verify_signature(whole, algorithm, signature, _MESSAGE)
    assert not verify_signature(bare, algorithm, signature, _MESSAGE)
