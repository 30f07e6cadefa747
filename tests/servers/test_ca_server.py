"""The authorities' server as a process of its own, over real HTTP: applications.

Every refusal is a problem document with a stable code, and leaves nothing half-done;
likewise in `test_callers`, `test_certifying` and `test_revoking`.
"""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from jpki.model.codes import ResidentCode
from jpki.x509.parse import parse_certificate
from tests.support.installation import (
    COUNTER,
    GOVERNOR,
    Installation,
    new_key,
    request_for,
)
from tests.support.problems import problem

pytestmark = pytest.mark.usefixtures("books_agree")

CHILD: Final = "10593713593"
NOBODY: Final = "22577205535"
OF_MITO: Final = "34989584920"
JSON: Final = {"Content-Type": "application/json"}


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
