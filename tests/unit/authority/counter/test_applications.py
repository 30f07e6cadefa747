"""Applications: who may file, for whom, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from jpki.authority import (
    Office,
    apply_event,
    cancel,
    deliver,
    file_application,
    revoke,
    status_of,
)
from jpki.authority.counter.applications import ApplicationKind, renewable_from
from jpki.errors import (
    ApplicationConflict,
    CertificateLive,
    Conflict,
    IssuanceError,
    NotEligible,
    NotFound,
    PermissionDenied,
    RegistryUnavailable,
    RequestError,
    UnknownResident,
    WrongMunicipality,
)
from jpki.model.codes import MunicipalityCode, ResidentCode
from jpki.model.events import EventKind
from jpki.model.operators import Caller, Role
from jpki.model.purposes import Purpose
from jpki.model.residents import Resident
from jpki.model.revocation import Revocation, RevocationReason
from jpki.store.authority_records import ApplicationState
from tests.support.offices import (
    COUNTER,
    FOUNDING,
    GOVERNOR,
    OPERATOR,
    TARO,
    Register,
    certified,
    certify,
    filed,
    new_key,
    request_for,
)

MITO = MunicipalityCode.from_five("08201")


def test_filing_twice_finds_the_application(office: Office) -> None:
    """The same idempotency key gives the same application, at any later time."""
    first = filed(office)
    assert first.state is ApplicationState.FILED
    assert first.authority == GOVERNOR
    assert len(first.challenge) == 32
    assert filed(office, at=FOUNDING + timedelta(days=1)) == first


def test_an_idempotency_key_stands_for_one_application(
    office: Office, register: Register
) -> None:
    """The same key for somebody else is refused, and so are keys of no length."""
    hanako = replace(TARO, code=ResidentCode.from_ten("0000000001"))
    register.add(hanako)
    filed(office)
    with pytest.raises(Conflict, match="idempotency key"):
        filed(office, hanako)
    for key in ("", "x" * 129):
        with pytest.raises(RequestError):
            filed(office, hanako, key=key)


def test_only_counters_file(office: Office) -> None:
    """A CA operator files nothing, nor does a counter that serves no municipality."""
    for caller in (OPERATOR, replace(COUNTER, municipality=None)):
        with pytest.raises(PermissionDenied):
            filed(office, by=caller)


def _child(resident: Resident) -> Resident:
    birth = date(1999, 10, 2)
    return replace(resident, basic=replace(resident.basic, date_of_birth=birth))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (_child, NotEligible),
        (lambda resident: replace(resident, registered=False), NotEligible),
        (lambda resident: replace(resident, municipality=MITO), WrongMunicipality),
    ],
)
def test_the_register_decides_who_may_apply(
    office: Office,
    register: Register,
    change: Callable[[Resident], Resident],
    error: type[Exception],
) -> None:
    """Too young by one day, erased, or registered elsewhere: nothing is filed."""
    register.add(change(TARO))
    with pytest.raises(error):
        filed(office)
    with office.store.read() as uow:
        assert uow.applications.live(TARO.code, Purpose.SIGNATURE) is None


def test_fifteen_is_old_enough(office: Office, register: Register) -> None:
    """On the fifteenth birthday in Japan the application is taken."""
    register.add(
        replace(TARO, basic=replace(TARO.basic, date_of_birth=date(1999, 10, 1)))
    )
    assert filed(office).state is ApplicationState.FILED


def test_unknown_residents_and_a_dead_register_are_told(office: Office) -> None:
    """What the register says, or that it says nothing, comes out as it is."""
    with pytest.raises(UnknownResident):
        filed(office, replace(TARO, code=ResidentCode.from_ten("0000000001")))
    alone = Office(
        store=office.store,
        keyring=office.keyring,
        era=office.era,
        random=office.random,
        ocsp_url=office.ocsp_url,
    )
    with pytest.raises(RegistryUnavailable):
        filed(alone)


def test_a_prefecture_without_authority_is_named(
    office: Office, register: Register
) -> None:
    """A counter whose governor has no authority learns which is missing."""
    kiyose = MunicipalityCode("132217")
    register.add(replace(TARO, municipality=kiyose))
    with pytest.raises(NotFound, match="governor-13"):
        filed(office, by=replace(COUNTER, municipality=kiyose))


def test_an_era_issues_only_its_kinds(office: Office) -> None:
    """The prefectural years know no authentication certificate."""
    with pytest.raises(IssuanceError, match="authentication"):
        file_application(
            office,
            resident=TARO.code,
            purpose=Purpose.AUTHENTICATION,
            idempotency_key="a",
            at=FOUNDING,
            by=COUNTER,
        )


def test_a_second_live_application_is_refused(office: Office) -> None:
    """One application at a time; cancelling the first makes room."""
    first = filed(office)
    with pytest.raises(ApplicationConflict, match=first.id):
        filed(office, key="two")
    cancel(office, first.id, at=FOUNDING, by=COUNTER)
    assert filed(office, key="two").state is ApplicationState.FILED


def test_a_live_certificate_is_kept(office: Office) -> None:
    """Who holds a certificate gets another one only near its end, or after revoking."""
    issued = certified(office)
    deliver(office, issued.application.id, at=FOUNDING, by=COUNTER)
    with pytest.raises(CertificateLive) as caught:
        filed(office, key="two")
    assert "revoked" in str(caught.value.hint)
    revoke(
        office,
        GOVERNOR,
        issued.serial,
        RevocationReason.KEY_COMPROMISE,
        ground="lost card",
        at=FOUNDING,
        by=COUNTER,
    )
    assert filed(office, key="two").renews is None


def test_renewal_replaces_the_old_certificate(office: Office) -> None:
    """In the last three months a new one is issued, and the old one is superseded."""
    old = certified(office)
    deliver(office, old.application.id, at=FOUNDING, by=COUNTER)
    with office.store.read() as uow:
        end = uow.certificates.get(GOVERNOR, old.serial).not_after
    late = renewable_from(end)
    with pytest.raises(CertificateLive):
        filed(office, key="two", at=late - timedelta(seconds=1))
    application = filed(office, key="two", at=late)
    assert application.renews == old.serial
    certify(office, application, at=late)
    with office.store.read() as uow:
        status = status_of(uow, GOVERNOR, old.serial, generation=1)
    assert isinstance(status, Revocation)
    assert status.reason is RevocationReason.SUPERSEDED


@pytest.mark.parametrize("kind", [ApplicationKind.NEW, ApplicationKind.REISSUE])
def test_a_kind_that_the_books_belie_is_refused(
    office: Office, kind: ApplicationKind
) -> None:
    """Nothing is renewed or issued again that never was; nothing live is doubled."""

    def apply(asked: ApplicationKind, key: str, at: datetime = FOUNDING) -> None:
        file_application(
            office,
            resident=TARO.code,
            idempotency_key=key,
            kind=asked,
            at=at,
            by=COUNTER,
        )

    for nothing in (ApplicationKind.RENEWAL, ApplicationKind.REISSUE):
        with pytest.raises(ApplicationConflict):
            apply(nothing, "one")
    old = certified(office, key="two")
    deliver(office, old.application.id, at=FOUNDING, by=COUNTER)
    with office.store.read() as uow:
        end = uow.certificates.get(GOVERNOR, old.serial).not_after
    late = renewable_from(end)
    with pytest.raises(CertificateLive) as early:
        apply(ApplicationKind.RENEWAL, "three", late - timedelta(seconds=1))
    assert early.value.renewable_from == late
    with pytest.raises(CertificateLive, match="lives until") as live:
        apply(kind, "three", late)
    assert live.value.renewable_from is None
    apply(ApplicationKind.RENEWAL, "three", late)


def test_delivery_ends_an_application(office: Office) -> None:
    """Only an issued one is delivered, once; then it is not cancelled any more."""
    application = filed(office)
    with pytest.raises(ApplicationConflict, match="filed"):
        deliver(office, application.id, at=FOUNDING, by=COUNTER)
    certify(office, application)
    delivered = deliver(office, application.id, at=FOUNDING, by=COUNTER)
    assert delivered.state is ApplicationState.DELIVERED
    assert deliver(office, application.id, at=FOUNDING, by=COUNTER) == delivered
    with pytest.raises(ApplicationConflict):
        cancel(office, application.id, at=FOUNDING, by=COUNTER)


def test_cancelling_revokes_what_was_issued(office: Office) -> None:
    """A certificate that is discarded before delivery is revoked as unspecified."""
    issued = certified(office)
    cancelled = cancel(office, issued.application.id, at=FOUNDING, by=COUNTER)
    assert cancelled.state is ApplicationState.CANCELLED
    assert cancel(office, cancelled.id, at=FOUNDING, by=COUNTER) == cancelled
    with office.store.read() as uow:
        entry = uow.journal.find(GOVERNOR, issued.serial)
    assert entry is not None
    assert entry.reason is RevocationReason.UNSPECIFIED


def test_another_counter_touches_nothing(office: Office, register: Register) -> None:
    """An application belongs to the municipality where it was filed."""
    application = filed(office)
    other = Caller(
        id="counter-082015-1", role=Role.COUNTER, public_key=b"", municipality=MITO
    )
    request = request_for(application, new_key())
    for act in (
        lambda: certify(office, application, by=other),
        lambda: deliver(office, application.id, at=FOUNDING, by=other),
        lambda: cancel(office, application.id, at=FOUNDING, by=other),
    ):
        with pytest.raises(PermissionDenied, match="082015"):
            act()
    assert request
    with pytest.raises(NotFound):
        cancel(office, "nothing", at=FOUNDING, by=COUNTER)


def test_a_change_of_code_keeps_the_application(
    office: Office, register: Register
) -> None:
    """The application follows its applicant to the new code and can be issued for."""
    application = filed(office)
    new = ResidentCode.from_ten("9876543210")
    event = register.change(EventKind.CODE_CHANGE, TARO, succeeded_by=new)
    apply_event(office, event, at=FOUNDING)
    issued = certify(office, application)
    with office.store.read() as uow:
        assert uow.applications.get(application.id).resident == new
        assert uow.certificates.get(GOVERNOR, issued.serial).resident == new
