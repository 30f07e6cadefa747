"""`key_store` says where keys are made, and is checked before anything is opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from jpki.authority.office.keyrings import FileKeyring, TokenKeyring
from jpki.errors import ConfigurationError, KeyProviderError
from jpki.service.office import open_keyring
from jpki.service.settings import AuthoritySettings, load
from tests.support.tokens import SOFTHSM


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("files", "begin with pkcs11"),
        ("file:/keys", "begin with pkcs11"),
        ("pkcs11:", "which token"),
        ("pkcs11:token=ca", "needs both"),
        ("pkcs11:token=ca?module-path=/m.so", "needs both"),
        ("pkcs11:token=ca?pin-source=/pin", "needs both"),
        ("pkcs11:token=ca?pin-value=1234", "must not hold the PIN"),
        ("pkcs11:token=ca;object=a?module-path=/m.so&pin-source=/pin", "names a key"),
    ],
)
@pytest.mark.parametrize("table", ["authority", "revocation"])
def test_bad_values_are_refused(
    tmp_path: Path, table: str, value: str, reason: str
) -> None:
    """The refusal names file and key, and says what to write."""
    file = tmp_path / "jpki.toml"
    file.write_text(f'[{table}]\nkey_store = "{value}"\n')
    with pytest.raises(ConfigurationError, match=reason) as refusal:
        load(file)
    assert refusal.value.key == f"{table}.key_store"
    assert "pin-source" in (refusal.value.hint or "")


def test_files_are_the_default(tmp_path: Path) -> None:
    """And need their passphrase at once."""
    passphrase = tmp_path / "passphrase.txt"
    settings = AuthoritySettings(passphrase_file=passphrase)
    with pytest.raises(ConfigurationError, match=r"passphrase\.txt"):
        open_keyring(settings)
    passphrase.touch(mode=0o600)
    passphrase.write_text("correct horse")
    assert isinstance(open_keyring(settings), FileKeyring)


@pytest.mark.needs("softhsm")
def test_a_token_needs_its_pin_file_and_its_module(tmp_path: Path) -> None:
    """`{data}` is filled in; a missing file or module is named."""
    file = tmp_path / "jpki.toml"

    def keyring(module: str) -> object:
        file.write_text(
            '[common]\ndata_directory = "d"\n[authority]\n'
            f'key_store = "pkcs11:token=ca?module-path={module}'
            '&pin-source={data}/pin"\n'
        )
        return open_keyring(load(file).authority)

    (tmp_path / "d").mkdir()
    with pytest.raises(ConfigurationError, match="d/pin"):
        keyring(SOFTHSM)
    (tmp_path / "d" / "pin").touch(mode=0o600)
    (tmp_path / "d" / "pin").write_text("1234")
    assert isinstance(keyring(SOFTHSM), TokenKeyring)
    with pytest.raises(KeyProviderError, match="no PKCS #11 module"):
        keyring("/nowhere/module.so")
