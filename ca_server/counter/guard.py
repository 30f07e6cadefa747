"""Who may send a form: pages of this very process, in a browser of this machine.

Three things are asked of every request that changes something: the Host that the page
has here (another site cannot point its own name at loopback), the Origin of the page
itself, and a token that only a page of this process can have had for this browser.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

from flask import Flask, Response, g, request

from jpki.errors import AuthenticationError, RequestError
from jpki.model.ports import Random

__all__ = ["FIELD", "Guard"]

FIELD: Final = "token"
"""Of every form."""
_COOKIE: Final = "counter"
_BROWSER: Final = re.compile(r"[0-9a-f]{64}")
_HERE: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
_SAFE: Final = frozenset({"GET", "HEAD"})


class Guard:
    """Watches one application."""

    def __init__(self, *, host: str, random: Random) -> None:
        """Make it.

        Args:
            host: where the page is, as the settings name it.
            random: draws the key of this process and the names of browsers.
        """
        self._hosts = _HERE | {host}
        self._random = random
        self._key = random(32)

    def watch(self, app: Flask) -> None:
        """Check every request, and name every browser."""
        app.before_request(self._check)
        app.after_request(self._name)

    def _check(self) -> None:
        host = request.host
        if re.sub(r":\d{1,5}$", "", host) not in self._hosts:
            raise RequestError("this page has no such name")
        shown = request.cookies.get(_COOKIE, "")
        known = _BROWSER.fullmatch(shown) is not None
        g.browser = shown if known else self._random(32).hex()
        g.token = self._token(g.browser)
        if request.method in _SAFE:
            return
        if request.headers.get("Origin") != f"http://{host}":
            raise AuthenticationError("the form comes from another page")
        sent = request.form.get(FIELD, "")
        if not known or not hmac.compare_digest(sent.encode(), g.token.encode()):
            raise AuthenticationError(
                "the form is not of this page", hint="open the page again"
            )

    def _token(self, browser: str) -> str:
        return hmac.digest(self._key, browser.encode(), hashlib.sha256).hex()

    def _name(self, response: Response) -> Response:
        browser = g.get("browser")
        if browser is not None and request.cookies.get(_COOKIE) != browser:
            response.set_cookie(_COOKIE, browser, httponly=True, samesite="Strict")
        return response
