"""The operator's page without a browser: what it refuses, and what it never shows."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from ca_server.counter import create_app
from ca_server.counter.guard import Guard
from ca_server.counter.words import LANGUAGES, words_in
from jpki.authority.remote.client import AuthorityClient
from jpki.authority.workstation import enrol
from jpki.cards.applet import VirtualCard
from jpki.cards.card_types import card_types
from jpki.cards.state import decode_state
from jpki.cards.transport import CardTransport, InProcessTransport
from jpki.errors import CardGone, JpkiError, ServiceUnavailable
from jpki.model.purposes import Purpose
from jpki.service.clock import system_random
from jpki.service.workstation import (
    WorkstationConfiguration,
    WorkstationSettings,
)
from tests.support.cards import MemoryImage, session_on
from tests.support.installation import COUNTER, GOVERNOR, Installation
from tests.support.workstations import (
    NEW_PASSWORD,
    blank,
    chosen,
    enrolled,
    station_at,
)

HERE = {"Origin": "http://localhost", "Accept-Language": "en"}


class Counter:
    """A page with a card behind it, and somebody who uses it."""

    def __init__(
        self, site: Installation, authority: AuthorityClient | None = None
    ) -> None:
        self.image: MemoryImage | None = blank(site)
        self.station = station_at(site, client=authority)
        own = site.layout.data / "credentials" / f"{COUNTER}.pem"
        configuration = WorkstationConfiguration(
            file="counter.toml",
            base=site.layout.directory,
            common=site.settings.common,
            counter=WorkstationSettings(credential=own),
        )
        self.guard = Guard(host="127.0.0.1", random=system_random)
        self.app = create_app(
            configuration,
            guard=self.guard,
            station=self.station,
            connect=self._connect,
        )
        self.client: FlaskClient = self.app.test_client()
        self.token = ""
        let_in = self.get(self.guard.entry)
        assert (let_in.status_code, let_in.location) == (303, "/")
        self.get("/")

    def _connect(self) -> CardTransport:
        if self.image is None:
            raise CardGone("there is no card")
        return InProcessTransport(VirtualCard(self.image))

    def get(self, path: str, **headers: str) -> TestResponse:
        """Open a page; its token is kept, as a browser keeps the form."""
        response = self.client.get(path, headers={**HERE, **headers})
        found = re.search(r'name="token" value="([0-9a-f]{64})"', response.text)
        self.token = found[1] if found else self.token
        return response

    def post(
        self, path: str, headers: dict[str, str] | None = None, **fields: object
    ) -> TestResponse:
        """Send a form."""
        data = {"token": self.token, **{key: str(fields[key]) for key in fields}}
        return self.client.post(path, data=data, headers={**HERE, **(headers or {})})

    def file(self, resident: object) -> str:
        """The path of a new application's page."""
        made = self.post(
            "/applications",
            resident=resident,
            kind="new",
            purpose="signature",
            key=uuid.uuid4(),
        )
        assert made.status_code == 303, made.text
        return made.location


@pytest.fixture
def counter(installation: Installation) -> Iterator[Counter]:
    """One counter; whatever is done there, the books agree."""
    yield Counter(installation)
    installation.check_books()


def test_from_the_code_to_the_delivery(
    installation: Installation, counter: Counter
) -> None:
    """Each step in its place; the card is complete at the end."""
    resident = installation.newcomer()
    shown = counter.post(
        "/residents", resident=f" {resident.digits[:4]} " + resident.digits[4:]
    )
    assert "File a new application" in shown.text
    path = counter.file(resident)
    assert "Hand over to the resident" in counter.get(path).text
    assert "letters A–Z or digits" in counter.get(f"{path}/resident").text
    done = counter.post(f"{path}/resident", first=NEW_PASSWORD, second=NEW_PASSWORD)
    assert (done.status_code, done.location) == (303, path)
    assert "Check the card and record the delivery" in counter.get(path).text
    delivered = counter.post(f"{path}/delivery")
    assert (delivered.status_code, delivered.location) == (303, path)
    assert "Give the card to the resident" in counter.get(path).text
    (held,) = counter.station.client.holdings(resident).certificates
    assert counter.image is not None
    with session_on(counter.image) as session:
        session.verify_pin(Purpose.SIGNATURE, chosen())
    again = counter.post("/residents", resident=resident)
    assert "It can be renewed from" in again.text
    assert f"{held.serial:x}" in again.text
    assert "File a" not in again.text


def test_what_the_resident_types_is_nowhere(
    installation: Installation, counter: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    """In no page, header, cookie or log, whether it was taken or refused."""
    caplog.set_level(logging.DEBUG)
    path = counter.file(installation.newcomer())
    first, second = "SECRET1234", "SECRET1235"
    before = counter.image.content if counter.image else b""
    for one, two in ((first, second), ("@@SECRET@@", "@@SECRET@@")):
        refused = counter.post(f"{path}/resident", first=one, second=two)
        assert refused.status_code == 422
        assert 'role="alert"' in refused.text
        assert "SECRET" not in refused.text + str(refused.headers)
    assert counter.image is not None
    assert counter.image.content == before
    done = counter.post(f"{path}/resident", first=first, second=first)
    assert done.status_code == 303
    assert "SECRET" not in done.text + str(done.headers) + counter.get(path).text
    assert "SECRET" not in caplog.text
    assert b"SECRET" not in counter.image.content


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://localhost"}, 403),
        ({"Origin": "http://localhost:8405"}, 403),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, 400),
        ({"Host": "localhost.evil.example"}, 400),
    ],
)
def test_forms_of_other_pages_are_refused(
    installation: Installation,
    counter: Counter,
    headers: dict[str, str],
    status: int,
) -> None:
    """Nothing is asked of the authority or the card for them."""
    resident = installation.newcomer()
    sent = counter.post(
        "/applications",
        headers,
        resident=resident,
        kind="new",
        purpose="signature",
        key="of another page",
    )
    assert sent.status_code == status
    assert installation.live_application(resident) is None


def test_a_token_belongs_to_one_browser(
    installation: Installation, counter: Counter
) -> None:
    """Neither without it, nor with that of another browser or of before a restart."""
    resident = installation.newcomer()
    other = Counter(installation)
    assert other.token != counter.token
    for token in ("", "0" * 64, other.token, "é"):
        sent = counter.post("/residents", resident=resident, token=token)
        assert sent.status_code == 403
        assert "Open the address that the workstation announced" in sent.text
    nobody = counter.app.test_client()
    assert nobody.post("/residents", data={"token": counter.token}).status_code == 403
    cookie = counter.client.get_cookie("counter")
    assert cookie is not None
    assert cookie.http_only
    assert cookie.same_site == "Strict"


def test_nobody_else_of_this_machine_is_let_in(counter: Counter) -> None:
    """Without the announced key nothing is shown, whatever looks like it."""
    stranger = counter.app.test_client()
    key = counter.guard.entry.removeprefix("/?key=")
    for path in ("/", "/?key=", f"/?key={key[:-1]}", f"/passwords/signature?key={key}"):
        shown = stranger.get(path, headers=HERE)
        assert shown.status_code == 403
        assert COUNTER not in shown.text
        assert 'name="token" value="' not in shown.text
    for cookie in ("a.b", "x" * 32 + "." + "0" * 64, ".", "é"):
        stranger.set_cookie("counter", cookie)
        assert stranger.get("/", headers=HERE).status_code == 403
    assert stranger.get("/health/live").status_code == 200
    assert stranger.get(counter.guard.entry).status_code == 303
    assert stranger.get("/", headers=HERE).status_code == 200


def test_every_page_forbids_what_it_does_not_need(counter: Counter) -> None:
    """No script, no frame, nothing from elsewhere, nothing kept."""
    for path in ("/", "/passwords/signature", "/nothing", "/applications/none"):
        headers = counter.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self'" in policy
        assert headers["Cache-Control"] == "no-store"
        assert "<script" not in counter.get(path).text


def test_both_languages(counter: Counter) -> None:
    """By the browser's wish, and by the address, which links keep."""
    assert 'lang="ja"' in counter.get("/", **{"Accept-Language": "ja"}).text
    chosen_by_address = counter.get("/?lang=ja", **{"Accept-Language": "en"})
    assert chosen_by_address.headers["Content-Language"] == "ja"
    assert 'action="/residents?lang=ja"' in chosen_by_address.text


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("12345678901", "This is no resident record code"),
        ("22577205535", "No resident of this code is registered"),
        ("34989584920", "registered in another municipality"),
    ],
)
def test_residents_who_are_not_served(
    counter: Counter, code: str, sentence: str
) -> None:
    """Each has a sentence of its own, and a next step."""
    shown = counter.post("/residents", resident=code)
    assert shown.status_code == 409
    assert sentence in shown.text
    assert 'role="alert"' in shown.text


def test_forms_that_no_page_has(installation: Installation, counter: Counter) -> None:
    """Missing and impossible fields are refused, not guessed."""
    good: dict[str, Any] = {
        "resident": installation.newcomer(),
        "kind": "new",
        "purpose": "signature",
        "key": "k",
    }
    for change in (
        {"kind": "nothing"},
        {"purpose": "both"},
        {"key": ""},
        {"key": "k" * 129},
        {"resident": ""},
    ):
        assert counter.post("/applications", **{**good, **change}).status_code == 400
    assert counter.get("/passwords/both").status_code == 404
    assert counter.get("/applications/nothing").status_code == 409
    unsure = counter.post("/surrenders", resident=good["resident"], card="1")
    assert unsure.status_code == 400
    large = counter.post("/residents", resident="1" * 100_000)
    assert large.status_code == 413


_TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["52824992894", "new", "renewal", "signature", "yes", "1", "\0"]),
)
_FORMS = st.dictionaries(
    st.sampled_from(
        ["resident", "kind", "purpose", "key", "sure", "card", "first", "second", "x"]
    ),
    _TEXTS,
)
_PATHS = (
    "/residents",
    "/surrenders",
    "/applications/nothing/delivery",
    "/applications/nothing/cancellation",
    "/applications/nothing/resident",
    "/passwords/signature",
    "/passwords/nothing",
    "/nothing",
)


@given(path=st.sampled_from(_PATHS), form=_FORMS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_sent_has_a_page(
    counter: Counter, path: str, form: dict[str, str]
) -> None:
    """No form ends in an inner fault, and none shows what was typed as a password."""
    counter.image = None
    answer = counter.client.post(
        path, data={**form, "token": counter.token}, headers=HERE
    )
    assert answer.status_code < 500
    assert "Content-Security-Policy" in answer.headers
    typed = form.get("first", "")
    assert len(typed) < 8 or typed not in answer.text


@given(
    body=st.binary(max_size=200),
    kind=st.sampled_from(
        [
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "multipart/form-data",
            "application/json",
            "text/html; charset=utf-7",
            "",
        ]
    ),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_bytes_are_sent(counter: Counter, body: bytes, kind: str) -> None:
    """Octets that are no form are refused, of whatever kind they say they are."""
    answer = counter.client.post(
        "/residents", data=body, headers={**HERE, "Content-Type": kind}
    )
    assert 400 <= answer.status_code < 500


def test_without_a_card(installation: Installation, counter: Counter) -> None:
    """The page says so, and the resident's step does not begin."""
    path = counter.file(installation.newcomer())
    counter.image = None
    assert "There is no card" in counter.get("/").text
    assert "There is no card" in counter.get(path).text
    gone = counter.get(f"{path}/resident")
    assert gone.status_code == 409
    assert "Put the card into the reader" in gone.text


def test_nothing_is_delivered_that_is_not_on_the_card(
    installation: Installation, counter: Counter
) -> None:
    """Another card, or none at all, does not end the application; cancelling does."""
    resident = installation.newcomer()
    path = counter.file(resident)
    counter.post(f"{path}/resident", first=NEW_PASSWORD, second=NEW_PASSWORD)
    right, counter.image = counter.image, blank(installation)
    refused = counter.post(f"{path}/delivery")
    assert refused.status_code == 409
    assert "This card is not the one" in refused.text
    assert installation.live_application(resident) == "issued"
    counter.image = right
    cancelled = counter.post(f"{path}/cancellation")
    assert cancelled.status_code == 303
    assert "is cancelled" in counter.get(path).text
    late = counter.post(f"{path}/resident", first=NEW_PASSWORD, second=NEW_PASSWORD)
    assert late.status_code == 409


def test_the_card_that_is_erased_is_the_one_that_was_seen(
    installation: Installation, counter: Counter
) -> None:
    """And what is revoked is the resident's."""
    resident = installation.newcomer()
    assert counter.image is not None
    done = enrolled(installation, counter.image, resident)
    assert (
        "from card 012345678901234"
        in counter.post("/residents", resident=resident).text
    )
    other = counter.post("/surrenders", resident=resident, card="77", sure="yes")
    assert other.status_code == 400
    assert decode_state(counter.image.content).keys
    gone = counter.post(
        "/surrenders", resident=resident, card="012345678901234", sure="yes"
    )
    assert "1 certificates are revoked" in gone.text
    assert not decode_state(counter.image.content).keys
    (held,) = counter.station.client.holdings(resident).certificates
    assert (held.authority, held.serial) == (GOVERNOR, done.issued.serial)
    assert held.reason == "cessationOfOperation"


def test_a_dead_authority_is_told_as_such(installation: Installation) -> None:
    """With what can be done; where it answers, so does the page."""
    # Nothing listens at the discard port.
    nobody = AuthorityClient("http://127.0.0.1:9", installation.signer(COUNTER))
    away = Counter(installation, nobody).get("/")
    assert away.status_code == 503
    assert "The authority does not answer" in away.text
    assert Counter(installation).get("/").status_code == 200


def test_problems_have_words() -> None:
    """Every problem has its advice, in both languages, and rules of every card."""
    for language in LANGUAGES:
        words = words_in(language)
        tables = words._tables
        assert set(tables["problem"]) - {"title"} == set(tables["advice"]) - {"other"}
        for table in tables.values():
            for entry in table.values():
                assert set(entry) == set(LANGUAGES)
        assert words.problem(ServiceUnavailable("it", "slow"))[0]
        assert words.problem(JpkiError("what", hint="next")) == ("what", "next")
        for kind in card_types().values():
            for slot in kind.slots.values():
                assert str(slot.pin.shortest) in words.rule(slot.pin)


def test_an_interrupted_writing_goes_on(
    installation: Installation, counter: Counter
) -> None:
    """The list leads back to it; the same card is written, and then delivered."""

    class Cut(Exception):
        pass

    def cut(point: str) -> None:
        if point == "issued":
            raise Cut

    resident = installation.newcomer()
    assert counter.image is not None
    with session_on(counter.image) as session, pytest.raises(Cut):
        enrol(
            counter.station,
            session,
            resident=resident,
            idempotency_key=str(uuid.uuid4()),
            password=chosen(),
            progress=cut,
        )
    (opened,) = counter.station.client.holdings(resident).applications
    path = f"/applications/{opened.application.id}"
    assert f'href="{path}"' in counter.get("/").text
    assert str(resident) not in counter.get("/").text
    assert (
        "Go on with the open application"
        in counter.post("/residents", resident=resident).text
    )
    assert counter.post(f"{path}/delivery").status_code == 409
    counter.post(f"{path}/resident", first=NEW_PASSWORD, second=NEW_PASSWORD)
    assert counter.post(f"{path}/delivery").status_code == 303
    assert installation.live_application(resident) is None
