"""The private-key operation inside the chip, by the forms that P1 names.

COMPUTE DIGITAL SIGNATURE takes bytes that are already a DigestInfo (form 0, the only
one of early chips), or hashes and wraps them itself.
"""

from __future__ import annotations

import hashlib
from typing import Final

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo, Prehashed
from cryptography.hazmat.primitives.hashes import SHA256

from jpki.errors import EncodingError

__all__ = ["compute_signature", "digest_info"]

_PKCS1: Final = padding.PKCS1v15()
_PSS: Final = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=32)
_PADDING_OCTETS: Final = 11  # 00 01, at least eight FF, 00 (RFC 8017 9.2)

_PREFIXES: Final = {
    "sha1": bytes.fromhex("3021300906052b0e03021a05000414"),
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}


def digest_info(algorithm: str, digest: bytes) -> bytes:
    """DigestInfo of a finished hash (RFC 8017 9.2 note 1); `hashlib` names."""
    return _PREFIXES[algorithm] + digest


def compute_signature(key: RSAPrivateKey, form: int, data: bytes) -> bytes:
    """Sign as the chip does in input form 0 to 5.

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
