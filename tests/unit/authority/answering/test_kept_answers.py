"""OCSP answers that are kept: given again, forgotten in time, signed once for many."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import pytest

from jpki.authority import Office, certify_responder, revoke
from jpki.authority.answering.kept_answers import KeptAnswers
from jpki.authority.answering.ocsp_answers import OCSPAnswer, Repeatable
from jpki.authority.answering.responder import Responder
from jpki.errors import StoreError
from jpki.model.revocation import Revocation, RevocationReason
from jpki.model.suites import Digest
from jpki.store import AuthorityStore, AuthorityUnitOfWork
from jpki.x509.ocsp import (
    MALFORMED_REQUEST,
    SUCCESSFUL,
    TRY_LATER,
    CertID,
    Good,
    OCSPRequest,
    Status,
    Unknown,
    build_request,
    cert_id,
    parse_response,
)
from jpki.x509.parse import Certificate, parse_certificate
from tests.support.offices import (
    FOUNDING,
    GOVERNOR,
    OPERATOR,
    TARO,
    Register,
    new_office,
)
from tests.support.offices import certified as certified_in
from tests.support.postgres import Cluster

_LIFE = timedelta(minutes=15)
_NONCE = b"n" * 32


class _Reachable(AuthorityStore):
    """A database that may be out of reach."""

    gone = False
    looks = 0

    @contextmanager
    def read(self) -> Iterator[AuthorityUnitOfWork]:
        """Fail as the store does where the database is away."""
        self.looks += 1
        if self.gone:
            raise StoreError("the database cannot be used: gone")
        with super().read() as uow:
            yield uow


class _Watched(Responder):
    """A responder that counts its answers and lets a test do something meanwhile."""

    def __init__(self, office: Office, lifetime: timedelta) -> None:
        super().__init__(office, lifetime)
        self.answered = 0
        self.meanwhile: Callable[[], object] = lambda: None

    def answer_all(
        self, requests: Sequence[OCSPRequest], at: datetime
    ) -> Sequence[OCSPAnswer]:
        """The answers, after something else has happened."""
        made = super().answer_all(requests, at)
        self.answered += len(made)
        self.meanwhile()
        return made


@dataclass(kw_only=True)
class Desk:
    """An office, one good certificate, and answers about it."""

    office: Office
    store: _Reachable
    certificate: Certificate
    responder: _Watched = field(init=False)
    answers: KeptAnswers = field(init=False)
    issuer: bytes = field(init=False)
    key: bytes = field(init=False)

    def __post_init__(self) -> None:
        """Keep nothing yet."""
        self.responder = _Watched(self.office, _LIFE)
        self.answers = KeptAnswers(self.office, self.responder)
        with self.store.read() as uow:
            self.issuer = uow.authorities.get(GOVERNOR).name
            self.key = uow.authorities.generation(GOVERNOR, 1).public_key

    def named(self, serial: int | None = None, digest: Digest = Digest.SHA1) -> CertID:
        """The certificate, or another number, as requests name it."""
        number = self.certificate.serial if serial is None else serial
        return cert_id(self.issuer, self.key, number, digest)

    def request(self, serial: int | None = None, nonce: bytes | None = None) -> bytes:
        """A question about the certificate, or another number."""
        return build_request([self.named(serial)], nonce)

    def status(self, at: datetime = FOUNDING, nonce: bytes | None = None) -> Status:
        """What is said of the certificate."""
        answer = self.answers.answer(self.request(nonce=nonce), at)
        basic = parse_response(answer.body).basic
        assert basic is not None
        assert basic.nonce == nonce
        return basic.responses[0].status

    def error(self, at: datetime = FOUNDING, nonce: bytes | None = None) -> int:
        """Which error is the answer about the certificate."""
        return parse_response(
            self.answers.answer(self.request(nonce=nonce), at).body
        ).status

    def revoke(self, serial: int | None = None) -> None:
        """Revoke it, or another, as another process does."""
        revoke(
            self.office,
            GOVERNOR,
            self.certificate.serial if serial is None else serial,
            RevocationReason.KEY_COMPROMISE,
            ground="lost",
            at=FOUNDING,
            by=OPERATOR,
        )

    def is_kept(self) -> bool:
        """Whether the answer is given without the books."""
        now = time.monotonic()
        return self.answers.find(self.request(), FOUNDING, now) is not None

    def known(self, at: datetime = FOUNDING) -> Repeatable | None:
        """What is signed for a nonce without the books."""
        return self.answers.repeatable(self.request(), at, time.monotonic())


def _desk(url: str, *, founded: bool) -> Desk:
    store = _Reachable(url)
    register = Register()
    register.add(TARO)
    if not founded:
        store.migrate()
    office = new_office(store, register, founded=not founded)
    certify_responder(office, GOVERNOR, at=FOUNDING, by=OPERATOR)
    issued = certified_in(office, TARO)
    certificate = parse_certificate(issued.certificate)
    return Desk(office=office, store=store, certificate=certificate)


@pytest.fixture
def desk(founded_store: AuthorityStore) -> Iterator[Desk]:
    """A desk with nothing kept."""
    url = founded_store.database.url.render_as_string(hide_password=False)
    made = _desk(url, founded=True)
    yield made
    made.store.close()


def test_an_answer_is_signed_once(desk: Desk) -> None:
    """The second question gets the same octets, within their time."""
    first = desk.answers.answer(desk.request(), FOUNDING)
    again = desk.answers.answer(desk.request(), FOUNDING + timedelta(minutes=1))
    assert isinstance(desk.status(), Good)
    assert again.body == first.body
    over = desk.answers.answer(desk.request(), FOUNDING + _LIFE)
    assert over.this_update == FOUNDING + _LIFE


def test_a_revocation_is_told_as_soon_as_the_journal_is_seen(desk: Desk) -> None:
    """What was kept about the certificate is forgotten."""
    assert isinstance(desk.status(), Good)
    assert desk.is_kept()
    desk.revoke()
    desk.answers.watch.look()
    assert not desk.is_kept()
    assert desk.known() is None
    for nonce in (None, _NONCE):
        assert isinstance(desk.status(nonce=nonce), Revocation)


def test_a_look_that_is_too_long_ago_is_taken_again(desk: Desk) -> None:
    """Nobody needs a thread beside the requests for answers to be true."""
    desk.answers = KeptAnswers(desk.office, desk.responder, trusted_seconds=0)
    for nonce in (None, _NONCE):
        assert isinstance(desk.status(nonce=nonce), Good)
    desk.revoke()
    for nonce in (None, _NONCE):
        assert isinstance(desk.status(nonce=nonce), Revocation)


def test_what_was_signed_before_a_revocation_was_seen_is_not_kept(desk: Desk) -> None:
    """A revocation is committed and seen while the answer is being signed."""

    def revoked() -> None:
        desk.responder.meanwhile = lambda: None
        desk.revoke()
        desk.answers.watch.look()

    desk.responder.meanwhile = revoked
    desk.status()
    assert not desk.is_kept()
    assert desk.known() is None
    assert isinstance(desk.status(), Revocation)


def test_only_plain_definite_answers_are_kept(desk: Desk) -> None:
    """Not those with a nonce, nor about a number that may be issued any moment."""
    for request in (desk.request(nonce=_NONCE), desk.request(serial=77)):
        first, second = (desk.answers.answer(request, FOUNDING) for _ in range(2))
        assert first.next_update is None
        assert desk.answers.find(request, FOUNDING, time.monotonic()) is None
        assert parse_response(second.body).basic is not None
    basic = parse_response(second.body).basic
    assert basic is not None
    assert isinstance(basic.responses[0].status, Unknown)


def test_a_nonce_is_signed_for_without_the_books(desk: Desk) -> None:
    """Once the certificate is known, whoever asked before; always with this time."""
    assert isinstance(desk.status(nonce=b"one"), Good)
    known = desk.known()
    assert known is not None
    later = FOUNDING + timedelta(minutes=5)
    for nonce in (b"2", _NONCE, bytes(128)):
        assert isinstance(desk.status(nonce=nonce), Good)
        basic = parse_response(known.sign(later, nonce)).basic
        assert basic is not None
        (single,) = basic.responses
        assert (basic.produced_at, basic.nonce) == (later, nonce)
        assert (single.this_update, single.next_update) == (later, later + _LIFE)
    assert desk.responder.answered == 1
    # Nobody without a nonce has asked: there is nothing to give such a one.
    assert not desk.is_kept()
    assert isinstance(desk.status(), Good)
    assert desk.is_kept()


def test_what_is_known_is_looked_up_again_in_its_time(desk: Desk) -> None:
    """So that a renewed responder takes over."""
    desk.status(nonce=_NONCE)
    assert desk.known(FOUNDING + _LIFE) is None
    assert isinstance(desk.status(FOUNDING + _LIFE, _NONCE), Good)
    assert desk.responder.answered == 2
    assert desk.known(FOUNDING + _LIFE) is not None


def test_many_who_ask_at_once_have_one_answer_signed(desk: Desk) -> None:
    """The books are asked once for all of them."""
    desk.responder.meanwhile = partial(time.sleep, 0.3)
    with ThreadPoolExecutor(8) as pool:
        bodies = {
            answer.body
            for answer in pool.map(
                lambda _: desk.answers.answer(desk.request(), FOUNDING), range(8)
            )
        }
    assert desk.responder.answered == len(bodies) == 1


def test_questions_asked_together_are_answered_from_one_look(desk: Desk) -> None:
    """Each as if it had been asked alone, whatever it is about, in their order."""
    two = build_request([desk.named(), desk.named(77)])
    stranger = build_request([replace(desk.named(), issuer_key_hash=bytes(20))])
    requests = [
        desk.request(), b"0", desk.request(77), desk.request(nonce=b"1"), two,
        desk.request(), stranger, desk.request(nonce=b"2"), desk.request(78, _NONCE),
    ]  # fmt: skip
    desk.answers.watch.look()
    looks = desk.store.looks
    together = desk.answers.answer_all(requests, FOUNDING)
    assert desk.store.looks == looks + 1
    # What asks the same is asked once.
    assert desk.responder.answered == 7
    alone = KeptAnswers(desk.office, Responder(desk.office, _LIFE))
    for request, answer in zip(requests, together, strict=True):
        assert _said(answer) == _said(alone.answer(request, FOUNDING))
    assert desk.is_kept()
    assert desk.known() is not None
    looks = desk.store.looks
    again = desk.answers.answer_all(
        [desk.request(), desk.request(nonce=b"3")], FOUNDING
    )
    assert again[0].body == together[0].body
    assert _said(again[1])[-1] == b"3"
    assert desk.store.looks == looks


def test_a_revocation_while_many_are_answered_leaves_nothing_kept(desk: Desk) -> None:
    """What was read before it may be wrong by now."""

    def revoked() -> None:
        desk.responder.meanwhile = lambda: None
        desk.revoke()
        desk.answers.watch.look()

    desk.responder.meanwhile = revoked
    desk.answers.answer_all([desk.request(), desk.request(77)], FOUNDING)
    assert len(desk.answers) == 0
    (answer,) = desk.answers.answer_all([desk.request()], FOUNDING)
    assert isinstance(_said(answer)[1], Revocation)
    forgotten = desk.answers.forgotten
    desk.answers.watch.look()
    assert desk.answers.forgotten == forgotten


def test_without_the_database_all_are_told_to_try_later(desk: Desk) -> None:
    """But not what is malformed, nor who asks what is kept."""
    desk.status()
    desk.store.gone = True
    desk.answers.watch.look()
    answers = desk.answers.answer_all(
        [desk.request(77), b"0", desk.request()], FOUNDING
    )
    assert [parse_response(each.body).status for each in answers] == [
        TRY_LATER, MALFORMED_REQUEST, SUCCESSFUL,
    ]  # fmt: skip


def _said(answer: OCSPAnswer) -> tuple[object, ...]:
    """What a client takes from it; signatures may differ."""
    response = parse_response(answer.body)
    basic = response.basic
    if basic is None:
        return (response.status, None)
    statuses = [single.status for single in basic.responses]
    said = statuses[0] if len(statuses) == 1 else tuple(statuses)
    return (response.status, said, answer.this_update, answer.next_update, basic.nonce)


def test_who_finds_no_place_is_told_to_try_later(desk: Desk) -> None:
    """The books are used by few at a time; what is kept needs no place."""
    desk.status()
    work = threading.Event()
    desk.responder.meanwhile = lambda: work.wait(10)
    with ThreadPoolExecutor(4) as pool:
        busy = [pool.submit(desk.answers.answer, desk.request(n), FOUNDING)
                for n in range(4)]  # fmt: skip
        while desk.responder.answered < 5:
            time.sleep(0.01)
        late = desk.answers.answer(desk.request(99), FOUNDING)
        assert parse_response(late.body).status == TRY_LATER
        assert isinstance(desk.status(), Good)
        work.set()
        assert all(parse_response(one.result().body).basic for one in busy)


def test_what_is_asked_for_is_signed_again_before_it_ages(desk: Desk) -> None:
    """What nobody asked for is dropped instead."""
    desk.status()
    desk.status()
    later = FOUNDING + timedelta(minutes=12)
    desk.answers.refresh(later)
    assert len(desk.answers) == 1
    renewed = desk.answers.answer(desk.request(), later)
    assert renewed.this_update == later
    assert desk.responder.answered == 2
    desk.answers.refresh(later + timedelta(minutes=12))
    assert desk.responder.answered == 3
    desk.answers.refresh(later + timedelta(minutes=24))
    assert len(desk.answers) == 0


def test_answers_of_one_age_are_not_renewed_at_one_moment(desk: Desk) -> None:
    """They take turns between the half and three quarters of their life."""
    named = [
        replace(desk.named(digest=digest), null_parameters=null)
        for digest in (Digest.SHA1, Digest.SHA256)
        for null in (True, False)
    ]
    for entry in named * 2:
        desk.answers.answer(build_request([entry]), FOUNDING)
    renewed: list[int] = []
    for seconds in range(0, 900, 3):
        desk.answers.refresh(FOUNDING + timedelta(seconds=seconds))
        if desk.responder.answered > 4 + len(renewed):
            renewed += [seconds] * (desk.responder.answered - 4 - len(renewed))
    assert len(renewed) == 4
    assert all(450 <= seconds <= 678 for seconds in renewed)
    assert len(set(renewed)) > 1


def test_without_the_database_kept_answers_are_given_until_their_end(
    desk: Desk,
) -> None:
    """All others are `tryLater`; when it is back, what was missed is told."""
    desk.status()
    desk.revoke()
    desk.store.gone = True
    desk.answers.watch.look()
    assert desk.answers.watch.away
    assert isinstance(desk.status(), Good)
    # A nonce asks what is true now, and nobody knows.
    assert desk.error(nonce=_NONCE) == TRY_LATER
    assert desk.error(FOUNDING + _LIFE) == TRY_LATER
    desk.store.gone = False
    desk.answers.watch.look()
    for nonce in (None, _NONCE):
        assert isinstance(desk.status(nonce=nonce), Revocation)


def test_nothing_signed_by_a_revoked_responder_is_given(desk: Desk) -> None:
    """Its answers go with it, whatever they are about."""
    desk.status()
    with desk.store.read() as uow:
        (responder, *_) = uow.authorities.responders(GOVERNOR)
    desk.revoke(responder.serial)
    desk.answers.watch.look()
    assert len(desk.answers) == 0
    assert desk.error() == TRY_LATER


def test_an_older_copy_of_the_database_takes_what_is_kept_along(
    desk: Desk,
) -> None:
    """Nobody can tell what was in the journal that is gone."""
    desk.status()
    desk.revoke()
    desk.answers.watch.look()
    assert isinstance(desk.status(), Revocation)
    with desk.store.database.write() as connection:
        connection.exec_driver_sql("UPDATE head SET journal_position = 0")
        connection.commit()
    desk.answers.watch.look()
    assert len(desk.answers) == 0


@pytest.mark.needs("postgresql")
def test_a_postgresql_that_stops_or_hangs_makes_nothing_wrong() -> None:
    """Kept answers, then `tryLater`; with the server revocations are back in time."""
    cluster = Cluster()
    try:
        desk = _desk(cluster.new_database(), founded=False)
        stop = threading.Event()
        watching = threading.Thread(target=desk.answers.watch.run, args=[stop])
        desk.status()
        watching.start()
        try:
            with cluster.frozen():
                _await(lambda: desk.answers.watch.away)
                assert isinstance(desk.status(), Good)
                assert desk.error(nonce=_NONCE) == TRY_LATER
                assert desk.error(FOUNDING + _LIFE) == TRY_LATER
            _await(lambda: not desk.answers.watch.away)
            assert isinstance(desk.status(nonce=_NONCE), Good)
            cluster.halt()
            _await(lambda: desk.answers.watch.away)
            assert isinstance(desk.status(), Good)
            assert desk.error(nonce=_NONCE) == TRY_LATER
            assert desk.error(FOUNDING + _LIFE) == TRY_LATER
            cluster.start()
            _await(lambda: not desk.answers.watch.away)
            desk.revoke()
            began = time.monotonic()
            _await(lambda: isinstance(desk.status(), Revocation))
            assert time.monotonic() - began < 1
        finally:
            stop.set()
            watching.join()
            desk.store.close()
    finally:
        cluster.stop()


def _await(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)
