"""The private-key operation inside the chip, by the forms that P1 names.

COMPUTE DIGITAL SIGNATURE takes bytes that are already a DigestInfo (form 0, the only
one of early chips), or hashes and wraps them itself. With a key on a curve, form 0
takes the digest alone, and the signature comes in the form that the card type names.
"""

from __future__ import annotations

import hashlib
from typing import Final

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    EllipticCurvePrivateKey,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import (
    NoDigestInfo,
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, HashAlgorithm

from jpki.cards.card_types import SignatureForm
from jpki.errors import CardError, EncodingError
from jpki.model.suites import KeyFamily, SignatureSuite

__all__ = ["compute_signature", "digest_info", "signature_in_der", "signature_input"]

_PKCS1: Final = padding.PKCS1v15()
_PSS: Final = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=32)
_PADDING_OCTETS: Final = 11  # 00 01, at least eight FF, 00 (RFC 8017 9.2)

_CURVE_DIGESTS: Final[dict[str, HashAlgorithm]] = {
    "secp256r1": SHA256(),
    "secp384r1": SHA384(),
}

_PREFIXES: Final = {
    "sha1": bytes.fromhex("3021300906052b0e03021a05000414"),
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}


def digest_info(algorithm: str, digest: bytes) -> bytes:
    """DigestInfo of a finished hash (RFC 8017 9.2 note 1); `hashlib` names."""
    return _PREFIXES[algorithm] + digest


def signature_input(suite: SignatureSuite, digest: bytes) -> bytes:
    """What a card signs in form 0, the one form that all cards know."""
    assert suite.digest is not None  # no card type has a suite without one
    if suite.family is KeyFamily.RSA:
        return digest_info(suite.digest.value, digest)
    return digest


def signature_in_der(form: SignatureForm, signature: bytes) -> bytes:
    """What a card gave, as certificates and CMS hold it.

    Raises:
        CardError: r and s are not of one length.
    """
    if form is not SignatureForm.PLAIN:
        return signature
    half, odd = divmod(len(signature), 2)
    if odd or not half:
        raise CardError(f"the card gave a signature of {len(signature)} octets")
    r, s = signature[:half], signature[half:]
    return encode_dss_signature(int.from_bytes(r), int.from_bytes(s))


def compute_signature(
    key: RSAPrivateKey | EllipticCurvePrivateKey,
    form: int,
    data: bytes,
    given: SignatureForm = SignatureForm.RSA,
) -> bytes:
    """Sign as the chip does.

    Args:
        key: of the card.
        form: 0 to 5; 0 alone with a key on a curve.
        data: what the form takes.
        given: how the chip gives a signature.

    Raises:
        EncodingError: the input has no length that this form takes.
    """
    if isinstance(key, RSAPrivateKey):
        return _rsa_signature(key, form, data)
    octets = (key.key_size + 7) // 8
    algorithm = _CURVE_DIGESTS[key.curve.name]
    if form != 0 or len(data) != algorithm.digest_size:
        raise EncodingError(f"a digest here is {algorithm.digest_size} octets")
    # Nonces follow from key and digest (RFC 6979): no chance is drawn here.
    ecdsa = ECDSA(Prehashed(algorithm), deterministic_signing=True)
    signature = key.sign(data, ecdsa)
    if given is SignatureForm.DER:
        return signature
    r, s = decode_dss_signature(signature)
    return r.to_bytes(octets) + s.to_bytes(octets)


def _rsa_signature(key: RSAPrivateKey, form: int, data: bytes) -> bytes:
    """Input form 0 to 5.

    Raises:
        EncodingError: the input has no length that this form takes.
    """
    if form == 0:
        if not 0 < len(data) <= key.key_size // 8 - _PADDING_OCTETS:
            raise EncodingError("input does not fit the key")
        return key.sign(data, _PKCS1, NoDigestInfo())
    if form == 1:
        return key.sign(hashlib.sha256(data).digest(), _PKCS1, NoDigestInfo())
    if form == 3:
        return key.sign(data, _PKCS1, SHA256())
    if form == 5:
        return key.sign(data, _PSS, SHA256())
    if len(data) != 32:
        raise EncodingError("a SHA-256 digest is 32 octets")
    return key.sign(data, _PKCS1 if form == 2 else _PSS, Prehashed(SHA256()))
