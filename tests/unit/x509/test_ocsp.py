"""OCSP messages: made and read."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Final

import pytest

from jpki.der import oids
from jpki.der.writer import (
    NULL,
    enumerated,
    explicit,
    ia5_string,
    implicit,
    integer,
    object_identifier,
    octet_string,
    sequence,
)
from jpki.errors import EncodingError
from jpki.model.revocation import Revocation, RevocationReason
from jpki.model.suites import Digest
from jpki.x509.extensions import extension
from jpki.x509.ocsp import (
    MAX_ENTRIES,
    TRY_LATER,
    BasicResponse,
    CertID,
    Good,
    Unknown,
    build_request,
    cert_id,
    error_response,
    parse_request,
    parse_response,
)
from jpki.x509.parse import parse_certificate
from jpki.x509.signatures import verify_signature
from tests.support.reference_pki import FOUNDED, reference_pki

_ERA: Final = "prefectural-sha256"
_AT: Final = FOUNDED[_ERA] + timedelta(hours=1)
_ASKED: Final = CertID(oids.SHA1, b"n" * 20, b"k" * 20, 5)


def _basic(octets: bytes) -> BasicResponse:
    basic = parse_response(octets).basic
    assert basic is not None
    return basic


def test_a_certificate_is_named_by_hashes_of_its_issuer() -> None:
    """Of the name's DER, and of the key's bits without algorithm and length."""
    issuer = parse_certificate(reference_pki(_ERA).certificates["a"])
    found = cert_id(issuer.subject_der, issuer.public_key, 9, Digest.SHA1)
    assert found.issuer_name_hash == hashlib.sha1(issuer.subject_der).digest()
    assert found.issuer_key_hash == issuer.subject_key_identifier
    wide = cert_id(issuer.subject_der, issuer.public_key, 9, Digest.SHA256)
    assert (wide.hash_oid, len(wide.issuer_key_hash)) == (oids.SHA256, 32)


def test_a_good_answer_comes_back() -> None:
    """Responder, times, status and certificate; the signature holds."""
    pki = reference_pki(_ERA)
    basic = _basic(pki.ocsp(nonce=b"n" * 32))
    (single,) = basic.responses
    assert single.status == Good()
    assert (single.this_update, single.next_update) == (
        _AT,
        _AT + timedelta(minutes=15),
    )
    assert basic.produced_at == _AT
    assert basic.nonce == b"n" * 32
    responder = parse_certificate(pki.certificates["responder"])
    assert basic.certificates == (responder.raw,)
    assert basic.responder_key_hash == responder.subject_key_identifier
    assert basic.responder_name is None
    assert verify_signature(
        responder.public_key, basic.signature_algorithm, basic.signature, basic.tbs
    )


@pytest.mark.parametrize("reason", RevocationReason)
def test_a_revoked_answer_says_since_when_and_why(reason: RevocationReason) -> None:
    """The journal's line comes back, for every reason."""
    serial = parse_certificate(reference_pki(_ERA).certificates["signature"]).serial
    line = Revocation(serial=serial, at=_AT, reason=reason)
    (single,) = _basic(reference_pki(_ERA).ocsp(line)).responses
    assert single.status == line


def test_an_unknown_answer_comes_back() -> None:
    """For serial numbers that were never given out."""
    (single,) = _basic(reference_pki(_ERA).ocsp(Unknown())).responses
    assert single.status == Unknown()


@pytest.mark.parametrize("null", [True, False])
def test_the_answer_repeats_the_question_octet_for_octet(null: bool) -> None:
    """Some clients write the hash algorithm with NULL, some without."""
    asked = CertID(oids.SHA256, b"n" * 32, b"k" * 32, 5, null)
    octets = build_request([asked])
    (read,) = parse_request(octets).entries
    assert build_request([read]) == octets
    (single,) = _basic(reference_pki(_ERA).ocsp(asked=read)).responses
    assert single.cert_id.null_parameters is null


def test_an_error_has_a_status_and_nothing_else() -> None:
    """Its five octets are known."""
    assert error_response(TRY_LATER).hex() == "30030a0103"
    response = parse_response(error_response(TRY_LATER))
    assert (response.status, response.basic) == (TRY_LATER, None)
    for status in (0, 4, 7, -1):
        with pytest.raises(EncodingError):
            error_response(status)


_SINGLE: Final = sequence(
    sequence(
        sequence(object_identifier(oids.SHA1), NULL),
        octet_string(b"n" * 20),
        octet_string(b"k" * 20),
        integer(5),
    )
)


def _request(*extensions: bytes, entries: int = 1, version: bytes = b"") -> bytes:
    wrapped = explicit(2, sequence(*extensions)) if extensions else b""
    return sequence(sequence(version, sequence(*[_SINGLE] * entries), wrapped))


def test_a_request_has_its_known_form() -> None:
    """A sequence of certificate identifiers, and nothing else."""
    assert build_request([_ASKED]) == _request()
    assert build_request([_ASKED], bytes(3)) == _request(_nonce(3))


def _nonce(size: int) -> bytes:
    return extension(oids.OCSP_NONCE, False, octet_string(bytes(size)))


@pytest.mark.parametrize(
    "octets",
    [
        _request(entries=0),
        _request(entries=MAX_ENTRIES + 1),
        _request(_nonce(0)),
        _request(_nonce(129)),
        _request(extension(oids.OCSP_NONCE, False, b"raw")),
        _request(extension("2.999.1", True, NULL)),
        _request(version=explicit(0, integer(1))),
        _request() + b"\0",
        b"",
    ],
)
def test_a_bad_request_is_refused(octets: bytes) -> None:
    """Empty, too large, nonces out of bounds, unknown critical extensions."""
    with pytest.raises(EncodingError):
        parse_request(octets)


def test_a_request_with_what_does_not_matter_is_read() -> None:
    """Nonces within RFC 9654's bounds, other extensions, a requestor's name."""
    assert parse_request(_request(_nonce(1))).nonce == bytes(1)
    assert parse_request(_request(_nonce(128))).nonce == bytes(128)
    request = parse_request(_request(extension("2.999.1", False, NULL)))
    assert (request.entries, request.nonce) == ((_ASKED,), None)
    name = explicit(1, implicit(2, ia5_string("example")))
    named = sequence(sequence(name, sequence(_SINGLE)))
    assert parse_request(named).entries == (_ASKED,)


@pytest.mark.parametrize(
    "octets",
    [
        sequence(enumerated(0)),
        sequence(enumerated(4)),
        sequence(enumerated(1), explicit(0, sequence())),
        sequence(
            enumerated(0),
            explicit(0, sequence(object_identifier("2.999.1"), octet_string(b""))),
        ),
    ],
)
def test_a_bad_response_is_refused(octets: bytes) -> None:
    """Status and answer must go together, and the answer be of the basic type."""
    with pytest.raises(EncodingError):
        parse_response(octets)
