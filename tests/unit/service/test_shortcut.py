"""Which requests are answered before the framework: those without anything unusual."""

from __future__ import annotations

import pytest

from jpki.service.shortcut import Shortcut

_POST = (
    b"POST /ocsp HTTP/1.1\r\nHost: a\r\nContent-Type: application/ocsp-request\r\n"
    b"Content-Length: 3\r\n\r\nabc"
)
_GET = b"GET /ocsp/a%2Fb//c HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n"


def _shortcut() -> Shortcut:
    return Shortcut(
        "/ocsp",
        "application/ocsp-request",
        post=lambda body: b"post:" + body,
        get=lambda rest: None if rest == b"slow" else b"get:" + rest,
        later=lambda: b"later",
        queue_limit=5,
    )


def test_plain_requests_are_answered() -> None:
    """Slashes of a path stay as they are; the second request is like the first."""
    shortcut = _shortcut()
    for _ in range(2):
        assert shortcut(_POST, 0) == b"post:abc"
        assert shortcut(_GET, 0) == b"get:a%2Fb//c"


@pytest.mark.parametrize(
    "data",
    [
        _POST[:-1],
        _POST + b"d",
        _POST + _POST,
        _GET + _GET,
        _GET[:-2],
        _POST.replace(b"/ocsp ", b"/ocsp/ "),
        _POST.replace(b"1.1", b"1.0"),
        _POST.replace(b"Host: a\r\n", b""),
        _POST.replace(b"Host: a", b"Host: a\r\nHost: b"),
        _POST.replace(b"Host: a", b"Host : a"),
        _POST.replace(b"Host: a", b"Host: a\r\n folded"),
        _POST.replace(b"Host: a", b"Host: a\r\nTransfer-Encoding: chunked"),
        _POST.replace(b"Host: a", b"Host: a\r\nConnection: close"),
        _POST.replace(b"Host: a", b"Host: a\r\nExpect: 100-continue"),
        _POST.replace(b"Host: a", b"Host: a\r\nJPKI-Test-Instant: 2014-10-01"),
        _POST.replace(b"Length: 3", b"Length: +3"),
        _POST.replace(b"Length: 3", b"Length: 03"),
        _POST.replace(b"Length: 3", b"Length: 3\r\nContent-Length: 3"),
        _POST.replace(b"ocsp-request", b"pkcs10"),
        _GET.replace(b"Accept: */*", b'If-None-Match: "x"'),
        _GET.replace(b"/ocsp/", b"/crls/"),
        _GET.replace(b"GET", b"HEAD"),
        _POST.replace(b"\r\n", b"\n"),
        b"",
        b"\r\n\r\n",
    ],
)
def test_anything_else_goes_the_long_way(data: bytes) -> None:
    """Also when it comes again."""
    shortcut = _shortcut()
    assert shortcut(data, 0) is None
    assert shortcut(data, 1000) is None


_FIELDS = (
    b"X-Forwarded-For: 203.0.113.7, 198.51.100.2",
    b"x-forwarded-proto:https",
    b"X-Forwarded-Host: ocsp.example",
    b"X-Forwarded-Port: 443",
    b"X-Forwarded-Server: edge",
    b'Forwarded: for="[2001:db8::1]";proto=https',
    b"Via: 1.1 edge.example (squid/6.1), 1.1 inner",
    b"X-Real-IP: 203.0.113.7",
    b"X-Request-ID: 7b0c",
    b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)


@pytest.mark.parametrize("field", _FIELDS)
def test_what_proxies_add_changes_nothing(field: bytes) -> None:
    """Wherever it stands, also twice, and with another value each time."""
    shortcut = _shortcut()
    for start in (b"HTTP/1.1\r\n", b"Host: a\r\n"):
        for added in (field, field + b"\r\n" + field, field + b" and more", b"Via: x"):
            asked = start + added + b"\r\n"
            assert shortcut(_POST.replace(start, asked), 0) == b"post:abc"
            assert shortcut(_GET.replace(start, asked), 0) == b"get:a%2Fb//c"


@pytest.mark.parametrize(
    "fields",
    [
        b"Via: 1.1 edge\r\n folded",
        b"Via: 1.1 \xe9dge",
        b"Via : 1.1 edge",
        b"Via: 1.1 edge\nHost: b",
        b"X-Via: 1.1 edge",
        b"X-Forwarded-Forever: 1",
        b"X-Forwarded-For: 1\r\nContent-Length: 2",
        b"X-Forwarded-For: 1\r\nTransfer-Encoding: chunked",
        b"X-Forwarded-For: 1\r\nHost: b",
        b"X-Forwarded-For: 1\r\nJPKI-Test-Instant: 2014-10-01",
        b"X-Forwarded-For: 1\r\nClient-Cert: :MIIB:",
    ],
)
def test_what_a_proxy_adds_hides_nothing(fields: bytes) -> None:
    """What is odd about the field itself, or stands beside it, goes the long way."""
    shortcut = _shortcut()
    for _ in range(2):
        for start in (b"HTTP/1.1\r\n", b"Host: a\r\n"):
            data = _POST.replace(start, start + fields + b"\r\n")
            assert shortcut(data, 0) is None


def test_a_host_is_needed_behind_a_proxy_too() -> None:
    """Where nothing else is left, it is no request that anybody understands."""
    data = b"GET /ocsp/a HTTP/1.1\r\nVia: 1.1 edge\r\n\r\n"
    assert _shortcut()(data, 0) is None


def test_many_clients_behind_a_proxy_push_nothing_out() -> None:
    """However many addresses are told, the headers are judged once."""
    shortcut = _shortcut()
    for number in range(2000):
        field = b"X-Forwarded-For: 10.0.%d.%d\r\n" % divmod(number, 256)
        asked = _POST.replace(b"Host: a\r\n", b"Host: a\r\n" + field)
        assert shortcut(asked, 0) == b"post:abc"
    assert shortcut.judged == 1


def test_a_crowd_is_told_to_come_back_later() -> None:
    """Where the answer must come from the application, and too many wait for that."""
    shortcut = _shortcut()
    slow = _GET.replace(b"a%2Fb//c", b"slow")
    assert [shortcut(slow, waiting) for waiting in (0, 4, 5)] == [None, None, b"later"]
    assert shortcut(_GET, 5) == b"get:a%2Fb//c"
