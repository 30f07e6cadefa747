"""Kept OCSP answers as whole HTTP answers, without a framework in between."""

from __future__ import annotations

import base64
import binascii
import hashlib
from datetime import datetime
from email.utils import format_datetime
from time import monotonic
from typing import Final
from urllib.parse import unquote_to_bytes

from jpki.authority.kept_answers import KeptAnswer, KeptAnswers
from jpki.model.ports import Clock
from jpki.service.shortcut import Shortcut

__all__ = ["short_answers"]

_HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\n"
_CLOCK_SECONDS: Final = 0.1
"""How long one reading of the clock serves: answers are dated in whole seconds."""
_MAX_ENCODED: Final = 1024


def short_answers(kept: KeptAnswers, clock: Clock) -> Shortcut:
    """Answers what is kept, as the routes of this server would."""
    speaker = _Speaker(kept, clock)
    return Shortcut(
        "/ocsp", "application/ocsp-request", post=speaker.post, get=speaker.get
    )


class _Speaker:
    """Called by one thread only: the server's loop."""

    def __init__(self, kept: KeptAnswers, clock: Clock) -> None:
        self._find = kept.find
        self._clock = clock
        self._next_reading = 0.0
        self._at = clock()
        self._date = b""

    def post(self, body: bytes) -> bytes | None:
        """A response to POST is cached by nobody (RFC 9110 section 9.3.3)."""
        found = self._found(body)
        if found is None:
            return None
        octets = found.answer.body
        return (
            b"%bContent-Length: %d\r\nCache-Control: no-store\r\nDate: %b\r\n\r\n%b"
            % (
                _HEAD,
                len(octets),
                self._date,
                octets,
            )
        )

    def get(self, encoded: bytes) -> bytes | None:
        """With the header of RFC 9919 section 7.2."""
        if len(encoded) > _MAX_ENCODED:
            return None
        try:
            raw = unquote_to_bytes(encoded) if b"%" in encoded else encoded
            request = base64.b64decode(raw, validate=True)
        except (binascii.Error, ValueError):
            return None
        found = self._found(request)
        if found is None:
            return None
        left = int((found.next_update - self._at).total_seconds())
        return (
            b"%b%bCache-Control: max-age=%d,public,no-transform,must-revalidate\r\n"
            b"Date: %b\r\n\r\n%b"
        ) % (_HEAD, found.fields or _fields(found), left, self._date, found.answer.body)

    def _found(self, request: bytes) -> KeptAnswer | None:
        now = monotonic()
        if now >= self._next_reading:
            self._at = self._clock()
            self._date = _http_date(self._at)
            self._next_reading = now + _CLOCK_SECONDS
        return self._find(request, self._at, now)


def _fields(kept: KeptAnswer) -> bytes:
    body = kept.answer.body
    kept.fields = (
        b'Content-Length: %d\r\nETag: "%b"\r\nLast-Modified: %b\r\nExpires: %b\r\n'
        % (
            len(body),
            hashlib.sha256(body).hexdigest()[:32].encode(),
            _http_date(kept.this_update),
            _http_date(kept.next_update),
        )
    )
    return kept.fields


def _http_date(at: datetime) -> bytes:
    return format_datetime(at, usegmt=True).encode()
