"""OCSP answers as whole HTTP answers, without a framework in between.

What is kept is given as it is. A nonce for what is known is signed on the spot, by the
loop that receives requests: a thread would only wait for the interpreter's lock, which
signing holds. So that no crowd with nonces keeps everybody else waiting, each turn of
the loop spends a bounded time on signatures; beyond it the answer is `tryLater`.
"""

from __future__ import annotations

import binascii
import hashlib
from datetime import datetime
from email.utils import format_datetime
from time import monotonic
from typing import Final
from urllib.parse import unquote_to_bytes

from jpki.authority.kept_answers import KeptAnswer, KeptAnswers
from jpki.authority.office import whole_second
from jpki.model.ports import Clock
from jpki.service.shortcut import Shortcut
from jpki.x509.ocsp import TRY_LATER, error_response
from jpki.x509.ocsp_templates import split_nonce

__all__ = ["short_answers"]

_HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\n"
_DECODED: Final = 20_000
"""Requests by GET whose octets are remembered; of what is kept only."""
_CLOCK_SECONDS: Final = 0.1
"""How long one reading of the clock serves: answers are dated in whole seconds."""
_MAX_ENCODED: Final = 1024
_SIGNING_SECONDS: Final = 0.05
"""Of each turn of the loop."""
_LATER: Final = error_response(TRY_LATER)


def short_answers(kept: KeptAnswers, clock: Clock, *, queue_limit: int) -> Shortcut:
    """Answers what is kept or known, as the routes of this server would."""
    speaker = _Speaker(kept, clock)
    return Shortcut(
        "/ocsp",
        "application/ocsp-request",
        post=speaker.post,
        get=speaker.get,
        later=speaker.later,
        queue_limit=queue_limit,
        begin_turn=speaker.begin_turn,
    )


class _Speaker:
    """Called by one thread only: the server's loop."""

    def __init__(self, kept: KeptAnswers, clock: Clock) -> None:
        self._kept = kept
        self._decoded: dict[bytes, bytes] = {}
        self._peek = kept.peek
        self._is_fresh = kept.watch.is_fresh
        self._clock = clock
        self._next_reading = 0.0
        self._at = self._second = clock()
        self._date = b""
        self._left = _SIGNING_SECONDS

    def begin_turn(self) -> None:
        """Signatures may take their time again."""
        self._left = _SIGNING_SECONDS

    def post(self, body: bytes) -> bytes | None:
        """A response to POST is cached by nobody (RFC 9110 section 9.3.3)."""
        now = self._now()
        there = self._peek(body)
        # What was given in this second may be given again in it, unless forgotten.
        if there is not None and there.posted[0] is self._date and self._is_fresh(now):
            return there.posted[1]
        found = self._kept.find(body, self._at, now)
        if found is None:
            return self._signed(body, now)
        answer = self._uncacheable(found.body)
        found.posted = (self._date, answer)
        return answer

    def get(self, encoded: bytes) -> bytes | None:
        """With the header of RFC 9919 section 7.2."""
        if len(encoded) > _MAX_ENCODED:
            return None
        known = self._decoded.get(encoded)
        try:
            request = known or binascii.a2b_base64(_unquoted(encoded), strict_mode=True)
        except (binascii.Error, ValueError):
            return None
        now = self._now()
        there = self._peek(request)
        if there is not None and there.got[0] is self._date and self._is_fresh(now):
            return there.got[1]
        found = self._kept.find(request, self._at, now)
        if found is None:
            return self._signed(request, now)
        if known is None:
            if len(self._decoded) >= _DECODED:
                self._decoded.clear()
            self._decoded[encoded] = request
        answer = self._cacheable(found)
        found.got = (self._date, answer)
        return answer

    def later(self) -> bytes:
        """`tryLater`, cached by nobody."""
        self._now()
        return self._uncacheable(_LATER)

    def _signed(self, request: bytes, now: float) -> bytes | None:
        """The answer to a question with a nonce about what is known."""
        split = split_nonce(request)
        if split is None:
            return None
        known = self._kept.repeatable(split[0], self._at, now)
        if known is None or not known.at_once:
            return None
        if self._left <= 0:
            return self._uncacheable(_LATER)
        answer = known.sign(self._second, split[1])
        self._left -= monotonic() - now
        return self._uncacheable(answer)

    def _cacheable(self, found: KeptAnswer) -> bytes:
        body = found.body
        left = int((found.next_update - self._at).total_seconds())
        return (
            b"%bContent-Length: %d\r\n"
            b'ETag: "%b"\r\nLast-Modified: %b\r\nExpires: %b\r\n'
            b"Cache-Control: max-age=%d,public,no-transform,must-revalidate\r\n"
            b"Date: %b\r\n\r\n%b"
        ) % (
            _HEAD,
            len(body),
            hashlib.sha256(body).hexdigest()[:32].encode(),
            _http_date(found.this_update),
            _http_date(found.next_update),
            left,
            self._date,
            body,
        )

    def _uncacheable(self, octets: bytes) -> bytes:
        return (
            b"%bContent-Length: %d\r\nCache-Control: no-store\r\nDate: %b\r\n\r\n%b"
            % (
                _HEAD,
                len(octets),
                self._date,
                octets,
            )
        )

    def _now(self) -> float:
        """Monotonic seconds; the clock is read ten times a second."""
        now = monotonic()
        if now >= self._next_reading:
            self._at = self._clock()
            self._second = whole_second(self._at)
            date = _http_date(self._at)
            if date != self._date:
                self._date = date
            self._next_reading = now + _CLOCK_SECONDS
        return now


def _unquoted(encoded: bytes) -> bytes:
    """Percent-decoded; quickly where clients write what RFC 6960 A.1 has them write."""
    if b"%" not in encoded:
        return encoded
    usual = encoded.replace(b"%2F", b"/").replace(b"%2B", b"+").replace(b"%3D", b"=")
    # What was not usual is decoded once, all of it.
    return unquote_to_bytes(encoded) if b"%" in usual else usual


def _http_date(at: datetime) -> bytes:
    return format_datetime(at, usegmt=True).encode()
