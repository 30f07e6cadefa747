"""Time-stamp tokens and messages: written, read, and refused where anything is off."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jpki.der import oids
from jpki.der.reader import read_one
from jpki.der.times import fractional_time, read_fractional_time
from jpki.der.writer import (
    boolean,
    explicit,
    implicit,
    integer,
    object_identifier,
    octet_string,
    sequence,
    set_of,
    tlv,
)
from jpki.documents.cms import make_signed_data, sign_enveloping
from jpki.documents.timestamp_info import (
    MessageImprint,
    TimestampInfo,
    encode_info,
    imprint_of,
    read_info,
)
from jpki.documents.timestamp_messages import (
    PKIFailure,
    TimestampRequest,
    encode_granted,
    encode_rejection,
    encode_request,
    read_request,
    read_response,
)
from jpki.documents.timestamps import make_token, parse_token, read_token
from jpki.errors import DocumentError, DocumentFault, EncodingError
from jpki.keys.memory import generate_key
from jpki.model.suites import SUITES, Digest, suite
from jpki.x509.extensions import extension
from jpki.x509.general_names import DirectoryName, DNSName
from tests.support.time_authority import time_authority

FOUNDED = datetime(2019, 4, 1, tzinfo=UTC)
AT = datetime(2020, 2, 3, 4, 5, 6, 700_000, tzinfo=UTC)
COVERED = "転居届".encode()
ONE = time_authority(FOUNDED)
INFO = TimestampInfo(
    policy="2.999.1",
    imprint=imprint_of(COVERED, Digest.SHA256),
    serial=17,
    at=AT,
    accuracy=timedelta(seconds=2, milliseconds=3, microseconds=4),
    ordering=True,
    nonce=-5,
    authority=DirectoryName(ONE.parsed.subject),
)


def _token(info: TimestampInfo = INFO) -> bytes:
    return make_token(
        info, ONE.certificate, ONE.key, certificates=[ONE.certificate, ONE.root]
    )


def test_everything_that_is_said_is_read() -> None:
    """Time with its fraction, accuracy, ordering, nonce and name come back."""
    assert parse_token(_token()).info == INFO
    stamp = read_token(_token(), COVERED)
    assert (stamp.at, stamp.accuracy) == (AT, INFO.accuracy)
    assert stamp.imprint_digest == Digest.SHA256.oid
    assert stamp.signature.certificate == ONE.certificate
    assert set(stamp.signature.enclosed.certificates) == {ONE.certificate, ONE.root}


@pytest.mark.parametrize("suite_id", sorted(SUITES))
def test_authorities_of_every_suite_stamp(suite_id: str) -> None:
    """Also with ML-DSA, which signs the message itself."""
    authority = time_authority(FOUNDED, suite_id)
    answer = read_response(
        authority.at(AT).answer(encode_request(TimestampRequest(imprint=INFO.imprint)))
    )
    assert answer.token is not None
    stamp = read_token(answer.token, COVERED)
    assert stamp.signature.certificate == authority.certificate
    assert stamp.signature.algorithm == suite(suite_id).algorithm_identifier


def test_what_is_left_out_is_left_out() -> None:
    """A token that says the least is as good; its accuracy counts as exact."""
    least = replace(INFO, accuracy=None, ordering=False, nonce=None, authority=None)
    assert read_info(encode_info(least)) == least
    assert read_token(_token(least), COVERED).accuracy == timedelta(0)


def test_a_certificate_may_be_handed_in() -> None:
    """Whoever asked without certReq finds the authority's certificate elsewhere."""
    bare = make_token(INFO, ONE.certificate, ONE.key, certificates=())
    with pytest.raises(DocumentError) as refused:
        read_token(bare, COVERED)
    assert refused.value.fault is DocumentFault.NO_SIGNER_CERTIFICATE
    stamp = read_token(bare, COVERED, [ONE.root, ONE.certificate])
    assert stamp.signature.certificate == ONE.certificate


def test_a_token_over_something_else_is_refused() -> None:
    """The imprint is compared, and with the digest that it names."""
    with pytest.raises(DocumentError, match="something else"):
        read_token(_token(), COVERED + b" ")
    unknown = replace(INFO, imprint=MessageImprint(digest_oid="2.999.5", value=b"1"))
    with pytest.raises(DocumentError) as refused:
        read_token(_token(unknown), COVERED)
    assert refused.value.fault is DocumentFault.UNSUPPORTED


def test_a_token_of_another_name_is_refused() -> None:
    """The name is one of the certificate's (RFC 3161 2.4.2)."""
    other = replace(INFO, authority=DNSName("tsa.example"))
    with pytest.raises(DocumentError, match="another authority"):
        read_token(_token(other), COVERED)


def test_a_token_that_is_not_bound_to_its_certificate_is_refused() -> None:
    """signing-certificate is required (RFC 5816 2.2.1), however good the signature."""
    with pytest.raises(DocumentError, match="not bound"):
        read_token(_unbound(), COVERED)


def _unbound() -> bytes:
    """A token whose signature is right, and which lacks the binding."""
    content = encode_info(INFO)
    digest = imprint_of(content, Digest.SHA256).value
    attributes = set_of(
        sequence(object_identifier(oid), set_of([value]))
        for oid, value in (
            (oids.CONTENT_TYPE, object_identifier(oids.TST_INFO)),
            (oids.MESSAGE_DIGEST, octet_string(digest)),
        )
    )
    own = ONE.parsed
    algorithm = sequence(object_identifier(oids.SHA256))
    signer = sequence(
        integer(1),
        sequence(own.issuer_der, integer(own.serial)),
        algorithm,
        implicit(0, attributes),
        ONE.key.suite.algorithm_identifier,
        octet_string(ONE.key.sign(attributes)),
    )
    inside = sequence(
        object_identifier(oids.TST_INFO), explicit(0, octet_string(content))
    )
    data = sequence(
        integer(3),
        set_of([algorithm]),
        inside,
        implicit(0, set_of([ONE.certificate])),
        set_of([signer]),
    )
    return sequence(object_identifier(oids.CMS_SIGNED_DATA), explicit(0, data))


def test_a_wrong_signature_is_refused() -> None:
    """A token that another key signed in the authority's name proves nothing."""
    stranger = generate_key(suite("rsa2048-sha256"))

    class Impostor:
        suite = ONE.key.suite
        public_key = ONE.key.public_key

        def sign(self, message: bytes | memoryview) -> bytes:
            return stranger.sign(message)

    forged = make_token(
        INFO, ONE.certificate, Impostor(), certificates=[ONE.certificate]
    )
    with pytest.raises(DocumentError, match="wrong") as refused:
        read_token(forged, COVERED)
    assert refused.value.fault is DocumentFault.ALTERED


def test_other_cms_is_no_token() -> None:
    """Signed data of another type, or without the content, is refused."""
    plain = sign_enveloping(COVERED, ONE.certificate, ONE.key, AT)
    without = make_signed_data(
        encode_info(INFO),
        ONE.certificate,
        ONE.key,
        AT,
        certificates=[ONE.certificate],
        enveloping=False,
        content_type=oids.TST_INFO,
    )
    for other in (plain, without):
        with pytest.raises(DocumentError, match="no timestamp"):
            read_token(other, COVERED)


def _fields(info: TimestampInfo = INFO) -> list[bytes]:
    fields = read_one(encode_info(info)).enter()
    found = []
    while fields:
        found.append(fields.next().raw)
    return found


def test_versions_and_critical_extensions_must_be_known() -> None:
    """What is not understood is refused; what need not be is passed over."""
    fields = _fields()
    with pytest.raises(DocumentError, match="version 2"):
        read_info(sequence(integer(2), *fields[1:]))
    for critical in (True, False):
        more = implicit(1, sequence(extension("2.999.7", critical, b"\x05\x00")))
        data = sequence(*fields, more)
        if critical:
            with pytest.raises(DocumentError, match=r"2\.999\.7"):
                read_info(data)
        else:
            assert read_info(data) == INFO


@pytest.mark.parametrize(
    "accuracy",
    [
        sequence(integer(-1)),
        sequence(integer(1 << 40)),
        sequence(implicit(0, integer(0))),
        sequence(implicit(0, integer(1000))),
        sequence(implicit(1, integer(1000))),
        sequence(implicit(1, integer(1)), implicit(0, integer(1))),
    ],
)
def test_accuracies_out_of_range_are_refused(accuracy: bytes) -> None:
    """Negative or endless seconds, and thousandths outside 1 to 999."""
    fields = _fields()
    fields[5] = accuracy
    with pytest.raises(EncodingError):
        read_info(sequence(*fields))


def test_a_default_is_not_written() -> None:
    """DER leaves `ordering FALSE` out (X.690 11.5)."""
    fields = _fields()
    fields[6] = boolean(False)
    with pytest.raises(EncodingError, match="default"):
        read_info(sequence(*fields))


@pytest.mark.parametrize(
    "text",
    [b"20200203040506.Z", b"20200203040506.70Z", b"20200203040506.7", b"202002030405Z",
     b"20200203040506.7777777777777Z", b"20200203040506,7Z", b"20200230040506.7Z"],
)  # fmt: skip
def test_times_that_are_not_der_are_refused(text: bytes) -> None:
    """No trailing zeros, no other point, no zone but Z, no such day."""
    with pytest.raises(EncodingError):
        read_fractional_time(read_one(tlv(0x18, text)))


@given(st.datetimes(datetime(1950, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC)))
def test_fractions_come_back(at: datetime) -> None:
    """Any moment is written to the microsecond and read again."""
    assert read_fractional_time(read_one(fractional_time(at))) == at


REQUEST = TimestampRequest(
    imprint=INFO.imprint, policy="2.999.1", nonce=1 << 63, wants_certificate=True
)


def test_requests_and_responses_come_back() -> None:
    """What is written is what is read."""
    assert read_request(encode_request(REQUEST)) == REQUEST
    bare = replace(REQUEST, policy=None, nonce=None, wants_certificate=False)
    assert read_request(encode_request(bare)) == bare
    granted = read_response(encode_granted(_token()))
    assert (granted.status, granted.token) == (0, _token())
    refused = read_response(encode_rejection(PKIFailure.BAD_ALGORITHM, "駄目"))
    assert refused.failures == frozenset({0})
    assert (refused.status, refused.texts, refused.token) == (2, ("駄目",), None)


def test_status_and_token_agree() -> None:
    """Granted without a token, or refused with one, is no response (2.4.2)."""
    status = sequence(integer(0))
    for wrong in (
        sequence(status),
        sequence(sequence(integer(2)), _token()),
        sequence(sequence(integer(9))),
    ):
        with pytest.raises(EncodingError):
            read_response(wrong)


@given(st.binary(max_size=40), st.integers(0, 2000), st.integers(1, 255))
def test_damage_raises_only_our_errors(junk: bytes, place: int, change: int) -> None:
    """Junk, truncation, and any octet of token, request and response changed."""
    for good in (_GOOD, encode_request(REQUEST), encode_granted(_GOOD)):
        at = place % len(good)
        changed = good[:at] + bytes([good[at] ^ change]) + good[at + 1 :]
        for bad in (junk, good[:at], changed):
            for read in (read_request, read_response, parse_token):
                with suppress(EncodingError, DocumentError):
                    read(bad)
            try:
                stamp = read_token(bad, COVERED)
            except (EncodingError, DocumentError):
                continue
            # What is outside of what was signed may change; what is said may not.
            assert (stamp.at, stamp.accuracy) == (AT, INFO.accuracy)


_GOOD = _token()
