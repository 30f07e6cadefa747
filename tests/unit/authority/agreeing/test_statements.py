"""What people signed when they agreed: kept, verified later, and found altered."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from jpki.access import Credential, Evidence, RequestSigner, generate_credential
from jpki.authority import Consent, Office, agree, enrol_operator, refuse, request
from jpki.authority.agreeing.deeds import Deed, enrolment, founding
from jpki.authority.agreeing.statements import (
    Statement,
    agreements,
    approval_of,
    check_statement,
    refusal_of,
    request_for,
)
from jpki.errors import AuditError, AuthenticationError, RequestError
from jpki.model.operators import Caller, Role
from jpki.service.clock import system_random
from jpki.store import AuthorityStore
from jpki.store.authority_records import AuditEntry
from tests.support.offices import FOUNDING, GOVERNOR, new_office

DEED = founding("governor-13", "prefectural-sha256")


class _People:
    """Two operators with their credentials, enrolled; everything is signed."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.held = {
            name: generate_credential(name) for name in ("ca-one", "ca-two", "ca-odd")
        }
        self.one, self.two = (_caller(self.held[name]) for name in ("ca-one", "ca-two"))
        for somebody in (self.one, self.two):
            by = self.agree(enrolment(GOVERNOR, somebody))
            enrol_operator(office, GOVERNOR, somebody, at=FOUNDING, by=by)

    def agree(self, deed: Deed) -> Consent:
        """Both, with their signatures."""
        return agree(
            self.office,
            deed,
            at=FOUNDING,
            requested_by=self.one,
            by=self.two,
            sign=lambda by, said: self.sign(by.id, said),
        )

    def sign(
        self, name: str, statement: Statement, path: str | None = None
    ) -> Evidence:
        """As that operator's client does it."""
        signer = RequestSigner(
            self.held[name], clock=lambda: FOUNDING, random=system_random
        )
        url = f"https://ca.example/ca{path or statement.path}"
        return signer.evidence("POST", url, statement.body)


def _caller(credential: Credential) -> Caller:
    return Caller(
        id=credential.id, role=Role.CA_OPERATOR, public_key=credential.public_key
    )


@pytest.fixture
def people(founded_store: AuthorityStore) -> _People:
    """Two operators of a prefecture's authority."""
    return _People(new_office(founded_store))


def _entries(people: _People, act: str) -> list[AuditEntry]:
    with people.office.store.read() as uow:
        return [
            entry
            for entry in uow.audit.walk()
            if entry.act == act and entry.actor in people.held
        ]


def test_whoever_has_entry_and_key_verifies_what_was_agreed_to(
    people: _People,
) -> None:
    """Requests, approvals and refusals; before the operators had certificates too."""
    consent = people.agree(DEED)
    evidence = people.sign("ca-one", refusal_of(consent.request))
    refuse(
        people.office, consent.request, at=FOUNDING, by=people.one, evidence=evidence
    )
    for act, by in (
        ("consent.requested", people.one),
        ("consent.approved", people.two),
        ("consent.refused", people.one),
    ):
        for entry in _entries(people, act):
            assert check_statement(entry, by.public_key)
    with people.office.store.read() as uow:
        found = agreements(uow)
    assert found.problems == ()
    assert found.signed == 7
    # Two at a founding were taken at their word: nothing was signed.
    assert found.entries > found.signed


@pytest.mark.parametrize(
    "spoil",
    [
        lambda details: details | {"digest": "00" * 32},
        lambda details: details | {"body": details["body"].replace("13", "14")},
        lambda details: details | {"signed": details["signed"] + " "},
        lambda details: details | {"signed": "é"},
        lambda details: details | {"signature": "AAAA"},
        lambda details: details | {"signature": "*"},
        lambda details: details | {"signature": 1},
        lambda details: {k: v for k, v in details.items() if k != "body"},
    ],
)
def test_what_was_not_signed_so_is_told(
    people: _People, spoil: Callable[[dict[str, str]], object]
) -> None:
    """Not one part of it can be changed."""
    people.agree(DEED)
    entry = _entries(people, "consent.requested")[-1]
    spoiled = json.dumps(spoil(json.loads(entry.details)))
    with pytest.raises(AuditError) as caught:
        check_statement(replace(entry, details=spoiled), people.one.public_key)
    assert caught.value.sequence == entry.sequence
    for other in (
        replace(entry, actor="ca-two"),
        replace(entry, act="consent.approved"),
        replace(entry, act="consent.refused"),
    ):
        with pytest.raises(AuditError):
            check_statement(other, people.one.public_key)
    with pytest.raises(AuditError, match="does not verify"):
        check_statement(entry, people.two.public_key)


def test_something_else_is_not_kept_as_evidence(people: _People) -> None:
    """Another deed, another path, another's key, another body: nothing is recorded."""
    other = request_for(founding("governor-14", "prefectural-sha256"))
    good = people.sign("ca-one", request_for(DEED))
    for evidence in (
        people.sign("ca-one", other),
        people.sign("ca-one", request_for(DEED), "/elsewhere"),
        people.sign("ca-two", request_for(DEED)),
        people.sign("ca-one", approval_of("x", DEED.digest), "/requests"),
        replace(good, body=other.body),
    ):
        with pytest.raises(RequestError, match="the signed request"):
            request(people.office, DEED, at=FOUNDING, by=people.one, evidence=evidence)
    with pytest.raises(AuthenticationError):
        replace(good, signature=good.signature[:-1]).check(people.one.public_key)
    request(people.office, DEED, at=FOUNDING, by=people.one, evidence=good)
