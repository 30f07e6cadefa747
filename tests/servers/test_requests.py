"""Requests and approvals over HTTP, each signed by the operator who sends it."""

from __future__ import annotations

import json

import pytest

from jpki.authority.agreeing.deeds import founding
from jpki.authority.agreeing.statements import agreements, check_statement
from jpki.errors import RemoteRefusal
from tests.support.installation import COUNTER, FOUNDER, Installation, Reply

SECOND = "ca-operator-2"
DEED = founding("governor-47", "prefectural-sha256")


def _post(
    installation: Installation, path: str, document: object, caller: str
) -> Reply:
    return installation.ask(
        "POST",
        path,
        json.dumps(document).encode(),
        {"Content-Type": "application/json"},
        caller=caller,
    )


def _code(reply: Reply) -> tuple[int, str]:
    return reply.status, str(reply.document.get("code"))


def test_one_asks_another_approves(installation: Installation) -> None:
    """Seen by both, approved by the other, and withdrawn before anything is done."""
    order = {"act": DEED.kind.value, "parameters": dict(DEED.parameters)}
    asked = _post(installation, "/requests", order, FOUNDER)
    assert asked.status == 201
    request = asked.document
    assert request["digest"] == DEED.digest.hex()
    path = f"/requests/{request['id']}"
    seen = installation.ask("GET", "/requests", caller=SECOND).document
    assert request in seen["requests"]
    read = {"digest": request["digest"]}
    alone = _post(installation, f"{path}/approval", read, FOUNDER)
    assert _code(alone) == (403, "consent.same-person")
    other = _post(installation, f"{path}/approval", {"digest": "00"}, SECOND)
    assert _code(other) == (409, "consent.mismatch")
    approved = _post(installation, f"{path}/approval", read, SECOND)
    assert approved.document["approved_by"] == SECOND
    refused = installation.ask("POST", f"{path}/refusal", caller=FOUNDER)
    assert refused.document["refused_by"] == FOUNDER
    late = _post(installation, f"{path}/approval", read, SECOND)
    assert _code(late) == (409, "consent.refused")
    seen = installation.ask("GET", "/requests", caller=SECOND).document
    assert seen["requests"] == []


def test_a_client_asks_approves_and_refuses(installation: Installation) -> None:
    """What each of them signed on the way is in the log, and verifies."""
    one, two = installation.client(FOUNDER), installation.client(SECOND)
    asked = one.request(DEED)
    assert asked.deed == DEED
    assert asked in two.requests()
    with pytest.raises(RemoteRefusal, match="cannot approve"):
        one.approve(asked.id, DEED.digest)
    assert two.approve(asked.id, asked.deed.digest).approved_by == SECOND
    assert one.refuse(asked.id).refused_by == FOUNDER
    assert asked.id not in [each.id for each in two.requests()]
    with installation.office.store.read() as uow:
        said = uow.audit.of_subject(asked.id)
        key = {each: uow.operators.get(each).public_key for each in (FOUNDER, SECOND)}
        assert agreements(uow).problems == ()
    assert [entry.act for entry in said] == [
        "consent.requested",
        "consent.approved",
        "consent.refused",
    ]
    assert all(check_statement(entry, key[entry.actor]) for entry in said)


def test_counters_have_no_part_in_it(installation: Installation) -> None:
    """They neither ask for an authority nor read what others ask for."""
    order = {"act": DEED.kind.value, "parameters": dict(DEED.parameters)}
    for reply in (
        _post(installation, "/requests", order, COUNTER),
        installation.ask("GET", "/requests", caller=COUNTER),
    ):
        assert _code(reply) == (403, "permission")


def test_what_cannot_be_asked_for(installation: Installation) -> None:
    """Unknown acts and parameters, and requests that are not there."""
    for order in (
        {"act": "destroy", "parameters": {}},
        {"act": "found", "parameters": {}},
        {"act": "found", "parameters": {**DEED.parameters, "more": 1}},
        {"act": "found", "parameters": []},
    ):
        reply = _post(installation, "/requests", order, FOUNDER)
        assert _code(reply) == (400, "request")
    reply = _post(installation, "/requests/none/approval", {"digest": "00"}, FOUNDER)
    assert _code(reply) == (404, "not-found")
