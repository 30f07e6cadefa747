"""Keys in memory and in files: bound to a suite, closed to everyone else."""

from __future__ import annotations

import pickle
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, mldsa, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from jpki.errors import KeyNotFound, KeyProviderError
from jpki.keys.files import file_uri, generate, open_signer
from jpki.keys.memory import generate_key, keep
from jpki.keys.pkcs8 import Protection
from jpki.keys.software import SoftwareSigner, fits, generate_private_key
from jpki.model.suites import SUITES, suite

PASSPHRASE = "correct horse"
MESSAGE = b"message"


def passphrase() -> str:
    return PASSPHRASE


def verifies(signer: SoftwareSigner) -> bool:
    """Whether pyca accepts a signature under the suite's own algorithm."""
    key = load_der_public_key(signer.public_key)
    signature = signer.sign(MESSAGE)
    digest = {
        "sha1": hashes.SHA1(),
        "sha256": hashes.SHA256(),
        "sha384": hashes.SHA384(),
        "mldsa65": hashes.SHA512(),
    }[signer.suite.id.rpartition("-")[2]]
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, MESSAGE, padding.PKCS1v15(), digest)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, MESSAGE, ec.ECDSA(digest))
    else:
        assert isinstance(key, mldsa.MLDSA65PublicKey)
        key.verify(signature, MESSAGE)
    return True


@pytest.mark.parametrize("suite_id", SUITES)
def test_every_suite_signs_and_verifies(suite_id: str) -> None:
    """A generated key of each suite makes signatures that pyca accepts."""
    assert verifies(generate_key(suite(suite_id)))


def test_ecdsa_is_deterministic() -> None:
    """The same message gives the same ECDSA signature (RFC 6979)."""
    signer = generate_key(suite("p384-sha384"))
    assert signer.sign(MESSAGE) == signer.sign(MESSAGE)


def test_key_must_fit_its_suite() -> None:
    """A key of another kind, curve or size is refused."""
    key = generate_private_key(suite("p256-sha256"))
    for other in SUITES.keys() - {"p256-sha256"}:
        assert not fits(key, suite(other))
        with pytest.raises(KeyProviderError):
            SoftwareSigner(key, suite(other))


def test_signer_shows_no_key() -> None:
    """Neither repr nor attributes nor pickling reach the private key."""
    signer = generate_key(suite("p256-sha256"))
    assert repr(signer).startswith("SoftwareSigner(p256-sha256, ")
    assert not any(
        isinstance(getattr(signer, name), ec.EllipticCurvePrivateKey)
        for name in dir(signer)
    )
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        pickle.dumps(signer)


def test_memory_uri() -> None:
    """A kept key is found again by its URI, an unknown one is an error."""
    signer = generate_key(suite("p256-sha256"))
    assert open_signer(keep(signer), passphrase) is signer
    with pytest.raises(KeyNotFound):
        open_signer("memory:none", passphrase)


@pytest.mark.parametrize("suite_id", SUITES)
def test_file_round_trip(tmp_path: Path, suite_id: str) -> None:
    """A key file of any suite opens to the same key, bound to the same suite."""
    path = tmp_path / "鍵 1.pem"
    made = generate(suite(suite_id), path, Protection(PASSPHRASE))
    opened = open_signer(file_uri(path), passphrase)
    assert opened.public_key == made.public_key
    assert opened.suite is suite(suite_id)
    assert verifies(opened)


def test_file_is_private_and_whole(tmp_path: Path) -> None:
    """Only the owner may read the file, and no draft is left beside it."""
    path = tmp_path / "key.pem"
    generate(suite("p256-sha256"), path, Protection(PASSPHRASE))
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["key.pem"]


def test_file_is_standard_pkcs8(tmp_path: Path) -> None:
    """OpenSSL decrypts the file as it is."""
    path = tmp_path / "key.pem"
    generate(suite("rsa2048-sha256"), path, Protection(PASSPHRASE))
    command = ["openssl", "pkey", "-in", str(path), "-passin", "env:P", "-noout"]
    environment = {"P": PASSPHRASE, "PATH": "/usr/bin:/bin"}
    subprocess.run(command, check=True, env=environment)


def test_file_is_never_overwritten(tmp_path: Path) -> None:
    """A second key at the same path is refused and the first one stays."""
    path = tmp_path / "key.pem"
    generate(suite("p256-sha256"), path, Protection(PASSPHRASE))
    before = path.read_bytes()
    with pytest.raises(KeyProviderError, match="never overwritten"):
        generate(suite("p256-sha256"), path, Protection(PASSPHRASE))
    assert path.read_bytes() == before


def test_short_passphrase_is_refused(tmp_path: Path) -> None:
    """A passphrase under eight characters protects nothing and writes nothing."""
    with pytest.raises(KeyProviderError, match="passphrase"):
        generate(suite("p256-sha256"), tmp_path / "key.pem", Protection("short"))
    assert not list(tmp_path.iterdir())


def test_unusable_files_are_key_errors(tmp_path: Path) -> None:
    """Wrong passphrase, damage, other users' access, wrong suite: one kind of error."""
    path = tmp_path / "key.pem"
    uri = file_uri(path)
    with pytest.raises(KeyNotFound):
        open_signer(uri, passphrase)
    generate(suite("p256-sha256"), path, Protection(PASSPHRASE))
    good = path.read_bytes()
    with pytest.raises(KeyProviderError, match="wrong passphrase"):
        open_signer(uri, lambda: "wrong horse")
    for damaged in (
        b"",
        good[:200],
        good.replace(b"Suite: p256-sha256\n", b""),
        good.replace(b"p256-sha256", b"p384-sha384"),
        good.replace(b"p256-sha256", b"rot13"),
        b"Suite: p256-sha256\n\xff",
        b"x" * 70_000,
    ):
        path.write_bytes(damaged)
        with pytest.raises(KeyProviderError):
            open_signer(uri, passphrase)
    path.write_bytes(good)
    path.chmod(0o640)
    with pytest.raises(KeyProviderError, match="other users"):
        open_signer(uri, passphrase)


@pytest.mark.parametrize("uri", ["", "key.pem", "http://host/key", "file://host/key"])
def test_other_uris_are_refused(uri: str) -> None:
    """Only local `file:` and `memory:` URIs name a key here."""
    with pytest.raises(KeyProviderError):
        open_signer(uri, passphrase)


def test_folder_is_not_a_key(tmp_path: Path) -> None:
    """A path that cannot be read or written as a file is a key error."""
    with pytest.raises(KeyProviderError):
        open_signer(file_uri(tmp_path), passphrase)
    with pytest.raises(KeyProviderError):
        generate(
            suite("p256-sha256"), tmp_path / "no" / "key.pem", Protection(PASSPHRASE)
        )
