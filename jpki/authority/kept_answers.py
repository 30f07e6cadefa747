"""OCSP answers signed once and given many times, never after they have become wrong.

An answer is kept under the octets of the plainest request about one CertID, which
spell that CertID exactly: one look-up finds it. What the journal tells is forgotten at
once; what is more than half through its life is signed again if somebody asked for it,
so that nobody gets an answer about to end. With an answer goes what it says: a question
with a nonce is then answered without the books. Questions about several certificates or
at another time than now are answered from the books.

Few threads use the books at the same time. Who finds no place within a second is told
`tryLater`, so that neither a database that hangs nor a crowd takes all threads of a
server.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, TimeoutError
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Final

from jpki.authority.journal_watch import TRUSTED_SECONDS, JournalWatch
from jpki.authority.office import Office, whole_second
from jpki.authority.responder import OCSPAnswer, Repeatable, Responder
from jpki.errors import EncodingError, KeyProviderError
from jpki.model.ports import Clock
from jpki.store.authority_records import JournalEntry
from jpki.x509.ocsp import TRY_LATER, build_request, error_response, parse_request

__all__ = ["KeptAnswer", "KeptAnswers"]

_LIMIT: Final = 20_000
"""Answers; one has 1 to 8 KB."""
_AT_WORK: Final = 4
"""Threads that use the books at the same time."""
_PLACE_SECONDS: Final = 1.0
"""How long to wait for a place among these."""
_REFRESH_SECONDS: Final = 1.0
_WAIT: Final = 5.0
"""Seconds to wait for an answer that another thread is having signed."""
_PARTS: Final = 256
"""Into how many moments the renewal of answers of one age is spread."""

_LATER: Final = OCSPAnswer(
    body=error_response(TRY_LATER), this_update=None, next_update=None
)


@dataclass(slots=True)
class KeptAnswer:
    """An answer that states good or revoked, and whether anybody wanted it."""

    body: bytes
    """OCSPResponse, DER; empty where all who asked had a nonce."""
    again: Repeatable
    about: tuple[str, int]
    """Authority and serial number."""
    this_update: datetime
    next_update: datetime
    used: bool = False
    posted: tuple[bytes, bytes] = (b"", b"")
    """Room for what a server makes of it: the HTTP date, and its whole answer then."""
    got: tuple[bytes, bytes] = (b"", b"")
    """The same for GET."""


class KeptAnswers:
    """The answers of one office; shared by threads."""

    def __init__(
        self,
        office: Office,
        responder: Responder,
        *,
        limit: int = _LIMIT,
        at_work: int = _AT_WORK,
        trusted_seconds: float = TRUSTED_SECONDS,
    ) -> None:
        """Make it.

        Args:
            office: whose journal is watched.
            responder: answers what is not kept.
            limit: how many answers are kept.
            at_work: how many threads use the books at the same time.
            trusted_seconds: for how long a look at the journal is good.
        """
        self._responder = responder
        self._limit = limit
        self._places = threading.BoundedSemaphore(at_work)
        self._kept: dict[bytes, KeptAnswer] = {}
        self.peek: Callable[[bytes], KeptAnswer | None] = self._kept.get
        """What is kept under these octets, whether or not it can be given."""
        self._about: dict[tuple[str, int], set[bytes]] = {}
        self._signers: set[tuple[str, int]] = set()
        self._being_signed: dict[bytes, Future[OCSPAnswer]] = {}
        self._lock = threading.Lock()
        self.watch = JournalWatch(
            office.store, self._forget, trusted_seconds=trusted_seconds
        )

    def __len__(self) -> int:
        """About how many certificates something is kept."""
        return len(self._kept)

    def find(self, request: bytes, at: datetime, now: float) -> KeptAnswer | None:
        """The answer to exactly these octets, if it can be given this moment.

        Args:
            request: as it came.
            at: the time.
            now: monotonic seconds, which no clock that is set back can fool.
        """
        kept = self._kept.get(request)
        if (
            kept is None
            or not kept.body
            or not self.watch.is_fresh(now)
            or not kept.this_update <= at < kept.next_update
        ):
            return None
        kept.used = True
        return kept

    def repeatable(self, request: bytes, at: datetime, now: float) -> Repeatable | None:
        """What can be said now to these octets with a nonce added.

        None while the database is away: nothing can then be said to be true now.
        """
        kept = self._kept.get(request)
        if (
            kept is None
            or not self.watch.is_fresh(now)
            or not kept.this_update <= at < kept.next_update
            or self.watch.away
        ):
            return None
        kept.used = True
        return kept.again

    def answer(self, request: bytes, at: datetime) -> OCSPAnswer:
        """Answer one request, from what is kept or from the books."""
        moment = whole_second(at)
        self.watch.settle()
        kept = self.find(request, moment, monotonic())
        if kept is not None:
            return _given(kept)
        try:
            parsed = parse_request(request)
        except EncodingError:
            return self._responder.answer(request, moment)
        if len(parsed.entries) != 1:
            return self._in_place(lambda: self._responder.answer(request, moment))
        # Whoever signed the request or added what is not looked at asks the same.
        plainest = build_request(parsed.entries)
        if parsed.nonce is not None:
            nonce = parsed.nonce
            known = self.repeatable(plainest, moment, monotonic())
            if known is not None:
                return self._in_place(lambda: _repeated(known, moment, nonce))
            return self._in_place(lambda: self._sign(request, plainest, moment))
        kept = self.find(plainest, moment, monotonic())
        return self._one_signs(plainest, moment) if kept is None else _given(kept)

    def run(self, stop: threading.Event, clock: Clock) -> None:
        """Sign again what grows old, until told to stop."""
        while not stop.wait(_REFRESH_SECONDS):
            self.refresh(clock(), stop)

    def refresh(self, at: datetime, stop: threading.Event | None = None) -> None:
        """Replace answers past half of their life; drop those nobody asked for.

        Answers of one age take their turns in the third quarter of it, so that what was
        signed at one moment is not signed again at one moment, by all processes.
        """
        for request, kept in tuple(self._kept.items()):
            if stop is not None and stop.is_set():
                return
            life = kept.next_update - kept.this_update
            turn = life * (0.5 + hash(request) % _PARTS / (4 * _PARTS))
            if kept.this_update <= at < kept.this_update + turn:
                continue
            if not kept.this_update <= at < kept.next_update or not kept.used:
                self._drop(request)
            elif not self.watch.away:
                self._one_signs(request, at)

    def _in_place(self, work: Callable[[], OCSPAnswer]) -> OCSPAnswer:
        """Do what needs books or key, if there is a place among those who do."""
        if self.watch.away or not self._places.acquire(timeout=_PLACE_SECONDS):
            return _LATER
        try:
            return work()
        finally:
            self._places.release()

    def _one_signs(self, request: bytes, at: datetime) -> OCSPAnswer:
        """Sign; of several threads that want the same answer, one does it for all."""
        with self._lock:
            running = self._being_signed.get(request)
            if running is None:
                mine = self._being_signed[request] = Future[OCSPAnswer]()
        if running is not None:
            try:
                return running.result(timeout=_WAIT)
            except TimeoutError:
                return _LATER
        try:
            answer = self._in_place(lambda: self._sign(request, request, at))
            mine.set_result(answer)
        except BaseException as error:
            mine.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._being_signed[request]
        return answer

    def _sign(self, request: bytes, plainest: bytes, at: datetime) -> OCSPAnswer:
        # Read before the books are: what is told from then on may contradict them.
        position = self.watch.position
        answer = self._responder.answer(request, at)
        if answer.about is None or answer.signer is None or answer.again is None:
            return answer
        kept = KeptAnswer(
            answer.body if request is plainest else b"",
            answer.again,
            answer.about,
            answer.again.read_at,
            answer.again.use_until,
        )
        with self._lock:
            there = self._kept.get(plainest)
            if there is None:
                room = len(self._kept) < self._limit
            else:
                room = bool(kept.body) or at >= there.next_update
            if room and 0 <= position == self.watch.position:
                self._kept[plainest] = kept
                self._about.setdefault(kept.about, set()).add(plainest)
                self._signers.add(answer.signer)
        return answer

    def _drop(self, request: bytes) -> None:
        with self._lock:
            kept = self._kept.pop(request, None)
            if kept is not None:
                self._about.get(kept.about, set()).discard(request)
                if not self._about.get(kept.about):
                    self._about.pop(kept.about, None)

    def _forget(self, lines: Sequence[JournalEntry] | None) -> None:
        with self._lock:
            if lines is None:
                self._clear()
            for line in lines or ():
                name = (line.authority, line.serial)
                if name in self._signers:
                    # What a revoked responder signed convinces nobody.
                    self._clear()
                for request in self._about.pop(name, ()):
                    self._kept.pop(request, None)

    def _clear(self) -> None:
        self._kept.clear()
        self._about.clear()
        self._signers.clear()


def _given(kept: KeptAnswer) -> OCSPAnswer:
    return OCSPAnswer(
        body=kept.body, this_update=kept.this_update, next_update=kept.next_update
    )


def _repeated(known: Repeatable, at: datetime, nonce: bytes) -> OCSPAnswer:
    try:
        body = known.sign(at, nonce)
    except KeyProviderError:
        return _LATER
    return OCSPAnswer(body=body, this_update=None, next_update=None)
