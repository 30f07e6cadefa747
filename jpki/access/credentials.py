"""The key with which a person or machine signs requests, and its name.

One PEM file: a line `Caller: ID`, then an ECDSA P-256 key as PKCS#8 (RFC 5958), not
encrypted, for its owner's eyes only (mode 0600), as is usual for the keys of machines.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from jpki.durable import create_file
from jpki.errors import CredentialError, KeyProviderError
from jpki.keys.software import SoftwareSigner, generate_private_key
from jpki.model.ports import Signer
from jpki.model.suites import suite

__all__ = [
    "SUITE",
    "Credential",
    "check_caller_id",
    "create_credential",
    "generate_credential",
    "load_credential",
]

SUITE: Final = suite("p256-sha256")
"""Of every request-signing key (`ecdsa-p256-sha256`, RFC 9421 section 3.3.4)."""
_LABEL: Final = "Caller: "
_CALLER_ID: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")
_MAX_FILE: Final = 16 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Credential:
    """A caller's identifier and its key, wherever the key lives."""

    id: str
    signer: Signer

    def __post_init__(self) -> None:
        check_caller_id(self.id)
        if self.signer.suite != SUITE:
            raise CredentialError(f"requests are signed with {SUITE.id} keys only")

    @property
    def public_key(self) -> bytes:
        """SubjectPublicKeyInfo DER, for the server's list of callers."""
        return self.signer.public_key


def check_caller_id(text: str) -> None:
    """Accept short lower-case identifiers such as `counter-082201-1`.

    Raises:
        CredentialError: it is none.
    """
    if not _CALLER_ID.fullmatch(text):
        raise CredentialError(
            f"{text[:64]!r} cannot be a caller's identifier",
            hint="a-z, 0-9, dot and hyphen; at most 63 characters",
        )


def generate_credential(caller: str) -> Credential:
    """A new credential whose key is gone when this process ends."""
    check_caller_id(caller)
    return Credential(
        id=caller, signer=SoftwareSigner(generate_private_key(SUITE), SUITE)
    )


def create_credential(path: Path, caller: str) -> Credential:
    """A new credential in a new file.

    Raises:
        CredentialError: bad identifier, the file exists or cannot be written.
    """
    check_caller_id(caller)
    key = generate_private_key(SUITE)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        create_file(path, f"{_LABEL}{caller}\n".encode("ascii") + pem)
    except FileExistsError:
        raise CredentialError(f"{path} exists; it is never overwritten") from None
    except OSError as error:
        raise CredentialError(f"{path}: {error.strerror}") from None
    return Credential(id=caller, signer=SoftwareSigner(key, SUITE))


def load_credential(path: Path) -> Credential:
    """The credential in a file that `create_credential` wrote.

    Raises:
        CredentialError: missing, damaged, or readable by other users.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_MAX_FILE)
    except OSError as error:
        raise CredentialError(f"{path}: {error.strerror}") from None
    if mode & 0o077:
        raise CredentialError(
            f"{path} can be read by other users", hint=f"chmod 600 {path}"
        )
    first, _, pem = content.partition(b"\n")
    label = first.decode("ascii", "replace").rstrip()
    if not label.startswith(_LABEL):
        raise CredentialError(f"{path}: the first line must read '{_LABEL}ID'")
    try:
        key = load_pem_private_key(pem, None)
        if not isinstance(key, EllipticCurvePrivateKey):
            raise CredentialError(f"{path}: the key is not an elliptic curve key")
        return Credential(
            id=label.removeprefix(_LABEL), signer=SoftwareSigner(key, SUITE)
        )
    except (ValueError, TypeError, UnsupportedAlgorithm, KeyProviderError):
        raise CredentialError(
            f"{path}: not an unencrypted P-256 key in PKCS#8 PEM"
        ) from None
