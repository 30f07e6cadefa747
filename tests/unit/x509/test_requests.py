"""Certification requests: the key, the challenge, and the proof."""

from __future__ import annotations

from typing import Final

import pytest

from jpki.der import oids
from jpki.der.writer import (
    bit_string,
    integer,
    object_identifier,
    sequence,
    set_of,
    tlv,
    utf8_string,
)
from jpki.errors import EncodingError, ProofOfPossessionError
from jpki.keys.memory import generate_key
from jpki.keys.software import SoftwareSigner
from jpki.model.names import Attribute, Name
from jpki.model.suites import SUITES, suite
from jpki.x509.names import encode_name
from jpki.x509.requests import (
    MAX_REQUEST,
    assemble,
    parse_certification_request,
    request_info,
    verify_possession,
)

_KEY: Final = generate_key(suite("p256-sha256"))


def _request(signer: SoftwareSigner, challenge: str) -> bytes:
    info = request_info(signer.public_key, challenge)
    return assemble(info, signer.suite, signer.sign(info))


@pytest.mark.parametrize("suite_id", SUITES)
def test_a_request_proves_possession(suite_id: str) -> None:
    """Of keys of every suite; the challenge comes back."""
    signer = generate_key(suite(suite_id))
    request = parse_certification_request(_request(signer, "application-0001"))
    verify_possession(request)
    assert request.public_key == signer.public_key
    assert request.challenge == "application-0001"
    assert request.subject == Name(())


def test_a_challenge_may_be_any_text() -> None:
    """PrintableString where it fits, UTF8String otherwise."""
    assert parse_certification_request(_request(_KEY, "申請_1")).challenge == "申請_1"


def test_a_subject_may_be_stated_and_means_nothing() -> None:
    """The authority does not take names from requests."""
    subject = Name.of(Attribute(oids.COMMON_NAME, "anybody"))
    info = request_info(_KEY.public_key, "1", subject)
    request = parse_certification_request(assemble(info, _KEY.suite, _KEY.sign(info)))
    assert request.subject == subject


def test_a_signature_by_another_key_is_no_proof() -> None:
    """Somebody else's public key cannot be put into a request."""
    other = generate_key(_KEY.suite)
    info = request_info(other.public_key, "1")
    with pytest.raises(ProofOfPossessionError):
        verify_possession(
            parse_certification_request(assemble(info, _KEY.suite, _KEY.sign(info)))
        )


def test_a_changed_challenge_is_no_proof() -> None:
    """The signature covers the application it answers."""
    octets = _request(_KEY, "application-0001").replace(b"-0001", b"-0002")
    with pytest.raises(ProofOfPossessionError):
        verify_possession(parse_certification_request(octets))


def _odd(*attributes: bytes, version: int = 0) -> bytes:
    info = sequence(
        integer(version),
        encode_name(Name(())),
        _KEY.public_key,
        tlv(0xA0, b"".join(attributes)),
    )
    return sequence(info, _KEY.suite.algorithm_identifier, bit_string(b"x"))


def _challenge(*values: bytes) -> bytes:
    return sequence(object_identifier(oids.CHALLENGE_PASSWORD), set_of(values))


@pytest.mark.parametrize(
    "attributes",
    [
        [_challenge(utf8_string("a")), _challenge(utf8_string("b"))],
        [_challenge(utf8_string("a"), utf8_string("b"))],
        [_challenge()],
        [_challenge(integer(5))],
        [_challenge(tlv(0x0C, b"\xff"))],
        [sequence(object_identifier(f"2.999.{n}"), set_of([])) for n in range(17)],
        [integer(5)],
    ],
)
def test_malformed_attributes_are_refused(attributes: list[bytes]) -> None:
    """Two challenges, none in its place, what is no text, too many."""
    with pytest.raises(EncodingError):
        parse_certification_request(_odd(*attributes))


def test_other_versions_and_sizes_are_refused() -> None:
    """There is only version 1, and a request has bounds."""
    for octets in (_odd(version=1), b"", bytes(MAX_REQUEST + 1)):
        with pytest.raises(EncodingError):
            parse_certification_request(octets)


def test_a_request_without_challenge_is_read_as_such() -> None:
    """Whether that is enough is for the authority to say."""
    assert parse_certification_request(_odd()).challenge is None
