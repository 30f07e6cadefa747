"""A signing agent on a real socket with a virtual card; its window by plain HTTP."""

from __future__ import annotations

import base64
import json
import os
import re
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from queue import Queue
from typing import Final
from urllib.parse import urlencode, urlsplit

from jpki.agent.app import BODY_LIMIT, Agent
from jpki.agent.desk import Desk
from jpki.agent.opening import opener_with
from jpki.agent.window import Windows
from jpki.cards.applet import VirtualCard
from jpki.cards.transport import CardTransport, InProcessTransport
from jpki.errors import CardGone
from tests.support.cards import NOW, MemoryImage, issued_image
from tests.support.installation import Reply, send
from tests.support.serving import served

__all__ = [
    "DOCUMENT",
    "ORIGIN",
    "OTHER",
    "AgentRoom",
    "CardSlot",
    "agent_room",
    "login_request",
    "signature_request",
    "token_of",
]

ORIGIN: Final = "https://portal.example"
OTHER: Final = "https://other.example:8443"
DOCUMENT: Final = "<?xml version='1.0'?>\n<申請>住民票の写し</申請>\n".encode()


def signature_request(**changes: object) -> dict[str, object]:
    """A request for the signature key; a change to None leaves a member out."""
    request: dict[str, object] = {
        "purpose": "signature",
        "format": "cms-detached",
        "media_type": "application/xml",
        "name": "application.xml",
        "language": "en",
        "document": base64.b64encode(DOCUMENT).decode("ascii"),
    }
    return _changed(request, changes)


def login_request(**changes: object) -> dict[str, object]:
    """A request for the authentication key."""
    request: dict[str, object] = {
        "purpose": "authentication",
        "format": "cms-detached",
        "language": "en",
        "challenge": base64.b64encode(bytes(range(32))).decode("ascii"),
    }
    return _changed(request, changes)


def _changed(
    request: dict[str, object], changes: Mapping[str, object]
) -> dict[str, object]:
    whole = {**request, **changes}
    return {key: value for key, value in whole.items() if value is not None}


@dataclass
class CardSlot:
    """A reader into which a test puts a card, or takes it out at a chosen command."""

    image: MemoryImage = field(default_factory=lambda: issued_image("my-number"))
    inside: bool = True
    leaves_at: int | None = None
    """The instruction octet at which the card is taken out, once."""

    def open(self) -> CardTransport:
        """Connect to the card."""
        if not self.inside:
            raise CardGone("there is no card")
        return _Contacts(self)


class _Contacts(InProcessTransport):
    """A connection that ends when the card is out."""

    def __init__(self, slot: CardSlot) -> None:
        super().__init__(VirtualCard(slot.image))
        self._slot = slot

    def transmit(self, command: bytes) -> bytes:
        if self._slot.leaves_at == command[1]:
            self._slot.leaves_at = None
            self._slot.inside = False
        if not self._slot.inside:
            raise CardGone("the card was taken out")
        return super().transmit(command)


class AgentRoom:
    """The agent as a page and as a person's browser reach it."""

    def __init__(self, port: int, slot: CardSlot, addresses: Queue[str]) -> None:
        self.port = port
        self.slot = slot
        self._addresses = addresses
        self._pool = ThreadPoolExecutor(4)

    @property
    def own_origin(self) -> str:
        """Of the agent's own pages."""
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        """Wait for the requests of pages."""
        self._pool.shutdown()

    # -- as a page

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        origin: str | None = ORIGIN,
        **fields: str,
    ) -> Reply:
        """One request of a page's script."""
        headers = {key.replace("_", "-"): value for key, value in fields.items()}
        if origin is not None:
            headers["Origin"] = origin
        return send(self.port, method, path, body, headers)

    def post(self, request: object, origin: str = ORIGIN) -> Reply:
        """Ask for a signature and wait for it."""
        body = json.dumps(request).encode()
        fields = {"Content_Type": "application/json"}
        return self.call("POST", "/signatures", body, origin, **fields)

    def ask(self, request: object, origin: str = ORIGIN) -> Future[Reply]:
        """Ask for a signature."""
        return self._pool.submit(self.post, request, origin)

    # -- as the person's browser

    def address(self) -> str:
        """Path of the confirmation that was opened last."""
        return urlsplit(self._addresses.get(timeout=10)).path

    @property
    def unopened(self) -> bool:
        """Whether no window was opened for requests that are answered."""
        return self._addresses.empty()

    def window(self) -> Reply:
        """Open the confirmation as a browser does that was given its address."""
        return send(self.port, "GET", self.address(), headers=_NAVIGATION)

    def press(
        self, page: Reply | str, act: str = "go-on", pin: str | None = None
    ) -> Reply:
        """Send the page's form back."""
        token = page if isinstance(page, str) else token_of(page)
        fields = {"token": token, "act": act}
        if pin is not None:
            fields["pin"] = pin
        return self.form(urlencode(fields).encode())

    def form(self, body: bytes, **changes: str) -> Reply:
        """Send a form as the agent's own page does, unless told otherwise."""
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": self.own_origin,
            **{key.replace("_", "-"): value for key, value in changes.items()},
        }
        return send(self.port, "POST", "/confirm", body, headers)


_NAVIGATION: Final = {"Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document"}


def token_of(page: Reply) -> str:
    """Of the page's form."""
    found = re.search(rb'name="token" value="([0-9a-f]{64})"', page.body)
    assert found is not None, page.body.decode()
    return found[1].decode("ascii")


@contextmanager
def agent_room(
    *,
    slot: CardSlot | None = None,
    patience: int = 60,
    user: int | None = None,
    clock: datetime = NOW,
    opens: bool = True,
) -> Iterator[AgentRoom]:
    """An agent that answers `ORIGIN` and `OTHER`.

    Args:
        slot: where the card is, or is not.
        patience: seconds to confirm.
        user: whose agent it is, if not the tests' own.
        clock: what it takes the time to be.
        opens: whether there is a browser.
    """
    slot = slot or CardSlot()
    addresses: Queue[str] = Queue()
    stop = threading.Event()
    windows = Windows(addresses.put if opens else _no_browser, os.urandom)
    desk = Desk(
        meet=windows.meet,
        open_card=slot.open,
        clock=lambda: clock,
        patience=patience,
        stop=stop,
    )
    agent = Agent(
        desk=desk,
        windows=windows,
        origins=frozenset({ORIGIN, OTHER}),
        card_is_there=lambda: slot.inside,
        user=os.getuid() if user is None else user,
        version="0.0",
        language="ja",
        phrase="三毛猫の散歩",
    )
    with served(
        agent, body_limit=BODY_LIMIT, stop=stop, announce=agent.listens_at
    ) as url:
        room = AgentRoom(urlsplit(url).port or 0, slot, addresses)
        try:
            yield room
        finally:
            stop.set()
            room.close()


_no_browser: Final = opener_with("/nonexistent/browser")
