"""Waiting for the feed: quick to tell, quick to stop, no more readers than places."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from jpki.model.codes import MunicipalityCode, ResidentCode
from jpki.model.events import EventKind
from jpki.registry import Change, Feed, record_event, seed
from jpki.registry.feed import FeedPage
from jpki.store import RegistryStore

AT = datetime(2014, 10, 1, 3, 0, tzinfo=UTC)
TSUKUBA = MunicipalityCode("082201")
HANAKO = ResidentCode("52824992894")


def happen(store: RegistryStore, number: int = 1) -> None:
    """Let a household change happen."""
    change = Change(
        event_id=f"00000000-0000-4000-8000-{number:012}",
        kind=EventKind.HOUSEHOLD_CHANGE,
        effective_on=date(2014, 10, 1),
    )
    record_event(store, HANAKO, change, municipality=TSUKUBA, at=AT)


@pytest.fixture
def store(registry_store: RegistryStore) -> RegistryStore:
    """A register with the packaged residents."""
    seed(registry_store, at=AT)
    return registry_store


class Reader(threading.Thread):
    """Asks once, and notes the answer and when it came."""

    def __init__(self, ask: Callable[[], FeedPage]) -> None:
        super().__init__()
        self._ask = ask
        self.page: FeedPage | None = None
        self.answered = 0.0
        self.start()

    def run(self) -> None:
        """Ask."""
        self.page = self._ask()
        self.answered = time.monotonic()


def test_what_is_there_comes_at_once(store: RegistryStore) -> None:
    """In order, from after the position, with the position of the newest."""
    feed = Feed(store, stop=threading.Event())
    for number in (1, 2, 3):
        happen(store, number)
    page = feed.after(1, wait=20)
    assert [event.sequence for event in page.events] == [2, 3]
    assert page.position == 3
    assert [event.sequence for event in feed.after(0, limit=1).events] == [1]


def test_nothing_is_an_answer_after_the_wait(store: RegistryStore) -> None:
    """The page is empty and says where the feed ends."""
    feed = Feed(store, stop=threading.Event())
    begin = time.monotonic()
    assert feed.after(0, wait=0.1) == FeedPage(events=(), position=0)
    assert 0.1 <= time.monotonic() - begin < 2


@pytest.mark.parametrize("announced", [True, False])
def test_a_waiting_reader_is_told(store: RegistryStore, announced: bool) -> None:
    """By the same process or, seen in the database, by another one."""
    feed = Feed(store, stop=threading.Event())
    reader = Reader(lambda: feed.after(0, wait=20))
    time.sleep(0.1)
    happen(store)
    committed = time.monotonic()
    if announced:
        feed.announce()
    reader.join(10)
    assert reader.page is not None
    assert len(reader.page.events) == 1
    assert reader.answered - committed < 1


def test_waiting_ends_with_the_server(store: RegistryStore) -> None:
    """A stop lets readers go with an empty page."""
    stop = threading.Event()
    feed = Feed(store, stop=stop)
    reader = Reader(lambda: feed.after(0, wait=20))
    time.sleep(0.05)
    stop.set()
    reader.join(5)
    assert reader.page == FeedPage(events=(), position=0)


def test_more_readers_than_places_do_not_wait(store: RegistryStore) -> None:
    """They get what is there, so that waiting cannot take all threads."""
    stop = threading.Event()
    feed = Feed(store, stop=stop, readers=1)
    reader = Reader(lambda: feed.after(0, wait=20))
    time.sleep(0.05)
    begin = time.monotonic()
    assert feed.after(0, wait=20).events == ()
    assert time.monotonic() - begin < 5
    stop.set()
    reader.join(5)
