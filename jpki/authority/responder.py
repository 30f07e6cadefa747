"""Answering OCSP requests (RFC 6960, RFC 9654) from the books, signed on the spot.

`good` is said only of serial numbers that were really issued, `unknown` of all others
that are not revoked. One request is about one authority: no responder could sign for
two. While the books or the key are out of reach the answer is `tryLater` (RFC 6960
2.3): a client knows what that means, and the last CRL is there all the while.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from jpki.authority.office import Office, whole_second
from jpki.authority.responder_keys import current_responder
from jpki.authority.status import status_of
from jpki.errors import (
    ConfigurationError,
    EncodingError,
    KeyProviderError,
    StoreError,
)
from jpki.model.suites import Digest
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import KeyGenerationRecord
from jpki.x509.keys import key_identifier
from jpki.x509.ocsp import (
    MALFORMED_REQUEST,
    TRY_LATER,
    UNAUTHORIZED,
    CertID,
    OCSPRequest,
    SingleResponse,
    Unknown,
    assemble_response,
    cert_id,
    error_response,
    parse_request,
    prepare_response,
)

__all__ = ["OCSPAnswer", "Responder"]

_DIGESTS: Final = {digest.oid: digest for digest in (Digest.SHA1, Digest.SHA256)}
"""Of CertIDs (RFC 9919 section 3.1 and older clients)."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class OCSPAnswer:
    """A response and how long it may be kept."""

    body: bytes
    """OCSPResponse, DER."""
    this_update: datetime | None
    """None for answers that state no status and must not be kept."""
    next_update: datetime | None
    about: tuple[str, int] | None = None
    """Authority and serial number, of an answer that says good or revoked of one."""
    signer: tuple[str, int] | None = None
    """Authority and serial number of the responder's certificate."""


class Responder:
    """Answers for every authority of one office; may be shared by threads."""

    def __init__(self, office: Office, lifetime: timedelta) -> None:
        """Make it.

        Args:
            office: its keyring opens the responders' keys, not the authorities'.
            lifetime: from thisUpdate to nextUpdate.
        """
        self._office = office
        self._lifetime = lifetime
        self._failing = False
        self._issuers: dict[tuple[str, bytes, bytes], KeyGenerationRecord] = {}

    def answer(self, request: bytes, at: datetime) -> OCSPAnswer:
        """Answer one request; hostile octets get `malformedRequest`."""
        moment = whole_second(at)
        try:
            parsed = parse_request(request)
        except EncodingError:
            return _refusal(MALFORMED_REQUEST)
        try:
            answer = self._answer(parsed, moment)
        except (ConfigurationError, KeyProviderError, StoreError) as error:
            # Told once, then again when it works and fails anew.
            if not self._failing:
                _log.error("OCSP answers tryLater: %s", error)
            self._failing = True
            return _refusal(TRY_LATER)
        self._failing = False
        return answer

    def _answer(self, parsed: OCSPRequest, moment: datetime) -> OCSPAnswer:
        with self._office.store.read() as uow:
            issuers = [self._issuer(uow, entry) for entry in parsed.entries]
            first = issuers[0]
            if first is None or any(issuer != first for issuer in issuers):
                return _refusal(UNAUTHORIZED)
            singles = self._singles(uow, parsed, first, moment)
        return self._signed(first, parsed, singles, moment)

    def _issuer(
        self, uow: AuthorityUnitOfWork, entry: CertID
    ) -> KeyGenerationRecord | None:
        wanted = (entry.hash_oid, entry.issuer_name_hash, entry.issuer_key_hash)
        if wanted not in self._issuers and entry.hash_oid in _DIGESTS:
            self._issuers = _issuers(uow)
        return self._issuers.get(wanted)

    def _singles(
        self,
        uow: AuthorityUnitOfWork,
        request: OCSPRequest,
        issuer: KeyGenerationRecord,
        at: datetime,
    ) -> tuple[SingleResponse, ...]:
        return tuple(
            SingleResponse(
                cert_id=entry,
                status=status_of(
                    uow, issuer.authority, entry.serial, generation=issuer.number
                ),
                this_update=at,
                next_update=at + self._lifetime,
            )
            for entry in request.entries
        )

    def _signed(
        self,
        issuer: KeyGenerationRecord,
        request: OCSPRequest,
        singles: tuple[SingleResponse, ...],
        at: datetime,
    ) -> OCSPAnswer:
        found = current_responder(
            self._office, issuer.authority, at=at, generation=issuer.number
        )
        if found is None:
            return _refusal(TRY_LATER)
        responder, certificate = found
        assert certificate.certificate is not None
        signer = self._office.keyring.open(responder.key_uri)
        tbs = prepare_response(
            responder_key_hash=key_identifier(responder.public_key),
            produced_at=at,
            responses=singles,
            nonce=request.nonce,
        )
        body = assemble_response(
            tbs, signer.suite, signer.sign(tbs), [certificate.certificate]
        )
        # What is not known now may be issued the next moment.
        definite = not any(isinstance(one.status, Unknown) for one in singles)
        fresh = request.nonce is None and definite
        return OCSPAnswer(
            body=body,
            this_update=at if fresh else None,
            next_update=singles[0].next_update if fresh else None,
            about=(issuer.authority, singles[0].cert_id.serial)
            if fresh and len(singles) == 1
            else None,
            signer=(issuer.authority, certificate.serial),
        )


def _refusal(status: int) -> OCSPAnswer:
    return OCSPAnswer(body=error_response(status), this_update=None, next_update=None)


def _issuers(
    uow: AuthorityUnitOfWork,
) -> dict[tuple[str, bytes, bytes], KeyGenerationRecord]:
    """Every key of every authority under each form of CertID."""
    found = {}
    for authority in uow.authorities.all():
        for generation in uow.authorities.generations(authority.id):
            for digest in _DIGESTS.values():
                entry = cert_id(authority.name, generation.public_key, 0, digest)
                key = (entry.hash_oid, entry.issuer_name_hash, entry.issuer_key_hash)
                found[key] = generation
    return found
