"""OCSP answers as whole HTTP answers, without a framework in between.

What is kept is given as it is. A nonce for what is known is signed by the loop that
receives requests, at the end of its turn and all of them one after another: a thread
would only wait for the interpreter's lock, which signing holds, and alternating with
the network each signature would find the processor's caches full of something else. So
that no crowd with nonces keeps everybody else waiting, each turn of the loop spends a
bounded time on signatures; beyond it the answer is `tryLater`. What is not known is
gathered for a thread that asks the books.
"""

from __future__ import annotations

import binascii
import hashlib
import logging
from datetime import datetime
from email.utils import format_datetime
from functools import partial
from time import monotonic
from typing import Final
from urllib.parse import unquote_to_bytes

from jpki.authority.answering.kept_answers import KeptAnswers
from jpki.authority.answering.ocsp_answers import LATER, OCSPAnswer, Repeatable
from jpki.authority.office import whole_second
from jpki.model.ports import Clock
from jpki.service.shortcut import Promise, Shortcut
from jpki.x509.ocsp_templates import split_nonce
from ocsp_crl.gathering import Gathering

__all__ = ["short_answers"]

_HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\n"
_REMEMBERED: Final = 20_000
"""Whole answers of each method that are given again within their second."""
_CLOCK_SECONDS: Final = 0.1
"""How long one reading of the clock serves: answers are dated in whole seconds."""
_MAX_ENCODED: Final = 1024
_SIGNING_SECONDS: Final = 0.05
"""Of each turn of the loop."""

_log = logging.getLogger(__name__)


def short_answers(
    kept: KeptAnswers,
    clock: Clock,
    *,
    queue_limit: int,
    gathering: Gathering | None = None,
) -> Shortcut:
    """Answers what is kept or known, as the routes of this server would.

    Args:
        kept: what is kept and known.
        clock: the time.
        queue_limit: how many may wait for the application.
        gathering: answers the rest; None leaves that to the application.
    """
    speaker = _Speaker(kept, clock, gathering)
    shortcut = Shortcut(
        "/ocsp",
        "application/ocsp-request",
        post=speaker.post,
        get=speaker.get,
        later=speaker.later,
        queue_limit=queue_limit,
        end_turn=speaker.end_turn,
    )
    if gathering is not None:
        gathering.wake = lambda: shortcut.wake()
    return shortcut


class _Speaker:
    """Called by one thread only: the server's loop.

    A turn begins with its first request and ends when the loop has been round all
    connections. What is true at its begin is taken for true in all of it.
    """

    def __init__(
        self, kept: KeptAnswers, clock: Clock, gathering: Gathering | None
    ) -> None:
        self._kept = kept
        self._clock = clock
        self._gathering = gathering
        self._in_turn = False
        self._now = 0.0
        self._next_reading = 0.0
        self._at = self._second = clock()
        self._date = b""
        self._forgotten = kept.forgotten
        self._posted: dict[bytes, bytes] = {}
        """Whole answers that may be given again: nothing has been forgotten since they
        were made, and the date in them is still right."""
        self._got: dict[bytes, bytes] = {}
        self._heads: dict[int, bytes] = {}
        """What stands before an answer of this length that is cached by nobody."""
        self._to_sign: list[tuple[Promise, Repeatable, bytes]] = []
        """Questions with a nonce about what is known."""

    def post(self, body: bytes) -> bytes | Promise | None:
        """A response to POST is cached by nobody (RFC 9110 section 9.3.3)."""
        if not self._in_turn:
            self._begin_turn()
        answer = self._posted.get(body)
        if answer is not None:
            return answer
        found = self._kept.find(body, self._at, self._now)
        if found is None:
            return self._promised(body, cacheable=False)
        answer = self._uncacheable(found.body)
        _remember(self._posted, body, answer)
        return answer

    def get(self, encoded: bytes) -> bytes | Promise | None:
        """With the header of RFC 9919 section 7.2."""
        if not self._in_turn:
            self._begin_turn()
        answer = self._got.get(encoded)
        if answer is not None:
            return answer
        if len(encoded) > _MAX_ENCODED:
            return None
        try:
            request = binascii.a2b_base64(_unquoted(encoded), strict_mode=True)
        except (binascii.Error, ValueError):
            return None
        found = self._kept.find(request, self._at, self._now)
        if found is None:
            return self._promised(request, cacheable=True)
        answer = self._cacheable(found.body, found.this_update, found.next_update)
        _remember(self._got, encoded, answer)
        return answer

    def later(self) -> bytes:
        """`tryLater`, cached by nobody."""
        return self._uncacheable(LATER.body)

    def end_turn(self) -> None:
        """Sign what was put off, and give what was gathered."""
        self._in_turn = False
        if self._to_sign:
            self._sign()
        if self._gathering is not None:
            self._gathering.end_turn()

    def _begin_turn(self) -> None:
        self._in_turn = True
        now = self._now = monotonic()
        outdated = not self._kept.watch.is_fresh(now)
        if now >= self._next_reading:
            self._at = self._clock()
            self._second = whole_second(self._at)
            date = _http_date(self._at)
            if date != self._date:
                outdated = True
                self._date = date
                self._heads.clear()
            self._next_reading = now + _CLOCK_SECONDS
        forgotten = self._kept.forgotten
        if outdated or forgotten != self._forgotten:
            self._forgotten = forgotten
            self._posted.clear()
            self._got.clear()

    def _promised(self, request: bytes, *, cacheable: bool) -> bytes | Promise | None:
        """To be signed in this turn, or gathered; None is for the application."""
        split = split_nonce(request)
        if split is not None:
            known = self._kept.repeatable(split[0], self._at, self._now)
            if known is not None:
                if not known.at_once:
                    return None
                promise = Promise()
                self._to_sign.append((promise, known, split[1]))
                return promise
        # A database that is away keeps nobody waiting there.
        if self._gathering is None or self._kept.watch.away:
            return None
        promise = Promise()
        tell = partial(self._tell, promise, cacheable)
        return promise if self._gathering.put(request, tell) else self.later()

    def _sign(self) -> None:
        waiting, self._to_sign = self._to_sign, []
        until = monotonic() + _SIGNING_SECONDS
        answers: list[bytes | None] = []
        for _, known, nonce in waiting:
            if monotonic() > until:
                answers.append(self.later())
                continue
            try:
                answers.append(self._uncacheable(known.sign(self._second, nonce)))
            except Exception:
                # The application is asked instead, and tells its own errors.
                _log.exception("no short answer")
                answers.append(None)
        for (promise, _, _), answer in zip(waiting, answers, strict=True):
            promise.give(answer)

    def _tell(
        self, promise: Promise, cacheable: bool, answer: OCSPAnswer | None
    ) -> None:
        if answer is None:
            promise.give(None)
            return
        if not self._in_turn:
            self._begin_turn()
            self._in_turn = False
        this_update, next_update = answer.this_update, answer.next_update
        if not cacheable or this_update is None or next_update is None:
            promise.give(self._uncacheable(answer.body))
        else:
            promise.give(self._cacheable(answer.body, this_update, next_update))

    def _cacheable(
        self, body: bytes, this_update: datetime, next_update: datetime
    ) -> bytes:
        left = max(0, int((next_update - self._at).total_seconds()))
        return (
            b"%bContent-Length: %d\r\n"
            b'ETag: "%b"\r\nLast-Modified: %b\r\nExpires: %b\r\n'
            b"Cache-Control: max-age=%d,public,no-transform,must-revalidate\r\n"
            b"Date: %b\r\n\r\n%b"
        ) % (
            _HEAD,
            len(body),
            hashlib.sha256(body).hexdigest()[:32].encode(),
            _http_date(this_update),
            _http_date(next_update),
            left,
            self._date,
            body,
        )

    def _uncacheable(self, octets: bytes) -> bytes:
        size = len(octets)
        head = self._heads.get(size)
        if head is None:
            head = self._heads[size] = (
                b"%bContent-Length: %d\r\nCache-Control: no-store\r\nDate: %b\r\n\r\n"
                % (_HEAD, size, self._date)
            )
        return head + octets


def _remember(answers: dict[bytes, bytes], asked: bytes, answer: bytes) -> None:
    if len(answers) >= _REMEMBERED:
        answers.clear()
    answers[asked] = answer


def _unquoted(encoded: bytes) -> bytes:
    """Percent-decoded; quickly where clients write what RFC 6960 A.1 has them write."""
    if b"%" not in encoded:
        return encoded
    usual = encoded.replace(b"%2F", b"/").replace(b"%2B", b"+").replace(b"%3D", b"=")
    # What was not usual is decoded once, all of it.
    return unquote_to_bytes(encoded) if b"%" in usual else usual


def _http_date(at: datetime) -> bytes:
    return format_datetime(at, usegmt=True).encode()
