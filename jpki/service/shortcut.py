"""Whole small requests answered before any framework sees them.

Only a request that arrived in one piece and whose every octet is understood is answered
here. Everything else, whatever is odd about it, goes the long way through the WSGI
application, which answers the same: this is about speed alone. Only where too many
requests wait for the application already, those whose answer must come from there are
told to come back later.

An answer that takes computing, or a look into a database, may be promised: the loop
goes on to the other connections, and many such answers are made at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

__all__ = ["Nothing", "Promise", "Respond", "Shortcut"]

Nothing = Callable[[], None]


class Promise:
    """A whole HTTP answer that is being made; its connection waits until then."""

    __slots__ = ("give",)

    give: Callable[[bytes | None], None]
    """Sends the answer; None leaves the request to the application. The connection puts
    this in; only the loop calls it, once, at the end of a turn."""


Respond = Callable[[bytes], bytes | Promise | None]
"""Given a body, or what follows the path of a GET, the whole HTTP answer; or None."""

_FIELD: Final = re.compile(
    rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}):[ \t]*([\t\x20-\x7e]*)"
)
_IGNORED: Final = frozenset(
    {b"user-agent", b"accept", b"accept-encoding", b"accept-language", b"pragma"}
)
"""Fields that change nothing about answers of one form."""
_PASSED_ON: Final = re.compile(
    rb"\r\n(?:forwarded|via|x-forwarded-(?:for|host|port|proto|server)|x-real-ip"
    rb"|x-request-id|traceparent|tracestate):[\t\x20-\x7e]*(?=\r\n|\Z)",
    re.IGNORECASE,
)
"""What proxies add about where a request has come from (RFC 7239, RFC 9110 7.6.3): the
application is not told either, whoever asks. Such a field may come more than once, and
has another value for each client."""
_REMEMBERED: Final = 512
"""Forms of headers whose judgement is kept: clients of one make send the same."""
_LONGEST: Final = 1024
"""Octets of a header that is worth remembering."""
_OTHERWISE: Final = -1
"""The judgement on headers that are left to the application."""


class Shortcut:
    """Answers POST to one path and GET below it; a connection calls it with octets."""

    def __init__(
        self,
        path: str,
        media_type: str,
        *,
        post: Respond,
        get: Respond,
        later: Callable[[], bytes],
        queue_limit: int,
        end_turn: Nothing = lambda: None,
    ) -> None:
        """Make it.

        Args:
            path: of POST; the path of GET continues after a slash.
            media_type: of the body of POST.
            post: answers a body.
            get: answers what follows the path and the slash.
            later: the whole answer that tells to come back later.
            queue_limit: how many requests may wait for the application.
            end_turn: told at the end of each round over all connections, several times
                a second: gives what was promised.
        """
        self._post_line = f"POST {path} HTTP/1.1".encode()
        self._get_start = f"GET {path}/".encode()
        self._media_type = media_type.encode()
        self._post = post
        self._get = get
        self._later = later
        self._queue_limit = queue_limit
        self.end_turn = end_turn
        self.wake: Nothing = lambda: None
        """Ends the loop's waiting for connections; any thread may call it."""
        self._judged: dict[bytes, int] = {}
        self.answered = 0
        """How many requests were answered here."""

    @property
    def judged(self) -> int:
        """How many forms of headers are known."""
        return len(self._judged)

    def __call__(self, data: bytes, waiting: int) -> bytes | Promise | None:
        """The whole answer to exactly one request, or None.

        Args:
            data: what has arrived.
            waiting: how many requests wait for the application.
        """
        line, _, rest = data.partition(b"\r\n")
        fields, found, body = rest.partition(b"\r\n\r\n")
        if not found:
            return None
        length = self._judged.get(fields)
        if length is None:
            # Clients of one make then send the same, through a proxy, too.
            fields = _PASSED_ON.sub(b"", b"\r\n" + fields)[2:]
            length = self._judged.get(fields)
        if length is None:
            length = self._judge(fields)
        if length != len(body):
            return None
        if line == self._post_line:
            answer = self._post(body) if length else None
        elif length or line[-9:] != b" HTTP/1.1":
            return None
        elif line.startswith(self._get_start):
            answer = self._get(line[len(self._get_start) : -9])
        else:
            return None
        if answer is None and waiting >= self._queue_limit:
            answer = self._later()
        if answer is not None:
            self.answered += 1
        return answer

    def _judge(self, fields: bytes) -> int:
        length = self._body_length(fields)
        if len(fields) <= _LONGEST:
            if len(self._judged) >= _REMEMBERED:
                self._judged.clear()
            self._judged[fields] = length
        return length

    def _body_length(self, fields: bytes) -> int:
        """Octets of the body, 0 without one; _OTHERWISE if anything is unusual."""
        found: dict[bytes, bytes] = {}
        for line in fields.split(b"\r\n"):
            match = _FIELD.fullmatch(line)
            if match is None or match[1].lower() in found:
                return _OTHERWISE
            found[match[1].lower()] = match[2].strip()
        if found.pop(b"host", None) in (None, b""):
            return _OTHERWISE
        if found.pop(b"connection", b"keep-alive").lower() != b"keep-alive":
            return _OTHERWISE
        length = found.pop(b"content-length", None)
        media_type = found.pop(b"content-type", None)
        if not found.keys() <= _IGNORED:
            return _OTHERWISE
        if length is None and media_type is None:
            return 0
        if length is None or media_type != self._media_type:
            return _OTHERWISE
        return int(length) if re.fullmatch(rb"[1-9][0-9]{0,4}", length) else _OTHERWISE
