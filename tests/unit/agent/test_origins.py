"""Who is allowed to ask, as settings write it; and whose connection one is."""

from __future__ import annotations

import os
import socket

import pytest

from jpki.agent.origins import allowed_origins, loopback_address, parse_origin
from jpki.agent.peers import user_of_peer
from jpki.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://portal.example", "https://portal.example"),
        ("https://portal.example:443", "https://portal.example"),
        ("https://portal.example:8443", "https://portal.example:8443"),
        ("http://localhost:8404", "http://localhost:8404"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:8404", "http://[::1]:8404"),
    ],
)
def test_origins_are_written_as_browsers_write_them(text: str, origin: str) -> None:
    """Default ports are left out; everything else stays as it is."""
    assert parse_origin(text) == origin


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "null",
        "portal.example",
        "https://",
        "https://portal.example/",
        "https://portal.example/form",
        "https://*.example",
        "https://Portal.example",
        "https://入札.example",
        "https://user@portal.example",
        "https://portal.example:",
        "https://portal.example:0",
        "https://portal.example:99999",
        "https://portal.example\n",
        "https://portal.example, https://other.example",
        "ftp://portal.example",
        "file://",
        "http://portal.example",
        "http://192.0.2.1:8404",
        "http://127.0.0.1.example",
        "chrome-extension://abcdefgh",
    ],
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    """Wildcards, paths, other spellings, and sites that anybody could stand in for."""
    with pytest.raises(ConfigurationError) as caught:
        parse_origin(text)
    assert caught.value.key == "agent.allowed_origins"
    assert caught.value.hint


def test_an_agent_that_nobody_may_ask_is_refused() -> None:
    """An empty list is a mistake."""
    with pytest.raises(ConfigurationError):
        allowed_origins((), file="agent.toml")


def test_only_loopback_is_listened_on() -> None:
    """Other addresses, all addresses and names are refused."""
    assert loopback_address("127.0.0.1", file="x") == "127.0.0.1"
    assert loopback_address("::1", file="x") == "::1"
    for host in ("0.0.0.0", "::", "192.0.2.1", "localhost", "", "127.0.0.1.example"):
        with pytest.raises(ConfigurationError):
            loopback_address(host, file="x")


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_the_kernel_knows_whose_connection_it_is(family: socket.AddressFamily) -> None:
    """While it lasts, and no other one."""
    host = "127.0.0.1" if family is socket.AF_INET else "::1"
    with socket.create_server((host, 0), family=family) as listener:
        own = listener.getsockname()[1]
        with socket.create_connection((host, own)) as client:
            peer = client.getsockname()[1]
            accepted, _ = listener.accept()
            with accepted:
                assert user_of_peer(peer, own) == os.getuid()
                assert user_of_peer(own, peer) == os.getuid()
                assert user_of_peer(peer, peer) is None
    assert user_of_peer(1, 1) is None
