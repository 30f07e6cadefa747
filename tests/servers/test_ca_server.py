"""The authorities' server as a process of its own, over real HTTP: what it refuses.

Every refusal is a problem document with a stable code, and leaves nothing half-done.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from jpki.access import RequestSigner, generate_credential
from jpki.errors import RemoteRefusal
from jpki.keys.software import SoftwareSigner
from jpki.model.codes import ResidentCode
from jpki.model.ports import Signer
from jpki.model.suites import suite
from jpki.service.clock import ProcessClock, system_random
from jpki.x509.parse import parse_certificate
from tests.support.installation import (
    AUDITOR,
    COUNTER,
    FOUNDER,
    GOVERNOR,
    MITO_COUNTER,
    REGISTRAR,
    Installation,
    Reply,
    new_key,
    request_for,
    send,
)

CHILD: Final = "10593713593"
NOBODY: Final = "22577205535"
OF_MITO: Final = "34989584920"
JSON: Final = {"Content-Type": "application/json"}


@pytest.fixture(autouse=True)
def books_agree(installation: Installation) -> Iterator[None]:
    """Whatever a test did: the log verifies and every serial is accounted for."""
    yield
    installation.check_books()


def problem(reply: Reply, status: int, code: str) -> dict[str, Any]:
    """The problem document (RFC 9457) that the reply must be."""
    assert (reply.status, reply.document.get("code")) == (status, code)
    document = reply.document
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.headers["cache-control"] == "no-store"
    assert document["status"] == status
    assert document["type"].endswith(f":problem/{code}")
    assert document["title"]
    for inside in (b"Traceback", b'File "', b"/jpki/", b"sqlite"):
        assert inside not in reply.body
    return document


# -- a good application, to have something to hold refusals against -------------------


def test_an_application_ends_in_a_delivered_certificate(
    installation: Installation,
) -> None:
    """Filed, certified, delivered; and each step may be repeated."""
    resident, client, signer = installation.newcomer(), installation.client(), new_key()
    filed = client.file_application(resident, "of this test")
    assert client.file_application(resident, "of this test") == filed
    request = request_for(filed.challenge, signer)
    issued = client.certify(filed.id, request)
    assert client.certify(filed.id, request) == issued
    delivered = client.confirm_delivery(filed.id)
    assert client.confirm_delivery(filed.id) == delivered
    assert (delivered.state, delivered.authority) == ("delivered", GOVERNOR)
    certificate = parse_certificate(issued.certificate)
    assert certificate.public_key == signer.public_key
    assert certificate.serial == issued.serial
    assert issued.authority_certificate == installation.issuer.raw
    assert installation.certificates_of(resident) == 1
    shown = installation.ask("GET", f"/applications/{filed.id}", caller=COUNTER)
    assert shown.document["serial"] == f"{issued.serial:x}"


def test_equal_requests_at_the_same_time_get_one_answer(
    installation: Installation,
) -> None:
    """Eight clerks with one idempotency key file one application."""
    resident = str(installation.newcomer())
    with ThreadPoolExecutor(8) as pool:
        replies = list(
            pool.map(lambda _: installation.file(resident, key="the same"), range(8))
        )
    assert {reply.status for reply in replies} == {201}
    assert len({reply.document["id"] for reply in replies}) == 1


def test_different_requests_at_the_same_time_leave_one_application(
    installation: Installation,
) -> None:
    """Eight applications of one person: one is filed, seven are refused."""
    resident = str(installation.newcomer())
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: installation.file(resident), range(8)))
    assert sorted(reply.status for reply in replies) == [201, *[409] * 7]
    for reply in replies:
        if reply.status == 409:
            problem(reply, 409, "application.conflict")


# -- who may apply --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resident", "status", "code"),
    [
        (NOBODY, 422, "registry.unknown-resident"),
        (CHILD, 422, "registry.not-eligible"),
        (OF_MITO, 403, "registry.wrong-municipality"),
    ],
)
def test_whom_the_register_does_not_vouch_for_gets_no_application(
    installation: Installation, resident: str, status: int, code: str
) -> None:
    """Unknown, under 15, or of another municipality: refused, nothing filed."""
    problem(installation.file(resident), status, code)
    assert installation.live_application(ResidentCode(resident)) is None


def test_the_ground_of_ineligibility_is_told(installation: Installation) -> None:
    """A program can tell a child from somebody who died."""
    assert installation.file(CHILD).document["ground"] == "under-15"


def test_there_is_one_open_application_a_person(installation: Installation) -> None:
    """A second one is refused until the first is cancelled."""
    resident = str(installation.newcomer())
    first = installation.file(resident)
    document = problem(installation.file(resident), 409, "application.conflict")
    assert first.document["id"] in document["detail"]
    assert "cancel" in document["hint"]
    installation.client().cancel(first.document["id"])
    assert installation.live_application(ResidentCode(resident)) is None
    assert installation.file(resident).status == 201


def test_there_is_one_live_certificate_a_person(installation: Installation) -> None:
    """Who holds one gets no second, but does once it is revoked."""
    resident = installation.newcomer()
    issued = installation.certified(resident)
    problem(installation.file(str(resident)), 409, "application.certificate-live")
    assert installation.live_application(resident) is None
    installation.client().revoke(
        GOVERNOR, issued.serial, "keyCompromise", "the card was lost"
    )
    assert installation.file(str(resident)).status == 201


def test_an_idempotency_key_stands_for_one_application(
    installation: Installation,
) -> None:
    """The same key with another resident is a mistake, not a repetition."""
    key = str(uuid.uuid4())
    assert installation.file(str(installation.newcomer()), key=key).status == 201
    other = installation.newcomer()
    problem(installation.file(str(other), key=key), 409, "conflict")
    assert installation.live_application(other) is None


@pytest.mark.parametrize("key", [None, "", "k" * 129])
def test_an_application_needs_an_idempotency_key(
    installation: Installation, key: str | None
) -> None:
    """Without one, a broken connection could mean two applications."""
    resident = installation.newcomer()
    fields = JSON if key is None else {**JSON, "Idempotency-Key": key}
    body = json.dumps({"resident": str(resident)}).encode()
    reply = installation.ask("POST", "/applications", body, fields, caller=COUNTER)
    problem(reply, 400, "request")
    assert installation.live_application(resident) is None


def test_an_era_without_authentication_certificates_says_so(
    installation: Installation,
) -> None:
    """利用者証明用 came with the My Number Card."""
    resident = installation.newcomer()
    reply = installation.file(str(resident), purpose="authentication")
    problem(reply, 409, "issuance")


# -- who calls ------------------------------------------------------------------------


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


# -- which keys are certified ---------------------------------------------------------


@pytest.fixture(scope="module")
def application(installation: Installation) -> tuple[str, str, ResidentCode]:
    """An open application for requests that are refused: id, challenge, resident."""
    resident = installation.newcomer()
    filed = installation.client().file_application(resident, "for refusals")
    return filed.id, filed.challenge, resident


def _broken_signature(challenge: str) -> bytes:
    request = request_for(challenge, new_key())
    return request[:-1] + bytes([request[-1] ^ 1])


def _foreign_signature(challenge: str) -> bytes:
    """Signed by another key than the request carries."""
    mine, other = new_key(), new_key()
    return request_for(challenge, _Posing(mine, other.public_key))


class _Posing:
    """Signs with one key and shows another."""

    def __init__(self, signer: Signer, public_key: bytes) -> None:
        self.suite = signer.suite
        self.public_key = public_key
        self.sign = signer.sign


def _exponent_3() -> Signer:
    key = rsa.generate_private_key(3, 2048)
    return SoftwareSigner(key, suite("rsa2048-sha256"))


_REFUSED_REQUESTS: Final[dict[str, tuple[Callable[[str], bytes], int, str, str]]] = {
    "empty": (lambda _: b"", 400, "encoding", ""),
    "no request": (lambda _: b"\x30\x03\x02\x01\x00", 400, "encoding", ""),
    "truncated": (lambda c: request_for(c, new_key())[:-1], 400, "encoding", ""),
    "trailing": (lambda c: request_for(c, new_key()) + b"\0", 400, "encoding", ""),
    "nested": (lambda _: b"\x30\x80" * 10_000, 400, "encoding", ""),
    "broken": (_broken_signature, 422, "key.proof-of-possession", ""),
    "foreign": (_foreign_signature, 422, "key.proof-of-possession", ""),
    "no challenge": (
        lambda _: request_for("", new_key()),
        422,
        "key.proof-of-possession",
        "",
    ),
    "curve": (
        lambda c: request_for(c, new_key("p256-sha256")),
        422,
        "key.rejected",
        "wrong-suite",
    ),
    "short": (
        lambda c: request_for(c, new_key("rsa1024-sha1")),
        422,
        "key.rejected",
        "wrong-suite",
    ),
    "exponent 3": (
        lambda c: request_for(c, _exponent_3()),
        422,
        "key.rejected",
        "weak",
    ),
}


@pytest.mark.parametrize("case", _REFUSED_REQUESTS)
def test_a_request_that_proves_nothing_is_refused(
    installation: Installation, application: tuple[str, str, ResidentCode], case: str
) -> None:
    """Unreadable, unproven, weak or of the wrong suite; the application stays open."""
    make, status, code, why = _REFUSED_REQUESTS[case]
    name, challenge, resident = application
    document = problem(installation.certify(name, make(challenge)), status, code)
    assert document.get("problem", "") == why
    assert installation.live_application(resident) == "filed"
    assert installation.certificates_of(resident) == 0


def test_a_request_is_for_one_application(
    installation: Installation, application: tuple[str, str, ResidentCode]
) -> None:
    """One that was signed for another application's challenge is refused."""
    other = installation.file(str(installation.newcomer())).document
    request = request_for(application[1], new_key())
    document = problem(
        installation.certify(other["id"], request), 422, "key.proof-of-possession"
    )
    assert "challenge" in document["hint"]


def test_a_key_is_certified_once(
    installation: Installation, application: tuple[str, str, ResidentCode]
) -> None:
    """A key that has a certificate, of whomever, gets no second."""
    client, signer = installation.client(), new_key()
    other = client.file_application(installation.newcomer(), str(uuid.uuid4()))
    client.certify(other.id, request_for(other.challenge, signer))
    name, challenge, resident = application
    document = problem(
        installation.certify(name, request_for(challenge, signer)),
        422,
        "key.rejected",
    )
    assert document["problem"] == "reused"
    assert installation.live_application(resident) == "filed"


def test_after_all_refusals_the_right_request_is_answered(
    installation: Installation, application: tuple[str, str, ResidentCode]
) -> None:
    """Refusals cost nothing; and a certified application takes no other key."""
    name, challenge, resident = application
    reply = installation.certify(name, request_for(challenge, new_key()))
    assert reply.status == 200
    another = installation.certify(name, request_for(challenge, new_key()))
    problem(another, 409, "application.conflict")
    assert installation.certificates_of(resident) == 1


def test_a_cancelled_application_gets_no_certificate(
    installation: Installation,
) -> None:
    """Nor can it be delivered."""
    resident, client = installation.newcomer(), installation.client()
    filed = client.file_application(resident, str(uuid.uuid4()))
    client.cancel(filed.id)
    request = request_for(filed.challenge, new_key())
    problem(installation.certify(filed.id, request), 409, "application.conflict")
    with pytest.raises(RemoteRefusal) as refusal:
        client.confirm_delivery(filed.id)
    assert refusal.value.reason_code == "application.conflict"
    assert installation.certificates_of(resident) == 0


@pytest.fixture(scope="module")
def right_request(installation: Installation) -> tuple[str, bytes, ResidentCode]:
    """An open application and its right request, which nobody sends."""
    resident = installation.newcomer()
    filed = installation.client().file_application(resident, "one octet")
    return filed.id, request_for(filed.challenge, new_key()), resident


@given(place=st.integers(0, 10**9), flip=st.integers(1, 255))
def test_a_request_with_one_changed_octet_is_never_certified(
    installation: Installation,
    right_request: tuple[str, bytes, ResidentCode],
    place: int,
    flip: int,
) -> None:
    """Whatever octet it is: refused, and not by a failure of the server."""
    name, request, resident = right_request
    changed = bytearray(request)
    changed[place % len(request)] ^= flip
    reply = installation.certify(name, bytes(changed))
    assert reply.status in (400, 422)
    problem(reply, reply.status, reply.document["code"])
    assert installation.live_application(resident) == "filed"


# -- revocation -----------------------------------------------------------------------


def revoke(
    installation: Installation, serial: str, caller: str = COUNTER, **members: object
) -> Reply:
    """A revocation as JSON, whatever its members are."""
    document = {"reason": "keyCompromise", "ground": "the card was lost", **members}
    return installation.ask(
        "POST",
        f"/certificates/{GOVERNOR}/{serial}/revocation",
        json.dumps(document).encode(),
        JSON,
        caller=caller,
    )


def test_a_revocation_stands_as_it_was_first_said(
    installation: Installation,
) -> None:
    """Revoking again changes neither reason nor time."""
    serial = f"{installation.certified().serial:x}"
    first = revoke(installation, serial)
    assert first.status == 200
    again = revoke(installation, serial, reason="cessationOfOperation")
    assert again.document == first.document


@pytest.fixture(scope="module")
def good(installation: Installation) -> str:
    """The serial number of a certificate that nobody manages to revoke."""
    return f"{installation.certified().serial:x}"


@pytest.mark.parametrize(
    ("members", "status", "code"),
    [
        ({"reason": "boredom"}, 400, "request"),
        ({"reason": None}, 400, "request"),
        ({"ground": ""}, 400, "request"),
        ({"ground": "g" * 201}, 400, "request"),
        ({"invalidity_date": "9999-12-31"}, 400, "request"),
        ({"invalidity_date": "yesterday"}, 400, "request"),
        ({"since": "2014-10-01"}, 400, "request"),
        ({"reason": "cACompromise"}, 403, "permission"),
    ],
)
def test_a_revocation_that_cannot_be_is_refused(
    installation: Installation,
    good: str,
    members: dict[str, object],
    status: int,
    code: str,
) -> None:
    """And the certificate stays good."""
    problem(revoke(installation, good, COUNTER, **members), status, code)
    with installation.office.store.read() as uow:
        assert uow.journal.find(GOVERNOR, int(good, 16)) is None


@pytest.mark.parametrize("caller", [AUDITOR, MITO_COUNTER])
def test_not_everybody_revokes(
    installation: Installation, good: str, caller: str
) -> None:
    """Only the counter that issued, and CA operators."""
    problem(revoke(installation, good, caller), 403, "permission")


def test_a_counter_cannot_revoke_an_authority(installation: Installation) -> None:
    """The self-signed certificate belongs to no application."""
    serial = f"{installation.issuer.serial:x}"
    problem(revoke(installation, serial), 403, "permission")


@pytest.mark.parametrize(
    ("serial", "status", "code"),
    [
        ("123456", 404, "not-found"),
        ("f" * 40, 404, "not-found"),
        ("f" * 41, 400, "request"),
        ("xyz", 400, "request"),
        ("-1", 400, "request"),
        ("+1", 400, "request"),
        ("1_0", 400, "request"),
        ("%201", 400, "request"),
        ("%EF%BC%91", 400, "request"),
    ],
)
def test_a_serial_number_is_hexadecimal(
    installation: Installation, serial: str, status: int, code: str
) -> None:
    """Written one way only; and one that was never reserved is not found."""
    problem(revoke(installation, serial), status, code)


# -- what anybody may ask -------------------------------------------------------------


def test_everybody_may_fetch_authority_certificates(
    installation: Installation,
) -> None:
    """Self-signed and cross certificates of two governors and the bridge."""
    certificates = [
        parse_certificate(raw) for raw in installation.client().authority_certificates()
    ]
    own = [entry for entry in certificates if entry.subject_der == entry.issuer_der]
    assert (len(certificates), len(own)) == (7, 3)
    reply = installation.ask("GET", f"/authorities/{GOVERNOR}/certificate.cer")
    assert reply.headers["content-type"] == "application/pkix-cert"
    assert reply.body == installation.issuer.raw


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_health_is_told(installation: Installation, path: str) -> None:
    """To whoever watches over the servers."""
    assert installation.ask("GET", path).status == 200
