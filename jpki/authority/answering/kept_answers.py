"""OCSP answers signed once and given many times, never after they have become wrong.

An answer is kept under the octets of the plainest request about one CertID, which
spell that CertID exactly: one look-up finds it. What the journal tells is forgotten at
once; what is more than half through its life is signed again if somebody asked for it,
so that nobody gets an answer about to end. With an answer goes what it says: a question
with a nonce is then answered without the books. Questions about several certificates or
at another time than now are answered from the books.

Many questions that are there at the same time are best asked together: one look into
the books answers them all (`answer_all`). Threads that bring one question each get in
each other's way, for the interpreter runs one of them at a time: few use the books at
the same time. Who finds no place within a second is told `tryLater`, so that neither a
database that hangs nor a crowd takes all threads of a server. A key that is not open
yet is waited for outside, and not by all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, TimeoutError, wait
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Final

from jpki.authority.answering.journal_watch import TRUSTED_SECONDS, JournalWatch
from jpki.authority.answering.ocsp_answers import (
    LATER,
    MALFORMED,
    OCSPAnswer,
    Repeatable,
)
from jpki.authority.answering.responder import Responder
from jpki.authority.office import Office, whole_second
from jpki.errors import EncodingError, KeyProviderError
from jpki.model.ports import Clock
from jpki.store.authority_records import JournalEntry
from jpki.x509.ocsp import OCSPRequest, build_request, parse_request

__all__ = ["AT_ONCE", "KeptAnswer", "KeptAnswers"]

AT_ONCE: Final = 64
"""How many questions are best asked together: more hardly cost less, and wait."""

_LIMIT: Final = 20_000
"""Answers; one has 1 to 8 KB."""
_AT_WORK: Final = 4
"""Threads that use the books at the same time."""
_PLACE_SECONDS: Final = 1.0
"""How long to wait for a place among these."""
_REFRESH_SECONDS: Final = 1.0
_WAIT: Final = 5.0
"""Seconds to wait for an answer that another thread is having signed, or for a key."""
_PARTS: Final = 256
"""Into how many moments the renewal of answers of one age is spread."""

_Question = tuple[OCSPRequest, bytes | None]
"""And the plainest request that asks the same, if that is about one certificate."""


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
        self._chairs = threading.BoundedSemaphore(at_work)
        """For who waits for a key."""
        self._kept: dict[bytes, KeptAnswer] = {}
        self._about: dict[tuple[str, int], set[bytes]] = {}
        self._signers: set[tuple[str, int]] = set()
        self._being_signed: dict[bytes, Future[OCSPAnswer]] = {}
        self._lock = threading.Lock()
        self.forgotten = 0
        """Grows whenever something kept must not be given any more."""
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
            parsed, plainest = _question(request)
        except EncodingError:
            return MALFORMED
        if plainest is None or parsed.nonce is not None:
            known = self._known(parsed, plainest, moment)
            if isinstance(known, Repeatable):
                return self._in_place(lambda: _repeated(known, moment, parsed))
            return self._patiently(lambda: self._sign(parsed, plainest, moment))
        kept = self.find(plainest, moment, monotonic())
        if kept is not None:
            return _given(kept)
        return self._one_signs(parsed, plainest, moment)

    def answer_all(
        self, requests: Sequence[bytes], at: datetime
    ) -> Sequence[OCSPAnswer]:
        """Answer several, in their order, with one look into the books for all.

        For keys that do not let their caller wait: one answer is signed after another.
        What one that is not open yet has to sign is `tryLater`, and tells who opens it.
        """
        moment = whole_second(at)
        self.watch.settle()
        answers: dict[bytes, OCSPAnswer] = {}
        # Whoever asks the same as another is given the same.
        unknown: dict[bytes, _Question] = {}
        same: dict[bytes, bytes] = {}
        for request in dict.fromkeys(requests):
            try:
                parsed, plainest = _question(request)
            except EncodingError:
                answers[request] = MALFORMED
                continue
            known = self._known(parsed, plainest, moment)
            if isinstance(known, KeptAnswer):
                answers[request] = _given(known)
            elif known is not None:
                answers[request] = _repeated(known, moment, parsed)
            else:
                alike = request if parsed.nonce or plainest is None else plainest
                unknown[alike] = parsed, plainest
                same[request] = alike
        if unknown:
            made = self._all_in_place(unknown, moment)
            answers |= {request: made[alike] for request, alike in same.items()}
        return [answers[request] for request in requests]

    def run(self, stop: threading.Event, clock: Clock) -> None:
        """Sign again what grows old, until told to stop."""
        while not stop.wait(_REFRESH_SECONDS):
            self.refresh(clock(), stop)

    def refresh(self, at: datetime, stop: threading.Event | None = None) -> None:
        """Replace answers past half of their life; drop those nobody asked for.

        Answers of one age take their turns in the third quarter of it, so that what was
        signed at one moment is not signed again at one moment, by all processes.
        """
        due: list[bytes] = []
        for request, kept in tuple(self._kept.items()):
            life = kept.next_update - kept.this_update
            turn = life * (0.5 + hash(request) % _PARTS / (4 * _PARTS))
            if kept.this_update <= at < kept.this_update + turn:
                continue
            if not kept.this_update <= at < kept.next_update or not kept.used:
                self._drop(request)
            elif not self.watch.away:
                due.append(request)
        for start in range(0, len(due), AT_ONCE):
            if stop is not None and stop.is_set():
                return
            self._all_in_place(
                {each: _question(each) for each in due[start : start + AT_ONCE]}, at
            )

    def _known(
        self, parsed: OCSPRequest, plainest: bytes | None, at: datetime
    ) -> KeptAnswer | Repeatable | None:
        """What answers this without the books."""
        if plainest is None:
            return None
        look_up = self.find if parsed.nonce is None else self.repeatable
        return look_up(plainest, at, monotonic())

    def _in_place(self, work: Callable[[], OCSPAnswer]) -> OCSPAnswer:
        """Do what needs books or key, if there is a place among those who do."""
        if self.watch.away or not self._places.acquire(timeout=_PLACE_SECONDS):
            return LATER
        try:
            return work()
        finally:
            self._places.release()

    def _patiently(self, work: Callable[[], OCSPAnswer]) -> OCSPAnswer:
        """As `_in_place`; where a key is being opened, once more when it is."""
        answer = self._in_place(work)
        if answer.opening is None or not self._chairs.acquire(blocking=False):
            return answer
        try:
            wait([answer.opening], timeout=_WAIT)
        finally:
            self._chairs.release()
        return self._in_place(work)

    def _all_in_place(
        self, questions: Mapping[bytes, _Question], at: datetime
    ) -> Mapping[bytes, OCSPAnswer]:
        """Sign the answers to several, under the names they have here."""
        if self.watch.away or not self._places.acquire(timeout=_PLACE_SECONDS):
            return dict.fromkeys(questions, LATER)
        try:
            answers = self._sign_all(list(questions.values()), at)
        finally:
            self._places.release()
        return dict(zip(questions, answers, strict=True))

    def _one_signs(
        self, parsed: OCSPRequest, plainest: bytes, at: datetime
    ) -> OCSPAnswer:
        """Sign; of several threads that want the same answer, one does it for all."""
        with self._lock:
            running = self._being_signed.get(plainest)
            if running is None:
                mine = self._being_signed[plainest] = Future[OCSPAnswer]()
        if running is not None:
            try:
                return running.result(timeout=_WAIT)
            except TimeoutError:
                return LATER
        try:
            answer = self._patiently(lambda: self._sign(parsed, plainest, at))
            mine.set_result(answer)
        except BaseException as error:
            mine.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._being_signed[plainest]
        return answer

    def _sign(
        self, parsed: OCSPRequest, plainest: bytes | None, at: datetime
    ) -> OCSPAnswer:
        return self._sign_all([(parsed, plainest)], at)[0]

    def _sign_all(
        self, questions: Sequence[_Question], at: datetime
    ) -> Sequence[OCSPAnswer]:
        # Read before the books are: what is told from then on may contradict them.
        position = self.watch.position
        answers = self._responder.answer_all([parsed for parsed, _ in questions], at)
        with self._lock:
            if 0 <= position == self.watch.position:
                for (parsed, plainest), answer in zip(questions, answers, strict=True):
                    if plainest is not None:
                        self._keep(plainest, answer, at, plain=parsed.nonce is None)
        return answers

    def _keep(
        self, plainest: bytes, answer: OCSPAnswer, at: datetime, *, plain: bool
    ) -> None:
        """Keep it if it is definite, and better than what is there; under the lock."""
        if answer.about is None or answer.signer is None or answer.again is None:
            return
        there = self._kept.get(plainest)
        if there is None:
            room = len(self._kept) < self._limit
        else:
            room = plain or at >= there.next_update
        if not room:
            return
        self._kept[plainest] = KeptAnswer(
            answer.body if plain else b"",
            answer.again,
            answer.about,
            answer.again.read_at,
            answer.again.use_until,
        )
        self._about.setdefault(answer.about, set()).add(plainest)
        self._signers.add(answer.signer)

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
                    self.forgotten += 1

    def _clear(self) -> None:
        self.forgotten += 1
        self._kept.clear()
        self._about.clear()
        self._signers.clear()


def _given(kept: KeptAnswer) -> OCSPAnswer:
    return OCSPAnswer(
        body=kept.body, this_update=kept.this_update, next_update=kept.next_update
    )


def _repeated(known: Repeatable, at: datetime, asked: OCSPRequest) -> OCSPAnswer:
    try:
        return OCSPAnswer(body=known.sign(at, asked.nonce))
    except KeyProviderError:
        return LATER


def _question(request: bytes) -> _Question:
    """Take a request apart.

    Whoever signed it, or added what is not looked at, asks the same as the plainest.

    Raises:
        EncodingError: it is not a request.
    """
    parsed = parse_request(request)
    single = len(parsed.entries) == 1
    return parsed, build_request(parsed.entries) if single else None
