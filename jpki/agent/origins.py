"""Who may ask: origins exactly as browsers write them, and this machine's addresses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Final

from jpki.errors import ConfigurationError

__all__ = ["allowed_origins", "loopback_address", "own_hosts", "parse_origin"]

_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_ORIGIN: Final = re.compile(
    r"(https?)://([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(:[0-9]{1,5})?"
)
_MAX_PORT: Final = 65535
_KEY: Final = "agent.allowed_origins"


def parse_origin(text: str, *, file: str = "command line", key: str = _KEY) -> str:
    """An origin as a browser's Origin field has it (RFC 6454 6.2).

    Plain HTTP is taken from this machine only: anybody on the way could answer in the
    name of another site.

    Raises:
        ConfigurationError: no scheme, a path, a wildcard, capital letters or a name
            that is not ASCII; or plain HTTP to elsewhere.
    """
    hint = "write scheme, host and port, such as https://portal.example"
    match = _ORIGIN.fullmatch(text)
    if match is None:
        raise ConfigurationError(file, key, f"{text[:80]!r} is no origin", hint=hint)
    scheme, host, port = match[1], match[2], match[4]
    number = int(port[1:]) if port else _DEFAULT_PORTS[scheme]
    if not 0 < number <= _MAX_PORT:
        raise ConfigurationError(file, key, f"{text[:80]!r} has no port", hint=hint)
    if scheme == "http" and host != "localhost" and not _is_loopback(host):
        raise ConfigurationError(
            file,
            key,
            f"{text[:80]!r} is not encrypted: anybody on the way could be it",
            hint="https, or http on this machine's loopback",
        )
    suffix = "" if number == _DEFAULT_PORTS[scheme] else f":{number}"
    return f"{scheme}://{host}{suffix}"


def allowed_origins(texts: Iterable[str], *, file: str) -> frozenset[str]:
    """All of them.

    Raises:
        ConfigurationError: one is no origin, or there is none at all.
    """
    found = frozenset(parse_origin(text, file=file) for text in texts)
    if not found:
        raise ConfigurationError(
            file,
            _KEY,
            "no page could ask for a signature",
            hint="name one: --allow-origin https://portal.example",
        )
    return found


def loopback_address(host: str, *, file: str) -> str:
    """The address, if only this machine reaches it.

    Raises:
        ConfigurationError: it is another, or a name, which might lead anywhere.
    """
    if not _is_loopback(host):
        raise ConfigurationError(
            file,
            "agent.host",
            f"{host!r} is not a loopback address: others could reach the card",
            hint="127.0.0.1 or ::1",
        )
    return host


def own_hosts(port: int) -> frozenset[str]:
    """Values of the Host field by which this machine itself is meant.

    A name of somebody else's that resolves to loopback (DNS rebinding) is not there.
    """
    return frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
