"""Two-person control: what one person asks for, another approves, once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from jpki import data
from jpki.authority import (
    BRIDGE,
    Consent,
    Office,
    agree,
    approve,
    approved,
    cross_certify,
    enrol_operator,
    found_bridge,
    found_governor,
    refuse,
    request,
    revoke,
    verify_audit,
)
from jpki.authority.agreeing.consent import LIFETIME, open_requests
from jpki.authority.agreeing.deeds import (
    cross_certification,
    enrolment,
    founding,
    issuance,
    revocation,
)
from jpki.errors import (
    ConsentError,
    ConsentExpired,
    ConsentMismatch,
    ConsentRefused,
    ConsentRequired,
    ConsentUsed,
    NotFound,
    NotInOffice,
    PermissionDenied,
    RequestError,
    SamePerson,
    StoreError,
)
from jpki.keys.memory import generate_key
from jpki.model.operators import Caller, Role
from jpki.model.revocation import RevocationReason
from jpki.store import AuthorityStore
from jpki.store.authority_records import CertificateKind
from tests.support.offices import (
    COUNTER,
    FOUNDING,
    GOVERNOR,
    OPERATOR,
    OTHER_OPERATOR,
    P256,
    TARO,
    Crash,
    CrashAt,
    Register,
    agreed,
    certify,
    filed,
    new_key,
    new_office,
)

TOKYO = data.prefectures()["13"]
DEED = founding("governor-13", "prefectural-sha256")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def office(founded_store: AuthorityStore) -> Office:
    """A prefecture's authority and the bridge; no operator is enrolled."""
    return new_office(founded_store)


def _operator(identifier: str, role: Role = Role.CA_OPERATOR) -> Caller:
    return Caller(id=identifier, role=role, public_key=generate_key(P256).public_key)


@pytest.fixture
def people(office: Office) -> tuple[Caller, Caller, Caller]:
    """Three CA operators, enrolled; nobody else has a say from now on."""
    one, two, three = (_operator(f"ca-operator-{n}") for n in (1, 2, 3))
    for person in (one, two):
        by = agree(
            office,
            enrolment(GOVERNOR, person),
            at=FOUNDING,
            requested_by=one,
            by=two,
        )
        enrol_operator(office, GOVERNOR, person, at=FOUNDING, by=by)
    by = agree(
        office, enrolment(GOVERNOR, three), at=FOUNDING, requested_by=one, by=two
    )
    enrol_operator(office, GOVERNOR, three, at=FOUNDING, by=by)
    return one, two, three


def test_both_names_are_in_the_log(
    office: Office, people: tuple[Caller, Caller, Caller]
) -> None:
    """Who asked, who approved, for what exactly, and what came of it."""
    one, two, _ = people
    record = request(office, DEED, at=FOUNDING, by=one)
    assert open_requests(office, at=FOUNDING) == (record,)
    consent = approve(office, record.id, DEED.digest, at=FOUNDING, by=two)
    founded = found_governor(office, TOKYO, at=FOUNDING, by=consent)
    assert open_requests(office, at=FOUNDING) == ()
    assert founded.prepared_by == "ca-operator-1+ca-operator-2"
    with office.store.read() as uow:
        verify_audit(uow)
        entries = uow.audit.of_subject(record.id)
    assert [(entry.act, entry.actor) for entry in entries] == [
        ("consent.requested", "ca-operator-1"),
        ("consent.approved", "ca-operator-2"),
        ("consent.used", "ca-operator-1+ca-operator-2"),
    ]
    asked, agreed_to, used = (json.loads(entry.details) for entry in entries)
    assert asked["parameters"] == DEED.text
    assert not asked["bootstrap"]
    assert {asked["digest"], agreed_to["digest"], used["digest"]} == {DEED.digest.hex()}
    assert (used["requested_by"], used["approved_by"]) == (one.id, two.id)
    assert used["outcome"] == f"governor-13/{founded.serial:x}"


def test_the_first_two_are_taken_at_their_word(office: Office) -> None:
    """Before anybody can be enrolled the log says that nobody was."""
    consent = agreed(office, DEED)
    with office.store.read() as uow:
        entries = uow.audit.of_subject(consent.request)
    assert [json.loads(entry.details)["bootstrap"] for entry in entries] == [True] * 2


def test_nobody_approves_alone(
    office: Office, people: tuple[Caller, Caller, Caller]
) -> None:
    """Neither under the same name nor with the same key under another."""
    one, two, _ = people
    record = request(office, DEED, at=FOUNDING, by=one)
    for same in (one, replace(two, public_key=one.public_key)):
        with pytest.raises(SamePerson) as caught:
            approve(office, record.id, DEED.digest, at=FOUNDING, by=same)
        assert caught.value.code == "consent.same-person"
    with pytest.raises(ConsentRequired):
        approved(office, record.id, at=FOUNDING)


def test_nobody_makes_a_second_self(
    office: Office, people: tuple[Caller, Caller, Caller]
) -> None:
    """Whose word counts is enrolled by two people."""
    for role in (Role.CA_OPERATOR, Role.APPROVER):
        with pytest.raises(ConsentRequired):
            enrol_operator(
                office, GOVERNOR, _operator("x", role), at=FOUNDING, by=people[0]
            )
    auditor = _operator("auditor-1", Role.AUDITOR)
    enrol_operator(office, GOVERNOR, auditor, at=FOUNDING, by=people[0])


def test_only_ca_operators_ask_and_approve(
    office: Office, people: tuple[Caller, Caller, Caller]
) -> None:
    """A counter operator and an auditor do neither, and refuse nothing."""
    one, *_ = people
    auditor = _operator("auditor-1", Role.AUDITOR)
    record = request(office, DEED, at=FOUNDING, by=one)
    acts: tuple[Callable[[Caller], object], ...] = (
        lambda by: request(office, DEED, at=FOUNDING, by=by),
        lambda by: approve(office, record.id, DEED.digest, at=FOUNDING, by=by),
        lambda by: refuse(office, record.id, at=FOUNDING, by=by),
    )
    for act in acts:
        for by in (COUNTER, auditor):
            with pytest.raises(PermissionDenied):
                act(by)


def _leaves(office: Office, operator: Caller, *, by: Caller) -> None:
    """Whoever finds an operator's key compromised ends the office at once, alone."""
    with office.store.read() as uow:
        serial = uow.operators.get(operator.id).serial
    reason = RevocationReason.KEY_COMPROMISE
    revoke(office, GOVERNOR, serial, reason, ground="lost", at=FOUNDING, by=by)


def test_strangers_and_dismissed_operators_have_no_say(
    office: Office, people: tuple[Caller, Caller, Caller]
) -> None:
    """At each step: asking, approving, and carrying out."""
    one, two, three = people
    stranger = _operator("ca-operator-9")
    impostor = replace(two, public_key=stranger.public_key)
    with pytest.raises(NotInOffice) as caught:
        request(office, DEED, at=FOUNDING, by=stranger)
    assert caught.value.code == "consent.not-in-office"
    record = request(office, DEED, at=FOUNDING, by=one)
    for by in (stranger, impostor):
        with pytest.raises(NotInOffice):
            approve(office, record.id, DEED.digest, at=FOUNDING, by=by)
    consent = approve(office, record.id, DEED.digest, at=FOUNDING, by=two)
    _leaves(office, two, by=three)
    for act in (
        lambda: found_governor(office, TOKYO, at=FOUNDING, by=consent),
        lambda: approved(office, record.id, at=FOUNDING),
    ):
        with pytest.raises(NotInOffice, match=two.id):
            act()
    second = request(office, DEED, at=FOUNDING, by=three)
    _leaves(office, three, by=one)
    with pytest.raises(NotInOffice, match=three.id):
        approve(office, second.id, DEED.digest, at=FOUNDING, by=one)


def test_an_expired_certificate_leaves_its_holder_in_office(
    office: Office, people: tuple[Caller, Caller, Caller]
) -> None:
    """Or nobody could enrol the successors when all certificates have expired."""
    one, two, _ = people
    late = FOUNDING + timedelta(days=3000)
    successor = _operator("ca-operator-4")
    by = agree(
        office, enrolment(GOVERNOR, successor), at=late, requested_by=one, by=two
    )
    enrol_operator(office, GOVERNOR, successor, at=late, by=by)
    request(office, DEED, at=late, by=successor)


def test_what_was_read_is_what_is_approved(office: Office) -> None:
    """The digest of anything else approves nothing."""
    record = request(office, DEED, at=FOUNDING, by=OPERATOR)
    other = founding(BRIDGE, office.era.id)
    with pytest.raises(ConsentMismatch) as caught:
        approve(office, record.id, other.digest, at=FOUNDING, by=OTHER_OPERATOR)
    assert caught.value.code == "consent.mismatch"
    consent = approve(office, record.id, DEED.digest, at=FOUNDING, by=OTHER_OPERATOR)
    with pytest.raises(ConsentMismatch):
        found_bridge(office, at=FOUNDING, by=consent)
    with pytest.raises(ConsentMismatch):
        cross_certify(office, BRIDGE, GOVERNOR, at=FOUNDING, by=consent)


def test_an_altered_request_is_noticed(office: Office) -> None:
    """Parameters that were changed in the books no longer fit their digest."""
    consent = agreed(office, DEED)
    with office.store.database.write() as connection:
        connection.execute(
            text("UPDATE consent SET parameters = replace(parameters, '13', '14')")
        )
        connection.commit()
    with pytest.raises(ConsentMismatch, match="altered"):
        found_governor(office, TOKYO, at=FOUNDING, by=consent)


def test_the_books_hold_no_approval_by_one(office: Office) -> None:
    """Not even written past the use cases."""
    record = request(office, DEED, at=FOUNDING, by=OPERATOR)
    with (
        pytest.raises((StoreError, DBAPIError)),
        office.store.database.write() as connection,
    ):
        connection.execute(
            text(
                "UPDATE consent SET approved_by = requested_by, approved_at ="
                f" requested_at, approver_key = requester_key WHERE id = '{record.id}'"
            )
        )


def test_requests_expire(office: Office) -> None:
    """Before they are approved, and before they are carried out."""
    end = FOUNDING + LIFETIME
    late = end + timedelta(seconds=1)
    first = request(office, DEED, at=FOUNDING, by=OPERATOR)
    with pytest.raises(ConsentExpired) as caught:
        approve(office, first.id, DEED.digest, at=late, by=OTHER_OPERATOR)
    assert caught.value.code == "consent.expired"
    consent = approve(office, first.id, DEED.digest, at=end, by=OTHER_OPERATOR)
    assert open_requests(office, at=late) == ()
    for act in (
        lambda: found_governor(office, TOKYO, at=late, by=consent),
        lambda: approved(office, first.id, at=late),
    ):
        with pytest.raises(ConsentExpired):
            act()
    found_governor(office, TOKYO, at=end, by=consent)


def test_a_request_serves_once(office: Office) -> None:
    """Done is done: no second approval, and nothing else comes of it."""
    deed = cross_certification(GOVERNOR, BRIDGE)
    record = request(office, deed, at=FOUNDING, by=OPERATOR)
    consent = approve(office, record.id, deed.digest, at=FOUNDING, by=OTHER_OPERATOR)
    with office.store.read() as uow:
        (live,) = uow.certificates.own(GOVERNOR, [CertificateKind.CROSS])
    reason = RevocationReason.SUPERSEDED
    retire = revocation(GOVERNOR, live.serial, reason, ground="x")
    by = agreed(office, retire)
    revoke(office, GOVERNOR, live.serial, reason, ground="x", at=FOUNDING, by=by)
    first = cross_certify(office, GOVERNOR, BRIDGE, at=FOUNDING, by=consent)
    # Again gives the same certificate, until that is revoked as well.
    assert cross_certify(office, GOVERNOR, BRIDGE, at=FOUNDING, by=consent) == first
    retire = revocation(GOVERNOR, first.serial, reason, ground="x")
    by = agreed(office, retire)
    revoke(office, GOVERNOR, first.serial, reason, ground="x", at=FOUNDING, by=by)
    with pytest.raises(ConsentUsed) as caught:
        cross_certify(office, GOVERNOR, BRIDGE, at=FOUNDING, by=consent)
    assert caught.value.code == "consent.used"
    for act in (
        lambda: approve(office, record.id, deed.digest, at=FOUNDING, by=OTHER_OPERATOR),
        lambda: approved(office, record.id, at=FOUNDING),
        lambda: refuse(office, record.id, at=FOUNDING, by=OPERATOR),
    ):
        with pytest.raises(ConsentUsed):
            act()


def test_a_request_is_refused_or_withdrawn(office: Office) -> None:
    """By the other or by oneself, also after it was approved."""
    for by in (OPERATOR, OTHER_OPERATOR):
        consent = agreed(office, DEED)
        refused = refuse(office, consent.request, at=FOUNDING, by=by)
        assert refused.refused_by == by.id
        for act in (
            partial(found_governor, office, TOKYO, at=FOUNDING, by=consent),
            partial(refuse, office, consent.request, at=FOUNDING, by=OPERATOR),
        ):
            with pytest.raises(ConsentRefused) as caught:
                act()
            assert caught.value.code == "consent.refused"


def test_approving_twice_changes_nothing(
    office: Office, people: tuple[Caller, Caller, Caller]
) -> None:
    """The same approver finds the same consent; a third person comes too late."""
    one, two, three = people
    record = request(office, DEED, at=FOUNDING, by=one)
    consent = approve(office, record.id, DEED.digest, at=FOUNDING, by=two)
    again = approve(office, record.id, DEED.digest, at=FOUNDING + MINUTE, by=two)
    assert consent == again == approved(office, record.id, at=FOUNDING)
    with pytest.raises(PermissionDenied):
        approve(office, record.id, DEED.digest, at=FOUNDING, by=three)


def test_a_consent_cannot_be_made(office: Office) -> None:
    """Only two people give one."""
    given = agreed(office, DEED)
    with pytest.raises(TypeError):
        Consent(
            request=given.request,
            deed=given.deed,
            requested_by="a",
            approved_by="b",
            seal=object(),
        )


def test_an_authority_is_not_revoked_by_one(office: Office) -> None:
    """Self-signed and cross certificates need two; a counter has no say at all."""
    with office.store.read() as uow:
        serials = [
            record.serial
            for record in uow.certificates.walk()
            if record.authority == GOVERNOR
        ]
    reason = RevocationReason.CA_COMPROMISE
    for serial in serials:
        with pytest.raises(ConsentRequired) as caught:
            revoke(
                office, GOVERNOR, serial, reason, ground="x", at=FOUNDING, by=OPERATOR
            )
        assert caught.value.code == "consent.required"
        with pytest.raises(PermissionDenied):
            revoke(
                office, GOVERNOR, serial, reason, ground="x", at=FOUNDING, by=COUNTER
            )
    deed = revocation(GOVERNOR, serials[0], reason, ground="x")
    by = agreed(office, deed)
    with pytest.raises(ConsentMismatch):
        revoke(office, GOVERNOR, serials[0], reason, ground="y", at=FOUNDING, by=by)
    entry = revoke(office, GOVERNOR, serials[0], reason, ground="x", at=FOUNDING, by=by)
    assert entry.actor == "operator-1+operator-2"


@pytest.mark.parametrize("point", ["consent.requested", "consent.approved"])
def test_a_crash_between_two_people_loses_nothing(office: Office, point: str) -> None:
    """What was asked for or approved is still there."""
    with pytest.raises(Crash):
        agreed(replace(office, step=CrashAt(point)), DEED)
    (record,) = open_requests(office, at=FOUNDING)
    approve(office, record.id, DEED.digest, at=FOUNDING, by=OTHER_OPERATOR)
    consent = approved(office, record.id, at=FOUNDING)
    with pytest.raises(Crash):
        found_governor(
            replace(office, step=CrashAt("establish.recorded")),
            TOKYO,
            at=FOUNDING,
            by=consent,
        )
    found_governor(office, TOKYO, at=FOUNDING, by=consent)


APPROVER = Caller(id="approver-1", role=Role.APPROVER, public_key=b"approver")


def test_issuing_can_need_an_approver(founded_store: AuthorityStore) -> None:
    """Filing asks for it; without agreement nothing is issued; it serves once."""
    register = Register()
    register.add(TARO)
    office = replace(new_office(founded_store, register), issuance_approval=True)
    application = filed(office)
    deed = issuance(application.id)
    (asked,) = open_requests(office, at=FOUNDING)
    assert asked.digest == deed.digest
    key = new_key()
    with pytest.raises(ConsentRequired, match="not approved"):
        certify(office, application, key)
    for by in (COUNTER, OPERATOR):
        with pytest.raises(PermissionDenied):
            approve(office, asked.id, deed.digest, at=FOUNDING, by=by)
    approve(office, asked.id, deed.digest, at=FOUNDING, by=APPROVER)
    issued = certify(office, application, key)
    assert certify(office, application, key) == issued
    with office.store.read() as uow:
        used = uow.consents.get(asked.id)
        verify_audit(uow)
    assert used.outcome == f"{GOVERNOR}/{issued.serial:x}"


def test_an_expired_approval_is_asked_for_anew(founded_store: AuthorityStore) -> None:
    """Also where the rule began after the application was filed."""
    register = Register()
    register.add(TARO)
    office = new_office(founded_store, register)
    application = filed(office)
    office = replace(office, issuance_approval=True)
    with pytest.raises(ConsentRequired, match="nobody was asked"):
        certify(office, application)
    deed = issuance(application.id)
    for at, error in ((FOUNDING, ConsentExpired), (FOUNDING + LIFETIME * 2, None)):
        record = request(office, deed, at=at, by=COUNTER)
        approve(office, record.id, deed.digest, at=at, by=APPROVER)
        if error is not None:
            with pytest.raises(error):
                certify(office, application, at=at + LIFETIME * 2)
        else:
            certify(office, application, at=at)


def test_unknown_and_endless_requests_are_refused(office: Office) -> None:
    """Each with its error; nothing is kept."""
    with pytest.raises(NotFound):
        approve(office, "nothing", DEED.digest, at=FOUNDING, by=OTHER_OPERATOR)
    long = founding("x" * 5000, office.era.id)
    with pytest.raises(RequestError):
        request(office, long, at=FOUNDING, by=OPERATOR)
    named = replace(OPERATOR, id="x" * 64)
    with pytest.raises(RequestError):
        request(office, DEED, at=FOUNDING, by=named)
    assert open_requests(office, at=FOUNDING) == ()
    assert issubclass(ConsentUsed, ConsentError)
