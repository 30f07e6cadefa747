"""Who ends an operator's office, who is left, and who gives up what is recorded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jpki import data
from jpki.authority import (
    Consent,
    Office,
    abandon,
    account_for_serials,
    agree,
    dismiss_operator,
    enrol_operator,
    find_caller,
    found_governor,
    revoke,
    verify_audit,
)
from jpki.authority.acts import carry_out, deed_from
from jpki.authority.agreeing.deeds import (
    Deed,
    abandonment,
    dismissal,
    enrolment,
    founding,
    revocation,
)
from jpki.errors import (
    ConsentMismatch,
    ConsentRequired,
    LastInOffice,
    NotFound,
    PermissionDenied,
)
from jpki.keys.memory import generate_key
from jpki.model.operators import Caller, Role
from jpki.model.revocation import RevocationReason
from jpki.store import AuthorityStore
from jpki.store.authority_records import CertificateState
from tests.support.offices import (
    COUNTER,
    FOUNDING,
    GOVERNOR,
    OPERATOR,
    OTHER_OPERATOR,
    P256,
    Crash,
    CrashAt,
    agreed,
    new_office,
)

_CEASED = RevocationReason.CESSATION_OF_OPERATION
_LOST = RevocationReason.KEY_COMPROMISE


@pytest.fixture
def office(founded_store: AuthorityStore) -> Office:
    """A prefecture's authority and the bridge; nobody is enrolled."""
    return new_office(founded_store)


def _operators(office: Office, count: int) -> list[Caller]:
    """So many CA operators. The first two are taken at their word, as at a founding."""
    found: list[Caller] = []
    for number in range(1, count + 1):
        key = generate_key(P256).public_key
        somebody = Caller(
            id=f"ca-operator-{number}", role=Role.CA_OPERATOR, public_key=key
        )
        one, two = found[:2] if len(found) > 1 else (OPERATOR, OTHER_OPERATOR)
        consent = _agree(office, enrolment(GOVERNOR, somebody), one, two)
        enrol_operator(office, GOVERNOR, somebody, at=FOUNDING, by=consent)
        found.append(somebody)
    return found


def _agree(office: Office, deed: Deed, one: Caller, two: Caller) -> Consent:
    return agree(office, deed, at=FOUNDING, requested_by=one, by=two)


def _serial(office: Office, operator: Caller) -> int:
    with office.store.read() as uow:
        return uow.operators.get(operator.id).serial


def test_two_ca_operators_are_always_left(office: Office) -> None:
    """The third may go; of two neither, whoever agrees: nobody could follow them."""
    one, two, three = _operators(office, 3)
    consent = _agree(office, dismissal(three.id), one, three)
    gone = dismiss_operator(office, three.id, at=FOUNDING, by=consent)
    assert gone.dismissed_at == FOUNDING
    assert dismiss_operator(office, three.id, at=FOUNDING, by=consent) == gone
    consent = _agree(office, dismissal(two.id), one, two)
    with pytest.raises(LastInOffice, match="only 1 of role ca-operator") as caught:
        dismiss_operator(office, two.id, at=FOUNDING, by=consent)
    assert caught.value.code == "consent.last-in-office"
    assert caught.value.hint is not None
    deed = revocation(GOVERNOR, _serial(office, two), _CEASED, ground="left")
    by = _agree(office, deed, one, two)
    with pytest.raises(LastInOffice):
        revoke(
            office,
            GOVERNOR,
            _serial(office, two),
            _CEASED,
            ground="left",
            at=FOUNDING,
            by=by,
        )
    assert find_caller(office, two.id) == two
    # The consent is not used up: with a successor in office it is carried out.
    four = Caller(
        id="ca-operator-4",
        role=Role.CA_OPERATOR,
        public_key=generate_key(P256).public_key,
    )
    enrolling = _agree(office, enrolment(GOVERNOR, four), one, two)
    enrol_operator(office, GOVERNOR, four, at=FOUNDING, by=enrolling)
    dismiss_operator(office, two.id, at=FOUNDING, by=consent)
    assert find_caller(office, two.id) is None
    with office.store.read() as uow:
        verify_audit(uow)
        assert account_for_serials(uow).problems == ()


def test_a_compromised_key_waits_for_nobody(office: Office) -> None:
    """One CA operator revokes it, even where too few are left afterwards."""
    one, two = _operators(office, 2)
    serial = _serial(office, two)
    with pytest.raises(ConsentRequired, match="alone cannot end the office"):
        revoke(office, GOVERNOR, serial, _CEASED, ground="x", at=FOUNDING, by=one)
    revoke(office, GOVERNOR, serial, _LOST, ground="stolen", at=FOUNDING, by=one)
    assert find_caller(office, two.id) is None


@pytest.mark.parametrize("role", [Role.CA_OPERATOR, Role.APPROVER, Role.AUDITOR])
def test_whose_word_counts_and_who_watches_is_not_dismissed_by_one(
    office: Office, role: Role
) -> None:
    """It takes two, who agree to exactly this; a counter is dismissed by one."""
    one, two, _ = _operators(office, 3)
    key = generate_key(P256).public_key
    somebody = Caller(id="somebody", role=role, public_key=key)
    by = _agree(office, enrolment(GOVERNOR, somebody), one, two)
    enrol_operator(office, GOVERNOR, somebody, at=FOUNDING, by=by)
    with pytest.raises(ConsentRequired) as caught:
        dismiss_operator(office, somebody.id, at=FOUNDING, by=one)
    assert caught.value.code == "consent.required"
    other = _agree(office, dismissal("somebody-else"), one, two)
    with pytest.raises(ConsentMismatch):
        dismiss_operator(office, somebody.id, at=FOUNDING, by=other)
    with pytest.raises(NotFound):
        dismiss_operator(office, "somebody-else", at=FOUNDING, by=other)
    consent = _agree(office, deed_from("dismiss", {"operator": "somebody"}), one, two)
    assert carry_out(office, consent, at=FOUNDING) == "somebody"
    assert find_caller(office, somebody.id) is None


def test_an_approver_is_left_where_certificates_wait_for_one(office: Office) -> None:
    """And only there: elsewhere nothing waits."""
    one, two = _operators(office, 2)
    approver = replace(one, id="approver-1", role=Role.APPROVER)
    approver = replace(approver, public_key=generate_key(P256).public_key)
    by = _agree(office, enrolment(GOVERNOR, approver), one, two)
    enrol_operator(office, GOVERNOR, approver, at=FOUNDING, by=by)
    consent = _agree(office, dismissal(approver.id), one, two)
    waiting = replace(office, issuance_approval=True)
    with pytest.raises(LastInOffice, match="approver"):
        dismiss_operator(waiting, approver.id, at=FOUNDING, by=consent)
    dismiss_operator(office, approver.id, at=FOUNDING, by=consent)


def test_what_is_recorded_for_an_authority_is_given_up_by_two(office: Office) -> None:
    """It revokes an authority's serial number; other certificates need one person."""
    consent = agreed(office, founding("governor-13", office.era.id))
    with pytest.raises(Crash):
        found_governor(
            replace(office, step=CrashAt("establish.recorded")),
            data.prefectures()["13"],
            at=FOUNDING,
            by=consent,
        )
    with office.store.read() as uow:
        (pending,) = uow.certificates.pending()
    name = (pending.authority, pending.serial)
    for by, error in ((OPERATOR, ConsentRequired), (COUNTER, PermissionDenied)):
        with pytest.raises(error):
            abandon(office, *name, ground="lost", at=FOUNDING, by=by)
    deed = abandonment(*name, ground="lost")
    assert deed == deed_from("abandon", dict(deed.parameters))
    by_two = agreed(office, deed)
    with pytest.raises(ConsentMismatch):
        abandon(office, *name, ground="other", at=FOUNDING, by=by_two)
    for _ in range(2):
        assert carry_out(office, by_two, at=FOUNDING) == f"{name[0]}/{name[1]:x}"
    with office.store.read() as uow:
        assert uow.certificates.get(*name).state is CertificateState.ABANDONED
        assert uow.journal.find(*name) is not None
        verify_audit(uow)
