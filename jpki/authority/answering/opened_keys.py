"""Keys that are opened aside, so that only what they have to sign waits for them.

Opening a key takes a fifth of a second (`jpki.keys.pkcs8`), or as long as a token
takes. A server with keys of many authorities opens them all when it starts, in threads
of its own; a key that somebody asks for goes before those that nobody has asked for.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future
from time import monotonic
from typing import Final

from jpki.authority.office import Keyring
from jpki.errors import JpkiError, KeyProviderError
from jpki.model.ports import Signer

__all__ = ["OpenedKeys"]

_AT_ONCE: Final = 2
"""Keys that are opened at the same time: each takes a processor, and 16 MB."""
_FAILED_SECONDS: Final = 1.0
"""For how long a key that could not be opened is not tried again."""

_log = logging.getLogger(__name__)


class OpenedKeys:
    """The keys of one ring; shared by threads, and nobody ever waits here."""

    def __init__(self, ring: Keyring, *, at_once: int = _AT_ONCE) -> None:
        """Make it.

        Args:
            ring: opens the keys, and keeps them open.
            at_once: how many are opened at the same time.
        """
        self._ring = ring
        self._at_once = at_once
        self._lock = threading.Lock()
        self._opening: dict[str, Future[Signer]] = {}
        self._asked: deque[str] = deque()
        """Not yet begun, and somebody waits for it; the first goes first."""
        self._unasked: deque[str] = deque()
        self._failed: dict[str, tuple[JpkiError, float]] = {}
        """Why, and until when that is told without a new try (monotonic seconds)."""
        self._threads = 0

    def find(self, uri: str) -> Signer | Future[Signer]:
        """The key, or who opens it.

        Raises:
            JpkiError: it could not be opened a moment ago.
        """
        signer = self._ring.opened(uri)
        if signer is not None:
            return signer
        with self._lock:
            failed = self._failed.get(uri)
            if failed is not None and monotonic() < failed[1]:
                raise failed[0].with_traceback(None)
            if uri in self._unasked:
                self._unasked.remove(uri)
                self._asked.append(uri)
            return self._begin(uri, self._asked)

    def is_open(self, uri: str) -> bool:
        """Whether nobody has to wait for this key."""
        return self._ring.opened(uri) is not None

    def want(self, uris: Iterable[str]) -> None:
        """Have these opened when nobody waits for any other."""
        for uri in uris:
            if not self.is_open(uri):
                with self._lock:
                    self._begin(uri, self._unasked)

    def _begin(self, uri: str, queue: deque[str]) -> Future[Signer]:
        """Open it, unless somebody does; under the lock."""
        there = self._opening.get(uri)
        if there is not None:
            return there
        opening = self._opening[uri] = Future[Signer]()
        queue.append(uri)
        if self._threads < self._at_once:
            self._threads += 1
            # A token that never answers must not keep the process from ending.
            threading.Thread(target=self._open_all, name="keys", daemon=True).start()
        return opening

    def _open_all(self) -> None:
        while True:
            with self._lock:
                queue = self._asked or self._unasked
                if not queue:
                    self._threads -= 1
                    return
                uri = queue.popleft()
            self._open(uri)

    def _open(self, uri: str) -> None:
        try:
            signer = self._ring.open(uri)
        except Exception as error:
            if not isinstance(error, JpkiError):
                _log.exception("a key could not be opened")
                error = KeyProviderError(f"{uri}: {type(error).__name__}")
            with self._lock:
                self._failed[uri] = error, monotonic() + _FAILED_SECONDS
                opening = self._opening.pop(uri)
            opening.set_exception(error)
        else:
            with self._lock:
                self._failed.pop(uri, None)
                opening = self._opening.pop(uri)
            opening.set_result(signer)
