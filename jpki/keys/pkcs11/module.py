"""PKCS #11 libraries: loaded once a process, entered by one thread at a time.

The standard lets a library refuse threads, and the binding initialises it that way.
"""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Final

import pkcs11
from pkcs11 import exceptions as faults

from jpki.errors import KeyProviderError

__all__ = ["STALE", "Module", "module_at", "serial_of", "words"]

STALE: Final = (
    faults.DeviceError,
    faults.DeviceRemoved,
    faults.GeneralError,
    faults.KeyHandleInvalid,
    faults.ObjectHandleInvalid,
    faults.SessionClosed,
    faults.SessionHandleInvalid,
    faults.SlotIDInvalid,
    faults.TokenNotPresent,
    faults.TokenNotRecognised,
    faults.UserNotLoggedIn,
)
"""What a module may answer when the token went away since the session was opened."""


class Module:
    """A loaded PKCS #11 library: there is one of each in a process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.RLock()
        self.epoch = 0
        """Counts initialisations; handles of an earlier one mean nothing."""
        try:
            self._library = pkcs11.lib(str(path))
        except faults.PKCS11Error as error:
            reason = str(error) or type(error).__name__
            raise KeyProviderError(
                f"the PKCS #11 module {path} cannot be used: {reason}",
                hint="name the vendor's library as module-path",
            ) from None

    def tokens(self) -> list[pkcs11.Token]:
        """The tokens that are in their slots."""
        found = []
        for slot in self._library.get_slots(token_present=True):
            # A token may be pulled out while we look around.
            with contextlib.suppress(faults.PKCS11Error):
                found.append(slot.get_token())
        return found

    def look_again(self) -> None:
        """Initialise anew: many modules see only the tokens that were there then."""
        self.epoch += 1
        self._library.reinitialize()


_modules: Final[dict[Path, Module]] = {}
_modules_lock: Final = threading.Lock()


def module_at(path: Path) -> Module:
    with _modules_lock:
        if path not in _modules:
            if not path.is_file():
                raise KeyProviderError(
                    f"there is no PKCS #11 module {path}",
                    hint="install the token's software, or correct module-path",
                )
            _modules[path] = Module(path)
        return _modules[path]


def serial_of(token: pkcs11.Token) -> str:
    return token.serial.decode("utf-8", "replace").rstrip("\0 ")


def words(error: faults.PKCS11Error) -> str:
    """Such as `DeviceError`; most of these exceptions carry no text."""
    name = type(error).__name__
    return f"{name}: {error}" if str(error) else name
