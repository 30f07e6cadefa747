"""Public keys of callers, decoded once."""

from __future__ import annotations

from functools import lru_cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from jpki.errors import CredentialError

__all__ = ["public_key_of"]


@lru_cache(maxsize=1024)
def public_key_of(spki: bytes) -> ec.EllipticCurvePublicKey:
    """The P-256 key in a SubjectPublicKeyInfo; decoding checks it is on the curve.

    Raises:
        CredentialError: anything else.
    """
    try:
        key = load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(
        key.curve, ec.SECP256R1
    ):
        raise CredentialError("the public key is not a P-256 key")
    return key
