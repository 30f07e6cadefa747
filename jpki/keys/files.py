"""Keys in encrypted files, and opening any software key by its URI."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from jpki.durable import create_file
from jpki.errors import KeyNotFound, KeyProviderError
from jpki.keys.memory import recall
from jpki.keys.pkcs8 import Derive, Protection, decrypt, derive
from jpki.keys.software import SoftwareSigner, generate_private_key
from jpki.model.ports import Secret
from jpki.model.suites import SignatureSuite

__all__ = ["file_uri", "generate", "open_signer"]

_MAX_KEY_FILE: Final = 64 * 1024  # an ML-DSA-87 or RSA-8192 key needs under 16 KiB


def generate(
    suite: SignatureSuite, path: Path, protection: Protection
) -> SoftwareSigner:
    """Make a key and keep it in a new encrypted file of mode 0600.

    Raises:
        KeyProviderError: the file exists or cannot be written.
    """
    key = generate_private_key(suite)
    content = protection.encrypt(key, suite)
    try:
        create_file(path, content)
    except FileExistsError:
        raise KeyProviderError(f"{path} exists; keys are never overwritten") from None
    except OSError as error:
        raise KeyProviderError(f"{path}: {error.strerror}") from None
    return SoftwareSigner(key, suite)


def file_uri(path: Path) -> str:
    """The URI by which `open_signer` finds this file again."""
    return path.absolute().as_uri()


def open_signer(
    uri: str, passphrase: Secret, *, derived: Derive = derive
) -> SoftwareSigner:
    """Open the key at a `file:` URI (its passphrase is asked for once) or `memory:`.

    Args:
        uri: where it is.
        passphrase: asks for it.
        derived: derives the file's key from it.

    Raises:
        KeyNotFound: no file there.
        KeyProviderError: another scheme, wrong passphrase, damaged, or readable by
            other users.
    """
    if uri.startswith("memory:"):
        return recall(uri)
    path = _path(uri)
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_MAX_KEY_FILE + 1)
    except FileNotFoundError:
        raise KeyNotFound(f"no key at {uri}") from None
    except OSError as error:
        raise KeyProviderError(f"{uri}: {error.strerror}") from None
    if mode & 0o077:
        raise KeyProviderError(
            f"{path} can be read by other users", hint=f"chmod 600 {path}"
        )
    if len(content) > _MAX_KEY_FILE:
        raise KeyProviderError(f"{path} is too large for a key")
    return decrypt(content, passphrase(), name=str(path), derived=derived)


def _path(uri: str) -> Path:
    parts = urlsplit(uri)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        raise KeyProviderError(
            f"{uri!r} is not the URI of a key", hint="file:/path/to/key.pem"
        )
    return Path(unquote(parts.path))
