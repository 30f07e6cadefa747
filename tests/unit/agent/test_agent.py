"""What pages may ask of the agent, and what they may not."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator

import pytest

from jpki.documents.cms import check_signer, parse_signed_data
from jpki.documents.login import read_login_statement
from tests.support.agent_room import (
    DOCUMENT,
    ORIGIN,
    OTHER,
    AgentRoom,
    CardSlot,
    agent_room,
    login_request,
    signature_request,
)
from tests.support.cards import AUTHENTICATION, PASSWORD, PINS
from tests.support.installation import Reply

PROBLEM = "application/problem+json"


@pytest.fixture
def room() -> Iterator[AgentRoom]:
    """An agent with a card in the reader."""
    with agent_room() as made:
        yield made


@pytest.fixture(scope="module")
def idle() -> Iterator[AgentRoom]:
    """One for all tests in which nobody's window opens."""
    with agent_room() as made:
        yield made


def _code(reply: Reply) -> str:
    assert reply.headers["content-type"] == PROBLEM
    return str(reply.document["code"])


def _unreadable(reply: Reply) -> bool:
    """Whether no page can read it, not even that it is there."""
    return not any(name.startswith("access-control-") for name in reply.headers)


def test_status_says_nothing_about_the_holder(room: AgentRoom) -> None:
    """That there is an agent, which, and whether a card is in: that is all."""
    reply = room.call("GET", "/status")
    assert reply.document == {
        "agent": "jpki",
        "api": 1,
        "version": "0.0",
        "card": True,
        "busy": False,
    }
    assert reply.headers["access-control-allow-origin"] == ORIGIN
    assert reply.headers["vary"] == "Origin"
    assert reply.headers["cache-control"] == "no-store"
    assert "access-control-allow-credentials" not in reply.headers
    assert "set-cookie" not in reply.headers
    room.slot.inside = False
    assert room.call("GET", "/status").document["card"] is False


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "",
        "null",
        "*",
        "https://evil.example",
        "http://portal.example",
        "https://portal.example:8443",
        "https://portal.example.evil.example",
        "https://PORTAL.example",
        "https://portal.example/",
        f"{ORIGIN}, https://evil.example",
        "https://other.example",
    ],
)
def test_other_origins_are_refused(idle: AgentRoom, origin: str | None) -> None:
    """Whoever is not on the list exactly learns nothing and opens no window."""
    body = json.dumps(signature_request()).encode()
    kind = {"Content_Type": "application/json"}
    replies = [
        idle.call("GET", "/status", origin=origin),
        idle.call("POST", "/signatures", body, origin, **kind),
        idle.call(
            "OPTIONS",
            "/signatures",
            origin=origin,
            Access_Control_Request_Method="POST",
            Access_Control_Request_Private_Network="true",
        ),
    ]
    assert [(reply.status, _code(reply)) for reply in replies] == [
        (403, "agent.origin")
    ] * 3
    assert all(map(_unreadable, replies))
    assert idle.unopened


@pytest.mark.parametrize(
    "host", ["rebound.example", "portal.example", "127.0.0.1", "127.0.0.1:1", ""]
)
def test_other_names_for_this_machine_are_refused(idle: AgentRoom, host: str) -> None:
    """A stranger's name that resolves to loopback reaches nothing (DNS rebinding)."""
    for method, path in (
        ("GET", "/status"),
        ("GET", "/confirm/0"),
        ("POST", "/confirm"),
    ):
        reply = idle.call(method, path, Host=host)
        assert (reply.status, _code(reply)) == (403, "agent.origin")
        assert _unreadable(reply)


def test_loopback_has_three_names(idle: AgentRoom) -> None:
    """Numbers or `localhost`, with the port."""
    for name in ("127.0.0.1", "localhost", "[::1]"):
        assert idle.call("GET", "/status", Host=f"{name}:{idle.port}").status == 200


def test_other_users_of_the_machine_are_refused() -> None:
    """Loopback is everybody's: the kernel says whose connection it is."""
    with agent_room(user=os.getuid() + 1) as room:
        for path in ("/status", "/confirm/0"):
            reply = room.call("GET", path)
            assert (reply.status, _code(reply)) == (403, "agent.origin")
            assert _unreadable(reply)


def test_preflights_allow_exactly_what_is_needed(idle: AgentRoom) -> None:
    """Method, one header field, and a private address for a page from outside."""
    reply = idle.call(
        "OPTIONS",
        "/signatures",
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="content-type",
        Access_Control_Request_Private_Network="true",
    )
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["access-control-allow-origin"] == ORIGIN
    assert reply.headers["access-control-allow-methods"] == "POST"
    assert reply.headers["access-control-allow-headers"] == "Content-Type"
    assert reply.headers["access-control-allow-private-network"] == "true"
    plain = idle.call("OPTIONS", "/status", Access_Control_Request_Method="GET")
    assert plain.headers["access-control-allow-methods"] == "GET"
    assert "access-control-allow-private-network" not in plain.headers


@pytest.mark.parametrize(
    ("method", "path", "kind", "status"),
    [
        ("POST", "/status", "application/json", 405),
        ("GET", "/signatures", "application/json", 405),
        ("DELETE", "/signatures", "application/json", 405),
        ("POST", "/signatures", "text/plain", 415),
        ("POST", "/signatures", "application/x-www-form-urlencoded", 415),
        ("POST", "/signatures", "application/json", 400),
        ("GET", "/", "application/json", 404),
        ("GET", "/confirm", "application/json", 404),
        ("PUT", "/confirm/0", "application/json", 404),
    ],
)
def test_only_json_by_post(
    idle: AgentRoom, method: str, path: str, kind: str, status: int
) -> None:
    """Nothing that a form or an image of another page could send without asking."""
    reply = idle.call(method, path, b"{", Content_Type=kind)
    assert (reply.status, reply.headers["content-type"]) == (status, PROBLEM)
    assert idle.unopened


def test_bodies_are_bounded(idle: AgentRoom) -> None:
    """More than the largest document is not even received."""
    reply = idle.call("POST", "/signatures", b" " * (13 << 20))
    assert (reply.status, _code(reply)) == (413, "http.body-too-large")


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ([], 400, "request"),
        (signature_request(purpose=None), 400, "request"),
        (signature_request(purpose="both"), 400, "request"),
        (signature_request(format="xades"), 400, "request"),
        (signature_request(language="fr"), 400, "request"),
        (signature_request(document="***"), 400, "request"),
        (signature_request(document=7), 400, "request"),
        (signature_request(pin="1234"), 400, "request"),
        (signature_request(name="x" * 101), 400, "request"),
        (signature_request(media_type="image/png"), 422, "document"),
        (signature_request(document=""), 422, "document"),
        (login_request(challenge="AAAA"), 422, "document"),
        (login_request(document="AAAA"), 400, "request"),
        (login_request(challenge=None), 400, "request"),
        (signature_request(challenge="AAAA"), 400, "request"),
    ],
)
def test_a_malformed_request_opens_no_window(
    idle: AgentRoom, request_: object, status: int, code: str
) -> None:
    """The page is told what is wrong with it; the person is not bothered."""
    reply = idle.post(request_)
    assert (reply.status, _code(reply)) == (status, code)
    assert reply.document["detail"]
    assert reply.headers["access-control-allow-origin"] == ORIGIN
    assert idle.unopened


def test_the_two_keys_sign_different_things(idle: AgentRoom) -> None:
    """No document is signed to log in, and no login where a document is expected."""
    statement = b"JPKI login statement, version 1\norigin: https://bank.example\n"
    for document in (statement, b"\xef\xbb\xbf \n" + statement.lower()):
        encoded = base64.b64encode(document).decode("ascii")
        reply = idle.post(signature_request(document=encoded, media_type="text/plain"))
        assert (reply.status, _code(reply)) == (422, "document")
    assert idle.unopened


def test_a_login_statement_names_the_site_as_the_browser_does(room: AgentRoom) -> None:
    """The page gives a challenge; the agent adds who asked."""
    asked = room.ask(login_request())
    page = room.window()
    assert ORIGIN in page.body.decode()
    assert "Confirm your login" in page.body.decode()
    room.press(page, pin=PINS[AUTHENTICATION])
    answer = asked.result(10).document
    content = base64.b64decode(answer["statement"])
    statement = read_login_statement(content)
    assert (statement.origin, statement.challenge) == (ORIGIN, bytes(range(32)))
    signed = parse_signed_data(base64.b64decode(answer["signature"]))
    check_signer(signed.signers[0], _own(signed.certificates), content)


def test_a_confirmed_document_is_signed(room: AgentRoom) -> None:
    """The signature is over the octets that were sent, by the card's certificate."""
    asked = room.ask(signature_request())
    agree = room.press(room.window(), pin=PASSWORD)
    assert not asked.done()
    room.press(agree)
    reply = asked.result(10)
    assert reply.headers["access-control-allow-origin"] == ORIGIN
    assert set(reply.document) == {"purpose", "format", "signature"}
    signed = parse_signed_data(base64.b64decode(reply.document["signature"]))
    assert signed.content is None
    check_signer(signed.signers[0], _own(signed.certificates), DOCUMENT)


def test_one_request_at_a_time(room: AgentRoom) -> None:
    """Another site must wait until the first is done."""
    first = room.ask(signature_request())
    page = room.window()
    assert room.call("GET", "/status", origin=OTHER).document["busy"] is True
    second = room.post(signature_request(), OTHER)
    assert (second.status, _code(second)) == (409, "agent.busy")
    room.press(page, "cancel")
    assert _code(first.result(10)) == "agent.cancelled"
    assert room.call("GET", "/status", origin=OTHER).document["busy"] is False


def test_a_page_that_asks_again_replaces_its_request(room: AgentRoom) -> None:
    """A reloaded page is served; the window of its former request signs nothing."""
    first = room.ask(signature_request())
    old = room.window()
    second = room.ask(signature_request(name="second.xml"))
    assert _code(first.result(10)) == "agent.superseded"
    new = room.window()
    assert "second.xml" in new.body.decode()
    assert room.press(old, pin=PASSWORD).status == 410
    assert not second.done()
    room.press(room.press(new, pin=PASSWORD))
    assert second.result(10).status == 200


def test_time_is_bounded() -> None:
    """What nobody confirms is given up, and the next request can come."""
    with agent_room(patience=1) as room:
        began = time.monotonic()
        asked = room.ask(signature_request())
        page = room.window()
        assert _code(asked.result(10)) == "agent.timed-out"
        assert 1 <= time.monotonic() - began < 5
        late = room.press(page, pin=PASSWORD).body.decode()
        assert "Nothing happened for too long" in late
        assert room.call("GET", "/status").document["busy"] is False


def test_an_agent_that_ends_lets_everybody_go() -> None:
    """Who waits is answered before the sockets close."""
    with agent_room() as room:
        asked = room.ask(signature_request())
        room.address()
    assert _code(asked.result(1)) == "agent.cancelled"


def test_without_a_window_nothing_is_signed() -> None:
    """No browser: the page is told that, and not which program is missing."""
    with agent_room(opens=False) as room:
        reply = room.post(signature_request())
        assert (reply.status, _code(reply)) == (503, "agent.no-window")
        assert "nonexistent" not in reply.body.decode()


def test_a_blocked_card_is_told_by_its_code_alone() -> None:
    """The person is told what to do; the page only that it was not signed."""
    slot = CardSlot()
    with agent_room(slot=slot) as room:
        asked = room.ask(signature_request())
        page = room.window()
        for _ in range(5):
            page = room.press(page, pin="WRONG1")
        assert "municipal counter" in page.body.decode()
        reply = asked.result(10)
        assert (reply.status, _code(reply)) == (409, "card.pin-blocked")
        assert set(reply.document) == {"type", "title", "status", "code"}
        again = room.ask(signature_request())
        assert "municipal counter" in room.window().body.decode()
        assert _code(again.result(10)) == "card.pin-blocked"


def _own(certificates: tuple[bytes, ...]) -> bytes:
    """The signer's among those that came along."""
    (found,) = [one for one in certificates if b"Holder" in one]
    return found
