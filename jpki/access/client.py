"""Send signed requests to a server, within bounded time and memory."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import urllib3

from jpki.access.signing import RequestSigner
from jpki.errors import ServiceUnavailable

__all__ = ["Answer", "SignedConnection"]

_CONNECT_SECONDS: Final = 3.0
_ANSWER_SECONDS: Final = 10.0
_MAX_ANSWER: Final = 1024 * 1024

_log = logging.getLogger(__name__)
# The library writes paths at this level, and paths may hold resident codes.
logging.getLogger("urllib3.connectionpool").setLevel(logging.WARNING)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes


class SignedConnection:
    """One caller's connections to one server; may be shared by threads."""

    def __init__(self, service: str, url: str, signer: RequestSigner) -> None:
        """Make it; nothing is sent yet.

        Args:
            service: what the server is to people, for error messages.
            url: where its paths begin.
            signer: signs every request.
        """
        self._service = service
        self._url = url.rstrip("/")
        self._signer = signer
        self._pool = urllib3.PoolManager(maxsize=8, retries=False)

    def exchange(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        fields: Mapping[str, str] | None = None,
        *,
        patience: float = 0.0,
    ) -> Answer:
        """Send one request and read the whole answer.

        Args:
            method: in upper case.
            path: absolute and encoded, with query.
            body: what to send.
            fields: header fields; those that carry meaning are signed.
            patience: seconds that the server may think longer than usual.

        Raises:
            ServiceUnavailable: no answer, or one that is too long.
        """
        url = f"{self._url}{path}"
        timeout = urllib3.Timeout(
            connect=_CONNECT_SECONDS, read=_ANSWER_SECONDS + patience
        )
        try:
            response = self._pool.request(
                method,
                url,
                body=body or None,
                headers=self._signer.headers(method, url, body, fields),
                timeout=timeout,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            try:
                answer = response.read(_MAX_ANSWER + 1)
                if len(answer) > _MAX_ANSWER:
                    response.close()
                    raise ServiceUnavailable(self._service, "its answer is too long")
            finally:
                response.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            _log.info("no answer from %s: %s", self._service, type(error).__name__)
            raise ServiceUnavailable(self._service, _reason(error)) from None
        return Answer(status=response.status, body=answer)

    def close(self) -> None:
        """Close idle connections."""
        self._pool.clear()


def _reason(error: Exception) -> str:
    """In words, without the path that the library would quote."""
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return "no connection"
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return "too slow"
    return "the connection broke"
