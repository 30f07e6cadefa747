"""The register as a server, over real HTTP, asked by our client and by others."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3

from jpki.access import (
    Credential,
    RequestSigner,
    create_credential,
    generate_credential,
    load_credential,
    save_callers,
)
from jpki.errors import (
    Conflict,
    EventRefused,
    NotEligible,
    PermissionDenied,
    RegistryUnavailable,
    RequestError,
    UnknownResident,
    WrongMunicipality,
)
from jpki.model.codes import MunicipalityCode, ResidentCode
from jpki.model.events import EventKind
from jpki.model.operators import Caller, Role
from jpki.model.purposes import Purpose
from jpki.registry import Change
from jpki.registry.client import RegistryClient
from jpki.service import wsgi
from jpki.service.clock import TEST_INSTANT_HEADER, ProcessClock, system_random
from jpki.service.settings import Settings, load
from registry_stub import create_app

TSUKUBA = MunicipalityCode("082201")
HANAKO = ResidentCode("52824992894")
CHILD = ResidentCode("10593713593")
NOBODY = ResidentCode("22577205535")
NEW_ADDRESS = "茨城県つくば市竹園一丁目１０番地１"
SERVER = generate_credential("authority-server")
CLERK = generate_credential("registrar-082201")
MITO_CLERK = generate_credential("registrar-082015")
COUNTER = generate_credential("counter-082201-1")

CALLERS = (
    Caller(id=SERVER.id, role=Role.AUTHORITY_SERVER, public_key=SERVER.public_key),
    Caller(
        id=CLERK.id,
        role=Role.REGISTRAR,
        public_key=CLERK.public_key,
        municipality=TSUKUBA,
    ),
    Caller(
        id=MITO_CLERK.id,
        role=Role.REGISTRAR,
        public_key=MITO_CLERK.public_key,
        municipality=MunicipalityCode("082015"),
    ),
    Caller(
        id=COUNTER.id,
        role=Role.COUNTER,
        public_key=COUNTER.public_key,
        municipality=TSUKUBA,
    ),
)


def settings_in(folder: Path, **common: str) -> Settings:
    """Settings of a register with the packaged residents, on a free port."""
    (folder / "data").mkdir(exist_ok=True)
    save_callers(folder / "clients.toml", CALLERS)
    lines = [
        "[common]",
        *(f"{key} = {value}" for key, value in common.items()),
        "[registry]",
        "port = 0",
        "seed = true",
        'clients = "clients.toml"',
    ]
    (folder / "jpki.toml").write_text("\n".join(lines))
    return load(folder / "jpki.toml")


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """Run the server in a thread; its URL."""
    stop, ready, urls = threading.Event(), threading.Event(), list[str]()

    def announce(url: str) -> None:
        urls.append(url)
        ready.set()

    own = settings.registry
    app = create_app(settings, stop=stop)
    thread = threading.Thread(
        target=lambda: wsgi.run(
            app,
            port=own.port,
            threads=own.threads,
            body_limit=own.body_limit,
            stop=stop,
            announce=announce,
        )
    )
    thread.start()
    try:
        assert ready.wait(10)
        yield urls[0]
    finally:
        stop.set()
        thread.join(15)
        app.extensions["jpki.store"].close()
    assert not thread.is_alive()


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A register of its own for one test."""
    with serving(settings_in(tmp_path)) as address:
        yield address


def signer(credential: Credential) -> RequestSigner:
    """Signs as this caller, now."""
    return RequestSigner(credential, clock=ProcessClock(), random=system_random)


@pytest.fixture
def client_of(url: str) -> Iterator[Callable[[Credential], RegistryClient]]:
    """Clients of the register, closed at the end."""
    clients: list[RegistryClient] = []

    def make(credential: Credential) -> RegistryClient:
        clients.append(RegistryClient(url, signer(credential)))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def change(kind: EventKind, **fields: Any) -> Change:
    """A change of some day past, with an identifier of its own."""
    given = {
        "event_id": str(uuid.uuid4()),
        "effective_on": date(2014, 10, 1),
        **fields,
    }
    return Change(kind=kind, **given)


def ask(
    url: str,
    credential: Credential | None,
    method: str,
    path: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> tuple[int, dict[str, Any]]:
    """A request by plain urllib3; its status and document."""
    fields = dict(headers or {})
    if credential is not None:
        fields = signer(credential).headers(method, url + path, body, fields)
    answer = urllib3.request(
        method, url + path, body=body or None, headers=fields, retries=False, timeout=10
    )
    assert answer.headers["Content-Type"] in (
        "application/json",
        "application/problem+json",
    )
    document = answer.json()
    assert isinstance(document, dict)
    return answer.status, document


Clients = Callable[[Credential], RegistryClient]


def test_a_move_reaches_the_authority(client_of: Clients) -> None:
    """The clerk reports it, the feed tells it, provision shows the new address."""
    server, clerk = client_of(SERVER), client_of(CLERK)
    before = server.provide(HANAKO)
    assert (before.as_of, before.resident.basic.name) == (0, "𠮷田　花子")
    reported = change(EventKind.MOVE_WITHIN, address=NEW_ADDRESS)
    event = clerk.record_event(HANAKO, reported)
    assert clerk.record_event(HANAKO, reported) == event
    assert server.events_after(0) == (event,)
    assert server.events_after(1) == ()
    after = server.provide(HANAKO)
    assert (after.as_of, after.resident.basic.address) == (1, NEW_ADDRESS)


def test_a_waiting_reader_hears_within_50_ms(client_of: Clients) -> None:
    """From the answer to the clerk to the reader's hands; the best of five."""
    server, clerk = client_of(SERVER), client_of(CLERK)
    delays = []
    for number in range(5):
        heard: list[float] = []

        def listen(position: int = number, heard: list[float] = heard) -> None:
            assert len(server.events_after(position, wait=10)) == 1
            heard.append(time.monotonic())

        listener = threading.Thread(target=listen)
        listener.start()
        time.sleep(0.1)
        clerk.record_event(HANAKO, change(EventKind.HOUSEHOLD_CHANGE))
        recorded = time.monotonic()
        listener.join(10)
        delays.append(heard[0] - recorded)
    assert min(delays) < 0.05


def test_refusals_arrive_as_the_same_errors(client_of: Clients) -> None:
    """With their grounds; the client raises what the server raised."""
    server, clerk = client_of(SERVER), client_of(CLERK)
    with pytest.raises(UnknownResident):
        server.provide(NOBODY)
    with pytest.raises(UnknownResident):
        clerk.record_event(NOBODY, change(EventKind.DEATH))
    with pytest.raises(NotEligible) as young:
        server.provide(CHILD)
    assert young.value.ground == "under-15"
    assert server.provide(CHILD, Purpose.AUTHENTICATION).resident.code == CHILD
    death = change(EventKind.DEATH)
    with pytest.raises(WrongMunicipality) as other:
        client_of(MITO_CLERK).record_event(HANAKO, death)
    assert other.value.counter == "082015"
    clerk.record_event(HANAKO, death)
    with pytest.raises(NotEligible) as gone:
        server.provide(HANAKO)
    assert gone.value.ground == "not-resident"
    with pytest.raises(EventRefused) as refused:
        clerk.record_event(HANAKO, change(EventKind.DEATH))
    assert refused.value.ground == "not-registered"
    with pytest.raises(Conflict):
        clerk.record_event(CHILD, death)
    with pytest.raises(EventRefused) as early:
        tomorrow = datetime.now(UTC).date() + timedelta(days=2)
        clerk.record_event(
            CHILD, replace(change(EventKind.DEATH), effective_on=tomorrow)
        )
    assert early.value.ground == "future"


@pytest.mark.parametrize("credential", [CLERK, COUNTER, MITO_CLERK])
def test_the_items_are_for_the_authority_only(
    client_of: Clients, credential: Credential
) -> None:
    """Neither clerks nor counters get them, nor the feed."""
    client = client_of(credential)
    with pytest.raises(PermissionDenied) as caught:
        client.provide(HANAKO)
    assert caught.value.needed == "the role authority-server"
    with pytest.raises(PermissionDenied):
        client.events_after(0)


@pytest.mark.parametrize("credential", [SERVER, COUNTER])
def test_changes_are_for_registrars_only(
    client_of: Clients, credential: Credential
) -> None:
    """The authority reads; it does not write."""
    with pytest.raises(PermissionDenied):
        client_of(credential).record_event(HANAKO, change(EventKind.DEATH))


def test_strangers_learn_nothing(url: str, client_of: Clients) -> None:
    """Unsigned, signed by nobody known, or for another server: 401 in one wording."""
    answers = [
        ask(url, credential, method, path)
        for credential in (None, generate_credential("authority-server"))
        for method, path in [
            ("GET", f"/residents/{HANAKO}"),
            ("GET", f"/residents/{NOBODY}"),
            ("GET", "/residents/garbage"),
            ("GET", "/events"),
            ("POST", f"/residents/{HANAKO}/events"),
        ]
    ]
    assert {status for status, _ in answers} == {401}
    assert len({json.dumps(document) for _, document in answers}) == 1
    with pytest.raises(RegistryUnavailable, match="401"):
        client_of(generate_credential("nobody")).provide(HANAKO)


def test_a_request_is_accepted_once(url: str) -> None:
    """Whoever overhears it cannot send it again."""
    headers = signer(SERVER).headers("GET", f"{url}/events")
    statuses = [
        urllib3.request("GET", f"{url}/events", headers=headers, retries=False).status
        for _ in range(2)
    ]
    assert statuses == [200, 401]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/residents/52824992895", "check digit"),
        ("/residents/%E5%AF%BF", "digits"),
        (f"/residents/{HANAKO}?purpose=fun", "purpose"),
        ("/events?after=-1", "after"),
        ("/events?after=x", "after"),
        ("/events?after=9223372036854775808", "after"),
        ("/events?wait=nan", "wait"),
        ("/events?wait=26", "wait"),
    ],
)
def test_malformed_questions_are_explained(url: str, path: str, reason: str) -> None:
    """400 with what is wrong."""
    status, document = ask(url, SERVER, "GET", path)
    assert (status, document["code"]) == (400, "request")
    assert reason in document["detail"]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/json", 400),
        (b"{}", "text/plain", 400),
        (b"{}", "application/json", 400),
        (b"[" * 9000, "application/json", 400),
        (b'{"kind":"death"}', "application/json", 400),
        (b"x" * 20_000, "application/json", 413),
    ],
)
def test_malformed_reports_are_refused(
    url: str, body: bytes, kind: str, status: int
) -> None:
    """And the feed stays empty."""
    path = f"/residents/{HANAKO}/events"
    answered, document = ask(url, CLERK, "POST", path, body, {"Content-Type": kind})
    assert (answered, document["status"]) == (status, status)
    assert ask(url, SERVER, "GET", "/events")[1] == {"events": [], "position": 0}


def test_other_paths_and_methods_are_problems_too(url: str) -> None:
    """Every answer of this server is JSON."""
    assert ask(url, None, "GET", "/nothing")[1]["code"] == "http.no-such-path"
    assert ask(url, None, "GET", "/health//live")[0] == 404
    status, document = ask(url, None, "DELETE", "/events")
    assert (status, document["code"]) == (405, "http.method-not-allowed")


def test_health_needs_no_signature(url: str) -> None:
    """Live, and ready while the database is."""
    assert ask(url, None, "GET", "/health/live") == (200, {"status": "live"})
    status, document = ask(url, None, "GET", "/health/ready")
    assert (status, document["checks"]) == (200, {"database": "ok"})


def test_a_test_clock_works_where_it_is_allowed(tmp_path: Path, url: str) -> None:
    """A signed field names the instant; elsewhere it is refused."""
    path, later = f"/residents/{CHILD}", {TEST_INSTANT_HEADER: "2045-01-01"}
    assert ask(url, SERVER, "GET", path, headers=later)[0] == 400
    folder = tmp_path / "test-system"
    folder.mkdir()
    with serving(settings_in(folder, test_system="true")) as other:
        assert ask(other, SERVER, "GET", path)[0] == 422
        assert ask(other, SERVER, "GET", path, headers=later)[0] == 200


def test_nothing_personal_is_logged(
    client_of: Clients, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither codes nor items, of what went well and of what did not."""
    caplog.set_level(logging.DEBUG, "jpki")
    caplog.set_level(logging.DEBUG, "registry_stub")
    server, clerk = client_of(SERVER), client_of(CLERK)
    server.provide(HANAKO)
    clerk.record_event(HANAKO, change(EventKind.MOVE_WITHIN, address=NEW_ADDRESS))
    with pytest.raises(NotEligible):
        server.provide(CHILD)
    assert "recorded by registrar-082201" in caplog.text
    for secret in (str(HANAKO), str(CHILD), "花子", "竹園"):
        assert secret not in caplog.text


def test_a_dead_register_is_unavailable() -> None:
    """The client says so at once, with a hint, and without quoting the address."""
    client = RegistryClient("http://127.0.0.1:9", signer(SERVER))
    with pytest.raises(RegistryUnavailable) as caught:
        client.provide(HANAKO)
    assert caught.value.data["reason"] == "no connection"
    assert caught.value.hint is not None
    assert str(HANAKO) not in str(caught.value)
    with pytest.raises(RegistryUnavailable):
        client.events_after(0, wait=1)


@pytest.mark.parametrize(
    "answer",
    [
        b'{"as_of": 1}',
        b"<html>",
        b'{"events": [], "position": 0}',
        b'{"events": [{}], "position": 9}',
        b"x" * 2_000_000,
    ],
)
def test_an_unusable_answer_is_no_answer(answer: bytes) -> None:
    """Whatever answers in the register's place, the client raises one error."""

    def impostor(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        return [answer]

    stop, ready, urls = threading.Event(), threading.Event(), list[str]()

    def announce(address: str) -> None:
        urls.append(address)
        ready.set()

    thread = threading.Thread(
        target=lambda: wsgi.run(impostor, stop=stop, announce=announce)
    )
    thread.start()
    try:
        assert ready.wait(10)
        client = RegistryClient(urls[0], signer(SERVER))
        with pytest.raises(RegistryUnavailable):
            client.provide(HANAKO)
        with pytest.raises(RegistryUnavailable):
            client.events_after(1)
        with pytest.raises(RegistryUnavailable):
            client.record_event(HANAKO, change(EventKind.DEATH))
        client.close()
    finally:
        stop.set()
        thread.join(10)


def test_a_report_too_odd_to_be_sent_is_refused_here() -> None:
    """A change that no register takes is not even made."""
    with pytest.raises(RequestError):
        change(EventKind.DEATH, name="x")


def test_the_program_runs_from_a_file(tmp_path: Path) -> None:
    """`python -m registry_stub`: ready line, answers, clean end, all kept."""
    settings_in(tmp_path)
    create_credential(tmp_path / "server.pem", "authority-server")
    credential = load_credential(tmp_path / "server.pem")
    server = replace(CALLERS[0], public_key=credential.public_key)
    save_callers(tmp_path / "clients.toml", [server, *CALLERS[1:]])
    command = [sys.executable, "-m", "registry_stub", "--config"]
    for round_ in (0, 1):
        with subprocess.Popen(
            [*command, str(tmp_path / "jpki.toml")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            address = json.loads(process.stdout.readline())["ready"]
            client = RegistryClient(address, signer(credential))
            assert client.provide(HANAKO).as_of == round_
            clerk = RegistryClient(address, signer(CLERK))
            if not round_:
                clerk.record_event(HANAKO, change(EventKind.HOUSEHOLD_CHANGE))
            waiting = threading.Thread(target=lambda c=client: c.events_after(1, 20))
            waiting.start()
            time.sleep(0.2)
            process.terminate()
            assert process.wait(10) == 0
            waiting.join(5)
            for line in process.stderr.read().splitlines():
                assert json.loads(line)["level"] == "info"
            client.close()
            clerk.close()


@pytest.mark.parametrize(
    ("text", "reason"),
    [("[registry]\nport = 99999\n", "registry.port"), ("", "registry-clients.toml")],
)
def test_the_program_refuses_a_bad_file(tmp_path: Path, text: str, reason: str) -> None:
    """Status 2, one line that names file and key, no traceback."""
    (tmp_path / "data").mkdir()
    (tmp_path / "jpki.toml").write_text(text)
    command = [sys.executable, "-m", "registry_stub", "--config"]
    done = subprocess.run(
        [*command, str(tmp_path / "jpki.toml")],
        capture_output=True,
        text=True,
        timeout=20,
        stdin=subprocess.DEVNULL,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
