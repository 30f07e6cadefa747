"""Signed requests: what a server accepts, and all that it does not."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from http_message_signatures import HTTPMessageSigner, algorithms
from hypothesis import given
from hypothesis import strategies as st

from jpki.access import (
    Authenticator,
    Credential,
    RequestSigner,
    SignedRequest,
    generate_credential,
)
from jpki.errors import AuthenticationError, RequestError
from jpki.model.codes import MunicipalityCode
from jpki.model.operators import Caller, Role

NOW = datetime(2014, 10, 1, 3, 0, tzinfo=UTC)
URL = "http://registry.example:8403/residents?after=3&wait=1"
BODY = '{"kind":"転居"}'.encode()

COUNTER = generate_credential("counter-082201-1")
STRANGER = generate_credential("counter-082201-1")


class Memory:
    """Remembers nonces like a store, for as long as the test runs."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str], datetime] = {}

    def __call__(
        self, key_id: str, nonce: str, *, expires: datetime, at: datetime
    ) -> bool:
        new = (key_id, nonce) not in self.seen
        self.seen[key_id, nonce] = expires
        return new


def counting() -> Callable[[int], bytes]:
    """Octets that differ from call to call, the same in every run."""
    calls = iter(range(1, 1 << 30))
    return lambda count: next(calls).to_bytes(count, "big")


def caller_of(credential: Credential) -> Caller:
    """The counter of Tsukuba with this credential."""
    return Caller(
        id=credential.id,
        role=Role.COUNTER,
        public_key=credential.public_key,
        municipality=MunicipalityCode("082201"),
    )


def authenticator(memory: Memory | None = None) -> Authenticator:
    """A server that knows one counter."""
    known = {COUNTER.id: caller_of(COUNTER)}
    return Authenticator(known.get, memory or Memory())


def signed(
    *,
    credential: Credential = COUNTER,
    at: datetime = NOW,
    method: str = "POST",
    body: bytes = BODY,
    headers: Mapping[str, str] | None = None,
) -> SignedRequest:
    """A request as our client signs it."""
    signer = RequestSigner(credential, clock=lambda: at, random=counting())
    sent = signer.headers(method, URL, body, headers)
    return SignedRequest(method=method, url=URL, headers=sent, body=body)


def refused(request: SignedRequest, at: datetime = NOW) -> None:
    """Assert that a fresh server refuses this request, with the one message."""
    with pytest.raises(AuthenticationError) as caught:
        authenticator().authenticate(request, at)
    assert "not signed by a known caller" in caught.value.message
    assert not caught.value.data


def test_a_signed_request_names_its_caller() -> None:
    """What the client signs, the server accepts, and it learns who asked."""
    request = signed(headers={"Content-Type": "text/plain", "Idempotency-Key": "abc"})
    assert caller_of(COUNTER) == authenticator().authenticate(request, NOW)


def test_field_names_may_be_lower_case_on_arrival() -> None:
    """Field names are compared without case."""
    request = signed(headers={"Content-Type": "application/json"})
    lowered = {name.lower(): value for name, value in request.headers.items()}
    authenticator().authenticate(replace(request, headers=lowered), NOW)


def test_a_request_without_body_is_signed_too() -> None:
    """A GET carries the digest of the empty body."""
    authenticator().authenticate(signed(method="GET", body=b""), NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"url": URL + "0"},
        {"url": URL.replace("registry", "other")},
        {"url": "not a url"},
        {"body": BODY + b" "},
        {"body": b""},
    ],
)
def test_a_changed_request_is_refused(change: dict[str, Any]) -> None:
    """Method, target and body are covered."""
    refused(replace(signed(), **change))


@pytest.mark.parametrize(
    "name", ["content-type", "idempotency-key", "jpki-test-instant"]
)
def test_a_field_that_gives_meaning_must_be_covered(name: str) -> None:
    """Adding or changing such a field after signing is refused."""
    added = signed()
    added.headers[name] = "text/plain"
    refused(added)
    changed = signed(headers={name: "one"})
    changed.headers[name] = "two"
    refused(changed)


@pytest.mark.parametrize("field", ["Signature", "Signature-Input", "Content-Digest"])
def test_each_signature_field_is_needed(field: str) -> None:
    """Leaving out, emptying, garbling or bloating one of them is refused."""
    for value in (None, "", "garbage", 'jpki=("@method', "jpki=:AAAA:", "x" * 100_000):
        request = signed()
        if value is None:
            del request.headers[field]
        else:
            request.headers[field] = value
        refused(request)


def test_another_key_under_a_known_name_is_refused() -> None:
    """The name alone proves nothing."""
    refused(signed(credential=STRANGER))


def test_an_unknown_name_is_refused_with_the_same_words() -> None:
    """Nobody can probe which callers exist."""
    refused(signed(credential=generate_credential("counter-131016-1")))


@pytest.mark.parametrize(
    ("late", "accepted"),
    [(-31, False), (-30, True), (0, True), (60, True), (90, True), (91, False)],
)
def test_a_signature_is_good_for_its_moment_only(late: int, accepted: bool) -> None:
    """From 30 s before `created` to 30 s after `expires`, and no longer."""
    request, at = signed(), NOW + timedelta(seconds=late)
    if accepted:
        authenticator().authenticate(request, at)
    else:
        refused(request, at)


def test_a_replay_is_refused() -> None:
    """The same request is accepted once, also within its life."""
    memory = Memory()
    server, request = authenticator(memory), signed()
    server.authenticate(request, NOW)
    with pytest.raises(AuthenticationError):
        server.authenticate(request, NOW + timedelta(seconds=1))
    (expires,) = memory.seen.values()
    assert expires > NOW + timedelta(seconds=90)


def test_a_refused_request_leaves_no_nonce() -> None:
    """Strangers cannot fill the memory of nonces."""
    memory = Memory()
    with pytest.raises(AuthenticationError):
        authenticator(memory).authenticate(signed(credential=STRANGER), NOW)
    assert not memory.seen


def by_hand(**changes: Any) -> SignedRequest:
    """A request signed by the general library, with the counter's real key."""
    key = ec.generate_private_key(ec.SECP256R1())
    request = SignedRequest(method="GET", url=URL, headers={}, body=b"")
    options: dict[str, Any] = {
        "key_id": "by-hand",
        "created": NOW,
        "expires": NOW + timedelta(seconds=60),
        "nonce": "0123456789abcdef",
        "tag": "jpki",
        "covered_component_ids": ("@target-uri", "@method", "@authority"),
        "body": b"",
        "include_alg": False,
    } | changes

    class Keys:
        def resolve_private_key(self, key_id: str) -> ec.EllipticCurvePrivateKey:
            return key

        def resolve_public_key(self, key_id: str) -> ec.EllipticCurvePublicKey:
            return key.public_key()

    HTTPMessageSigner(
        signature_algorithm=algorithms.ECDSA_P256_SHA256,
        key_resolver=Keys(),  # type: ignore[arg-type]
    ).sign(request, **options)
    spki = key.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    known = Caller(id="by-hand", role=Role.AUDITOR, public_key=spki)
    Authenticator({"by-hand": known}.get, Memory()).authenticate(request, NOW)
    return request


def test_other_orders_and_more_components_are_accepted() -> None:
    """Any client of the standard may call, not only ours."""
    by_hand()


@pytest.mark.parametrize(
    "changes",
    [
        {"covered_component_ids": ("@method",)},
        {"covered_component_ids": ("@target-uri",)},
        {"body": None},
        {"nonce": None},
        {"nonce": "short"},
        {"expires": None},
        {"expires": NOW + timedelta(minutes=6)},
        {"created": NOW + timedelta(seconds=100)},
        {"created": NOW - timedelta(hours=1), "expires": NOW - timedelta(minutes=56)},
        {"tag": None},
        {"tag": "other"},
    ],
)
def test_a_signature_that_says_too_little_is_refused(changes: dict[str, Any]) -> None:
    """Good signatures with a part missing or a life too long are refused."""
    with pytest.raises(AuthenticationError):
        by_hand(**changes)


@given(st.sampled_from(["Signature", "Signature-Input", "Content-Digest"]), st.text())
def test_hostile_fields_raise_only_our_error(field: str, value: str) -> None:
    """Whatever stands in the fields, the answer is a refusal."""
    request = signed()
    request.headers[field] = value
    refused(request)


@given(st.data())
def test_damaged_signature_fields_raise_only_our_error(data: st.DataObject) -> None:
    """Changing any one character of the signature's fields is refused."""
    request = signed()
    field = data.draw(st.sampled_from(["Signature", "Signature-Input"]))
    value = request.headers[field]
    position = data.draw(st.integers(0, len(value) - 1))
    character = data.draw(st.characters(max_codepoint=255))
    damaged = value[:position] + character + value[position + 1 :]
    if re.sub(r"\s", "", damaged) == re.sub(r"\s", "", value):
        return
    request.headers[field] = damaged
    with pytest.raises(AuthenticationError):
        authenticator().authenticate(request, NOW)


def test_what_cannot_be_signed_is_said_at_the_client() -> None:
    """A URL that is not encoded is the caller's mistake, not a server's refusal."""
    signer = RequestSigner(COUNTER, clock=lambda: NOW, random=counting())
    with pytest.raises(RequestError, match="cannot be signed"):
        signer.headers("GET", "http://registry.example/住民")
