"""Keys that end with the process: for tests, demonstrations and short-lived roles."""

from __future__ import annotations

import hashlib
from typing import Final

from jpki.errors import KeyNotFound
from jpki.keys.software import SoftwareSigner, generate_private_key
from jpki.model.suites import SignatureSuite

__all__ = ["generate_key", "keep", "recall"]

_kept: Final[dict[str, SoftwareSigner]] = {}


def generate_key(suite: SignatureSuite) -> SoftwareSigner:
    """Make a key of this suite; nothing is written anywhere."""
    return SoftwareSigner(generate_private_key(suite), suite)


def keep(signer: SoftwareSigner) -> str:
    """Hold the signer until the process ends; the answer is its `memory:` URI."""
    uri = f"memory:{hashlib.sha256(signer.public_key).hexdigest()[:32]}"
    _kept[uri] = signer
    return uri


def recall(uri: str) -> SoftwareSigner:
    """The signer that was kept under this URI.

    Raises:
        KeyNotFound: this process keeps no such key.
    """
    try:
        return _kept[uri]
    except KeyError:
        raise KeyNotFound(f"no key at {uri}: this process does not hold it") from None
