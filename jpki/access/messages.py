"""The HTTP request as its signature sees it, and what a signature here must say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

__all__ = [
    "COVERED_IF_PRESENT",
    "LIFETIME",
    "MAX_LIFETIME",
    "NONCE_OCTETS",
    "REQUIRED_COMPONENTS",
    "SKEW",
    "TAG",
    "SignedRequest",
    "request_from_environ",
]

REQUIRED_COMPONENTS: Final = ("@method", "@target-uri", "content-digest")
"""What every signature covers; the digest (RFC 9530) also of an empty body."""
COVERED_IF_PRESENT: Final = ("content-type", "idempotency-key", "jpki-test-instant")
"""Fields that change what a request means: present means covered."""
TAG: Final = "jpki"
"""The application of the signature (RFC 9421 section 2.3)."""
LIFETIME: Final = timedelta(seconds=60)
"""From `created` to `expires`, as our clients write it."""
MAX_LIFETIME: Final = timedelta(minutes=5)
"""The longest that a server accepts; it remembers nonces for so long."""
SKEW: Final = timedelta(seconds=30)
"""How far two clocks may differ."""
NONCE_OCTETS: Final = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedRequest:
    """A request that carries, or is to carry, a signature."""

    method: str
    url: str
    """The target URI, absolute and encoded, exactly as it was requested."""
    headers: dict[str, str]
    body: bytes


def request_from_environ(
    environ: Mapping[str, Any], body: bytes, *, origin: str | None = None
) -> SignedRequest:
    """The request of a WSGI environment.

    Args:
        environ: the environment (PEP 3333), with the server's `REQUEST_URI`.
        body: the whole body; the caller bounds its size.
        origin: scheme and authority that clients use, such as
            `https://ca.example`; taken from the request where None. Needed behind a
            proxy, and wherever one credential is known to several servers.
    """
    headers = {
        name[len("HTTP_") :].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") and isinstance(value, str)
    }
    if environ.get("CONTENT_TYPE"):
        headers["content-type"] = environ["CONTENT_TYPE"]
    if origin is None:
        origin = f"{environ.get('wsgi.url_scheme', '')}://{headers.get('host', '')}"
    target = str(environ.get("REQUEST_URI", ""))
    return SignedRequest(
        method=str(environ.get("REQUEST_METHOD", "")),
        url=f"{origin}{target}",
        headers=headers,
        body=body,
    )
