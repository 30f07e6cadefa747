"""A small web site on a loopback port, and the reference PKI on it."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from jpki.x509.names import rfc4514
from jpki.x509.ocsp import parse_request
from tests.support.reference_pki import ReferencePKI

__all__ = ["Answer", "Site", "serve_pki", "site"]

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Site:
    """A small web site whose pages are functions of the request's headers and body."""

    url: str
    pages: dict[str, Callable[[dict[str, str], bytes], Answer]]
    seen: list[str] = field(default_factory=list)
    codes: list[tuple[int, str]] = field(default_factory=list)
    tokens: list[tuple[str, str | None]] = field(default_factory=list)
    sent: int = 0
    """Octets of bodies."""

    def page(self, path: str, body: bytes, status: int = 200, **headers: str) -> None:
        """Answer this path always the same way."""
        self.pages[path] = lambda _headers, _body: (status, headers, body)

    def list_at(self, path: str, crl: bytes, *, max_age: int = 0) -> None:
        """A CRL with a strong ETag."""
        fields = {"ETag": f'"{hashlib.sha256(crl).hexdigest()}"'}
        if max_age:
            fields["Cache-Control"] = f"max-age={max_age}, public"

        def page(headers: dict[str, str], _body: bytes) -> Answer:
            if headers.get("If-None-Match") == fields["ETag"]:
                return 304, fields, b""
            return 200, fields, crl

        self.pages[path] = page

    def json(self, path: str, document: object) -> None:
        """Answer with JSON."""
        self.page(path, json.dumps(document).encode())


@pytest.fixture
def site() -> Iterator[Site]:
    """A site on a loopback port."""
    found = Site("", {})

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(size)
            found.seen.append(f"{self.command} {self.path}")
            page = found.pages.get(self.path)
            status, headers, content = (
                (404, {}, b"") if page is None else page(dict(self.headers), body)
            )
            found.codes.append((status, self.path))
            found.tokens.append((self.path, self.headers.get("Authorization")))
            found.sent += len(content)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = answer  # noqa: N815 - named by http.server

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}"
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def serve_pki(site: Site, pki: ReferencePKI) -> None:
    """The authorities' certificates, one CRL each with an ETag, and OCSP."""
    site.json(
        "/certificates",
        {
            "certificates": [
                {"certificate": base64.b64encode(found).decode("ascii")}
                for found in pki.certificates.values()
            ]
        },
    )
    assert pki.bridge is not None
    lists = {"a": pki.a, "b": pki.b, "bridge": pki.bridge}
    site.json(
        "/crls",
        {
            "crls": [
                {"issuer": rfc4514(authority.view.name), "path": f"/crls/{label}.crl"}
                for label, authority in lists.items()
            ]
        },
    )
    for label, authority in lists.items():
        site.list_at(f"/crls/{label}.crl", pki.crl(authority))

    def ocsp(_headers: dict[str, str], body: bytes) -> Answer:
        (asked,) = parse_request(body).entries
        return 200, {}, pki.ocsp(asked=asked)

    site.pages["/ocsp"] = ocsp
