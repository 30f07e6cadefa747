"""Weak keys from a seed, so that a test PKI can be made again bit by bit.

Whoever knows the seed has the key: never for anything that somebody relies on. RSA is
not offered: no library here makes RSA keys from a seed.
"""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric import ec

from jpki.errors import KeyProviderError
from jpki.keys.software import CURVES, ML_DSA, PrivateKey
from jpki.model.suites import KeyFamily, SignatureSuite

__all__ = ["can_be_seeded", "weak_key_from_seed"]

_MARGIN = 8
"""Octets beyond the order's length: no scalar is likelier (FIPS 186-5 A.2.1)."""


def can_be_seeded(suite: SignatureSuite) -> bool:
    """Whether keys of this suite can be made from a seed."""
    return suite.family is not KeyFamily.RSA


def weak_key_from_seed(suite: SignatureSuite, seed: bytes) -> PrivateKey:
    """The key of this suite and seed, always the same.

    Raises:
        KeyProviderError: not for RSA.
    """
    if not can_be_seeded(suite):
        raise KeyProviderError(f"keys of suite {suite.id} cannot be made from a seed")
    stream = hashlib.shake_256(f"jpki weak key {suite.id}\0".encode("ascii") + seed)
    if suite.family is KeyFamily.EC:
        curve = CURVES[str(suite.parameter)]
        octets = stream.digest(curve.key_size // 8 + _MARGIN)
        scalar = int.from_bytes(octets, "big") % (curve.group_order - 1) + 1
        return ec.derive_private_key(scalar, curve)
    return ML_DSA[int(suite.parameter)].from_seed_bytes(stream.digest(32))
