"""Private keys as encrypted PKCS#8 (RFC 5958) under a passphrase.

PBES2 with scrypt (RFC 8018, RFC 7914) and AES-256-CBC: what `openssl pkcs8 -scrypt`
writes and every common tool reads. pyca would write PBKDF2 with 2,048 rounds, which is
too few for a CA's key, so the envelope is made here.
"""

from __future__ import annotations

import base64
import hashlib
import os
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from jpki.der.writer import integer, object_identifier, octet_string, sequence
from jpki.errors import KeyProviderError
from jpki.keys.software import PrivateKey, SoftwareSigner
from jpki.model.suites import SignatureSuite, suite

__all__ = ["MIN_PASSPHRASE", "Protection", "decrypt", "encrypt"]

MIN_PASSPHRASE: Final = 8
"""Shorter ones are refused when a key is written (NIST SP 800-63B 5.1.1.2)."""

_PBES2: Final = "1.2.840.113549.1.5.13"
_SCRYPT: Final = "1.3.6.1.4.1.11591.4.11"
_AES_256_CBC: Final = "2.16.840.1.101.3.4.1.42"
# OWASP Password Storage: N=2^14, r=8, p=5. More memory than 16 MiB is beyond what
# OpenSSL is willing to read by default.
_COST, _BLOCK, _PARALLEL = 2**14, 8, 5
_SUITE_LABEL: Final = "Suite: "


class Protection:
    """A passphrase made ready once, for as many files as open under it.

    Their common salt costs nothing: who finds the passphrase opens them all anyway.
    """

    __slots__ = ("_derived", "_salt")

    def __init__(self, passphrase: str) -> None:
        """Derive the key, which takes a moment on purpose.

        Raises:
            KeyProviderError: the passphrase is too short.
        """
        if len(passphrase) < MIN_PASSPHRASE:
            raise KeyProviderError(
                f"a passphrase has at least {MIN_PASSPHRASE} characters"
            )
        # Salt and IV are part of making a key, which draws on the system's source too.
        self._salt = os.urandom(16)
        self._derived = _derive(passphrase, self._salt)

    def encrypt(self, key: PrivateKey, suite: SignatureSuite) -> bytes:
        """PEM of the key; its suite stands as text before it.

        RFC 7468 section 2 allows such text and parsers skip it.
        """
        iv = os.urandom(16)
        plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        padder = PKCS7(128).padder()
        cipher = Cipher(algorithms.AES256(self._derived), modes.CBC(iv))
        encryptor = cipher.encryptor()
        padded = padder.update(plain) + padder.finalize()
        envelope = sequence(
            sequence(
                object_identifier(_PBES2),
                sequence(
                    sequence(
                        object_identifier(_SCRYPT),
                        sequence(
                            octet_string(self._salt),
                            integer(_COST),
                            integer(_BLOCK),
                            integer(_PARALLEL),
                        ),
                    ),
                    sequence(object_identifier(_AES_256_CBC), octet_string(iv)),
                ),
            ),
            octet_string(encryptor.update(padded) + encryptor.finalize()),
        )
        text = base64.b64encode(envelope).decode("ascii")
        lines = [text[start : start + 64] for start in range(0, len(text), 64)]
        label = "ENCRYPTED PRIVATE KEY"
        begin, end = f"-----BEGIN {label}-----", f"-----END {label}-----"
        named = f"{_SUITE_LABEL}{suite.id}"
        return "\n".join([named, begin, *lines, end, ""]).encode("ascii")


def encrypt(key: PrivateKey, suite: SignatureSuite, passphrase: str) -> bytes:
    """PEM of one key under the passphrase; see `Protection`.

    Raises:
        KeyProviderError: the passphrase is too short.
    """
    return Protection(passphrase).encrypt(key, suite)


def _derive(passphrase: str, salt: bytes) -> bytes:
    return hashlib.scrypt(
        passphrase.encode(),
        salt=salt,
        n=_COST,
        r=_BLOCK,
        p=_PARALLEL,
        maxmem=64 << 20,
        dklen=32,
    )


def decrypt(pem: bytes, passphrase: str, *, name: str) -> SoftwareSigner:
    """The signer in a PEM that `encrypt` wrote; `name` is for error messages.

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
        key = load_pem_private_key(pem, passphrase.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # One message for all causes: which one it was helps only an attacker.
        raise KeyProviderError(
            f"{name} cannot be opened: wrong passphrase or not an encrypted key"
        ) from None
    return SoftwareSigner(key, bound)
