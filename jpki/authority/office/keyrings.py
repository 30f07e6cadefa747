"""Keyrings: encrypted files in one folder, a token, memory for tests, and a pair."""

from __future__ import annotations

import re
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from jpki.authority.office import Keyring
from jpki.errors import KeyNotFound, KeyProviderError
from jpki.keys import files, memory
from jpki.keys.pkcs8 import Derived, Protection
from jpki.keys.pkcs11.uri import SCHEME
from jpki.model.ports import Secret, Signer
from jpki.model.suites import SignatureSuite

if TYPE_CHECKING:
    from jpki.keys.pkcs11.token import Token

__all__ = ["FileKeyring", "MemoryKeyring", "ResponderKeyring", "TokenKeyring"]

_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")


class FileKeyring:
    """One encrypted PKCS#8 file a key; each is opened once a process.

    Opening takes 0.2 s on purpose, for the derivation of a key from the passphrase.
    Whoever opens one keeps nobody from another. Keys that were made by one process
    have that derivation in common.
    """

    def __init__(self, folder: Path, passphrase: Secret) -> None:
        self._folder = folder
        self._passphrase = passphrase
        self._derived = Derived()
        self._protection: Protection | None = None
        self._opened: dict[str, Signer] = {}
        self._opening: dict[str, threading.Lock] = {}
        self._making = threading.Lock()

    def generate(self, suite: SignatureSuite, label: str) -> tuple[str, Signer]:
        """Make a key in a new file named after the label.

        Raises:
            KeyProviderError: the label is no file name, or the file cannot be made.
        """
        _check(label)
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise KeyProviderError(
                f"{self._folder}: {error.strerror}", hint="keys need a folder of theirs"
            ) from None
        path = self._folder / f"{label}.pem"
        with self._making:
            if self._protection is None:
                self._protection = Protection(self._passphrase(), self._derived)
        signer = files.generate(suite, path, self._protection)
        uri = files.file_uri(path)
        self._opened[uri] = signer
        return uri, signer

    def open(self, uri: str) -> Signer:
        """The key of this URI, from wherever it is.

        Raises:
            KeyNotFound: it is not there, or not in a file at all.
            KeyProviderError: it cannot be opened.
        """
        if uri.startswith(SCHEME):
            raise KeyNotFound(
                f"{uri} is on a token, not in a file",
                hint="name that token as key_store in the settings",
            )
        signer = self._opened.get(uri)
        if signer is None:
            with self._opening.setdefault(uri, threading.Lock()):
                signer = self._opened.get(uri)
                if signer is None:
                    signer = files.open_signer(
                        uri, self._passphrase, derived=self._derived
                    )
                    self._opened[uri] = signer
        return signer

    def opened(self, uri: str) -> Signer | None:
        """The key of this URI, if it is open."""
        return self._opened.get(uri)


class TokenKeyring:
    """Keys that are made on a hardware token and never leave it."""

    def __init__(self, token: Token, earlier: Keyring | None = None) -> None:
        """Make it.

        Args:
            token: where new keys are made.
            earlier: opens keys from the time before there was a token.
        """
        self._token = token
        self._earlier = earlier
        self._opened: dict[str, Signer] = {}

    def generate(self, suite: SignatureSuite, label: str) -> tuple[str, Signer]:
        """Make a key on the token.

        Raises:
            KeyProviderError: the label cannot name a key, or the token refuses.
        """
        _check(label)
        signer = self._token.generate(suite, label)
        self._opened[signer.uri] = signer
        return signer.uri, signer

    def open(self, uri: str) -> Signer:
        """The key of this URI; signing opens the token again after it was away.

        Raises:
            KeyNotFound: it is not on this token.
            KeyProviderError: it cannot be opened.
        """
        if not uri.startswith(SCHEME):
            if self._earlier is None:
                raise KeyNotFound(f"{uri} is not on a token")
            return self._earlier.open(uri)
        signer = self._opened.get(uri)
        if signer is None:
            signer = self._opened[uri] = self._token.open(uri)
        return signer

    def opened(self, uri: str) -> Signer | None:
        """The key of this URI, if it is open."""
        if not uri.startswith(SCHEME) and self._earlier is not None:
            return self._earlier.opened(uri)
        return self._opened.get(uri)


class MemoryKeyring:
    """Keys that end with the process."""

    def generate(self, suite: SignatureSuite, label: str) -> tuple[str, Signer]:
        """Make a key; the label is not needed."""
        signer = memory.generate_key(suite)
        return memory.keep(signer), signer

    def open(self, uri: str) -> Signer:
        """The key of this URI.

        Raises:
            KeyNotFound: this process does not hold it.
        """
        return memory.recall(uri)

    def opened(self, uri: str) -> Signer | None:
        """The key of this URI, if this process holds it."""
        with suppress(KeyNotFound):
            return memory.recall(uri)
        return None


class ResponderKeyring:
    """Makes responders' keys apart from the authorities', which sign for them.

    The server that answers OCSP opens the responders' ring only.
    """

    def __init__(self, authorities: Keyring, responders: Keyring) -> None:
        self._authorities = authorities
        self._responders = responders

    def generate(self, suite: SignatureSuite, label: str) -> tuple[str, Signer]:
        """Make a responder's key."""
        return self._responders.generate(suite, label)

    def open(self, uri: str) -> Signer:
        """A key of either ring.

        Raises:
            KeyProviderError: neither can open it; what the authorities' ring says.
        """
        try:
            return self._authorities.open(uri)
        except KeyProviderError:
            # Of files each ring may see the other's, and have no passphrase for them.
            with suppress(KeyProviderError):
                return self._responders.open(uri)
            raise

    def opened(self, uri: str) -> Signer | None:
        """A key of either ring, if it is open."""
        return self._authorities.opened(uri) or self._responders.opened(uri)


def _check(label: str) -> None:
    if _LABEL.fullmatch(label) is None:
        raise KeyProviderError(f"{label!r} cannot name a key")
