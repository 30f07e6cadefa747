"""Who may use the page: the browser of whoever started it, from pages of its own.

Other people, and other programs, of this machine can reach loopback, too. So the
address that the process announces ends in a key; the browser that opens it is given a
cookie, and nobody is shown anything without one.

Of every request that changes something two more things are asked: the Origin of the
page itself, and a token that only a page of this process can have had for this browser.
And of every request at all: the Host that the page has here, because another site can
point a name of its own at loopback.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

from flask import Flask, g, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from jpki.errors import AuthenticationError, RequestError
from jpki.model.ports import Random

__all__ = ["FIELD", "Guard"]

FIELD: Final = "token"
"""Of every form."""
_COOKIE: Final = "counter"
_HERE: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
_SAFE: Final = frozenset({"GET", "HEAD"})
_OPEN: Final = "/health/"
"""Whether the process works may be asked by anybody here."""


class Guard:
    """Watches one application; what it gave is worth nothing after a restart."""

    def __init__(self, *, host: str, random: Random) -> None:
        """Make it.

        Args:
            host: where the page is, as the settings name it.
            random: draws the keys of this process and the names of browsers.
        """
        self._hosts = _HERE | {host}
        self._random = random
        self._key = random(32)
        self._entry = random(16).hex()

    @property
    def entry(self) -> str:
        """What the announced address ends in."""
        return f"/?key={self._entry}"

    def watch(self, app: Flask) -> None:
        """Check every request."""
        app.before_request(self._check)

    def _check(self) -> AnyResponse | None:
        host = request.host
        if re.sub(r":\d{1,5}$", "", host) not in self._hosts:
            raise RequestError("this page has no such name")
        if request.path.startswith(_OPEN):
            return None
        if request.path == "/" and _same(request.args.get("key", ""), self._entry):
            return self._admitted()
        name, _, seal = request.cookies.get(_COOKIE, "").partition(".")
        if not _same(seal, self._mac("browser", name)):
            raise AuthenticationError(
                "this browser was not let in",
                hint="open the address that the workstation announced",
            )
        g.token = self._mac("form", name)
        if request.method in _SAFE:
            return None
        if request.headers.get("Origin") != f"http://{host}":
            raise AuthenticationError("the form comes from another page")
        if not _same(request.form.get(FIELD, ""), g.token):
            raise AuthenticationError(
                "the form is not of this page", hint="open the page again"
            )
        return None

    def _admitted(self) -> AnyResponse:
        """To the page, at an address without the key."""
        response: AnyResponse = redirect("/", 303)
        name = self._random(16).hex()
        value = f"{name}.{self._mac('browser', name)}"
        response.set_cookie(_COOKIE, value, httponly=True, samesite="Strict")
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    def _mac(self, what: str, name: str) -> str:
        said = f"{what} {name}".encode()
        return hmac.digest(self._key, said, hashlib.sha256).hex()


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode(), right.encode())
