"""Answering OCSP requests (RFC 6960, RFC 9654) from the books, signed on the spot.

`good` is said only of serial numbers that were really issued. What is said of all
others is a matter of policy: `unknown`, or nothing at all (`unauthorized`, RFC 9919
section 3.2.2), or `revoked` since 1970 with the extension that says what is meant (RFC
6960 2.2). One request is about one authority: no responder could sign for two. A
signature on a request is not looked at, since anybody may ask (RFC 6960 4.1.2 leaves
it to the responder). While the books or the key are out of reach the answer is
`tryLater` (RFC 6960 2.3): a client knows what that means, and the last CRL is there all
the while.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from time import monotonic
from typing import Final, NamedTuple

from jpki.authority.office import Office, whole_second
from jpki.authority.responder_keys import responder_in_force
from jpki.authority.status import statuses_of
from jpki.errors import (
    ConfigurationError,
    EncodingError,
    KeyProviderError,
    StoreError,
)
from jpki.keys.software import SoftwareSigner
from jpki.model.ports import Signer
from jpki.model.revocation import Revocation, RevocationReason
from jpki.model.suites import Digest, suite
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import (
    CertificateRecord,
    KeyGenerationRecord,
    ResponderRecord,
)
from jpki.x509.keys import key_identifier
from jpki.x509.ocsp import (
    MALFORMED_REQUEST,
    TRY_LATER,
    UNAUTHORIZED,
    CertID,
    OCSPRequest,
    SingleResponse,
    Status,
    Unknown,
    assemble_response,
    cert_id,
    error_response,
    parse_request,
    prepare_response,
)
from jpki.x509.ocsp_templates import AnswerTemplate, Envelope

__all__ = ["NeverIssued", "OCSPAnswer", "Repeatable", "Responder"]

_DIGESTS: Final = {digest.oid: digest for digest in (Digest.SHA1, Digest.SHA256)}
"""Of CertIDs (RFC 9919 section 3.1 and older clients)."""

_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Since when a certificate that was never issued is revoked (RFC 6960 2.2)."""

_DESK_SECONDS: Final = 10.0
"""After which it is looked whether a responder has been renewed."""

_log = logging.getLogger(__name__)


class NeverIssued(Enum):
    """What is said of a serial number that was never issued."""

    UNKNOWN = "unknown"
    UNAUTHORIZED = "unauthorized"
    """Nothing, of all that the request asks."""
    REVOKED = "revoked"
    """On hold since 1970, with the extended-revoke extension (RFC 6960 4.4.8)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Repeatable:
    """An answer about one certificate that can be signed again for any nonce.

    It says what was true when the books were read: whoever repeats it has seen since
    that nothing has changed.
    """

    read_at: datetime
    """When the books were read."""
    use_until: datetime
    """Then they are read again, and a new responder takes over."""

    template: AnswerTemplate
    envelope: Envelope
    signer: Signer
    responder_ends: datetime
    """The last moment of the responder's certificate."""

    @property
    def at_once(self) -> bool:
        """Whether signing is computing only: a token may let its caller wait."""
        return isinstance(self.signer, SoftwareSigner)

    def sign(self, at: datetime, nonce: bytes) -> bytes:
        """The response made now, in whole seconds, DER."""
        tbs = self.template.tbs(at, nonce, until=self.responder_ends)
        return self.envelope.close(tbs, self.signer.sign(tbs))


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
    again: Repeatable | None = None
    """Beside `about`."""


class _Desk(NamedTuple):
    """A responder of one key."""

    responder: ResponderRecord
    certificate: CertificateRecord
    look_again: float
    """Monotonic seconds."""


class Responder:
    """Answers for every authority of one office; may be shared by threads."""

    def __init__(
        self,
        office: Office,
        lifetime: timedelta,
        *,
        never_issued: NeverIssued = NeverIssued.UNKNOWN,
        retention: timedelta | None = None,
    ) -> None:
        """Make it.

        Args:
            office: its keyring opens the responders' keys, not the authorities'.
            lifetime: from thisUpdate to nextUpdate, unless the responder's certificate
                ends before.
            never_issued: what is said of serial numbers that were never issued.
            retention: for how long after a certificate's end its revocation is told;
                answers then state the archive cutoff (RFC 6960 4.4.4). None leaves it
                out; what is told is the same, since the books forget nothing.
        """
        self._office = office
        self._lifetime = lifetime
        self._never_issued = never_issued
        self._retention = retention
        self._failing = False
        self._desks: dict[tuple[str, int], _Desk] = {}
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
            issuers = [self.issuer(uow, entry) for entry in parsed.entries]
            first = issuers[0]
            if first is None or any(issuer != first for issuer in issuers):
                return _refusal(UNAUTHORIZED)
            desk = self._desk(uow, first, moment)
            serials = [entry.serial for entry in parsed.entries]
            own = [] if desk is None else [desk.responder.serial]
            revoked = uow.journal.revocations(first.authority, serials + own)
            if desk is not None and desk.responder.serial in revoked:
                desk = self._desk(uow, first, moment, anew=True)
            statuses = statuses_of(
                uow,
                first.authority,
                serials,
                generation=first.number,
                revoked=revoked,
            )
        if self._refuses(statuses):
            return _refusal(UNAUTHORIZED)
        if desk is None:
            return _refusal(TRY_LATER)
        signer = self._office.keyring.open(desk.responder.key_uri)
        return self._signed(
            parsed, statuses, desk.responder, desk.certificate, signer, moment
        )

    def _desk(
        self,
        uow: AuthorityUnitOfWork,
        issuer: KeyGenerationRecord,
        at: datetime,
        *,
        anew: bool = False,
    ) -> _Desk | None:
        """Who signs for this key; whoever asks sees to it that it is not revoked."""
        name = (issuer.authority, issuer.number)
        known, now = self._desks.get(name), monotonic()
        if (
            known is not None
            and not anew
            and now < known.look_again
            and known.certificate.not_before <= at <= known.certificate.not_after
        ):
            return known
        found = responder_in_force(
            uow, issuer.authority, at=at, generation=issuer.number
        )
        if found is None:
            self._desks.pop(name, None)
            return None
        desk = self._desks[name] = _Desk(*found, now + _DESK_SECONDS)
        return desk

    def issuer(
        self, uow: AuthorityUnitOfWork, entry: CertID
    ) -> KeyGenerationRecord | None:
        """The key that signed the certificate so named, if it is one of ours."""
        wanted = (entry.hash_oid, entry.issuer_name_hash, entry.issuer_key_hash)
        if wanted not in self._issuers and entry.hash_oid in _DIGESTS:
            self._issuers = _issuers(uow)
        return self._issuers.get(wanted)

    def _refuses(self, statuses: list[Status]) -> bool:
        return self._never_issued is NeverIssued.UNAUTHORIZED and any(
            isinstance(status, Unknown) for status in statuses
        )

    def _signed(
        self,
        request: OCSPRequest,
        statuses: list[Status],
        responder: ResponderRecord,
        certificate: CertificateRecord,
        signer: Signer,
        at: datetime,
    ) -> OCSPAnswer:
        assert certificate.certificate is not None
        key_hash = _key_hash(responder.public_key)
        next_update = min(at + self._lifetime, certificate.not_after)
        never = [isinstance(status, Unknown) for status in statuses]
        extended = any(never) and self._never_issued is NeverIssued.REVOKED
        singles = [
            SingleResponse(
                cert_id=entry,
                status=_on_hold(entry) if unknown and extended else status,
                this_update=at,
                next_update=next_update,
                archive_cutoff=None
                if unknown or self._retention is None
                else at - self._retention,
            )
            for entry, status, unknown in zip(
                request.entries, statuses, never, strict=True
            )
        ]
        tbs = prepare_response(
            responder_key_hash=key_hash,
            produced_at=at,
            responses=singles,
            nonce=request.nonce,
            extended_revoke=extended,
        )
        body = assemble_response(
            tbs, signer.suite, signer.sign(tbs), [certificate.certificate]
        )
        # What is not known now may be issued the next moment.
        definite = not any(never)
        fresh = request.nonce is None and definite
        authority, single = certificate.authority, singles[0]
        again = None
        if definite and len(singles) == 1:
            again = Repeatable(
                read_at=at,
                use_until=next_update,
                template=AnswerTemplate(
                    key_hash,
                    single.cert_id,
                    single.status,
                    lifetime=self._lifetime,
                    retention=self._retention,
                ),
                envelope=_envelope(signer.suite.id, certificate.certificate),
                signer=signer,
                responder_ends=certificate.not_after,
            )
        return OCSPAnswer(
            body=body,
            this_update=at if fresh else None,
            next_update=next_update if fresh else None,
            about=None if again is None else (authority, single.cert_id.serial),
            signer=(authority, certificate.serial),
            again=again,
        )


def _on_hold(entry: CertID) -> Revocation:
    """What RFC 6960 2.2 has to be said of a certificate that was never issued."""
    return Revocation(
        serial=entry.serial, at=_NEVER, reason=RevocationReason.CERTIFICATE_HOLD
    )


_key_hash: Final = lru_cache(maxsize=256)(key_identifier)


@lru_cache(maxsize=256)
def _envelope(suite_id: str, certificate: bytes) -> Envelope:
    """Shared by all answers of one responder."""
    return Envelope(suite(suite_id), certificate)


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
