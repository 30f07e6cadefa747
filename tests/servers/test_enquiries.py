"""What counters ask of the authorities' server beside the steps of an application."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import pytest

from jpki.authority.remote.answers import (
    held_certificate,
    instant_of,
    member_of,
    number_of,
    open_application,
)
from jpki.errors import RemoteRefusal, ServiceUnavailable
from jpki.model.purposes import Purpose
from tests.support.installation import (
    AUDITOR,
    COUNTER,
    FOUNDER,
    GOVERNOR,
    MITO_COUNTER,
    REGISTRAR,
    Installation,
    Reply,
)

pytestmark = pytest.mark.usefixtures("books_agree")

JSON: Final = {"Content-Type": "application/json"}
NOBODY: Final = "22577205535"
OF_MITO: Final = "34989584920"


def _ask(
    site: Installation,
    path: str,
    members: Mapping[str, object],
    caller: str | None = COUNTER,
) -> Reply:
    return site.ask("POST", path, json.dumps(members).encode(), JSON, caller=caller)


def test_an_enquiry_and_what_is_open(installation: Installation) -> None:
    """The resident's certificates and application, and the counter's list."""
    client, resident = installation.client(), installation.newcomer()
    filed = client.file_application(resident, "of this enquiry")
    assert client.application(filed.id) == filed
    asked = client.holdings(resident)
    assert asked.under_way(Purpose.SIGNATURE) == filed
    assert asked.under_way(Purpose.AUTHENTICATION) is None
    listed = [
        entry for entry in client.open_applications() if entry.resident == resident
    ]
    assert [entry.application for entry in listed] == [filed]
    others = installation.client(MITO_COUNTER).open_applications()
    assert filed.id not in {entry.application.id for entry in others}
    client.cancel(filed.id)
    issued = installation.certified(resident)
    held = client.holdings(resident).live(Purpose.SIGNATURE)
    assert held is not None
    assert (held.authority, held.serial) == (GOVERNOR, issued.serial)
    assert client.issued(issued.application.id).certificate == issued.certificate


def test_an_application_of_another_kind_than_the_books(
    installation: Installation,
) -> None:
    """Refused with the first day on which it could be renewed."""
    resident = installation.newcomer()
    assert installation.file(str(resident), kind="renewal").status == 409
    assert installation.file(str(resident), kind="nothing").status == 400
    installation.certified(resident)
    refused = installation.file(str(resident), kind="renewal")
    assert refused.status == 409
    assert refused.document["code"] == "application.certificate-live"
    held = installation.client().holdings(resident).live(Purpose.SIGNATURE)
    assert held is not None
    assert refused.document["renewable_from"] == held.renewable_from.isoformat()


def test_a_surrender_may_be_repeated(installation: Installation) -> None:
    """The second finds nothing left; the status is that of the first."""
    client, resident = installation.client(), installation.newcomer()
    issued = installation.certified(resident)
    first = client.surrender(resident, "0000000000000001")
    assert first.revoked == ((GOVERNOR, issued.serial),)
    assert client.surrender(resident, "0000000000000001").revoked == ()
    (held,) = client.holdings(resident).certificates
    assert (held.live, held.reason) == (False, "cessationOfOperation")


@pytest.mark.parametrize("path", ["/enquiries", "/surrenders"])
def test_only_a_counter_asks_and_only_about_its_own(
    installation: Installation, path: str
) -> None:
    """Others, and other counters, learn nothing, not even whether there is anything."""
    resident = installation.newcomer()
    members = {"resident": str(resident)}
    if path == "/surrenders":
        members["card"] = "1"
    assert _ask(installation, path, members, None).status == 401
    assert _ask(installation, path, members, REGISTRAR).status == 401
    for caller in (AUDITOR, FOUNDER):
        assert _ask(installation, path, members, caller).status == 403
    elsewhere = _ask(installation, path, members, MITO_COUNTER)
    assert (elsewhere.status, elsewhere.document["code"]) == (
        403,
        "registry.wrong-municipality",
    )
    nobody = _ask(installation, path, {**members, "resident": NOBODY})
    assert nobody.document["code"] == "registry.unknown-resident"
    assert _ask(installation, path, {**members, "resident": OF_MITO}).status == 403
    for caller in (AUDITOR, FOUNDER):
        assert installation.ask("GET", "/applications", caller=caller).status == 403


@pytest.mark.parametrize("path", ["/enquiries", "/surrenders"])
@pytest.mark.parametrize(
    "members",
    [
        {},
        {"resident": 1},
        {"resident": "12345678901"},
        {"resident": "5282499289４"},
        {"resident": "52824992894", "card": 1},
        {"resident": "52824992894", "card": "no card", "more": True},
    ],
)
def test_bodies_that_cannot_be(
    installation: Installation, path: str, members: dict[str, object]
) -> None:
    """Refused as malformed, before the register or the books are asked."""
    refused = _ask(installation, path, members)
    assert (refused.status, refused.document["code"]) == (400, "request")
    assert b"52824992894" not in refused.body


def test_what_is_not_issued_is_not_given(installation: Installation) -> None:
    """Not for an application that waits, is cancelled, is another's, or is none."""
    client, resident = installation.client(), installation.newcomer()
    filed = client.file_application(resident, "of this refusal")
    with pytest.raises(RemoteRefusal, match="filed"):
        client.issued(filed.id)
    with pytest.raises(RemoteRefusal) as foreign:
        installation.client(MITO_COUNTER).issued(filed.id)
    assert foreign.value.reason_code == "permission"
    with pytest.raises(RemoteRefusal) as none:
        client.issued("../certificates")
    assert none.value.reason_code in ("not-found", "http.no-such-path")
    client.cancel(filed.id)
    with pytest.raises(RemoteRefusal, match="cancelled"):
        client.issued(filed.id)


_APPLICATION: Final = {
    "id": "a",
    "state": "filed",
    "authority": GOVERNOR,
    "challenge": "c",
    "purpose": "signature",
    "resident": "52824992894",
    "filed_at": "2026-01-01T00:00:00Z",
    "filed_by": COUNTER,
}


@pytest.mark.parametrize(
    "change",
    [
        {"resident": "12345678901"},
        {"resident": None},
        {"purpose": "both"},
        {"filed_at": "yesterday"},
        {"filed_at": "2026-01-01T00:00:00"},
        {"state": 1},
    ],
)
def test_answers_that_are_none(change: dict[str, object]) -> None:
    """A server that says what cannot be is as good as silent."""
    assert open_application(_APPLICATION).filed_by == COUNTER
    with pytest.raises(ServiceUnavailable):
        open_application({**_APPLICATION, **change})
    nothing: list[Any] = [None, [], "text", {}]
    for broken in nothing:
        with pytest.raises(ServiceUnavailable):
            held_certificate(broken)
    with pytest.raises(ServiceUnavailable):
        number_of({"serial": "xyz"}, "serial")
    with pytest.raises(ServiceUnavailable):
        instant_of({"at": "-"}, "at")
    with pytest.raises(ServiceUnavailable):
        member_of({"at": True}, "at", str)
