"""OCSP over HTTP: what caches may ask again, nonces, signed requests, and crowds."""

from __future__ import annotations

import base64
import subprocess
import time
import urllib.parse
from pathlib import Path
from typing import Final

import pytest

from jpki.authority.answering.kept_answers import KeptAnswers
from jpki.authority.answering.responder import Responder
from jpki.authority.remote.client import IssuedCertificate
from jpki.model.revocation import Revocation
from jpki.model.suites import Digest
from jpki.service.clock import ProcessClock
from jpki.service.office import open_status_office
from jpki.service.shortcut import Promise
from jpki.x509.ocsp import (
    SUCCESSFUL,
    TRY_LATER,
    BasicResponse,
    Good,
    build_request,
    cert_id,
    parse_response,
)
from jpki.x509.parse import parse_certificate
from jpki.x509.pem import pem
from jpki.x509.signatures import verify_signature
from ocsp_crl.short_answers import short_answers
from tests.support.installation import GOVERNOR, Installation, Reply, send

_TYPE: Final = {"Content-Type": "application/ocsp-request"}


@pytest.fixture(scope="module")
def issued(installation: Installation) -> IssuedCertificate:
    """A certificate that stays good."""
    return installation.certified()


def _request(
    installation: Installation, serial: int, nonce: bytes | None = None
) -> bytes:
    issuer = installation.issuer
    entry = cert_id(issuer.subject_der, issuer.public_key, serial, Digest.SHA1)
    return build_request([entry], nonce)


def _path(request: bytes) -> str:
    return f"/ocsp/{urllib.parse.quote(base64.b64encode(request), safe='')}"


def _basic(reply: Reply) -> BasicResponse:
    """The answer, whose signature holds."""
    assert reply.headers["content-type"] == "application/ocsp-response"
    basic = parse_response(reply.body).basic
    assert basic is not None
    responder = parse_certificate(basic.certificates[0])
    assert verify_signature(
        responder.public_key, basic.signature_algorithm, basic.signature, basic.tbs
    )
    return basic


def test_an_answer_that_is_known_is_not_sent_again(
    installation: Installation, issued: IssuedCertificate
) -> None:
    """Told by its ETag; a date tells nothing, and another ETag gets the answer."""
    port = installation.settings.revocation.port
    path = _path(_request(installation, issued.serial))
    reply = send(port, "GET", path)
    tag = reply.headers["etag"]
    again = send(port, "GET", path, b"", {"If-None-Match": tag})
    assert (again.status, again.body) == (304, b"")
    for name in ("etag", "expires", "cache-control"):
        assert again.headers[name]
    for fields in (
        {"If-None-Match": '"other"'},
        {"If-Modified-Since": reply.headers["last-modified"]},
    ):
        other = send(port, "GET", path, b"", fields)
        assert (other.status, other.body) == (200, reply.body)


@pytest.mark.parametrize("size", [1, 16, 32, 128])
def test_a_nonce_comes_back_by_every_way(
    installation: Installation, issued: IssuedCertificate, size: int
) -> None:
    """Through the framework and before it, by POST and GET, and kept by nobody."""
    port = installation.settings.revocation.port
    for number, fields in enumerate(({"X-Odd": "1"}, {}, {})):
        nonce = bytes([number + 1]) * size
        request = _request(installation, issued.serial, nonce)
        for reply in (
            send(port, "POST", "/ocsp", request, {**_TYPE, **fields}),
            send(port, "GET", _path(request), b"", fields),
        ):
            basic = _basic(reply)
            assert basic.nonce == nonce
            assert basic.responses[0].status == Good()
            assert reply.headers["cache-control"] == "no-store"
            assert "expires" not in reply.headers


def test_a_nonce_gets_the_truth_soon_after_a_revocation(
    installation: Installation,
) -> None:
    """What is known of a certificate is forgotten as kept answers are."""
    port = installation.settings.revocation.port
    certificate = installation.certified()
    for nonce in (b"one", b"two"):
        request = _request(installation, certificate.serial, nonce)
        assert _basic(
            send(port, "POST", "/ocsp", request, _TYPE)
        ).responses[0].status == Good()  # fmt: skip
    installation.client().revoke(GOVERNOR, certificate.serial, "keyCompromise", "lost")
    told = time.monotonic()
    while True:
        reply = send(port, "POST", "/ocsp", request, _TYPE)
        if isinstance(_basic(reply).responses[0].status, Revocation):
            break
        # The target is one second on a machine that is not busy with other tests.
        assert time.monotonic() - told < 5


@pytest.mark.needs("openssl")
def test_a_signed_request_is_answered_as_any_other(
    installation: Installation, issued: IssuedCertificate, tmp_path: Path
) -> None:
    """Whoever signed it; the signature is not looked at."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x",
         "-keyout", "key.pem", "-out", "own.pem"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    (tmp_path / "issuer.pem").write_bytes(pem(installation.issuer.raw, "CERTIFICATE"))
    subprocess.run(
        ["openssl", "ocsp", "-issuer", "issuer.pem", "-serial", hex(issued.serial),
         "-signer", "own.pem", "-signkey", "key.pem", "-no_nonce",
         "-reqout", "request.der"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    request = (tmp_path / "request.der").read_bytes()
    port = installation.settings.revocation.port
    plain = send(port, "POST", "/ocsp", _request(installation, issued.serial), _TYPE)
    signed = send(port, "POST", "/ocsp", request, _TYPE)
    assert _basic(signed).responses[0].status == Good()
    assert signed.body == plain.body
    broken = request[:-1] + bytes([request[-1] ^ 1])
    assert send(port, "POST", "/ocsp", broken, _TYPE).body == plain.body


def test_signing_takes_a_bounded_part_of_each_turn(
    installation: Installation, issued: IssuedCertificate
) -> None:
    """A crowd with nonces is told to try later; the next turn signs again."""
    clock = ProcessClock()
    office = open_status_office(installation.settings)
    life = installation.settings.revocation.response_lifetime
    answers = KeptAnswers(office, Responder(office, life), trusted_seconds=1000)
    shortcut = short_answers(answers, clock, queue_limit=8)
    first = _request(installation, issued.serial, b"n")
    answers.answer(first, clock())

    given: list[bytes | None] = []

    def ask(number: int) -> None:
        body = _request(installation, issued.serial, number.to_bytes(4, "big"))
        data = (
            b"POST /ocsp HTTP/1.1\r\nHost: a\r\nContent-Type: application/ocsp-request"
            b"\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        promise = shortcut(data, 0)
        assert isinstance(promise, Promise)
        promise.give = given.append

    def told() -> list[int]:
        shortcut.end_turn()
        bodies = [(each or b"").partition(b"\r\n\r\n")[2] for each in given]
        given.clear()
        return [parse_response(body).status for body in bodies]

    for number in range(10_000):
        ask(number)
    crowd = told()
    signed = crowd.index(TRY_LATER)
    assert signed > 10
    assert crowd == [SUCCESSFUL] * signed + [TRY_LATER] * (10_000 - signed)
    ask(1)
    assert told() == [SUCCESSFUL]
    office.store.close()
