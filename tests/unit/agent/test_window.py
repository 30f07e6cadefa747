"""The person's window: what it shows, who can reach it, what each form does once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import pytest

from jpki.cards.apdu import Instruction
from jpki.cards.card_types import card_type
from jpki.cards.state import decode_state, encode_state
from jpki.cards.transport import CardTransport
from tests.support.agent_room import (
    DOCUMENT,
    ORIGIN,
    AgentRoom,
    CardSlot,
    agent_room,
    login_request,
    signature_request,
    token_of,
)
from tests.support.cards import (
    AUTHENTICATION,
    NOW,
    PASSWORD,
    PINS,
    SERIAL,
    SIGNATURE,
    MemoryImage,
    issued_image,
)
from tests.support.installation import send

SIGN = Instruction.PERFORM_SECURITY_OPERATION


@pytest.fixture
def room() -> Iterator[AgentRoom]:
    """An agent with a card in the reader."""
    with agent_room() as made:
        yield made


def test_the_window_shows_who_what_and_with_which_card(room: AgentRoom) -> None:
    """Origin, the whole text, its digest, the card, the tries, what signing means."""
    asked = room.ask(signature_request())
    page = room.window()
    html = page.body.decode()
    for shown in (
        ORIGIN,
        "application.xml",
        "&lt;申請&gt;住民票の写し&lt;/申請&gt;",
        hashlib.sha256(DOCUMENT).hexdigest(),
        "個人番号カード",
        "5 of 5",
        "your own will",
        "三毛猫の散歩",
        '<html lang="en">',
    ):
        assert shown in html
    assert "Holder signature" not in html, "only the PIN opens that certificate"
    agree = room.press(page, pin=PASSWORD).body.decode()
    assert "Holder signature" in agree
    assert PASSWORD not in agree
    room.press(re.findall(r'value="([0-9a-f]{64})"', agree)[0], "cancel")
    assert asked.result(10).status == 409


def test_the_window_is_closed_to_pages(room: AgentRoom) -> None:
    """Not framed, not kept, without script, with nothing loaded."""
    room.ask(signature_request())
    page = room.window()
    policy = page.headers["content-security-policy"]
    for directive in (
        "default-src 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
        "base-uri 'none'",
    ):
        assert directive in policy
    assert "script-src" not in policy
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["cross-origin-opener-policy"] == "same-origin"
    assert page.headers["cross-origin-resource-policy"] == "same-origin"
    assert page.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in page.headers
    assert "set-cookie" not in page.headers
    assert b"<script" not in page.body
    assert b'type="password"' not in page.body, "browsers would offer to keep it"
    room.press(page, "cancel")


@pytest.mark.parametrize(
    "fields",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Dest": "empty"},
    ],
)
def test_a_window_that_a_page_opens_is_refused(
    room: AgentRoom, fields: dict[str, str]
) -> None:
    """Even with the address; and the person's own opening still counts as the first."""
    asked = room.ask(signature_request())
    address = room.address()
    refused = send(room.port, "GET", address, headers=fields)
    assert (refused.status, DOCUMENT in refused.body) == (403, False)
    page = send(room.port, "GET", address)
    assert page.status == 200
    room.press(page, "cancel")
    asked.result(10)


def test_the_address_opens_once(room: AgentRoom) -> None:
    """A second opening ends the request: one of the two was not the person."""
    asked = room.ask(signature_request())
    address = room.address()
    first = send(room.port, "GET", address)
    second = send(room.port, "GET", address)
    assert "opened twice" in second.body.decode()
    assert asked.result(10).document["code"] == "agent.opened-twice"
    assert "opened twice" in room.press(first, pin=PASSWORD).body.decode()


def test_tokens_are_guessed_by_nobody(room: AgentRoom) -> None:
    """Another address or token reaches nothing, and ends nothing."""
    assert send(room.port, "GET", "/confirm/0").status == 410
    assert room.press("0" * 64).status == 410
    asked = room.ask(signature_request())
    page = room.window()
    for guess in ("", "0" * 64, "é", token_of(page)[:-1]):
        assert room.press(guess, pin=PASSWORD).status == 410
    assert send(room.port, "GET", f"/confirm/{token_of(page)}").status == 410
    room.press(page, "cancel")
    assert asked.result(10).document["code"] == "agent.cancelled"
    assert room.press(page, pin=PASSWORD).status == 200, "shows the end, signs nothing"


def test_a_form_acts_once(room: AgentRoom) -> None:
    """A second click does not cost a second try."""
    asked = room.ask(signature_request())
    page = room.window()
    first = room.press(page, pin="WRONG1")
    second = room.press(page, pin="WRONG1")
    for reply in (first, second):
        assert "After 4 more" in reply.body.decode()
    room.press(second, "cancel")
    asked.result(10)


@pytest.mark.parametrize(
    ("body", "changes", "status"),
    [
        (None, {"Origin": "https://portal.example"}, 403),
        (None, {"Origin": "null"}, 403),
        (None, {"Origin": "http://127.0.0.1:1"}, 403),
        (None, {"Content_Type": "application/json"}, 400),
        (b"act=go-on&act=cancel", {}, 400),
        (b"act=sign", {}, 400),
        (b"%ff=%ff&act=go-on", {}, 400),
        (b"\xff", {}, 400),
        (b"a&" * 2000, {}, 400),
        (b"x" * 5000, {}, 400),
    ],
)
def test_only_the_agents_own_form_is_taken(
    room: AgentRoom, body: bytes | None, changes: dict[str, str], status: int
) -> None:
    """What another page sends, or no form could, changes nothing."""
    asked = room.ask(signature_request())
    page = room.window()
    fields = {"token": token_of(page), "act": "go-on", "pin": PASSWORD}
    sent = urlencode(fields).encode() if body is None else body
    assert room.form(sent, **changes).status == status
    assert not asked.done()
    assert "Who signs" in room.press(page, pin=PASSWORD).body.decode()
    room.slot.inside = False


def test_a_wrong_pin_is_asked_for_again(room: AgentRoom) -> None:
    """With the tries that are left; a PIN that cannot be right costs none."""
    asked = room.ask(login_request())
    page = room.press(room.window(), pin="9999")
    assert "After 2 more" in page.body.decode()
    page = room.press(page, pin="12345")
    assert "no try was used" in page.body.decode()
    assert "2 of 3" in page.body.decode()
    page = room.press(page, pin="9998")
    assert "The next wrong one" in page.body.decode()
    page = room.press(page, pin=PINS[AUTHENTICATION])
    assert "Signed for your login" in page.body.decode()
    assert asked.result(10).status == 200


def test_the_card_can_come_later() -> None:
    """Without a card the person is asked to put one in."""
    slot = CardSlot(inside=False)
    with agent_room(slot=slot) as room:
        asked = room.ask(signature_request())
        page = room.window()
        assert "Put your card" in page.body.decode()
        page = room.press(page)
        assert "There is no card" in page.body.decode(), "still none"
        slot.inside = True
        page = room.press(page)
        assert "PIN tries left" in page.body.decode()
        assert "There is no card" not in page.body.decode()
        room.press(room.press(page, pin=PASSWORD))
        assert asked.result(10).status == 200


def test_a_card_that_leaves_after_the_pin_signs_nothing() -> None:
    """It may come back; then the PIN is asked for again."""
    slot = CardSlot(leaves_at=SIGN)
    with agent_room(slot=slot) as room:
        asked = room.ask(signature_request())
        page = room.press(room.press(room.window(), pin=PASSWORD))
        assert "There is no card" in page.body.decode()
        slot.inside = True
        page = room.press(page)
        assert "PIN tries left" in page.body.decode()
        assert not asked.done()
        room.press(room.press(page, pin=PASSWORD))
        assert asked.result(10).status == 200


def test_another_card_is_noticed() -> None:
    """The PIN is not tried on a card that was not shown."""
    slot = CardSlot()
    with agent_room(slot=slot) as room:
        asked = room.ask(login_request())
        page = room.window()
        shown, slot.image = slot.image, _another(slot)
        page = room.press(page, pin="9999")
        assert "another one than before" in page.body.decode()
        assert "3 of 3" in page.body.decode()
        slot.image = shown
        page = room.press(room.press(page, pin="0000"), "cancel")
        assert asked.result(10).document["code"] == "agent.cancelled"


def _another(slot: CardSlot) -> MemoryImage:
    content = slot.image.content.replace(SERIAL.encode(), SERIAL[::-1].encode())
    return MemoryImage(content)


def test_a_card_that_talks_nonsense_is_told() -> None:
    """A damaged certificate is the card's fault, and no traceback."""
    slot = CardSlot()
    slot.image = MemoryImage(_damaged(slot.image.content))
    with agent_room(slot=slot) as room:
        asked = room.ask(signature_request())
        page = room.press(room.window(), pin=PASSWORD)
        assert "no certificate for this" in page.body.decode()
        assert asked.result(10).document["code"] == "card.wrong-card"


def _damaged(content: bytes) -> bytes:
    """The card with a signature certificate that ends too early inside."""
    state = decode_state(content)
    file = card_type("my-number").slot(SIGNATURE).certificate
    certificate = bytearray(state.files[file])
    certificate[4:8] = b"\x30\x82\xff\xff"
    return encode_state(replace(state, files={**state.files, file: bytes(certificate)}))


def test_what_nobody_foresaw_is_told_too() -> None:
    """A fault of the program: the window says that nothing was signed."""

    class BrokenSlot(CardSlot):
        def open(self) -> CardTransport:
            raise RuntimeError("thrown on purpose")

    with agent_room(slot=BrokenSlot()) as room:
        asked = room.ask(signature_request())
        assert "Something unexpected" in room.window().body.decode()
        reply = asked.result(10)
        assert (reply.status, reply.document["code"]) == (500, "internal")
        assert "purpose" not in reply.body.decode()


def test_a_card_without_the_certificate_is_told() -> None:
    """An old card cannot log in anywhere."""
    slot = CardSlot(image=issued_image("juki"))
    with agent_room(slot=slot) as room:
        asked = room.ask(login_request())
        assert "no certificate for this" in room.window().body.decode()
        assert asked.result(10).document["code"] == "card.wrong-card"


def test_an_expired_certificate_is_told_before_it_signs() -> None:
    """Here the card has no objection; the site would have one."""
    with agent_room(clock=NOW + timedelta(days=3000)) as room:
        asked = room.ask(signature_request())
        page = room.press(room.window(), pin=PASSWORD)
        assert "has expired" in page.body.decode()
        room.press(page, "cancel")
        asked.result(10)


@pytest.mark.parametrize("language", ["ja", "en", None])
def test_the_language_is_the_pages(room: AgentRoom, language: str | None) -> None:
    """Or the agent's own, where the page names none."""
    asked = room.ask(signature_request(language=language))
    page = room.window()
    assert f'<html lang="{language or "ja"}">' in page.body.decode()
    room.press(page, "cancel")
    asked.result(10)
