"""One client's connection, made safe against clients that are slow or broken."""

from __future__ import annotations

import logging
import socket
import time
from contextlib import suppress
from typing import Final

from waitress.channel import HTTPChannel
from waitress.task import ErrorTask

from jpki.service.problems import plain_problem
from jpki.service.shortcut import Promise, Shortcut

__all__ = ["Connection", "connections_with"]

_log = logging.getLogger(__name__)

_RECEIVE_SECONDS: Final = 20.0
"""From the first octet of a request to its last."""
_SEND_SECONDS: Final = 60.0
"""How long a client may take no octet of its answer."""
_LINGER_SECONDS: Final = 2.0
"""How long to read on after a refusal, so that the refusal arrives (RFC 9112 9.6)."""


class _Refusal(ErrorTask):  # type: ignore[misc]
    """Answers what HTTP itself refuses with a problem document."""

    def execute(self) -> None:
        """Write the answer and close the connection."""
        status = int(self.request.error.code)
        details = {
            413: "the body is larger than this server takes",
            431: "the header is larger than this server takes",
        }
        problem = plain_problem(status, details.get(status))
        self.status = f"{status} {self.request.error.reason}"
        self.response_headers.extend(problem.headers)
        self.set_close_on_finish()
        self.content_length = len(problem.body)
        self.channel.lingers = True
        self.write(problem.body)


class Connection(HTTPChannel):  # type: ignore[misc]
    """A connection with time limits, and with a refusal that arrives."""

    error_task_class = _Refusal
    total_outbufs_len: int
    shortcut: Shortcut | None = None
    """Answers in place of the application where it can; called by the loop."""
    close_when_flushed: bool
    lingers = False
    """Set with a refusal: the client may still be sending what nobody reads."""
    _promised: bytes | None = None
    """A request whose answer is being made by the shortcut."""
    _discard_until: float | None = None
    _request_began: float | None = None

    @property
    def busy(self) -> bool:
        """Whether a request is served here or an answer not yet sent."""
        return (
            bool(self.requests)
            or self.total_outbufs_len > 0
            or self._promised is not None
        )

    def enforce_limits(self, now: float) -> None:
        """Close the connection if its client takes too long; `now` is monotonic."""
        if self.request is None:
            self._request_began = None
        elif self._request_began is None:
            self._request_began = now
        receiving = self._request_began
        if (
            (receiving is not None and now - receiving > _RECEIVE_SECONDS)
            or (self._discard_until is not None and now > self._discard_until)
            or (self.total_outbufs_len and not self.requests and self._stalled())
        ):
            # Not left to the loop: a socket that takes no octet is never writable.
            if self.requests:
                self.will_close = True
            else:
                self.handle_close()

    def _stalled(self) -> bool:
        return bool(time.time() - self.last_activity > _SEND_SECONDS)

    def readable(self) -> bool:
        """Whether to ask for more octets."""
        if self._discard_until is not None:
            return True
        return self._promised is None and bool(super().readable())

    def writable(self) -> bool:
        """Whether there is something to send or to close."""
        if self._discard_until is not None:
            return bool(self.will_close)
        return bool(super().writable())

    def received(self, data: bytes) -> bool:
        """Take octets of a request, or throw them away after a refusal."""
        if self._discard_until is not None:
            return False
        if (
            self.shortcut is not None
            and self.request is None
            and not (self.requests or self.total_outbufs_len)
            and not (self.will_close or self.close_when_flushed)
        ):
            answer = self._short_answer(data)
            if isinstance(answer, bytes):
                self._send_at_once(answer)
                return False
            if answer is not None:
                self._promised = data
                answer.give = self._given
                return False
        return bool(super().received(data))

    def _short_answer(self, data: bytes) -> bytes | Promise | None:
        assert self.shortcut is not None
        try:
            return self.shortcut(data, len(self.server.task_dispatcher.queue))
        except Exception:
            # The application is asked instead, and tells its own errors.
            _log.exception("no short answer")
            return None

    def _given(self, answer: bytes | None) -> None:
        """Send what was promised, if the client is still there."""
        data, self._promised = self._promised, None
        if data is None or not self.connected or self.will_close:
            return
        if answer is not None:
            self._send_at_once(answer)
        else:
            super().received(data)

    def _send_at_once(self, answer: bytes) -> None:
        try:
            sent = self.socket.send(answer)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.handle_close()
            return
        if sent < len(answer):
            with self.outbuf_lock:
                self.outbufs[-1].append(answer[sent:])
                self.current_outbuf_count += len(answer) - sent
                self.total_outbufs_len += len(answer) - sent

    def handle_write(self) -> None:
        """Send; after a refusal, half-close and let the client finish."""
        if self.lingers and self.close_when_flushed and not self.will_close:
            self._flush_exception(self._flush_some)
            if not self.total_outbufs_len and self.connected:
                self.close_when_flushed = False
                self._discard_until = time.monotonic() + _LINGER_SECONDS
                with suppress(OSError):
                    self.socket.shutdown(socket.SHUT_WR)
            if not self.will_close:
                return
        super().handle_write()


def connections_with(shortcut: Shortcut | None) -> type[Connection]:
    """Connections whose requests may be answered in place of the application."""
    if shortcut is None:
        return Connection
    return type("ShortConnection", (Connection,), {"shortcut": shortcut})
