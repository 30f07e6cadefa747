"""A time-stamp authority's answer to one request (RFC 3161 section 2).

Bytes in, bytes out; the clock, the key and chance are handed in.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from jpki import data
from jpki.documents.timestamp_info import TimestampInfo
from jpki.documents.timestamp_messages import (
    PKIFailure,
    TimestampRequest,
    encode_granted,
    encode_rejection,
    read_request,
)
from jpki.documents.timestamps import make_token
from jpki.errors import ConfigurationError, EncodingError, JpkiError
from jpki.model.ports import Clock, Random, Signer
from jpki.model.suites import Digest
from jpki.x509.general_names import DirectoryName
from jpki.x509.parse import parse_certificate

__all__ = ["ACCEPTED_DIGESTS", "TimeStampAuthority"]

ACCEPTED_DIGESTS: Final = frozenset({Digest.SHA256, Digest.SHA384, Digest.SHA512})
"""SHA-1 is past its time for anything that is stamped today (NIST SP 800-131A)."""

_SIZES: Final[Mapping[Digest, int]] = {
    Digest.SHA1: 20,
    Digest.SHA256: 32,
    Digest.SHA384: 48,
    Digest.SHA512: 64,
}
_SERIAL_OCTETS: Final = 20
_log = logging.getLogger(__name__)


class _Refusal(Exception):
    def __init__(self, failure: PKIFailure, text: str) -> None:
        super().__init__(text)
        self.failure = failure
        self.text = text


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeStampAuthority:
    """One key with its certificate, and what it says of the time."""

    signer: Signer
    certificate: bytes = field(repr=False)
    clock: Clock
    random: Random
    chain: tuple[bytes, ...] = field(default=(), repr=False)
    """Put in beside the certificate, where a request wants that."""
    policy: str = field(default_factory=lambda: data.topology().timestamp_policy)
    accuracy: timedelta | None = timedelta(seconds=1)
    digests: frozenset[Digest] = ACCEPTED_DIGESTS

    def __post_init__(self) -> None:
        """Refuse a key that is not the certificate's.

        Raises:
            ConfigurationError: they do not belong together.
            EncodingError: the certificate cannot be read.
        """
        if parse_certificate(self.certificate).public_key != self.signer.public_key:
            raise ConfigurationError(
                "time-stamp authority", "key", "is not the one in its certificate"
            )

    def answer(self, request: bytes) -> bytes:
        """TimeStampResp, DER: a token, or why there is none. Raises nothing."""
        try:
            return encode_granted(self._token(self._read(request)))
        except _Refusal as refusal:
            return encode_rejection(refusal.failure, refusal.text)
        except JpkiError:
            # What is wrong with the key is no business of whoever asks.
            _log.exception("no timestamp could be made")
            return encode_rejection(PKIFailure.SYSTEM_FAILURE, "the authority failed")

    def _read(self, request: bytes) -> TimestampRequest:
        try:
            read = read_request(request)
        except EncodingError as error:
            raise _Refusal(PKIFailure.BAD_DATA_FORMAT, error.message) from None
        if read.version != 1:
            raise _Refusal(PKIFailure.BAD_REQUEST, f"version {read.version}")
        if read.extensions:
            raise _Refusal(
                PKIFailure.UNACCEPTED_EXTENSION, f"extension {read.extensions[0]}"
            )
        if read.policy not in (None, self.policy):
            raise _Refusal(PKIFailure.UNACCEPTED_POLICY, f"policy {read.policy}")
        known = {digest.oid: digest for digest in self.digests}
        digest = known.get(read.imprint.digest_oid)
        if digest is None:
            raise _Refusal(
                PKIFailure.BAD_ALGORITHM, f"digest {read.imprint.digest_oid}"
            )
        # 2.4.1: its length matches the algorithm's.
        if len(read.imprint.value) != _SIZES[digest]:
            raise _Refusal(
                PKIFailure.BAD_DATA_FORMAT,
                f"a {digest.value} of {len(read.imprint.value)} octets",
            )
        return read

    def _token(self, request: TimestampRequest) -> bytes:
        at = self._time()
        own = parse_certificate(self.certificate)
        info = TimestampInfo(
            policy=self.policy,
            imprint=request.imprint,
            # 2.4.2: unique, also after an interruption. 159 random bits are, and need
            # nothing that would have to outlive one; clients take up to 160.
            serial=int.from_bytes(self.random(_SERIAL_OCTETS), "big") >> 1 or 1,
            at=at,
            accuracy=self.accuracy,
            nonce=request.nonce,
            authority=DirectoryName(own.subject),
        )
        enclosed = {self.certificate, *self.chain} if request.wants_certificate else ()
        return make_token(info, self.certificate, self.signer, certificates=enclosed)

    def _time(self) -> datetime:
        at = self.clock()
        own = parse_certificate(self.certificate)
        if not own.not_before <= at <= own.not_after:
            raise _Refusal(
                PKIFailure.TIME_NOT_AVAILABLE,
                "the clock is outside the authority's certificate",
            )
        return at
