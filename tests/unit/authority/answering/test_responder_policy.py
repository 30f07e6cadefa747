"""What a responder says as its settings have it: never issued, archive, its own end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jpki.authority import (
    Office,
    certify_responder,
    current_responder,
    renew_responders,
    revoke,
)
from jpki.authority.answering.kept_answers import KeptAnswers
from jpki.authority.answering.responder import NeverIssued, Responder
from jpki.model.revocation import Revocation, RevocationReason
from jpki.model.suites import Digest
from jpki.store import AuthorityStore
from jpki.x509.ocsp import (
    UNAUTHORIZED,
    BasicResponse,
    Good,
    Status,
    Unknown,
    build_request,
    cert_id,
    parse_response,
)
from jpki.x509.parse import parse_certificate
from jpki.x509.signatures import verify_signature
from tests.support.offices import (
    FOUNDING,
    GOVERNOR,
    OPERATOR,
    TARO,
    Crash,
    CrashAt,
    Register,
    certified,
    certify,
    filed,
    new_office,
    small_era,
)

_LIFE = timedelta(minutes=15)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def _request(office: Office, *serials: int, nonce: bytes | None = None) -> bytes:
    with office.store.read() as uow:
        name = uow.authorities.get(GOVERNOR).name
        key = uow.authorities.generation(GOVERNOR, 1).public_key
    entries = [cert_id(name, key, serial, Digest.SHA256) for serial in serials]
    return build_request(entries, nonce)


def _basic(octets: bytes) -> BasicResponse:
    basic = parse_response(octets).basic
    assert basic is not None
    return basic


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (NeverIssued.UNKNOWN, Unknown()),
        (
            NeverIssued.REVOKED,
            Revocation(serial=77, at=_NEVER, reason=RevocationReason.CERTIFICATE_HOLD),
        ),
    ],
)
def test_what_was_never_issued_is_answered_as_configured(
    founded_store: AuthorityStore, said: NeverIssued, status: Status
) -> None:
    """Unknown; or on hold since 1970, in an answer that says what is meant by it."""
    register = Register()
    register.add(TARO)
    office = new_office(founded_store, register, founded=False)
    certify_responder(office, GOVERNOR, at=FOUNDING, by=OPERATOR)
    issued = certified(office)
    responder = Responder(
        office, _LIFE, never_issued=said, retention=timedelta(days=365)
    )
    answer = responder.answer(_request(office, 77), FOUNDING)
    basic = _basic(answer.body)
    (single,) = basic.responses
    assert single.status == status
    assert basic.extended_revoke is (said is NeverIssued.REVOKED)
    assert single.archive_cutoff is None
    # It may be issued the next moment.
    assert (answer.next_update, answer.about, answer.again) == (None, None, None)
    both = _basic(
        responder.answer(_request(office, issued.serial, 77, nonce=b"n"), FOUNDING).body
    )
    assert [one.status for one in both.responses] == [Good(), status]
    assert both.extended_revoke is (said is NeverIssued.REVOKED)
    good = _basic(responder.answer(_request(office, issued.serial), FOUNDING).body)
    assert not good.extended_revoke


def test_what_was_never_issued_may_get_no_answer_at_all(
    founded_store: AuthorityStore,
) -> None:
    """Nor what is asked together with it."""
    register = Register()
    register.add(TARO)
    office = new_office(founded_store, register, founded=False)
    certify_responder(office, GOVERNOR, at=FOUNDING, by=OPERATOR)
    issued = certified(office)
    responder = Responder(office, _LIFE, never_issued=NeverIssued.UNAUTHORIZED)
    for serials in ((77,), (issued.serial, 77), (77, issued.serial)):
        answer = responder.answer(_request(office, *serials), FOUNDING)
        assert parse_response(answer.body).status == UNAUTHORIZED
        assert answer.next_update is None
    good = _basic(responder.answer(_request(office, issued.serial), FOUNDING).body)
    assert good.responses[0].status == Good()


@pytest.mark.parametrize("said", NeverIssued)
def test_good_is_said_only_of_what_is_complete(
    founded_store: AuthorityStore, said: NeverIssued
) -> None:
    """One whose certificate is not signed yet is as good as never issued."""
    register = Register()
    register.add(TARO)
    crash = CrashAt()
    office = new_office(founded_store, register, founded=False, step=crash)
    certify_responder(office, GOVERNOR, at=FOUNDING, by=OPERATOR)
    application = filed(office)
    crash.point = "issuance.recorded"
    with pytest.raises(Crash):
        certify(office, application)
    with founded_store.read() as uow:
        (waiting,) = uow.certificates.pending()
    answer = Responder(office, _LIFE, never_issued=said).answer(
        _request(office, waiting.serial), FOUNDING
    )
    if said is NeverIssued.UNAUTHORIZED:
        assert parse_response(answer.body).status == UNAUTHORIZED
    else:
        assert not isinstance(_basic(answer.body).responses[0].status, Good)
    assert answer.again is None


def test_the_archive_cutoff_is_as_long_ago_as_revocations_are_told(
    founded_store: AuthorityStore,
) -> None:
    """In answers from the books, kept ones and those with a nonce (RFC 6960 4.4.4)."""
    register = Register()
    register.add(TARO)
    office = new_office(founded_store, register, founded=False)
    certify_responder(office, GOVERNOR, at=FOUNDING, by=OPERATOR)
    issued = certified(office)
    years = timedelta(days=3650)
    answers = KeptAnswers(office, Responder(office, _LIFE, retention=years))
    for nonce in (None, None, b"n", b"m"):
        request = _request(office, issued.serial, nonce=nonce)
        (single,) = _basic(answers.answer(request, FOUNDING).body).responses
        assert single.archive_cutoff == FOUNDING - years
    # Long after its end a revocation is told all the same.
    revoke(
        office,
        GOVERNOR,
        issued.serial,
        RevocationReason.KEY_COMPROMISE,
        ground="lost",
        at=FOUNDING,
        by=OPERATOR,
    )
    late = FOUNDING + timedelta(days=7 * 365)
    renew_responders(office, at=late)
    told = answers.answer(_request(office, issued.serial), late)
    (single,) = _basic(told.body).responses
    assert isinstance(single.status, Revocation)


def test_no_answer_outlives_its_responder(founded_store: AuthorityStore) -> None:
    """Near the end of the responder's certificate nextUpdate is that end."""
    register = Register()
    register.add(TARO)
    office = new_office(founded_store, register, founded=False)
    certify_responder(office, GOVERNOR, at=FOUNDING, by=OPERATOR)
    issued = certified(office)
    found = current_responder(office, GOVERNOR, at=FOUNDING)
    assert found is not None
    ends = found[1].not_after
    at = ends - timedelta(minutes=5)
    answers = KeptAnswers(office, Responder(office, _LIFE))
    for nonce in (None, b"n"):
        request = _request(office, issued.serial, nonce=nonce)
        (single,) = _basic(answers.answer(request, at).body).responses
        assert (single.this_update, single.next_update) == (at, ends)


@pytest.mark.parametrize("kind", ["rsa2048-sha1", "p384-sha384", "mldsa65"])
def test_every_suite_signs_from_fixed_bytes(
    founded_store: AuthorityStore, kind: str
) -> None:
    """The signature of an answer with a nonce holds, whatever the suite."""
    register = Register()
    register.add(TARO)
    era = small_era()
    era = replace(
        era,
        suites={**era.suites, "responder": kind},
        rules={**era.rules, kind: era.rules[era.suites["responder"]]},
    )
    office = new_office(founded_store, register, founded=False, era=era)
    made, _ = certify_responder(office, GOVERNOR, at=FOUNDING, by=OPERATOR)
    issued = certified(office)
    answers = KeptAnswers(office, Responder(office, _LIFE))
    for nonce in (b"first", b"second"):
        request = _request(office, issued.serial, nonce=nonce)
        basic = _basic(answers.answer(request, FOUNDING).body)
        assert basic.nonce == nonce
        (certificate,) = basic.certificates
        responder = parse_certificate(certificate)
        assert responder.public_key == made.public_key
        assert verify_signature(
            made.public_key, basic.signature_algorithm, basic.signature, basic.tbs
        )
