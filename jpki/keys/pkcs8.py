"""Private keys as encrypted PKCS#8 (RFC 5958) under a passphrase.

PBES2 with scrypt (RFC 8018, RFC 7914) and AES-256-CBC: what `openssl pkcs8 -scrypt`
writes and every common tool reads. pyca would write PBKDF2 with 2,048 rounds, which is
too few for a CA's key, so the envelope is made here.

Deriving a key from the passphrase takes a moment on purpose. It is done here also where
a file is opened: pyca would keep the interpreter's lock for so long, and all of a
server would stand still. What other programs wrote is left to pyca.
"""

from __future__ import annotations

import base64
import hashlib
import os
import threading
from collections.abc import Callable
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
)

from jpki.der.reader import read_one
from jpki.der.writer import integer, object_identifier, octet_string, sequence
from jpki.errors import EncodingError, KeyProviderError
from jpki.keys.software import PrivateKey, SoftwareSigner
from jpki.model.suites import SignatureSuite, suite

__all__ = [
    "MIN_PASSPHRASE",
    "Derive",
    "Derived",
    "Protection",
    "decrypt",
    "derive",
]

MIN_PASSPHRASE: Final = 8
"""Shorter ones are refused when a key is written (NIST SP 800-63B 5.1.1.2)."""

_PBES2: Final = "1.2.840.113549.1.5.13"
_SCRYPT: Final = "1.3.6.1.4.1.11591.4.11"
_AES_256_CBC: Final = "2.16.840.1.101.3.4.1.42"
# OWASP Password Storage: N=2^14, r=8, p=5. More memory than 16 MiB is beyond what
# OpenSSL is willing to read by default.
_COST, _BLOCK, _PARALLEL = 2**14, 8, 5
_SUITE_LABEL: Final = "Suite: "
_BEGIN: Final = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
_END: Final = b"-----END ENCRYPTED PRIVATE KEY-----"
_SALT: Final = 16
_IV: Final = 16

Derive = Callable[[str, bytes], bytes]
"""Makes the key of a file from passphrase and salt."""


class Protection:
    """A passphrase made ready once, for as many files as open under it.

    Their common salt costs nothing: who finds the passphrase opens them all anyway.
    """

    __slots__ = ("_derived", "_salt")

    def __init__(self, passphrase: str, derived: Derive | None = None) -> None:
        """Derive the key, which takes a moment on purpose.

        Args:
            passphrase: of all these files.
            derived: how; by default, `derive`.

        Raises:
            KeyProviderError: the passphrase is too short.
        """
        if len(passphrase) < MIN_PASSPHRASE:
            raise KeyProviderError(
                f"a passphrase has at least {MIN_PASSPHRASE} characters"
            )
        # Salt and IV are part of making a key, which draws on the system's source too.
        self._salt = os.urandom(_SALT)
        self._derived = (derived or derive)(passphrase, self._salt)

    def encrypt(self, key: PrivateKey, suite: SignatureSuite) -> bytes:
        """PEM of the key; its suite stands as text before it.

        RFC 7468 section 2 allows such text and parsers skip it.
        """
        iv = os.urandom(_IV)
        plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        padder = PKCS7(128).padder()
        cipher = Cipher(algorithms.AES256(self._derived), modes.CBC(iv))
        encryptor = cipher.encryptor()
        padded = padder.update(plain) + padder.finalize()
        envelope = sequence(
            _algorithm(self._salt, iv),
            octet_string(encryptor.update(padded) + encryptor.finalize()),
        )
        text = base64.b64encode(envelope).decode("ascii")
        lines = [text[start : start + 64] for start in range(0, len(text), 64)]
        label = "ENCRYPTED PRIVATE KEY"
        begin, end = f"-----BEGIN {label}-----", f"-----END {label}-----"
        named = f"{_SUITE_LABEL}{suite.id}"
        return "\n".join([named, begin, *lines, end, ""]).encode("ascii")


class Derived:
    """Keys of files, each salt's derived once: `Protection` gives many files one.

    May be shared by threads. Who waits for one salt keeps nobody from another.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, bytes] = {}
        self._under_way: dict[bytes, threading.Lock] = {}

    def __len__(self) -> int:
        """How many were derived."""
        return len(self._known)

    def __call__(self, passphrase: str, salt: bytes) -> bytes:
        """As `derive`, of a passphrase that never changes."""
        known = self._known.get(salt)
        if known is None:
            with self._under_way.setdefault(salt, threading.Lock()):
                known = self._known.get(salt)
                if known is None:
                    known = self._known[salt] = derive(passphrase, salt)
        return known


def derive(passphrase: str, salt: bytes) -> bytes:
    """The key of a file; others may use the interpreter meanwhile."""
    return hashlib.scrypt(
        passphrase.encode(),
        salt=salt,
        n=_COST,
        r=_BLOCK,
        p=_PARALLEL,
        maxmem=64 << 20,
        dklen=32,
    )


def _algorithm(salt: bytes, iv: bytes) -> bytes:
    """AlgorithmIdentifier of what is written here (RFC 8018 A.4, RFC 7914 7)."""
    return sequence(
        object_identifier(_PBES2),
        sequence(
            sequence(
                object_identifier(_SCRYPT),
                sequence(
                    octet_string(salt),
                    integer(_COST),
                    integer(_BLOCK),
                    integer(_PARALLEL),
                ),
            ),
            sequence(object_identifier(_AES_256_CBC), octet_string(iv)),
        ),
    )


_SALT_AT: Final = _algorithm(b"s" * _SALT, bytes(_IV)).index(b"s" * _SALT)
_IV_AT: Final = -_IV


def decrypt(
    pem: bytes, passphrase: str, *, name: str, derived: Derive = derive
) -> SoftwareSigner:
    """The signer in a PEM that a `Protection` wrote.

    Args:
        pem: the file.
        passphrase: as it was given to the `Protection`.
        name: for error messages.
        derived: derives the key.

    Raises:
        KeyProviderError: wrong passphrase, not such a file, or key and suite differ.
    """
    first_line = pem.partition(b"\n")[0].decode("ascii", "replace")
    if not first_line.startswith(_SUITE_LABEL):
        raise KeyProviderError(
            f"{name} does not name its suite",
            hint=f"its first line must read '{_SUITE_LABEL}ID'",
        )
    bound = suite(first_line.removeprefix(_SUITE_LABEL).strip())
    try:
        own = _opened(pem, passphrase, derived)
        key = own or load_pem_private_key(pem, passphrase.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # One message for all causes: which one it was helps only an attacker.
        raise KeyProviderError(
            f"{name} cannot be opened: wrong passphrase or not an encrypted key"
        ) from None
    return SoftwareSigner(key, bound)


def _opened(pem: bytes, passphrase: str, derived: Derive) -> object | None:
    """The key in a file of just the form that is written here; None in any other.

    Raises:
        ValueError: another passphrase, or what is no key.
    """
    body = pem.partition(_BEGIN)[2].partition(_END)[0]
    try:
        envelope = read_one(base64.b64decode(body)).expect(0x30).enter()
        algorithm = envelope.next(0x30).raw
        encrypted = envelope.next(0x04).content
        envelope.finish()
    except (EncodingError, ValueError):
        return None
    salt, iv = algorithm[_SALT_AT : _SALT_AT + _SALT], algorithm[_IV_AT:]
    if algorithm != _algorithm(salt, iv):
        return None
    cipher = Cipher(algorithms.AES256(derived(passphrase, salt)), modes.CBC(iv))
    decryptor, unpadder = cipher.decryptor(), PKCS7(128).unpadder()
    padded = decryptor.update(encrypted) + decryptor.finalize()
    plain = unpadder.update(padded) + unpadder.finalize()
    return load_der_private_key(plain, None)
