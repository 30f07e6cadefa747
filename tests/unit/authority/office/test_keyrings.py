"""Keyrings make keys under labels and find them again by URI."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from jpki.authority import FileKeyring, MemoryKeyring
from jpki.authority.office.keyrings import ResponderKeyring
from jpki.errors import KeyNotFound, KeyProviderError
from tests.support.offices import P256


def _passphrase() -> str:
    return "correct horse battery staple"


def test_a_key_in_a_file_is_found_by_another_process(tmp_path: Path) -> None:
    """The URI and the passphrase are all that a later process needs."""
    folder = tmp_path / "keys"
    uri, signer = FileKeyring(folder, _passphrase).generate(P256, "governor-08-1-4a")
    later = FileKeyring(folder, _passphrase)
    assert later.open(uri).public_key == signer.public_key
    assert later.open(uri) is later.open(uri)
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("label", ["", "../up", "a/b", "A", "a" * 101])
def test_labels_that_are_no_file_names_are_refused(tmp_path: Path, label: str) -> None:
    """A label cannot leave the folder."""
    with pytest.raises(KeyProviderError, match="name a key"):
        FileKeyring(tmp_path, _passphrase).generate(P256, label)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file in the folder's place is reported, with what is needed."""
    blocked = tmp_path / "keys"
    blocked.touch()
    with pytest.raises(KeyProviderError, match="keys") as caught:
        FileKeyring(blocked, _passphrase).generate(P256, "a")
    assert caught.value.hint


def test_unknown_keys_are_not_found(tmp_path: Path) -> None:
    """A URI that no keyring holds says so."""
    with pytest.raises(KeyNotFound):
        FileKeyring(tmp_path, _passphrase).open((tmp_path / "none.pem").as_uri())
    with pytest.raises(KeyNotFound):
        MemoryKeyring().open("memory:none")


def test_responders_keys_are_kept_apart(tmp_path: Path) -> None:
    """They are made in their own ring, and both rings are opened."""
    authorities = FileKeyring(tmp_path / "authorities", _passphrase)
    responders = FileKeyring(tmp_path / "responders", _passphrase)
    own, _ = authorities.generate(P256, "governor-08")
    both = ResponderKeyring(authorities, responders)
    uri, signer = both.generate(P256, "governor-08-ocsp")
    assert "responders" in uri
    assert both.open(uri).public_key == signer.public_key
    assert both.open(own).public_key == authorities.open(own).public_key
