"""OCSP answers that are kept: given again, forgotten in time, signed once for many."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import pytest

from jpki.authority import Office, certify_responder, revoke
from jpki.authority.kept_answers import KeptAnswers
from jpki.authority.responder import Responder
from jpki.errors import StoreError
from jpki.model.revocation import Revocation, RevocationReason
from jpki.model.suites import Digest
from jpki.store import AuthorityStore
from jpki.x509.ocsp import (
    TRY_LATER,
    Good,
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

_LIFE = timedelta(minutes=15)
_FAR = float("-inf")


@dataclass(kw_only=True)
class Desk:
    """An office, one good certificate, and answers about it."""

    office: Office
    answers: KeptAnswers
    certificate: Certificate

    def request(self, serial: int | None = None, nonce: bytes | None = None) -> bytes:
        """A question about the certificate, or another number."""
        with self.office.store.read() as uow:
            name = uow.authorities.get(GOVERNOR).name
            key = uow.authorities.generation(GOVERNOR, 1).public_key
        number = self.certificate.serial if serial is None else serial
        return build_request([cert_id(name, key, number, Digest.SHA1)], nonce)

    def status(self) -> Status:
        """What is said of the certificate."""
        basic = parse_response(self.answers.answer(self.request(), FOUNDING).body).basic
        assert basic is not None
        return basic.responses[0].status

    def revoke(self) -> None:
        """Revoke it as another process does."""
        revoke(
            self.office,
            GOVERNOR,
            self.certificate.serial,
            RevocationReason.KEY_COMPROMISE,
            ground="lost",
            at=FOUNDING,
            by=OPERATOR,
        )

    def look(self) -> None:
        """See what the journal has, as the thread beside the requests does."""
        self.answers.watch._look()

    def is_kept(self) -> bool:
        """Whether the answer is given without the books."""
        return self.answers.find(self.request(), FOUNDING, _FAR) is not None


@pytest.fixture
def desk(authority_store: AuthorityStore) -> Desk:
    """A desk with nothing kept."""
    register = Register()
    register.add(TARO)
    office = new_office(authority_store, register)
    certify_responder(office, GOVERNOR, at=FOUNDING, by=OPERATOR)
    return Desk(
        office=office,
        answers=KeptAnswers(office, Responder(office, _LIFE)),
        certificate=parse_certificate(certified_in(office, TARO).certificate),
    )


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
    desk.look()
    assert not desk.is_kept()
    assert isinstance(desk.status(), Revocation)


def test_a_look_that_is_too_long_ago_is_taken_again(desk: Desk) -> None:
    """Nobody needs a thread beside the requests for answers to be true."""
    assert isinstance(desk.status(), Good)
    desk.revoke()
    desk.answers.watch._trusted_until = 0.0
    assert isinstance(desk.status(), Revocation)


def test_what_was_signed_before_a_revocation_was_seen_is_not_kept(desk: Desk) -> None:
    """A revocation is committed and seen while the answer is being signed."""
    responder = desk.answers._responder

    class Slow(Responder):
        def answer(self, request, at):  # type: ignore[no-untyped-def]
            made = responder.answer(request, at)
            desk.revoke()
            desk.look()
            return made

    desk.answers._responder = Slow(desk.office, _LIFE)
    desk.status()
    desk.answers._responder = responder
    assert not desk.is_kept()
    assert isinstance(desk.status(), Revocation)


def test_only_plain_definite_answers_are_kept(desk: Desk) -> None:
    """Not those with a nonce, nor about a number that may be issued any moment."""
    for request in (desk.request(nonce=b"n" * 32), desk.request(serial=77)):
        first, second = (desk.answers.answer(request, FOUNDING) for _ in range(2))
        assert first.next_update is None
        assert desk.answers.find(request, FOUNDING, _FAR) is None
        assert parse_response(second.body).basic is not None
    basic = parse_response(second.body).basic
    assert basic is not None
    assert isinstance(basic.responses[0].status, Unknown)


def test_many_who_ask_at_once_have_one_answer_signed(desk: Desk) -> None:
    """The books are asked once for all of them."""
    responder, calls = desk.answers._responder, []
    ready = threading.Event()

    class Counted(Responder):
        def answer(self, request, at):  # type: ignore[no-untyped-def]
            calls.append(request)
            ready.wait(0.3)
            return responder.answer(request, at)

    desk.answers._responder = Counted(desk.office, _LIFE)
    with ThreadPoolExecutor(8) as pool:
        bodies = {
            answer.body
            for answer in pool.map(
                lambda _: desk.answers.answer(desk.request(), FOUNDING), range(8)
            )
        }
    assert len(calls) == len(bodies) == 1


def test_what_is_asked_for_is_signed_again_before_it_ages(desk: Desk) -> None:
    """What nobody asked for is dropped instead."""
    desk.status()
    desk.status()
    later = FOUNDING + timedelta(minutes=8)
    desk.answers.refresh(later)
    found = desk.answers.find(desk.request(), later, _FAR)
    assert found is not None
    assert found.this_update == later
    desk.answers._kept[desk.request()].used = False
    desk.answers.refresh(later + timedelta(minutes=8))
    assert not desk.answers._kept


class _Gone(AuthorityStore):
    """A database that nobody reaches."""

    def read(self):  # type: ignore[no-untyped-def]
        """Fail as the store does."""
        raise StoreError("the database cannot be used: gone")


def test_without_the_database_kept_answers_are_given_until_their_end(
    desk: Desk,
) -> None:
    """All others are `tryLater`; when it is back, what was missed is told."""
    desk.status()
    desk.revoke()
    watch, store = desk.answers.watch, desk.office.store
    watch._store = _Gone("sqlite:////nowhere/authority.db")
    desk.look()
    assert watch.away
    assert isinstance(desk.status(), Good)
    late = desk.answers.answer(desk.request(), FOUNDING + _LIFE)
    assert parse_response(late.body).status == TRY_LATER
    watch._store = store
    desk.look()
    assert isinstance(desk.status(), Revocation)


def test_nothing_signed_by_a_revoked_responder_is_given(desk: Desk) -> None:
    """Its answers go with it, whatever they are about."""
    desk.status()
    with desk.office.store.read() as uow:
        (responder, *_) = uow.authorities.responders(GOVERNOR)
    revoke(
        desk.office,
        GOVERNOR,
        responder.serial,
        RevocationReason.KEY_COMPROMISE,
        ground="lost",
        at=FOUNDING,
        by=OPERATOR,
    )
    desk.look()
    assert not desk.answers._kept
