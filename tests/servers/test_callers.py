"""The authorities' server over real HTTP: who calls, and what is sent."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jpki.access import RequestSigner, generate_credential
from jpki.service.clock import ProcessClock, system_random
from tests.support.installation import (
    AUDITOR,
    COUNTER,
    FOUNDER,
    MITO_COUNTER,
    REGISTRAR,
    Installation,
    send,
)
from tests.support.problems import problem

pytestmark = pytest.mark.usefixtures("books_agree")

JSON: Final = {"Content-Type": "application/json"}


@pytest.mark.parametrize("caller", [AUDITOR, FOUNDER])
def test_only_counters_file_applications(
    installation: Installation, caller: str
) -> None:
    """An auditor and a CA operator are known, and not allowed."""
    resident = installation.newcomer()
    document = problem(
        installation.file(str(resident), caller=caller), 403, "permission"
    )
    assert document["caller"] == caller
    assert installation.live_application(resident) is None


def test_a_registrar_is_nobody_to_the_authority(installation: Installation) -> None:
    """Known to the register only."""
    resident = str(installation.newcomer())
    reply = installation.file(resident, caller=REGISTRAR)
    problem(reply, 401, "authentication")
    assert reply.headers["www-authenticate"] == "Signature"


def test_another_counter_cannot_touch_an_application(
    installation: Installation,
) -> None:
    """Neither read it, nor certify, deliver or cancel."""
    filed = installation.file(str(installation.newcomer())).document["id"]
    for method, path in (
        ("GET", f"/applications/{filed}"),
        ("POST", f"/applications/{filed}/delivery"),
        ("POST", f"/applications/{filed}/cancellation"),
    ):
        reply = installation.ask(method, path, caller=MITO_COUNTER)
        problem(reply, 403, "permission")
    reply = installation.ask(
        "PUT",
        f"/applications/{filed}/request",
        b"0\0",
        {"Content-Type": "application/pkcs10"},
        caller=MITO_COUNTER,
    )
    problem(reply, 403, "permission")
    shown = installation.ask("GET", f"/applications/{filed}", caller=COUNTER)
    assert shown.document["state"] == "filed"


def test_only_auditors_examine_the_books(installation: Installation) -> None:
    """And what they see has no problems."""
    problem(installation.ask("GET", "/audit", caller=COUNTER), 403, "permission")
    books = installation.client(AUDITOR).examine_books()
    assert books["problems"] == []
    assert books["log"]["entries"] > 0


_ORDER: Final = (
    "POST",
    "/applications",
    b'{"resident": "22577205535"}',
    {**JSON, "Idempotency-Key": "of nobody"},
)


def signed(installation: Installation, signer: RequestSigner) -> dict[str, str]:
    """The fields of `_ORDER` with this signature."""
    method, path, body, fields = _ORDER
    return signer.headers(method, f"{installation.ca_url}{path}", body, fields)


def test_an_unsigned_request_is_nobodys(installation: Installation) -> None:
    """The answer says how to sign, and no more."""
    reply = installation.ask(*_ORDER)
    document = problem(reply, 401, "authentication")
    assert "RFC 9421" in document["hint"]
    assert reply.headers["www-authenticate"] == "Signature"


def test_a_request_is_taken_once(installation: Installation) -> None:
    """Recorded and sent again, it is refused."""
    fields = signed(installation, installation.signer(COUNTER))
    port = installation.settings.authority.port
    method, path, body, _ = _ORDER
    first, again = (send(port, method, path, body, fields) for _ in range(2))
    problem(first, 422, "registry.unknown-resident")
    problem(again, 401, "authentication")


def test_a_replayed_request_is_refused_by_a_server_that_restarted(
    installation: Installation,
) -> None:
    """Nonces outlive the process."""
    fields = signed(installation, installation.signer(COUNTER))
    port = installation.settings.authority.port
    method, path, body, _ = _ORDER
    problem(send(port, method, path, body, fields), 422, "registry.unknown-resident")
    installation.kill("ca_server")
    installation.start("ca_server")
    problem(send(port, method, path, body, fields), 401, "authentication")


def test_a_key_that_is_not_the_callers_signs_nothing(
    installation: Installation,
) -> None:
    """Somebody else's signature under the counter's name."""
    stranger = RequestSigner(
        generate_credential(COUNTER), clock=ProcessClock(), random=system_random
    )
    reply = installation.ask(*_ORDER[:3], signed(installation, stranger))
    problem(reply, 401, "authentication")


@pytest.mark.parametrize("minutes", [-60, -3, 3, 60])
def test_a_signature_is_for_its_moment(
    installation: Installation, minutes: int
) -> None:
    """Not for another, before or after."""
    clock = ProcessClock(timedelta(minutes=minutes))
    credential = installation.layout.callers[COUNTER]
    signer = RequestSigner(credential, clock=clock, random=system_random)
    reply = installation.ask(*_ORDER[:3], signed(installation, signer))
    problem(reply, 401, "authentication")


@pytest.mark.parametrize(
    ("changed", "value"),
    [
        ("method", "PUT"),
        ("path", "/applications?resident=1"),
        ("body", b'{"resident": "22577205536"}'),
        ("Idempotency-Key", "another"),
        ("Content-Type", "text/plain"),
        ("Host", "ca.example"),
        ("Content-Digest", "sha-256=:AAAA:"),
        ("Content-Digest", None),
        ("Signature", "jpki=:AAAA:"),
        ("Signature", None),
        ("Signature-Input", 'jpki=("@method");keyid="counter-082201-1"'),
        ("Signature-Input", "jpki=("),
        ("Signature-Input", "x" * 20_000),
    ],
)
def test_a_signature_covers_all_that_gives_a_request_its_meaning(
    installation: Installation, changed: str, value: Any
) -> None:
    """Whatever is changed on the way, the request is nobody's any more."""
    fields = signed(installation, installation.signer(COUNTER))
    parts: dict[str, Any] = dict(
        zip(("method", "path", "body"), _ORDER[:3], strict=True)
    )
    if changed in parts:
        parts[changed] = value
    else:
        fields = {name: text for name, text in fields.items() if name != changed}
        if value is not None:
            fields[changed] = value
    reply = send(
        installation.settings.authority.port,
        parts["method"],
        parts["path"],
        parts["body"],
        fields,
    )
    if changed == "method":
        problem(reply, 405, "http.method-not-allowed")
    else:
        problem(reply, 401, "authentication")


_FIELD_TEXT: Final = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60
)


@given(input_=_FIELD_TEXT, signature=_FIELD_TEXT, digest=_FIELD_TEXT)
def test_garbage_in_signature_fields_is_nobodys(
    installation: Installation, input_: str, signature: str, digest: str
) -> None:
    """Never a failure of the server."""
    fields = {"Signature-Input": input_, "Signature": signature}
    reply = installation.ask(
        *_ORDER[:3], {**_ORDER[3], **fields, "Content-Digest": digest}
    )
    problem(reply, 401, "authentication")


# -- what is sent ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"resident"',
        b"\xff\xfe",
        b'{"resident": NaN}',
        b'{"resident": 22577205535}',
        b'{"resident": null}',
        b"{}",
        b'{"resident": "22577205536"}',
        b'{"resident": "2257720553"}',
        '{"resident": "２２５７７２０５５３５"}'.encode(),
        b'{"resident": "22577205535", "purpose": "everything"}',
        b'{"resident": "22577205535", "purpose": true}',
        b'{"resident": "22577205535", "address": "elsewhere"}',
        b'{"resident": "22577205535", "resident": "52824992894"}',
        b"[" * 50_000,
        b'{"a":' * 20_000,
    ],
)
def test_a_body_that_is_no_application_is_refused(
    installation: Installation, body: bytes
) -> None:
    """Malformed, mistyped, incomplete, or with members that nobody knows."""
    fields = {**JSON, "Idempotency-Key": "malformed"}
    reply = installation.ask("POST", "/applications", body, fields, caller=COUNTER)
    document = problem(reply, 400, "request")
    assert document["detail"]
    assert len(reply.body) < 2000


@given(body=st.binary(max_size=200))
def test_no_octets_make_the_server_fail(
    installation: Installation, body: bytes
) -> None:
    """Random bodies are refused as such."""
    fields = {**JSON, "Idempotency-Key": "random"}
    reply = installation.ask("POST", "/applications", body, fields, caller=COUNTER)
    problem(reply, 400, "request")


def test_a_body_of_another_type_is_refused(installation: Installation) -> None:
    """The type says how to read it, so it must be right."""
    body = b"resident=22577205535"
    fields = {"Content-Type": "application/x-www-form-urlencoded"}
    reply = installation.ask("POST", "/applications", body, fields, caller=COUNTER)
    problem(reply, 400, "request")


def test_an_oversized_body_is_refused(installation: Installation) -> None:
    """Before anybody reads it."""
    limit = installation.settings.authority.body_limit
    reply = installation.ask(
        "POST", "/applications", b" " * (limit + 2), JSON, caller=COUNTER
    )
    problem(reply, 413, "http.body-too-large")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "http.no-such-path"),
        ("GET", "/applications/../audit", 404, "http.no-such-path"),
        ("DELETE", "/applications", 405, "http.method-not-allowed"),
        ("GET", "/authorities/governor-99/certificate.cer", 404, "not-found"),
        ("GET", "/audit", 401, "authentication"),
    ],
)
def test_http_itself_answers_with_problems(
    installation: Installation, method: str, path: str, status: int, code: str
) -> None:
    """Unknown paths, wrong methods, unknown authorities."""
    problem(installation.ask(method, path), status, code)


def test_an_unknown_application_is_not_found(installation: Installation) -> None:
    """Under any identifier that could be one, or could not."""
    for name in (str(uuid.uuid4()), "0", "%00", "a" * 300):
        reply = installation.ask("GET", f"/applications/{name}", caller=COUNTER)
        problem(reply, 404, "not-found")


def test_the_test_instant_is_refused_on_a_real_system(
    installation: Installation,
) -> None:
    """Nobody chooses the time of an authority."""
    resident = installation.newcomer()
    reply = installation.ask(
        "POST",
        "/applications",
        json.dumps({"resident": str(resident)}).encode(),
        {
            **JSON,
            "Idempotency-Key": "past",
            "JPKI-Test-Instant": "2014-10-01",
        },
        caller=COUNTER,
    )
    problem(reply, 400, "request")
    assert installation.live_application(resident) is None
