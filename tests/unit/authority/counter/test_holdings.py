"""What a counter may know of a resident, what is open, and the surrender of a card."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jpki.authority import (
    Office,
    cancel,
    deliver,
    enquire,
    issued_for,
    open_applications,
    surrender,
)
from jpki.authority.auditing.examining import verify_audit
from jpki.authority.counter.applications import renewable_from
from jpki.errors import (
    ApplicationConflict,
    NotFound,
    PermissionDenied,
    RequestError,
    UnknownResident,
    WrongMunicipality,
)
from jpki.model.codes import MunicipalityCode
from jpki.model.operators import Caller, Role
from jpki.model.purposes import Purpose
from jpki.model.revocation import RevocationReason
from jpki.store import AuthorityStore
from tests.support.offices import (
    COUNTER,
    FOUNDING,
    GOVERNOR,
    OPERATOR,
    TARO,
    Crash,
    CrashAt,
    Register,
    certified,
    filed,
    new_office,
)

MITO = MunicipalityCode("082015")
MITO_COUNTER = Caller(
    id="counter-082015-1", role=Role.COUNTER, public_key=b"", municipality=MITO
)
CARD = "0000000000000001"


def test_renewal_begins_three_calendar_months_before_the_end() -> None:
    """On a midnight in Japan; where the month has no such day, on its last."""
    end = datetime(2017, 5, 31, 14, 59, 59, tzinfo=UTC)  # 31 May, 23:59:59 in Japan
    assert renewable_from(end) == datetime(2017, 2, 27, 15, tzinfo=UTC)
    later = datetime(2018, 1, 31, 15, tzinfo=UTC)  # 1 February in Japan
    assert renewable_from(later) == datetime(2017, 10, 31, 15, tzinfo=UTC)


def test_an_enquiry_tells_what_is_held_and_what_is_open(office: Office) -> None:
    """Live and revoked certificates with their dates, and the open application."""
    nothing = enquire(office, TARO.code, at=FOUNDING, by=COUNTER)
    assert (nothing.certificates, nothing.applications) == ((), ())
    application = filed(office)
    asked = enquire(office, TARO.code, at=FOUNDING, by=COUNTER)
    assert asked.applications == (application,)
    cancel(office, application.id, at=FOUNDING, by=COUNTER)
    issued = certified(office, key="two")
    deliver(office, issued.application.id, at=FOUNDING, by=COUNTER)
    (held,) = enquire(office, TARO.code, at=FOUNDING, by=COUNTER).certificates
    assert (held.authority, held.serial) == (GOVERNOR, issued.serial)
    assert held.purpose is Purpose.SIGNATURE
    assert held.lives_at(held.not_after)
    assert not held.lives_at(held.not_after + timedelta(seconds=1))
    assert held.renewable_from == renewable_from(held.not_after)


def test_a_counter_asks_about_its_own_residents(
    office: Office, register: Register
) -> None:
    """About those who live there, and those to whom all was issued there."""
    with pytest.raises(WrongMunicipality):
        enquire(office, TARO.code, at=FOUNDING, by=MITO_COUNTER)
    with pytest.raises(PermissionDenied):
        enquire(office, TARO.code, at=FOUNDING, by=OPERATOR)
    certified(office)
    register.add(replace(TARO, municipality=MITO))
    assert enquire(office, TARO.code, at=FOUNDING, by=MITO_COUNTER).certificates
    assert enquire(office, TARO.code, at=FOUNDING, by=COUNTER).certificates
    del register.residents[TARO.code]
    assert enquire(office, TARO.code, at=FOUNDING, by=COUNTER).certificates
    with pytest.raises(UnknownResident):
        enquire(office, TARO.code, at=FOUNDING, by=MITO_COUNTER)


def test_open_applications_are_those_of_the_counter(office: Office) -> None:
    """Until they are cancelled or delivered, and nobody else's."""
    application = filed(office)
    assert open_applications(office, by=COUNTER) == (application,)
    assert open_applications(office, by=MITO_COUNTER) == ()
    with pytest.raises(PermissionDenied):
        open_applications(office, by=OPERATOR)
    cancel(office, application.id, at=FOUNDING, by=COUNTER)
    assert open_applications(office, by=COUNTER) == ()


def test_what_was_issued_can_be_had_again(office: Office) -> None:
    """By its own counter, until the application is cancelled."""
    with pytest.raises(NotFound):
        issued_for(office, "nothing", by=COUNTER)
    application = filed(office)
    with pytest.raises(ApplicationConflict, match="filed"):
        issued_for(office, application.id, by=COUNTER)
    cancel(office, application.id, at=FOUNDING, by=COUNTER)
    issued = certified(office, key="two")
    again = issued_for(office, issued.application.id, by=COUNTER)
    assert again.certificate == issued.certificate
    assert again.authority_certificate == issued.authority_certificate
    with pytest.raises(PermissionDenied):
        issued_for(office, issued.application.id, by=MITO_COUNTER)
    cancel(office, issued.application.id, at=FOUNDING, by=COUNTER)
    with pytest.raises(ApplicationConflict, match="cancelled"):
        issued_for(office, issued.application.id, by=COUNTER)


def test_a_surrender_revokes_all_that_lives_once(office: Office) -> None:
    """As no longer needed; asked again it changes nothing and logs nothing."""
    issued = certified(office)
    deliver(office, issued.application.id, at=FOUNDING, by=COUNTER)
    ended = surrender(office, TARO.code, CARD, at=FOUNDING, by=COUNTER)
    (entry,) = ended.revoked
    assert (entry.authority, entry.serial) == (GOVERNOR, issued.serial)
    assert entry.reason is RevocationReason.CESSATION_OF_OPERATION
    assert entry.ground == "card surrendered"
    with office.store.read() as uow:
        before = verify_audit(uow)
        assert "card.surrendered" in {line.act for line in uow.audit.walk()}
    again = surrender(office, TARO.code, CARD, at=FOUNDING, by=COUNTER)
    assert (again.revoked, again.cancelled) == ((), ())
    with office.store.read() as uow:
        assert verify_audit(uow) == before


@pytest.mark.parametrize("issued", [False, True])
def test_a_surrender_cancels_what_is_under_way(office: Office, issued: bool) -> None:
    """Whether it has a certificate already or not; that one is discarded."""
    application = certified(office).application if issued else filed(office)
    ended = surrender(office, TARO.code, CARD, at=FOUNDING, by=COUNTER)
    assert [found.id for found in ended.cancelled] == [application.id]
    assert ended.revoked == ()
    assert open_applications(office, by=COUNTER) == ()
    held = enquire(office, TARO.code, at=FOUNDING, by=COUNTER).certificates
    assert not any(one.lives_at(FOUNDING) for one in held)


def test_a_surrender_is_for_the_counter_where_the_resident_lives(
    office: Office, register: Register
) -> None:
    """Also where another counter had issued; and a card has a serial number."""
    certified(office)
    with pytest.raises(WrongMunicipality):
        surrender(office, TARO.code, CARD, at=FOUNDING, by=MITO_COUNTER)
    with pytest.raises(PermissionDenied):
        surrender(office, TARO.code, CARD, at=FOUNDING, by=OPERATOR)
    for card in ("", "1" * 17, "no card", "１"):
        with pytest.raises(RequestError):
            surrender(office, TARO.code, card, at=FOUNDING, by=COUNTER)
    register.add(replace(TARO, municipality=MITO))
    assert surrender(office, TARO.code, CARD, at=FOUNDING, by=MITO_COUNTER).cancelled


def test_nothing_is_surrendered_while_a_certificate_is_signed(
    founded_store: AuthorityStore, register: Register
) -> None:
    """What is being signed is finished first; nothing is half done."""
    crash = CrashAt("issuance.recorded")
    office = new_office(founded_store, register, founded=False, step=crash)
    with pytest.raises(Crash):
        certified(office)
    with pytest.raises(ApplicationConflict, match="issuing"):
        surrender(office, TARO.code, CARD, at=FOUNDING, by=COUNTER)
