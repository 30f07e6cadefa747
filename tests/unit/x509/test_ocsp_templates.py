"""OCSP answers from fixed bytes: octet for octet what is encoded from scratch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from hypothesis import example, given
from hypothesis import strategies as st

from jpki.der import oids
from jpki.errors import EncodingError
from jpki.model.revocation import Revocation, RevocationReason
from jpki.model.suites import suite
from jpki.x509.ocsp import (
    CertID,
    Good,
    SingleResponse,
    Status,
    assemble_response,
    build_request,
    parse_request,
    parse_response,
    prepare_response,
)
from jpki.x509.ocsp_templates import AnswerTemplate, Envelope, split_nonce

_AT: Final = datetime(2026, 11, 24, 5, tzinfo=UTC)
_LIFE: Final = timedelta(minutes=15)

_serials = st.integers(0, 2**159)
_entries = st.builds(
    lambda wide, serial, null: CertID(
        oids.SHA256 if wide else oids.SHA1,
        b"n" * (32 if wide else 20),
        b"k" * (32 if wide else 20),
        serial,
        null,
    ),
    st.booleans(),
    _serials,
    st.booleans(),
)
_nonces = st.binary(min_size=1, max_size=128)
_statuses: st.SearchStrategy[Status] = st.just(Good()) | st.builds(
    Revocation,
    serial=_serials,
    at=st.datetimes(datetime(1990, 1, 1), timezones=st.just(UTC)).map(
        lambda at: at.replace(microsecond=0)
    ),
    reason=st.sampled_from(RevocationReason),
)


@given(
    entry=_entries,
    status=_statuses,
    nonce=_nonces,
    retention=st.none() | st.timedeltas(timedelta(0), timedelta(days=9000)),
    left=st.integers(0, 2000),
)
def test_a_template_says_what_is_said_from_scratch(
    entry: CertID,
    status: Status,
    nonce: bytes,
    retention: timedelta | None,
    left: int,
) -> None:
    """For every status, nonce and retention, and near the end of the responder."""
    until = _AT + timedelta(seconds=left)
    template = AnswerTemplate(
        b"r" * 20, entry, status, lifetime=_LIFE, retention=retention
    )
    cutoff = None if retention is None else _AT - retention
    single = SingleResponse(
        cert_id=entry,
        status=status,
        this_update=_AT,
        next_update=min(until, _AT + _LIFE),
        archive_cutoff=cutoff,
    )
    made = [template.tbs(_AT, nonce, until=until) for _ in range(2)]
    assert made == [prepare_response(b"r" * 20, _AT, [single], nonce)] * 2
    later = template.tbs(_AT + _LIFE, nonce, until=until + _LIFE)
    assert later != made[0]


@given(size=st.integers(1, 5000), certificate=st.binary(min_size=2, max_size=70_000))
def test_an_envelope_closes_as_assembling_does(size: int, certificate: bytes) -> None:
    """Whatever the lengths of signature and certificate."""
    own = suite("mldsa65")
    tbs = prepare_response(b"r" * 20, _AT, [])
    closed = Envelope(own, certificate).close(tbs, bytes(size))
    assert closed == assemble_response(tbs, own, bytes(size), [certificate])


@given(entries=st.lists(_entries, min_size=1, max_size=8), nonce=_nonces)
def test_a_plain_request_is_split_into_what_it_asks_and_the_nonce(
    entries: list[CertID], nonce: bytes
) -> None:
    """The first part is the request without nonce; without one there is none."""
    plainest = build_request(entries)
    assert split_nonce(build_request(entries, nonce)) == (plainest, nonce)
    assert split_nonce(plainest) is None


_ENTRY: Final = CertID(oids.SHA1, b"n" * 20, b"k" * 20, 77)
_REQUEST: Final = build_request([_ENTRY], b"n" * 32)


@given(place=st.integers(0, 200), octet=st.integers(0, 255), cut=st.integers(0, 9))
@example(place=0, octet=0x30, cut=0)
def test_what_is_split_means_the_same(place: int, octet: int, cut: int) -> None:
    """A changed request is either left alone, or as its parser reads it."""
    changed = bytearray(_REQUEST)
    changed[place % len(changed)] = octet
    data = bytes(changed[: len(changed) - cut])
    split = split_nonce(data)
    if split is None:
        assert data != _REQUEST
        return
    try:
        read = parse_request(split[0])
    except EncodingError:
        return
    assert parse_request(data).entries == read.entries
    assert parse_request(data).nonce == split[1]


def test_extensions_come_back() -> None:
    """Archive cutoff of one answer, and extended revoke of the whole."""
    cutoff = _AT - timedelta(days=3650)
    single = SingleResponse(
        cert_id=_ENTRY, status=Good(), this_update=_AT, archive_cutoff=cutoff
    )
    tbs = prepare_response(b"r" * 20, _AT, [single], b"n", extended_revoke=True)
    own = suite("p256-sha256")
    basic = parse_response(assemble_response(tbs, own, b"s")).basic
    assert basic is not None
    assert basic.responses == (single,)
    assert (basic.extended_revoke, basic.nonce) == (True, b"n")
    plain = parse_response(
        assemble_response(prepare_response(b"r" * 20, _AT, [single]), own, b"s")
    ).basic
    assert plain is not None
    assert not plain.extended_revoke
