"""OCSP responders: renewed in time, by one of many, and what they say without a key."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ca_server.following import Follower
from jpki.access import RequestSigner, create_credential
from jpki.authority import (
    BRIDGE,
    Keyring,
    MemoryKeyring,
    Office,
    certify_responder,
    current_responder,
    publish_due,
    recover,
    renew_responders,
    revoke,
    roll_over,
)
from jpki.authority.agreeing.deeds import rollover
from jpki.authority.answering.responder import Responder
from jpki.errors import ConfigurationError, KeyNotFound, TokenGone
from jpki.model.ports import Signer
from jpki.model.revocation import RevocationReason
from jpki.model.suites import Digest, SignatureSuite
from jpki.registry.client import RegistryClient
from jpki.service.settings import Settings
from jpki.store import AuthorityStore
from jpki.x509.ocsp import TRY_LATER, build_request, cert_id, parse_response
from jpki.x509.parse import parse_certificate, parse_crl
from ocsp_crl import create_app
from tests.support.offices import (
    FOUNDING,
    GOVERNOR,
    OPERATOR,
    TARO,
    Crash,
    CrashAt,
    Register,
    agreed,
    certified,
    new_office,
)

LATER = FOUNDING + timedelta(days=300)
"""In the last quarter of a year."""


def _until(office: Office, authority: str, at: datetime) -> datetime:
    found = current_responder(office, authority, at=at)
    assert found is not None
    return found[1].not_after


def test_who_has_none_gets_one_and_keeps_it(authority_store: AuthorityStore) -> None:
    """Doing it again, a day or half a year later, changes nothing."""
    office = new_office(authority_store)
    made = renew_responders(office, at=FOUNDING)
    assert sorted(record.authority for record in made) == [BRIDGE, GOVERNOR]
    for days in (0, 1, 180, 270):
        assert renew_responders(office, at=FOUNDING + timedelta(days=days)) == ()


def test_responders_are_renewed_before_they_expire(
    authority_store: AuthorityStore,
) -> None:
    """In the last quarter of their life, once; the old one's answers stay good."""
    office = new_office(authority_store)
    first = renew_responders(office, at=FOUNDING)
    second = renew_responders(office, at=LATER)
    assert len(second) == len(first) == 2
    assert renew_responders(office, at=LATER) == ()
    assert _until(office, GOVERNOR, LATER) > first[0].not_after > LATER
    gap = first[0].not_after + timedelta(days=1)
    assert _until(office, GOVERNOR, gap) > gap


def test_near_the_end_of_the_authority_nothing_is_gained(
    authority_store: AuthorityStore,
) -> None:
    """A responder ends with the authority's key; it is not renewed again and again."""
    office = new_office(authority_store)
    with authority_store.read() as uow:
        ends = uow.authorities.generation(GOVERNOR, 1).signs_until
    made = renew_responders(office, at=ends - timedelta(days=90))
    assert {record.not_after for record in made} == {ends}
    for days in (80, 30, 1, 0):
        assert renew_responders(office, at=ends - timedelta(days=days)) == ()
    assert renew_responders(office, at=ends + timedelta(seconds=1)) == ()


def test_a_new_key_gets_a_responder_of_its_own(authority_store: AuthorityStore) -> None:
    """After a rollover both keys have one."""
    office = new_office(authority_store)
    renew_responders(office, at=FOUNDING)
    deed = rollover(GOVERNOR, office.era.id, issues_from=LATER, cross_certify=False)
    consent = agreed(office, deed, at=LATER)
    roll_over(
        office, GOVERNOR, issues_from=LATER, cross_certify=False, at=LATER, by=consent
    )
    made = renew_responders(office, at=LATER)
    assert [(record.authority, record.generation) for record in made] == [
        (BRIDGE, 1),
        (GOVERNOR, 1),
        (GOVERNOR, 2),
    ]


def test_a_revoked_responder_is_replaced(authority_store: AuthorityStore) -> None:
    """At once, whatever its certificate says."""
    office = new_office(authority_store)
    made, _ = certify_responder(office, GOVERNOR, at=FOUNDING, by=OPERATOR)
    renew_responders(office, at=FOUNDING)
    revoke(
        office,
        GOVERNOR,
        made.serial,
        RevocationReason.KEY_COMPROMISE,
        ground="lost",
        at=FOUNDING,
        by=OPERATOR,
    )
    (replaced,) = renew_responders(office, at=FOUNDING)
    assert replaced.authority == GOVERNOR
    assert replaced.serial != made.serial


def test_a_renewal_that_was_interrupted_is_finished(
    authority_store: AuthorityStore,
) -> None:
    """By the next look, or by recovery; no second certificate is made."""
    crash = CrashAt()
    office = new_office(authority_store, step=crash)
    crash.point = "establish.recorded"
    with pytest.raises(Crash):
        renew_responders(office, at=FOUNDING)
    assert len(renew_responders(office, at=FOUNDING)) == 2
    crash.point = "establish.recorded"
    with pytest.raises(Crash):
        renew_responders(office, at=LATER)
    assert len(recover(office, at=LATER).certificates) == 1
    assert len(renew_responders(office, at=LATER)) == 1
    with authority_store.read() as uow:
        for authority in (GOVERNOR, BRIDGE):
            assert len(uow.authorities.responders(authority)) == 2


def test_of_two_processes_one_renews(database_url: str) -> None:
    """Both see the need at the same time; each authority gets one certificate."""
    stores = [AuthorityStore(database_url) for _ in range(2)]
    stores[0].migrate()
    office = new_office(stores[0])
    both = threading.Barrier(2)

    def renew(store: AuthorityStore) -> int:
        both.wait()
        return len(renew_responders(replace(office, store=store), at=FOUNDING))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(renew, stores))
    with stores[0].read() as uow:
        for authority in (GOVERNOR, BRIDGE):
            assert len(uow.authorities.responders(authority)) == 1
    for store in stores:
        store.close()


@dataclass(frozen=True)
class _Without:
    """A keyring that has lost the keys of some URIs, and perhaps makes none."""

    ring: Keyring
    lost: frozenset[str]

    def generate(self, suite: SignatureSuite, label: str) -> tuple[str, Signer]:
        return self.ring.generate(suite, label)

    def open(self, uri: str) -> Signer:
        if uri in self.lost:
            raise KeyNotFound(uri)
        return self.ring.open(uri)

    def opened(self, uri: str) -> Signer | None:
        return None if uri in self.lost else self.ring.opened(uri)


def test_one_lost_key_does_not_keep_others_from_renewing(
    authority_store: AuthorityStore,
) -> None:
    """Those come first; then it is told, and tried again the next time."""
    office = new_office(authority_store)
    with authority_store.read() as uow:
        lost = uow.authorities.generation(BRIDGE, 1).key_uri
    broken = replace(office, keyring=_Without(office.keyring, frozenset({lost})))
    with pytest.raises(KeyNotFound):
        renew_responders(broken, at=FOUNDING)
    assert current_responder(office, GOVERNOR, at=FOUNDING) is not None
    assert current_responder(office, BRIDGE, at=FOUNDING) is None
    (finished,) = renew_responders(office, at=FOUNDING)
    assert finished.authority == BRIDGE


def test_one_lost_key_does_not_keep_others_from_publishing(
    authority_store: AuthorityStore,
) -> None:
    """Their lists are in force; what failed is told."""
    office = new_office(authority_store)
    with authority_store.read() as uow:
        lost = uow.authorities.generation(BRIDGE, 1).key_uri
    broken = replace(office, keyring=_Without(office.keyring, frozenset({lost})))
    with pytest.raises(KeyNotFound):
        publish_due(broken, at=FOUNDING)
    with authority_store.read() as uow:
        lists = {(entry.authority, entry.scope) for entry in uow.crls.in_force()}
        waiting = len(uow.crls.prepared())
    assert lists == {(GOVERNOR, "crl"), (GOVERNOR, "arl")}
    for _ in range(5):
        with pytest.raises(KeyNotFound):
            publish_due(broken, at=FOUNDING)
    with authority_store.read() as uow:
        assert len(uow.crls.prepared()) == waiting == 2
    publish_due(office, at=FOUNDING)
    with authority_store.read() as uow:
        assert uow.crls.prepared() == ()


# -- without a key --------------------------------------------------------------------


class _PulledOut:
    """The keyring of a token that is not in its reader."""

    def generate(self, suite: SignatureSuite, label: str) -> tuple[str, Signer]:
        raise TokenGone("jpki-ca", "not there")

    def open(self, uri: str) -> Signer:
        raise TokenGone("jpki-ca", "not there")

    def opened(self, uri: str) -> None:
        return None


def test_without_its_key_a_responder_says_try_later(
    authority_store: AuthorityStore, caplog: pytest.LogCaptureFixture
) -> None:
    """By the protocol and not to be cached; the last list is served all the while."""
    register = Register()
    register.add(TARO)
    office = new_office(authority_store, register)
    renew_responders(office, at=FOUNDING)
    issued = certified(office)
    lists = publish_due(office, at=FOUNDING)
    root = parse_certificate(issued.authority_certificate)
    entry = cert_id(root.subject_der, root.public_key, issued.serial, Digest.SHA256)
    request = build_request([entry])
    broken = replace(office, keyring=_PulledOut())
    clock = datetime(2014, 10, 1, 0, 5, tzinfo=UTC)
    client = create_app(Settings(), broken, clock=lambda: clock).test_client()
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            reply = client.post(
                "/ocsp", data=request, content_type="application/ocsp-request"
            )
            assert (reply.status_code, reply.content_type) == (
                200,
                "application/ocsp-response",
            )
            assert reply.headers["Cache-Control"] == "no-store"
            assert parse_response(reply.data).status == TRY_LATER
    (told,) = caplog.records
    assert told.message.startswith("OCSP answers tryLater: ")
    assert "jpki-ca" in told.message
    (crl,) = [e for e in lists if (e.authority, e.scope) == (GOVERNOR, "crl")]
    served = client.get(f"/crls/{GOVERNOR}/1/crl.crl")
    assert parse_crl(served.data).number == crl.number
    with pytest.raises(TokenGone):
        publish_due(broken, at=FOUNDING + timedelta(days=2))
    assert client.get(f"/crls/{GOVERNOR}/1/crl.crl").data == served.data
    answer = Responder(office, timedelta(minutes=15)).answer(request, clock)
    assert parse_response(answer.body).basic is not None


def test_the_server_renews_by_itself(
    authority_store: AuthorityStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As soon as the ring of the responders can be opened; until then it says why."""
    office = new_office(authority_store)
    stop, opened = threading.Event(), threading.Event()

    def responders() -> Keyring:
        if not opened.is_set():
            opened.set()
            raise ConfigurationError("jpki.toml", "passphrase", "is empty")
        return MemoryKeyring()

    credential = create_credential(tmp_path / "server.pem", "authority-server")
    signer = RequestSigner(credential, clock=lambda: FOUNDING, random=office.random)
    register = RegistryClient("http://127.0.0.1:9", signer)
    follower = Follower(office, register, lambda: FOUNDING, responders)
    thread = threading.Thread(target=follower.maintain, args=[stop])
    thread.start()
    try:
        for _ in range(200):
            if current_responder(office, GOVERNOR, at=FOUNDING) is not None:
                break
            stop.wait(0.05)
        else:
            pytest.fail("no responder was made")
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()
    assert "cannot be renewed" in caplog.text
