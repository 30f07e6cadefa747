"""Seeing, soon after its commit, what any process has put into the revocation journal.

Whoever keeps answers asks here before giving one. A look costs one row; it is taken in
a thread of its own several times a second, and at once by whoever finds that the last
is too long ago. While the database cannot be asked nobody here can know more than is
kept: kept answers are then as good as any, until their time is over. A database that
does not answer a look in half a second counts as one that cannot be asked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Final

from jpki.errors import StoreError
from jpki.store import AuthorityStore
from jpki.store.authority_records import JournalEntry

__all__ = ["TRUSTED_SECONDS", "JournalWatch"]

_EVERY: Final = 0.2
"""Seconds between two looks: a revocation must be told within one second."""
TRUSTED_SECONDS: Final = 0.5
"""After which a look is too long ago."""
_PATIENCE: Final = 0.5
"""Seconds without a word from the database after which it is away."""
_LINES: Final = 1000
"""Lines of the journal that are read at once."""

Told = Callable[[Sequence[JournalEntry] | None], None]
"""Given new lines; or None where lines that were told are there no more."""


class JournalWatch:
    """Follows the journal and tells its new lines, in order; shared by threads."""

    def __init__(
        self,
        store: AuthorityStore,
        told: Told,
        *,
        trusted_seconds: float = TRUSTED_SECONDS,
    ) -> None:
        self._store = store
        self._told = told
        self._trusted_seconds = trusted_seconds
        self._looking = threading.Lock()
        self._position: int | None = None
        self._trusted_until = 0.0
        self._away = False
        self._waiting_since: float | None = None

    @property
    def position(self) -> int:
        """How far the journal has been told; -1 before the first look."""
        return -1 if self._position is None else self._position

    @property
    def away(self) -> bool:
        """Whether the database cannot be asked, as far as anybody here can see."""
        return self._away or self._is_silent(monotonic())

    def is_fresh(self, now: float) -> bool:
        """Whether nothing newer can be known; `now` is monotonic."""
        return now < self._trusted_until or self._is_silent(now)

    def settle(self) -> None:
        """Take a look unless the last one will do, or the database is silent."""
        if self.is_fresh(monotonic()):
            return
        if not self._looking.acquire(timeout=_PATIENCE):
            return
        try:
            if not self.is_fresh(monotonic()):
                self._look()
        finally:
            self._looking.release()

    def look(self) -> None:
        """Take a look now."""
        with self._looking:
            self._look()

    def run(self, stop: threading.Event) -> None:
        """Look again and again until told to stop."""
        while not stop.is_set():
            self.look()
            stop.wait(_EVERY)

    def _is_silent(self, now: float) -> bool:
        since = self._waiting_since
        return since is not None and now - since > _PATIENCE

    def _look(self) -> None:
        began = self._waiting_since = monotonic()
        try:
            self._read()
        except StoreError:
            self._away = True
            began = monotonic()
        else:
            self._away = False
        finally:
            self._waiting_since = None
        self._trusted_until = began + self._trusted_seconds

    def _read(self) -> None:
        with self._store.read() as uow:
            newest = uow.journal.position()
            if self._position is None:
                self._position = newest
            if newest < self._position:
                # An older copy of the database is in its place.
                self._position = newest
                self._told(None)
            while self._position < newest:
                lines = uow.journal.after(self._position, limit=_LINES)
                if not lines:
                    break
                # Position first: what is read meanwhile at an older one is not kept.
                self._position = lines[-1].position
                self._told(lines)
                # Many lines are no silence.
                self._waiting_since = monotonic()
