"""Keys from a seed: repeatable, of the right suite, and weak by name."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from jpki.errors import KeyProviderError
from jpki.keys.seeded import can_be_seeded, weak_key_from_seed
from jpki.keys.software import fits
from jpki.model.suites import SUITES, SuiteId, suite

SEEDED = [suite_id for suite_id, entry in SUITES.items() if can_be_seeded(entry)]


def _public(suite_id: SuiteId, seed: bytes) -> bytes:
    key = weak_key_from_seed(suite(suite_id), seed)
    assert fits(key, suite(suite_id))
    return key.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )


@pytest.mark.parametrize("suite_id", SEEDED)
def test_a_seed_has_one_key(suite_id: SuiteId) -> None:
    """The same seed gives the same key, another gives another."""
    assert _public(suite_id, b"a") == _public(suite_id, b"a")
    assert _public(suite_id, b"a") != _public(suite_id, b"b")


def test_rsa_is_not_offered() -> None:
    """Nothing pretends that RSA keys could come from a seed."""
    assert {entry.id for entry in SUITES.values()} - set(SEEDED) == {
        "rsa1024-sha1",
        "rsa2048-sha1",
        "rsa2048-sha256",
    }
    with pytest.raises(KeyProviderError, match="from a seed"):
        weak_key_from_seed(suite("rsa2048-sha256"), b"a")
