"""Keys are opened aside: nobody waits for another's key, or for one that fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random

import pytest

from jpki.authority import BRIDGE, FileKeyring, Office, certify_responder
from jpki.authority.answering.kept_answers import KeptAnswers
from jpki.authority.answering.ocsp_answers import OCSPAnswer
from jpki.authority.answering.opened_keys import OpenedKeys
from jpki.authority.answering.responder import Responder
from jpki.authority.delegating.responder_keys import current_responder
from jpki.authority.office.keyrings import MemoryKeyring
from jpki.errors import JpkiError, KeyNotFound
from jpki.keys.pkcs8 import Derived, Protection, decrypt
from jpki.keys.software import generate_private_key
from jpki.model.ports import Signer
from jpki.model.suites import Digest, SignatureSuite
from jpki.store import AuthorityStore
from jpki.x509.ocsp import (
    SUCCESSFUL,
    TRY_LATER,
    build_request,
    cert_id,
    parse_request,
    parse_response,
)
from ocsp_crl.gathering import Gathering
from tests.support.offices import (
    FOUNDING,
    GOVERNOR,
    OPERATOR,
    P256,
    new_office,
)

_PASSPHRASE = "correct horse battery staple"


@dataclass
class _Ring:
    """Real keys, each behind a gate that is opened by the test."""

    real: MemoryKeyring = field(default_factory=MemoryKeyring)
    gates: dict[str, threading.Event] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    begun: list[str] = field(default_factory=list)
    ready: set[str] = field(default_factory=set)

    def generate(self, suite: SignatureSuite, label: str) -> tuple[str, Signer]:
        return self.real.generate(suite, label)

    def open(self, uri: str) -> Signer:
        self.begun.append(uri)
        if uri in self.gates:
            assert self.gates[uri].wait(10)
        if uri in self.lost:
            raise KeyNotFound(uri)
        self.ready.add(uri)
        return self.real.open(uri)

    def opened(self, uri: str) -> Signer | None:
        return self.real.open(uri) if uri in self.ready else None


@pytest.fixture
def ring() -> Iterator[_Ring]:
    """No thread is left waiting."""
    made = _Ring()
    yield made
    for gate in made.gates.values():
        gate.set()


def _opening(keys: OpenedKeys, uri: str) -> Future[Signer]:
    found = keys.find(uri)
    assert isinstance(found, Future)
    return found


def test_who_asks_goes_before_who_does_not(ring: _Ring) -> None:
    """Of keys that wait for their turn, those that somebody waits for."""
    uris = [ring.generate(P256, "a")[0] for _ in range(4)]
    ring.gates[uris[0]] = threading.Event()
    keys = OpenedKeys(ring, at_once=1)
    keys.want(uris)
    while not ring.begun:
        time.sleep(0.01)
    asked = _opening(keys, uris[3])
    assert _opening(keys, uris[3]) is asked
    ring.gates[uris[0]].set()
    assert asked.result(10) is ring.opened(uris[3])
    for uri in uris:
        found = keys.find(uri)
        if isinstance(found, Future):
            found.result(10)
    assert ring.begun == [uris[0], uris[3], uris[1], uris[2]]
    assert all(keys.is_open(uri) for uri in uris)


def test_a_key_that_cannot_be_opened_is_not_tried_at_once_again(ring: _Ring) -> None:
    """What was wrong is told for a second; then it may have been put right."""
    uri, _ = ring.generate(P256, "a")
    ring.lost.add(uri)
    keys = OpenedKeys(ring)
    with pytest.raises(KeyNotFound):
        _opening(keys, uri).result(10)
    for _ in range(3):
        with pytest.raises(KeyNotFound):
            keys.find(uri)
    assert ring.begun == [uri]
    ring.lost.clear()
    time.sleep(1.1)
    assert _opening(keys, uri).result(10) is keys.find(uri)


@dataclass
class _Room:
    """Two authorities; the key of one responder is behind a gate."""

    office: Office
    ring: _Ring
    requests: dict[str, bytes]
    slow: str
    """URI of the governor's responder."""

    def answers(self) -> KeptAnswers:
        """Of a server that starts now, with no key open."""
        self.ring.ready.clear()
        self.ring.begun.clear()
        self.ring.gates[self.slow] = threading.Event()
        return KeptAnswers(self.office, Responder(self.office, _LIFE))


_LIFE = FOUNDING.replace(hour=1) - FOUNDING


@pytest.fixture
def room(authority_store: AuthorityStore, ring: _Ring) -> _Room:
    """Of both kinds of database."""
    office = new_office(authority_store, keyring=ring)
    requests = {}
    for authority in (GOVERNOR, BRIDGE):
        _, certificate = certify_responder(office, authority, at=FOUNDING, by=OPERATOR)
        with authority_store.read() as uow:
            key = uow.authorities.generation(authority, 1)
            name = uow.authorities.get(authority).name
        entry = cert_id(name, key.public_key, certificate.serial, Digest.SHA1)
        requests[authority] = build_request([entry])
    found = current_responder(office, GOVERNOR, at=FOUNDING)
    assert found is not None
    return _Room(office, ring, requests, found[0].key_uri)


def _status(body: bytes) -> int:
    return parse_response(body).status


def test_questions_never_wait_for_anothers_key(room: _Room) -> None:
    """Asked together, one is answered and of the other it is told who opens its key."""
    answers = room.answers()
    questions = [room.requests[GOVERNOR], room.requests[BRIDGE]]
    first = answers.answer_all(questions, FOUNDING)
    opening = [answer.opening for answer in first]
    assert [_status(answer.body) for answer in first] == [TRY_LATER, TRY_LATER]
    assert all(opening)
    assert opening[1] is not None
    opening[1].result(10)
    second = answers.answer_all(questions, FOUNDING)
    assert [_status(each.body) for each in second] == [TRY_LATER, SUCCESSFUL]
    room.ring.gates[room.slow].set()
    assert opening[0] is not None
    opening[0].result(10)
    third = answers.answer_all(questions, FOUNDING)
    assert [_status(each.body) for each in third] == [SUCCESSFUL, SUCCESSFUL]


def test_gathered_questions_are_asked_again_when_the_key_is_open(room: _Room) -> None:
    """The others are answered meanwhile; nobody is told `tryLater` within a second."""
    gathering = Gathering(room.answers(), lambda: FOUNDING, limit=8, seconds=30)
    stop, told = threading.Event(), dict[str, int]()
    woken = threading.Event()
    gathering.wake = woken.set
    thread = threading.Thread(target=gathering.run, args=[stop])
    thread.start()

    def until(names: set[str]) -> None:
        for _ in range(500):
            gathering.end_turn()
            if told.keys() >= names:
                return
            woken.wait(0.02)
            woken.clear()

    def tell(name: str, answer: OCSPAnswer | None) -> None:
        told[name] = -1 if answer is None else _status(answer.body)

    for name, request in room.requests.items():
        gathering.put(request, partial(tell, name))
    until({BRIDGE})
    assert told == {BRIDGE: SUCCESSFUL}
    room.ring.gates[room.slow].set()
    until({GOVERNOR})
    assert told == {BRIDGE: SUCCESSFUL, GOVERNOR: SUCCESSFUL}
    stop.set()
    thread.join(10)


def test_a_single_question_waits_for_its_own_key_only(room: _Room) -> None:
    """In its thread, and without a place among those who use the books."""
    answers = room.answers()
    given: list[bytes] = []
    waiting = threading.Thread(
        target=lambda: given.append(
            answers.answer(room.requests[GOVERNOR], FOUNDING).body
        )
    )
    waiting.start()
    assert _status(answers.answer(room.requests[BRIDGE], FOUNDING).body) == SUCCESSFUL
    assert not given
    room.ring.gates[room.slow].set()
    waiting.join(10)
    assert [_status(body) for body in given] == [SUCCESSFUL]


def test_keys_are_opened_before_anybody_asks(room: _Room) -> None:
    """As the server starts; those of all responders that are in force."""
    room.ring.ready.clear()
    responder = Responder(room.office, _LIFE)
    responder.warm_up(threading.Event(), lambda: FOUNDING)
    for _ in range(500):
        if len(room.ring.ready) == len(room.requests):
            break
        time.sleep(0.02)
    answers = responder.answer_all(
        [parse_request(request) for request in room.requests.values()], FOUNDING
    )
    assert [_status(answer.body) for answer in answers] == [SUCCESSFUL, SUCCESSFUL]


def test_a_renewed_responder_takes_over_when_its_key_is_open(room: _Room) -> None:
    """Until then the one before it goes on, and nobody waits."""
    later = FOUNDING + _LIFE
    room.ring.ready.add(room.slow)
    responder = Responder(room.office, _LIFE)
    request = parse_request(room.requests[GOVERNOR])
    (before,) = responder.answer_all([request], FOUNDING)
    made, _ = certify_responder(room.office, GOVERNOR, at=later, by=OPERATOR)
    room.ring.gates[made.key_uri] = threading.Event()
    responder._desks.update(  # as if ten seconds had passed
        {name: desk._replace(look_again=0.0) for name, desk in responder._desks.items()}
    )
    (meanwhile,) = responder.answer_all([request], later)
    assert (before.signer, _status(meanwhile.body)) == (meanwhile.signer, SUCCESSFUL)
    room.ring.gates[made.key_uri].set()
    for _ in range(500):
        if made.key_uri in room.ring.ready:
            break
        time.sleep(0.02)
    time.sleep(1.1)
    (after,) = responder.answer_all([request], later)
    assert after.signer == (GOVERNOR, made.serial)


def test_keys_of_one_process_are_opened_with_one_derivation(tmp_path: Path) -> None:
    """They have a salt in common, and others are opened all the same."""
    ring = FileKeyring(tmp_path, lambda: _PASSPHRASE)
    uris = [ring.generate(P256, f"key-{number}")[0] for number in range(3)]
    later = FileKeyring(tmp_path, lambda: _PASSPHRASE)
    uris.append(later.generate(P256, "key-3")[0])
    reader, salts = FileKeyring(tmp_path, lambda: _PASSPHRASE), Derived()
    assert {reader.open(uri).public_key for uri in uris} == {
        later.open(uri).public_key for uri in uris
    }
    for path in tmp_path.iterdir():
        decrypt(path.read_bytes(), _PASSPHRASE, name="key", derived=salts)
    assert len(salts) == 2


def test_opening_a_key_lets_other_threads_go_on() -> None:
    """The interpreter's lock is not held while the passphrase is made ready."""
    content = Protection(_PASSPHRASE).encrypt(generate_private_key(P256), P256)
    stop, turns = threading.Event(), [0]

    def count() -> None:
        while not stop.is_set():
            turns[0] += 1
            time.sleep(0.001)

    counting = threading.Thread(target=count)
    counting.start()
    before = turns[0]
    decrypt(content, _PASSPHRASE, name="key")
    seen = turns[0] - before
    stop.set()
    counting.join()
    # Were it held, the other thread would get a turn before and one after.
    assert seen > 5


def test_any_alteration_of_a_key_file_is_refused_or_changes_nothing() -> None:
    """Whatever octet is another: our error, and never another key."""
    key = generate_private_key(P256)
    content = Protection(_PASSPHRASE).encrypt(key, P256)
    derived, random = Derived(), Random(1)
    own = decrypt(content, _PASSPHRASE, name="key", derived=derived)
    for _ in range(60):
        place = random.randrange(len(content))
        altered = bytearray(content)
        altered[place] ^= 1 << random.randrange(7)
        try:
            found = decrypt(bytes(altered), _PASSPHRASE, name="key", derived=derived)
        except JpkiError:
            continue
        assert found.public_key == own.public_key
