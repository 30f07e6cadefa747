"""The authorities' server over real HTTP: which keys are certified, and how."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from jpki.errors import RemoteRefusal
from jpki.keys.software import SoftwareSigner
from jpki.model.codes import ResidentCode
from jpki.model.ports import Signer
from jpki.model.suites import suite
from tests.support.installation import (
    Installation,
    new_key,
    request_for,
)
from tests.support.problems import problem

pytestmark = pytest.mark.usefixtures("books_agree")


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
