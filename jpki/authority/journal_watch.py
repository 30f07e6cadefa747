"""Seeing, soon after its commit, what any process has put into the revocation journal.

Whoever keeps answers asks here before giving one. A look costs one row; it is taken in
a thread of its own several times a second, and at once by whoever finds that the last
is too long ago. While the database cannot be asked nobody here can know more than is
kept: kept answers are then as good as any, until their time is over.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Final

from jpki.errors import StoreError
from jpki.store import AuthorityStore
from jpki.store.authority_records import JournalEntry

__all__ = ["JournalWatch"]

_EVERY: Final = 0.2
"""Seconds between two looks: a revocation must be told within one second."""
_TRUSTED: Final = 0.5
"""Seconds after which a look is too long ago."""
_PATIENCE: Final = 0.25
"""Seconds to wait for a look that somebody else is taking."""
_LINES: Final = 1000
"""Lines of the journal that are read at once."""

Told = Callable[[Sequence[JournalEntry] | None], None]
"""Given new lines; or None where lines that were told are there no more."""


class JournalWatch:
    """Follows the journal and tells its new lines, in order; shared by threads."""

    def __init__(self, store: AuthorityStore, told: Told) -> None:
        self._store = store
        self._told = told
        self._looking = threading.Lock()
        self._position: int | None = None
        self._trusted_until = 0.0
        self._away = False

    @property
    def position(self) -> int:
        """How far the journal has been told; -1 before the first look."""
        return -1 if self._position is None else self._position

    @property
    def away(self) -> bool:
        """Whether the database could not be asked when it was last tried."""
        return self._away

    def is_fresh(self, now: float) -> bool:
        """Whether the last look is not too long ago; `now` is monotonic."""
        return now < self._trusted_until

    def settle(self) -> None:
        """Take a look unless the last one will do, or one is taking very long."""
        if self.is_fresh(monotonic()):
            return
        if not self._looking.acquire(timeout=_PATIENCE):
            # The database does not answer: it is away, as far as anybody here can see.
            self._trusted_until = monotonic() + _TRUSTED
            return
        try:
            if not self.is_fresh(monotonic()):
                self._look()
        finally:
            self._looking.release()

    def run(self, stop: threading.Event) -> None:
        """Look again and again until told to stop."""
        while not stop.is_set():
            with self._looking:
                self._look()
            stop.wait(_EVERY)

    def _look(self) -> None:
        began = monotonic()
        try:
            self._read()
        except StoreError:
            self._away = True
            began = monotonic()
        else:
            self._away = False
        self._trusted_until = began + _TRUSTED

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
