"""Public keys: which are refused, and which signatures hold."""

from __future__ import annotations

import hashlib
from itertools import count
from math import gcd, prod
from typing import Final

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import (
    dsa,
    ec,
    ed448,
    ed25519,
    padding,
    rsa,
)
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
    octet_string,
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
)
from jpki.x509.signatures import signature_cost, verify_signature

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


@pytest.mark.parametrize(
    ("oid", "kind"),
    [
        ("1.3.101.112", ed25519.Ed25519PrivateKey),
        ("1.3.101.113", ed448.Ed448PrivateKey),
    ],
)
def test_edwards_curves_are_checked_without_parameters(
    oid: str, kind: type[ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey]
) -> None:
    """RFC 8410: neither the key nor the algorithm has any."""
    key = kind.generate()
    public = key.public_key()
    spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    signature = key.sign(_MESSAGE)
    algorithm = sequence(object_identifier(oid))
    assert verify_signature(spki, algorithm, signature, _MESSAGE)
    assert verify_signature(spki, algorithm, signature, memoryview(_MESSAGE))
    assert not verify_signature(spki, algorithm, signature, b"other")
    with_null = sequence(object_identifier(oid), NULL)
    assert not verify_signature(spki, with_null, signature, _MESSAGE)
    content = read_one(spki, 0x30).enter()
    content.next()
    odd = sequence(with_null, content.next().raw)
    assert not verify_signature(odd, algorithm, signature, _MESSAGE)


def _pss_parameters(digest: str, salt: int) -> bytes:
    hash_ = sequence(object_identifier(digest), NULL)
    mask = sequence(object_identifier("1.2.840.113549.1.1.8"), hash_)
    parts = (explicit(0, hash_), explicit(1, mask), explicit(2, integer(salt)))
    return sequence(*parts)


def test_a_key_for_pss_makes_no_other_signatures() -> None:
    """RFC 4055 1.2 and 3.1: nor with another digest, nor with a shorter salt."""
    private = rsa.generate_private_key(65537, 2048)
    public = private.public_key()
    bits = public.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    sha256, sha384 = "2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.2.2"
    pss = object_identifier(oids.RSASSA_PSS)

    def spki(*parameters: bytes) -> bytes:
        return sequence(sequence(pss, *parameters), bit_string(bits))

    pkcs1 = sequence(object_identifier(oids.SHA256_WITH_RSA), NULL)
    signature = private.sign(_MESSAGE, padding.PKCS1v15(), hashes.SHA256())
    assert not verify_signature(spki(), pkcs1, signature, _MESSAGE)
    salted = private.sign(
        _MESSAGE, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256()
    )
    used = sequence(pss, _pss_parameters(sha256, 32))
    for key, holds in (
        (spki(), True),
        (spki(_pss_parameters(sha256, 32)), True),
        (spki(_pss_parameters(sha256, 20)), True),
        (spki(_pss_parameters(sha256, 33)), False),
        (spki(_pss_parameters(sha384, 32)), False),
    ):
        assert verify_signature(key, used, salted, _MESSAGE) is holds


def test_curves_are_named_not_described() -> None:
    """RFC 5480 2.1.1: with a base point of one's own any signature can be met."""
    private = ec.generate_private_key(ec.SECP256R1())
    point = private.public_key().public_bytes(
        Encoding.X962, PublicFormat.UncompressedPoint
    )
    signature = private.sign(_MESSAGE, ec.ECDSA(hashes.SHA256()))
    algorithm = sequence(object_identifier(oids.ECDSA_WITH_SHA256))
    curve = object_identifier(oids.EC_PUBLIC_KEY)
    named = sequence(
        sequence(curve, object_identifier(oids.SECP256R1)), bit_string(point)
    )
    assert verify_signature(named, algorithm, signature, _MESSAGE)
    for parameters in (_EXPLICIT_P256, NULL, b""):
        key = sequence(sequence(curve, parameters), bit_string(point))
        assert not verify_signature(key, algorithm, signature, _MESSAGE)


_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_EXPLICIT_P256: Final = sequence(
    integer(1),
    sequence(object_identifier("1.2.840.10045.1.1"), integer(_P)),
    sequence(
        octet_string((_P - 3).to_bytes(32, "big")),
        octet_string(
            bytes.fromhex(
                "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b"
            )
        ),
    ),
    octet_string(
        bytes.fromhex(
            "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
            "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
        )
    ),
    integer(
        int("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)
    ),
)


@pytest.mark.parametrize("exponent", [1, 2, 65536, (1 << 256) + 1])
def test_signatures_of_absurd_rsa_keys_do_not_hold(exponent: int) -> None:
    """An exponent of 1 makes every text its own signature."""
    modulus = _modulus(generate_key(_RSA).public_key)
    algorithm = sequence(object_identifier(oids.SHA256_WITH_RSA), NULL)
    key = _rsa_key(modulus, exponent)
    digest = hashlib.sha256(_MESSAGE).digest()
    info = bytes.fromhex("3031300d060960864801650304020105000420") + digest
    padded = b"\0\1" + b"\xff" * (256 - 3 - len(info)) + b"\0" + info
    assert not verify_signature(key, algorithm, padded, _MESSAGE)


def test_an_rsa_key_has_null_for_parameters() -> None:
    """RFC 3279 2.3.1."""
    signer = generate_key(_RSA)
    signature, algorithm = signer.sign(_MESSAGE), signer.suite.algorithm_identifier
    content = read_one(signer.public_key, 0x30).enter()
    content.next()
    bits = content.next().raw
    for parameters in (b"", octet_string(b"")):
        key = sequence(
            sequence(object_identifier(oids.RSA_ENCRYPTION), parameters), bits
        )
        assert not verify_signature(key, algorithm, signature, _MESSAGE)


def test_costs_are_those_of_keys() -> None:
    """In checks of RSA-2048; what cannot be read costs as much as one."""
    rsa2048 = generate_key(_RSA).public_key
    assert signature_cost(rsa2048) == 1
    assert signature_cost(_rsa_key(1 << 8191)) == 16
    assert signature_cost(_rsa_key(1 << 2047, (1 << 256) - 1)) > 10
    assert signature_cost(b"junk") == 1
    p256, p384 = (
        generate_key(suite(name)).public_key for name in ("p256-sha256", "p384-sha384")
    )
    assert 1 < signature_cost(p256) < signature_cost(p384)
