"""OCSP answers as they must not be."""

from __future__ import annotations

from datetime import datetime, timedelta

from jpki.authority.answering.responder import Responder
from jpki.authority.answering.status import statuses_of
from jpki.authority.delegating.responder_keys import responder_in_force
from jpki.authority.misbehaving.faults import Fault
from jpki.authority.office import Office, whole_second
from jpki.der.reader import read_one
from jpki.der.times import time_choice
from jpki.der.writer import sequence
from jpki.errors import EncodingError
from jpki.keys.memory import generate_key
from jpki.model.suites import suite
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import KeyGenerationRecord
from jpki.x509.issuers import assemble
from jpki.x509.keys import key_identifier
from jpki.x509.ocsp import (
    MALFORMED_REQUEST,
    TRY_LATER,
    UNAUTHORIZED,
    CertID,
    Good,
    OCSPRequest,
    SingleResponse,
    Status,
    assemble_response,
    error_response,
    parse_request,
    prepare_response,
)

__all__ = ["wrong_answer"]

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_LIFE = timedelta(minutes=15)
_ERRORS = {Fault.TRY_LATER: TRY_LATER, Fault.UNAUTHORIZED: UNAUTHORIZED}


def wrong_answer(
    office: Office, responder: Responder, request: bytes, fault: Fault, at: datetime
) -> bytes:
    """The answer to a request with this fault, DER.

    Raises:
        KeyProviderError: a key that it takes is out of reach.
    """
    moment = whole_second(at)
    if fault in _ERRORS:
        return error_response(_ERRORS[fault])
    try:
        asked = parse_request(request)
    except EncodingError:
        return error_response(MALFORMED_REQUEST)
    with office.store.read() as uow:
        issuer = responder.issuer(uow, asked.entries[0])
        if issuer is None:
            return error_response(UNAUTHORIZED)
        found = responder_in_force(
            uow, issuer.authority, at=moment, generation=issuer.number
        )
        statuses = _statuses(uow, issuer, asked)
    if found is None:
        return error_response(TRY_LATER)
    own, certificate = found
    assert certificate.certificate is not None
    tbs = prepare_response(
        responder_key_hash=key_identifier(own.public_key),
        produced_at=moment + _shift(fault),
        responses=[
            _single(entry, status, fault, moment)
            for entry, status in zip(asked.entries, statuses, strict=True)
        ],
        nonce=_nonce(office, asked, fault),
    )
    signer = office.keyring.open(own.key_uri)
    signature = signer.sign(tbs)
    if fault is Fault.BAD_SIGNATURE:
        signature = signature[:-1] + bytes([signature[-1] ^ 1])
    chain = _chain(office, issuer, certificate.certificate, fault, moment)
    return assemble_response(tbs, signer.suite, signature, chain)


def _statuses(
    uow: AuthorityUnitOfWork, issuer: KeyGenerationRecord, asked: OCSPRequest
) -> list[Status]:
    serials = [entry.serial for entry in asked.entries]
    return statuses_of(
        uow,
        issuer.authority,
        serials,
        generation=issuer.number,
        revoked=uow.journal.revocations(issuer.authority, serials),
    )


def _shift(fault: Fault) -> timedelta:
    if fault is Fault.STALE:
        return -_DAY - _LIFE
    return _HOUR if fault is Fault.EARLY else timedelta(0)


def _single(
    entry: CertID, status: Status, fault: Fault, at: datetime
) -> SingleResponse:
    begins = at + _shift(fault)
    if fault is Fault.OTHER_CERTIFICATE:
        entry = CertID(
            hash_oid=entry.hash_oid,
            issuer_name_hash=entry.issuer_name_hash,
            issuer_key_hash=entry.issuer_key_hash,
            serial=entry.serial + 1,
        )
    return SingleResponse(
        cert_id=entry,
        status=Good() if fault is Fault.FALSE_GOOD else status,
        this_update=begins,
        next_update=None if fault is Fault.NO_NEXT_UPDATE else begins + _LIFE,
    )


def _nonce(office: Office, asked: OCSPRequest, fault: Fault) -> bytes | None:
    if fault is Fault.NO_NONCE:
        return None
    if fault is Fault.WRONG_NONCE:
        return office.random(len(asked.nonce or bytes(32)))
    return asked.nonce


def _chain(
    office: Office,
    issuer: KeyGenerationRecord,
    certificate: bytes,
    fault: Fault,
    at: datetime,
) -> list[bytes]:
    """What goes with the answer to prove who signed it."""
    if fault is Fault.NO_DELEGATE:
        return []
    fields = list(_elements(certificate))
    if fault is Fault.EXPIRED_DELEGATE:
        validity = sequence(time_choice(at - 400 * _DAY), time_choice(at - 30 * _DAY))
        tbs = list(_elements(fields[0]))
        tbs[_VALIDITY] = validity
        signer = office.keyring.open(issuer.key_uri)
        changed = sequence(*tbs)
        return [assemble(changed, signer.suite, signer.sign(changed))]
    if fault is Fault.FOREIGN_DELEGATE:
        stranger = generate_key(suite(issuer.suite))
        return [assemble(fields[0], stranger.suite, stranger.sign(fields[0]))]
    return [certificate]


_VALIDITY = 4
"""After version, serial number, algorithm and issuer (RFC 5280 4.1.2)."""


def _elements(value: bytes) -> list[bytes]:
    reader, found = read_one(value, 0x30).enter(), []
    while reader:
        found.append(reader.next().raw)
    return found
