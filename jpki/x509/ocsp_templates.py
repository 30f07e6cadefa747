"""One OCSP answer as fixed bytes, given again at other times and for other nonces.

What a responder says of a certificate stays the same for long. Of an answer with a
nonce only the times and the nonce change: everything else is encoded once, and the
octets are those that `prepare_response` and `assemble_response` make. A request is
taken apart likewise: the plainest form with a nonce is the plainest form without, in
longer headers, and a fixed end.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from jpki.der import oids
from jpki.der.frames import Frame
from jpki.der.times import generalized_time
from jpki.der.writer import (
    enumerated,
    explicit,
    header,
    object_identifier,
    octet_string,
    sequence,
)
from jpki.model.suites import SignatureSuite
from jpki.x509.ocsp_common import (
    MAX_NONCE,
    CertID,
    encode_cert_id,
    nonce_extension,
)
from jpki.x509.ocsp_responses import (
    SUCCESSFUL,
    Status,
    archive_cutoff_extensions,
    encode_status,
)

__all__ = ["AnswerTemplate", "Envelope", "split_nonce"]

_NONCE: Final = object_identifier(oids.OCSP_NONCE)


def _ends(tag: int) -> tuple[bytes, ...]:
    """By the nonce's length, what stands before a nonce that ends the structure."""
    return tuple(
        explicit(tag, sequence(nonce_extension(bytes(size))))[: -size or None]
        for size in range(MAX_NONCE + 1)
    )


_REQUEST_ENDS: Final = _ends(2)
_RESPONSE_ENDS: Final = _ends(1)
_BEHIND: Final = {
    len(end) - end.index(_NONCE) + size: (size, end)
    for size, end in enumerate(_REQUEST_ENDS)
    if size
}
"""By the octets from the OID on: the nonce's length, and what stands before it."""
_REQUEST: Final = Frame((0x30, b""), (0x30, b""))
_TBS: Final = Frame((0x30, b""))
_RESPONSE: Final = Frame(
    (0x30, enumerated(SUCCESSFUL)),
    (0xA0, b""),
    (0x30, object_identifier(oids.OCSP_BASIC)),
    (0x04, b""),
    (0x30, b""),
)


def split_nonce(request: bytes) -> tuple[bytes, bytes] | None:
    """A request that `build_request` could have made with a nonce: without it, and it.

    None for all others. Nothing is parsed: the octets are held against those that the
    only possible encoding has at these places.
    """
    found = request.rfind(_NONCE)
    shape = _BEHIND.get(len(request) - found)
    if found < 0 or shape is None:
        return None
    size, end = shape
    begins = len(request) - size - len(end)
    head = _request_head(len(request))
    if head is None or begins < len(head):
        return None
    if request[begins:-size] != end or not request.startswith(head):
        return None
    listed = request[len(head) : begins]
    return _REQUEST.head(len(listed)) + listed, request[-size:]


@lru_cache(maxsize=1024)
def _request_head(size: int) -> bytes | None:
    """Both outer headers of a request of so many octets."""
    for own in range(4, 9):
        head = _REQUEST.head(max(size - own, 0))
        if len(head) == own:
            return head
    return None


class AnswerTemplate:
    """What is said of one certificate by one responder, without times and nonce."""

    __slots__ = (
        "_before_single",
        "_before_this",
        "_last",
        "_lifetime",
        "_retention",
    )

    def __init__(
        self,
        responder_key_hash: bytes,
        identifier: CertID,
        status: Status,
        *,
        lifetime: timedelta,
        retention: timedelta | None,
    ) -> None:
        """Make it.

        Args:
            responder_key_hash: SHA-1 of the responder's key bits.
            identifier: as it was in the request.
            status: good or revoked.
            lifetime: from thisUpdate to nextUpdate.
            retention: from the archive cutoff to producedAt; None leaves it out.
        """
        self._before_single = explicit(2, octet_string(responder_key_hash))
        self._before_this = encode_cert_id(identifier) + encode_status(status)
        self._lifetime = lifetime
        self._retention = retention
        self._last: tuple[datetime, datetime, bytes] | None = None

    def tbs(self, at: datetime, nonce: bytes | None, *, until: datetime) -> bytes:
        """ResponseData made at an instant; nothing is said about what follows `until`.

        Args:
            at: whole seconds.
            nonce: 1 to 128 octets, or none.
            until: the latest nextUpdate.
        """
        last = self._last
        if last is None or last[0] != at or last[1] != until:
            last = self._last = at, until, self._body(at, until)
        body = last[2]
        if nonce is None:
            return _TBS.head(len(body)) + body
        end = _RESPONSE_ENDS[len(nonce)]
        size = len(body) + len(end) + len(nonce)
        return b"".join((_TBS.head(size), body, end, nonce))

    def _body(self, at: datetime, until: datetime) -> bytes:
        now = generalized_time(at)
        following = generalized_time(min(at + self._lifetime, until))
        cutoff = b""
        if self._retention is not None:
            cutoff = archive_cutoff_extensions(at - self._retention)
        single = sequence(self._before_this, now, explicit(0, following), cutoff)
        return self._before_single + now + sequence(single)


class Envelope:
    """What stands around ResponseData and signature in a responder's answers."""

    __slots__ = ("_algorithm", "_behind", "_between")

    def __init__(self, suite: SignatureSuite, certificate: bytes) -> None:
        self._algorithm = suite.algorithm_identifier
        self._behind = explicit(0, sequence(certificate))
        self._between = lru_cache(maxsize=1024)(self._around)

    def close(self, tbs: bytes, signature: bytes) -> bytes:
        """The whole OCSPResponse."""
        head, bits = self._between(len(tbs), len(signature))
        return b"".join((head, tbs, bits, signature, self._behind))

    def _around(self, signed: int, signature: int) -> tuple[bytes, bytes]:
        """What stands before ResponseData and behind it, by these two lengths."""
        # A BIT STRING of whole octets, and the octet that says so.
        bits = self._algorithm + header(0x03, signature + 1) + b"\0"
        size = signed + len(bits) + signature + len(self._behind)
        return _RESPONSE.head(size), bits
