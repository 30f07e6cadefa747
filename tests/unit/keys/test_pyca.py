"""Our signers as keys of pyca: its own builders and verifiers take them."""

from __future__ import annotations

import copy
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from jpki.errors import KeyProviderError
from jpki.keys.card import CardSigner
from jpki.keys.memory import generate_key
from jpki.keys.pyca import as_pyca_key
from jpki.model.suites import suite
from tests.support.cards import PASSWORD, SIGNATURE, issued_image, session_on

NOW = datetime(2026, 4, 1, tzinfo=UTC)


def _card_key() -> rsa.RSAPrivateKey:
    session = session_on(issued_image("my-number"))
    key = as_pyca_key(CardSigner(session, SIGNATURE, lambda: PASSWORD))
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def test_a_card_signs_what_pyca_builds() -> None:
    """A certificate, which pyca then verifies."""
    key = _card_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "card")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW)
        .not_valid_after(NOW.replace(year=2027))
        .sign(key, hashes.SHA256())
    )
    made.verify_directly_issued_by(made)


def test_it_signs_in_its_own_way_only() -> None:
    """And never gives the key away."""
    key = _card_key()
    signed = key.sign(b"text", padding.PKCS1v15(), hashes.SHA256())
    key.public_key().verify(signed, b"text", padding.PKCS1v15(), hashes.SHA256())
    assert key.key_size == 2048
    assert copy.copy(key) is copy.deepcopy(key) is key
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
    with pytest.raises(UnsupportedAlgorithm, match="PKCS #1"):
        key.sign(b"text", pss, hashes.SHA256())
    with pytest.raises(UnsupportedAlgorithm, match="not sha512"):
        key.sign(b"text", padding.PKCS1v15(), hashes.SHA512())
    with pytest.raises(UnsupportedAlgorithm, match="stays where it is"):
        key.private_numbers()
    with pytest.raises(UnsupportedAlgorithm, match="stays where it is"):
        key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    with pytest.raises(UnsupportedAlgorithm):
        key.decrypt(bytes(256), padding.PKCS1v15())


def test_elliptic_curves() -> None:
    """The same for a signer of another kind."""
    key = as_pyca_key(generate_key(suite("p384-sha384")))
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    signed = key.sign(b"text", ec.ECDSA(hashes.SHA384()))
    key.public_key().verify(signed, b"text", ec.ECDSA(hashes.SHA384()))
    assert (key.key_size, key.curve.name) == (384, "secp384r1")
    with pytest.raises(UnsupportedAlgorithm):
        key.sign(b"text", ec.ECDSA(hashes.SHA256()))
    with pytest.raises(UnsupportedAlgorithm):
        key.exchange(ec.ECDH(), key.public_key())


def test_what_has_no_adapter_is_told() -> None:
    """Such as ML-DSA."""
    with pytest.raises(KeyProviderError, match="mldsa65"):
        as_pyca_key(generate_key(suite("mldsa65")))
