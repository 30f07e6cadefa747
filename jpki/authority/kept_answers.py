"""OCSP answers signed once and given many times, never after they have become wrong.

An answer is kept under the octets of the plainest request about one CertID, which
spell that CertID exactly: one look-up finds it. What the journal tells is forgotten at
once; what is half through its life is signed again if somebody asked for it, so that
nobody gets an answer about to end. Questions with a nonce, about several certificates
or at another time than now are signed on the spot.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, TimeoutError
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Final

from jpki.authority.journal_watch import JournalWatch
from jpki.authority.office import Office, whole_second
from jpki.authority.responder import OCSPAnswer, Responder
from jpki.errors import EncodingError
from jpki.model.ports import Clock
from jpki.store.authority_records import JournalEntry
from jpki.x509.ocsp import TRY_LATER, build_request, error_response, parse_request

__all__ = ["KeptAnswer", "KeptAnswers"]

_LIMIT: Final = 20_000
"""Answers; one has 1 to 8 KB."""
_REFRESH_SECONDS: Final = 1.0
_WAIT: Final = 5.0
"""Seconds to wait for an answer that another thread is having signed."""

_LATER: Final = OCSPAnswer(
    body=error_response(TRY_LATER), this_update=None, next_update=None
)


@dataclass(slots=True)
class KeptAnswer:
    """An answer that states good or revoked, and whether anybody wanted it."""

    answer: OCSPAnswer
    this_update: datetime
    next_update: datetime
    used: bool = False
    fields: bytes = b""
    """Room for the HTTP header that a server makes of it once."""


class KeptAnswers:
    """The answers of one office; shared by threads."""

    def __init__(self, office: Office, responder: Responder) -> None:
        self._responder = responder
        self._kept: dict[bytes, KeptAnswer] = {}
        self._about: dict[tuple[str, int], set[bytes]] = {}
        self._signers: set[tuple[str, int]] = set()
        self._being_signed: dict[bytes, Future[OCSPAnswer]] = {}
        self._lock = threading.Lock()
        self.watch = JournalWatch(office.store, self._forget)

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
            or not self.watch.is_fresh(now)
            or not kept.this_update <= at < kept.next_update
        ):
            return None
        kept.used = True
        return kept

    def answer(self, request: bytes, at: datetime) -> OCSPAnswer:
        """Answer one request, from what is kept or from the books."""
        moment = whole_second(at)
        self.watch.settle()
        kept = self.find(request, moment, monotonic())
        if kept is not None:
            return kept.answer
        try:
            parsed = parse_request(request)
        except EncodingError:
            return self._responder.answer(request, moment)
        if parsed.nonce is not None or len(parsed.entries) != 1:
            return self._responder.answer(request, moment)
        # Whoever signed the request or added what is not looked at asks the same.
        plainest = build_request(parsed.entries)
        kept = self.find(plainest, moment, monotonic())
        if kept is not None:
            return kept.answer
        return _LATER if self.watch.away else self._one_signs(plainest, moment)

    def run(self, stop: threading.Event, clock: Clock) -> None:
        """Sign again what grows old, until told to stop."""
        while not stop.wait(_REFRESH_SECONDS):
            self.refresh(clock(), stop)

    def refresh(self, at: datetime, stop: threading.Event | None = None) -> None:
        """Replace answers past half of their life; drop those nobody asked for."""
        for request, kept in tuple(self._kept.items()):
            if stop is not None and stop.is_set():
                return
            half = kept.this_update + (kept.next_update - kept.this_update) / 2
            if kept.this_update <= at < half:
                continue
            if not kept.this_update <= at < kept.next_update or not kept.used:
                self._drop(request)
            elif not self.watch.away:
                self._one_signs(request, at)

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
            answer = self._sign(request, at)
            mine.set_result(answer)
        except BaseException as error:
            mine.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._being_signed[request]
        return answer

    def _sign(self, request: bytes, at: datetime) -> OCSPAnswer:
        # Read before the books are: what is told from then on may contradict them.
        position = self.watch.position
        answer = self._responder.answer(request, at)
        about, signer = answer.about, answer.signer
        if answer.this_update is None or answer.next_update is None:
            return answer
        if about is None or signer is None:
            return answer
        kept = KeptAnswer(answer, answer.this_update, answer.next_update)
        with self._lock:
            room = request in self._kept or len(self._kept) < _LIMIT
            if 0 <= position == self.watch.position and room:
                self._kept[request] = kept
                self._about.setdefault(about, set()).add(request)
                self._signers.add(signer)
        return answer

    def _drop(self, request: bytes) -> None:
        with self._lock:
            kept = self._kept.pop(request, None)
            if kept is not None and kept.answer.about is not None:
                self._about.get(kept.answer.about, set()).discard(request)
                if not self._about.get(kept.answer.about):
                    self._about.pop(kept.answer.about, None)

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
