"""Wait for the feed to grow."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Final

from jpki.model.events import RegistryEvent
from jpki.store.registry_store import RegistryStore

__all__ = ["MAX_BATCH", "MAX_WAIT_SECONDS", "Feed", "FeedPage"]

MAX_WAIT_SECONDS: Final = 25.0
"""Shorter than the 30 s after which many proxies give up."""
MAX_BATCH: Final = 500
_LOOK_SECONDS: Final = 0.02
"""Events that other processes record are seen after this."""
_QUEUE_SECONDS: Final = 0.1
"""How long one more reader waits for a place before it gets what is there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedPage:
    """A piece of the feed."""

    events: tuple[RegistryEvent, ...]
    position: int
    """Of the newest event there is, here or on a later page."""


class Feed:
    """The feed with long polling; shared by all threads of one server."""

    def __init__(
        self, store: RegistryStore, *, stop: threading.Event, readers: int = 8
    ) -> None:
        """Make it.

        Args:
            store: the register.
            stop: waiting ends when it is set.
            readers: how many may wait at the same time.
        """
        self._store = store
        self._stop = stop
        self._places = threading.BoundedSemaphore(readers)
        self._grown = threading.Condition()
        self._growth = 0

    def announce(self) -> None:
        """Tell the readers of this process that an event was committed."""
        with self._grown:
            self._growth += 1
            self._grown.notify_all()

    def after(
        self, position: int, *, wait: float = 0.0, limit: int = MAX_BATCH
    ) -> FeedPage:
        """The events that follow `position`; if there are none, wait for the next."""
        deadline = time.monotonic() + min(max(wait, 0.0), MAX_WAIT_SECONDS)
        page = self._page(position, limit)
        if page.events or wait <= 0 or not self._places.acquire(timeout=_QUEUE_SECONDS):
            return page
        try:
            while True:
                seen = self._growth
                page = self._page(position, limit)
                left = deadline - time.monotonic()
                if page.events or left <= 0 or self._stop.is_set():
                    return page
                with self._grown:
                    if seen == self._growth:
                        self._grown.wait(min(left, _LOOK_SECONDS))
        finally:
            self._places.release()

    def _page(self, position: int, limit: int) -> FeedPage:
        with self._store.read() as uow:
            newest = uow.events.position()
            if newest <= position:
                # Most looks find nothing new, and there are many a second.
                return FeedPage(events=(), position=newest)
            return FeedPage(
                events=uow.events.after(position, limit=min(limit, MAX_BATCH)),
                position=newest,
            )
