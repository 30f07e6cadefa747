"""OCSP answers as a responder makes them, once what they say is known.

What the books say is found elsewhere. An answer that says *good* or *revoked* of one
certificate can be made again for another nonce, or at another time.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from jpki.keys.software import SoftwareSigner
from jpki.model.ports import Signer
from jpki.model.revocation import Revocation, RevocationReason
from jpki.model.suites import suite
from jpki.store.authority_records import CertificateRecord, ResponderRecord
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
    error_response,
    prepare_response,
)
from jpki.x509.ocsp_templates import AnswerTemplate, Envelope

__all__ = [
    "LATER",
    "MALFORMED",
    "REFUSED",
    "Manner",
    "OCSPAnswer",
    "Repeatable",
    "signed_answer",
]

_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Since when a certificate that was never issued is revoked (RFC 6960 2.2)."""


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

    def sign(self, at: datetime, nonce: bytes | None) -> bytes:
        """The response made now, in whole seconds, DER."""
        tbs = self.template.tbs(at, nonce, until=self.responder_ends)
        return self.envelope.close(tbs, self.signer.sign(tbs))


@dataclass(frozen=True, kw_only=True, slots=True)
class OCSPAnswer:
    """A response and how long it may be kept."""

    body: bytes
    """OCSPResponse, DER."""
    this_update: datetime | None = None
    """None for answers that state no status and must not be kept."""
    next_update: datetime | None = None
    about: tuple[str, int] | None = None
    """Authority and serial number, of an answer that says good or revoked of one."""
    signer: tuple[str, int] | None = None
    """Authority and serial number of the responder's certificate."""
    again: Repeatable | None = None
    """Beside `about`."""
    opening: Future[Signer] | None = None
    """The key that is being opened, where the answer is `tryLater` for want of it."""


LATER: Final = OCSPAnswer(body=error_response(TRY_LATER))
MALFORMED: Final = OCSPAnswer(body=error_response(MALFORMED_REQUEST))
REFUSED: Final = OCSPAnswer(body=error_response(UNAUTHORIZED))


@dataclass(frozen=True, kw_only=True, slots=True)
class Manner:
    """What answers have in common whatever they say."""

    lifetime: timedelta
    """From thisUpdate to nextUpdate, unless the responder's certificate ends before."""
    retention: timedelta | None
    """From the archive cutoff to producedAt; None leaves it out."""
    extended: bool
    """Whether what was never issued is called revoked (RFC 6960 2.2)."""


def signed_answer(
    request: OCSPRequest,
    statuses: Sequence[Status],
    responder: ResponderRecord,
    certificate: CertificateRecord,
    signer: Signer,
    manner: Manner,
    *,
    at: datetime,
) -> OCSPAnswer:
    """Say this of what is asked, in its order.

    Args:
        request: about certificates of one authority.
        statuses: what is true of each.
        responder: whose key signs.
        certificate: of that key.
        signer: that key.
        manner: of all answers.
        at: now, in whole seconds.

    Raises:
        KeyProviderError: the key cannot be used.
    """
    assert certificate.certificate is not None
    key_hash = _key_hash(responder.public_key)
    next_update = min(at + manner.lifetime, certificate.not_after)
    name = (certificate.authority, certificate.serial)
    if len(statuses) == 1 and not isinstance(statuses[0], Unknown):
        (entry,) = request.entries
        again = Repeatable(
            read_at=at,
            use_until=next_update,
            template=AnswerTemplate(
                key_hash,
                entry,
                statuses[0],
                lifetime=manner.lifetime,
                retention=manner.retention,
            ),
            envelope=_envelope(signer.suite.id, certificate.certificate),
            signer=signer,
            responder_ends=certificate.not_after,
        )
        fresh = request.nonce is None
        return OCSPAnswer(
            body=again.sign(at, request.nonce),
            this_update=at if fresh else None,
            next_update=next_update if fresh else None,
            about=(certificate.authority, entry.serial),
            signer=name,
            again=again,
        )
    # What is not known now may be issued the next moment: that is not kept.
    never = [isinstance(status, Unknown) for status in statuses]
    extended = any(never) and manner.extended
    cutoff = None if manner.retention is None else at - manner.retention
    tbs = prepare_response(
        responder_key_hash=key_hash,
        produced_at=at,
        responses=[
            SingleResponse(
                cert_id=entry,
                status=_on_hold(entry) if unknown and extended else status,
                this_update=at,
                next_update=next_update,
                archive_cutoff=None if unknown else cutoff,
            )
            for entry, status, unknown in zip(
                request.entries, statuses, never, strict=True
            )
        ],
        nonce=request.nonce,
        extended_revoke=extended,
    )
    body = assemble_response(
        tbs, signer.suite, signer.sign(tbs), [certificate.certificate]
    )
    fresh = request.nonce is None and not any(never)
    return OCSPAnswer(
        body=body,
        this_update=at if fresh else None,
        next_update=next_update if fresh else None,
        signer=name,
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
