"""Asking a time-stamp authority over HTTP, and checking that its answer is one."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

import urllib3

from jpki.documents.signature import Timestamp
from jpki.documents.timestamp_info import imprint_of
from jpki.documents.timestamp_messages import (
    MAX_RESPONSE,
    PKIFailure,
    TimestampRequest,
    TimestampResponse,
    encode_request,
    read_response,
)
from jpki.documents.timestamps import check_token, parse_token
from jpki.errors import (
    DocumentError,
    EncodingError,
    RemoteRefusal,
    ServiceUnavailable,
)
from jpki.model.ports import Random
from jpki.model.suites import Digest

__all__ = ["Stamped", "TimestampClient"]

_CONNECT_SECONDS: Final = 5.0
_ANSWER_SECONDS: Final = 15.0
_NONCE_OCTETS: Final = 8
_CHUNK: Final = 64 * 1024
_QUERY: Final = "application/timestamp-query"
_REPLY: Final = "application/timestamp-reply"
_FAILURES: Final = {failure.value: failure for failure in PKIFailure}


@dataclass(frozen=True, kw_only=True, slots=True)
class Stamped:
    """A token that is over what was asked for."""

    token: bytes
    timestamp: Timestamp
    """Its authority is not trusted yet."""
    response: bytes
    """The whole answer, as `openssl ts` takes it."""


class TimestampClient:
    """Asks one authority."""

    def __init__(
        self,
        url: str,
        *,
        random: Random,
        policy: str | None = None,
        digest: Digest = Digest.SHA256,
    ) -> None:
        self._url = url
        self._random = random
        self._policy = policy
        self._digest = digest
        self._http = urllib3.PoolManager(
            retries=False,
            timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=_ANSWER_SECONDS),
        )

    def close(self) -> None:
        """Close idle connections."""
        self._http.clear()

    def stamp(self, covered: bytes) -> Stamped:
        """A timestamp over these octets, whose digest alone is sent.

        Raises:
            ServiceUnavailable: no answer, or nothing that is one.
            RemoteRefusal: the authority refused; says why.
            DocumentError: it answered something else than it was asked.
        """
        request = TimestampRequest(
            imprint=imprint_of(covered, self._digest),
            policy=self._policy,
            nonce=int.from_bytes(self._random(_NONCE_OCTETS), "big"),
        )
        body = self._exchange(encode_request(request))
        try:
            answer = read_response(body)
            if answer.token is None:
                raise _refusal(self._url, answer)
            read = parse_token(answer.token)
            timestamp = check_token(read, covered)
        except EncodingError as error:
            raise ServiceUnavailable(
                self._url, f"its answer is no timestamp: {error.message}"
            ) from None
        # RFC 3161 2.2: what was asked for is what was answered.
        info = read.info
        if info.nonce != request.nonce:
            raise DocumentError("the timestamp answers another request")
        if self._policy is not None and info.policy != self._policy:
            raise DocumentError(f"the timestamp is under policy {info.policy}")
        return Stamped(token=answer.token, timestamp=timestamp, response=body)

    def _exchange(self, body: bytes) -> bytes:
        url = self._url
        if urlsplit(url).scheme not in ("http", "https"):
            raise ServiceUnavailable(url[:200], "not an HTTP address")
        try:
            response = self._http.request(
                "POST",
                url,
                body=body,
                headers={"Content-Type": _QUERY, "Accept": _REPLY},
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            try:
                content = _read(response, url)
            finally:
                response.release_conn()
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            reason = (
                "too slow"
                if isinstance(error, urllib3.exceptions.TimeoutError)
                and not isinstance(error, urllib3.exceptions.NewConnectionError)
                else "no connection"
            )
            raise ServiceUnavailable(url, reason) from None
        if response.status != 200:
            raise ServiceUnavailable(url, f"it answered {response.status}")
        return content


def _read(response: urllib3.BaseHTTPResponse, url: str) -> bytes:
    deadline = monotonic() + _ANSWER_SECONDS
    content = bytearray()
    while chunk := response.read1(_CHUNK):
        content += chunk
        if len(content) > MAX_RESPONSE or monotonic() > deadline:
            response.close()
            slow = len(content) <= MAX_RESPONSE
            raise ServiceUnavailable(
                url, "too slow" if slow else "its answer is too long"
            )
    return bytes(content)


def _refusal(url: str, answer: TimestampResponse) -> RemoteRefusal:
    names = [
        _FAILURES[position].name.lower().replace("_", "-")
        if position in _FAILURES
        else str(position)
        for position in sorted(answer.failures)
    ]
    code = names[0] if names else f"status-{answer.status}"
    detail = "; ".join(answer.texts) or code
    return RemoteRefusal(url, f"timestamp.{code}", f"{detail} ({code})")
