"""Issuing: what is checked, what is recorded when, and what a crash leaves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jpki.authority import (
    Issued,
    Office,
    abandon,
    account_for_serials,
    apply_event,
    cancel,
    deliver,
    issue,
    recover,
    revoke,
    status_of,
    verify_audit,
)
from jpki.errors import (
    AlgorithmError,
    ApplicationConflict,
    Conflict,
    EncodingError,
    IssuanceError,
    KeyRejected,
    NotFound,
    OutsideSigningWindow,
    PermissionDenied,
    ProofOfPossessionError,
    RegistryUnavailable,
    RuleViolation,
    WrongMunicipality,
)
from jpki.keys.memory import generate_key
from jpki.model.codes import MunicipalityCode, ResidentCode
from jpki.model.events import EventKind
from jpki.model.ports import Signer
from jpki.model.purposes import Purpose
from jpki.model.residents import Provided
from jpki.model.revocation import RevocationReason
from jpki.model.serials import RANDOM_OCTETS
from jpki.model.suites import SignatureSuite, suite
from jpki.store.authority_records import ApplicationState, CertificateState
from jpki.x509.ocsp import Good, Unknown
from jpki.x509.parse import parse_certificate
from jpki.x509.requests import assemble, request_info
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
    certify,
    filed,
    found,
    new_key,
    request_for,
)

MOVED = replace(
    TARO, basic=replace(TARO.basic, address="茨城県つくば市天王台一丁目１番地１")
)


def _settled(office: Office) -> None:
    """Books and log agree, and nothing is left half-done."""
    with office.store.read() as uow:
        verify_audit(uow)
        account = account_for_serials(uow)
        assert account.problems == ()
        assert account.counts[CertificateState.PENDING] == 0


def test_the_certificate_says_what_the_register_says(office: Office) -> None:
    """The four items, the place, the card's key, and it is good at once."""
    signer = new_key()
    issued = certify(office, filed(office), signer)
    certificate = parse_certificate(issued.certificate)
    items = certificate.basic_attributes
    assert items is not None
    assert (items.name, items.address) == (TARO.basic.name, TARO.basic.address)
    assert certificate.public_key == signer.public_key
    assert certificate.serial == issued.serial
    assert [rdn[0].value for rdn in certificate.subject.rdns[:3]] == [
        "JP",
        "Ibaraki-ken",
        "Tsukuba-shi",
    ]
    own = parse_certificate(issued.authority_certificate)
    assert certificate.issuer_der == own.subject_der
    assert issued.application.state is ApplicationState.ISSUED
    with office.store.read() as uow:
        assert status_of(uow, GOVERNOR, issued.serial, generation=1) == Good()
        assert status_of(uow, GOVERNOR, issued.serial, generation=2) == Unknown()
        assert status_of(uow, GOVERNOR, issued.serial + 1, generation=1) == Unknown()
    _settled(office)


def test_the_same_request_gives_the_same_certificate(office: Office) -> None:
    """Sent again, also after delivery, the answer is the first one's certificate."""
    application = filed(office)
    request = request_for(application, new_key())
    first = issue(office, application.id, request, at=FOUNDING, by=COUNTER)
    deliver(office, application.id, at=FOUNDING, by=COUNTER)
    later = FOUNDING + timedelta(days=1)
    again = issue(office, application.id, request, at=later, by=COUNTER)
    assert again.certificate == first.certificate
    with pytest.raises(ApplicationConflict):
        certify(office, application)


def test_a_request_must_be_signed_by_its_key_for_this_application(
    office: Office,
) -> None:
    """Another key's signature, another application's challenge: refused, none made."""
    application = filed(office)
    mine, other = new_key(), new_key()
    info = request_info(mine.public_key, application.challenge)
    for forged in (
        assemble(info, other.suite, other.sign(info)),
        request_for(replace(application, challenge="00" * 16), mine),
        request_for(replace(application, challenge=""), mine),
    ):
        with pytest.raises(ProofOfPossessionError):
            issue(office, application.id, forged, at=FOUNDING, by=COUNTER)
    for garbage in (b"", b"\x30\x00", info):
        with pytest.raises(EncodingError):
            issue(office, application.id, garbage, at=FOUNDING, by=COUNTER)
    with office.store.read() as uow:
        assert uow.certificates.of_resident(TARO.code) == ()


def test_a_key_is_certified_once(office: Office, register: Register) -> None:
    """A key that has a certificate, even a revoked one, gets no other."""
    signer = new_key()
    issued = certify(office, filed(office), signer)
    cancel(office, issued.application.id, at=FOUNDING, by=COUNTER)
    with pytest.raises(KeyRejected) as caught:
        certify(office, filed(office, key="two"), signer)
    assert caught.value.problem == "reused"
    assert certified(office, key="two").serial != issued.serial


def test_a_key_of_another_suite_is_refused(office: Office) -> None:
    """The era decides what residents' keys are."""
    with pytest.raises(KeyRejected) as caught:
        certify(office, filed(office), generate_key(suite("p384-sha384")))
    assert caught.value.problem == "wrong-suite"


def test_an_outlived_algorithm_certifies_nothing(office: Office) -> None:
    """What the era forbids on that day is not issued, and nothing is recorded."""
    suites = {**office.era.suites, "signature": "rsa1024-sha1"}
    old = replace(office, era=replace(office.era, suites=suites))
    late = datetime(2031, 1, 1, tzinfo=UTC)
    application = filed(office)
    with pytest.raises(AlgorithmError):
        certify(old, application, at=late)
    with office.store.read() as uow:
        assert uow.certificates.of_resident(TARO.code) == ()


def test_no_certificate_outlives_its_issuer(office: Office) -> None:
    """Near its end a key signs nothing that would live longer."""
    with office.store.read() as uow:
        end = uow.authorities.generation(GOVERNOR, 1).signs_until
    late = end - timedelta(days=100)
    application = filed(office)
    with pytest.raises(OutsideSigningWindow, match="outlive"):
        certify(office, application, at=late)
    after = end + timedelta(seconds=1)
    with pytest.raises(OutsideSigningWindow, match="no key"):
        certify(office, application, at=after)


def test_a_broken_rule_records_nothing(office: Office, register: Register) -> None:
    """What the lint refuses has no serial number and no trace."""
    register.add(replace(TARO, basic=replace(TARO.basic, address="住" * 201)))
    with pytest.raises(RuleViolation):
        certified(office)
    with office.store.read() as uow:
        assert uow.certificates.of_resident(TARO.code) == ()
        assert uow.certificates.pending() == ()


def test_a_serial_number_that_is_taken_is_drawn_again(
    office: Office, register: Register
) -> None:
    """Chance that repeats itself gives no number twice."""
    hanako = replace(TARO, code=ResidentCode.from_ten("0000000001"))
    register.add(hanako)
    first = certified(office)
    draws = iter([first.serial.to_bytes(RANDOM_OCTETS, "big")])

    def repeating(count: int) -> bytes:
        fresh = office.random(count)
        return next(draws, fresh) if count == RANDOM_OCTETS else fresh

    second = certified(replace(office, random=repeating), hanako, key="two")
    assert second.serial != first.serial
    _settled(office)


def test_the_same_request_at_the_same_time_gives_one_certificate(
    office: Office, register: Register
) -> None:
    """While one call asks the register, its repetition finishes: both answer alike."""
    application = filed(office)
    request = request_for(application, new_key())
    answers: list[Issued | None] = []

    def provide(code: ResidentCode, purpose: Purpose) -> Provided:
        if not answers:
            answers.append(None)
            answers[0] = issue(office, application.id, request, at=FOUNDING, by=COUNTER)
        return register.provide(code, purpose)

    first = issue(
        replace(office, provide=provide),
        application.id,
        request,
        at=FOUNDING,
        by=COUNTER,
    )
    assert answers == [first]
    _settled(office)


# -- crashes --------------------------------------------------------------------------


@pytest.mark.parametrize("by_recovery", [True, False])
@pytest.mark.parametrize("point", ["issuance.recorded", "issuance.signed"])
def test_a_crash_before_completion_is_finished(
    office: Office, point: str, by_recovery: bool
) -> None:
    """Recovery, or the counter's second try, completes the same bytes."""
    application = filed(office)
    request = request_for(application, new_key())
    dying = replace(office, step=CrashAt(point))
    with pytest.raises(Crash):
        issue(dying, application.id, request, at=FOUNDING, by=COUNTER)
    with office.store.read() as uow:
        (pending,) = uow.certificates.pending()
        assert status_of(uow, GOVERNOR, pending.serial, generation=1) == Unknown()
    if by_recovery:
        recovered = recover(office, at=FOUNDING)
        assert [entry.serial for entry in recovered.certificates] == [pending.serial]
    issued = issue(office, application.id, request, at=FOUNDING, by=COUNTER)
    assert issued.serial == pending.serial
    assert parse_certificate(issued.certificate).tbs == pending.tbs
    assert recover(office, at=FOUNDING).certificates == ()
    _settled(office)


def test_a_crash_after_completion_loses_nothing(office: Office) -> None:
    """The counter asks again and gets what was made."""
    application = filed(office)
    request = request_for(application, new_key())
    dying = replace(office, step=CrashAt("issuance.completed"))
    with pytest.raises(Crash):
        issue(dying, application.id, request, at=FOUNDING, by=COUNTER)
    issue(office, application.id, request, at=FOUNDING, by=COUNTER)
    with office.store.read() as uow:
        assert len(uow.certificates.of_resident(TARO.code)) == 1
    _settled(office)


class _BrokenKeyring:
    """A token whose keys answer with something that is not a signature."""

    def __init__(self, real: Signer) -> None:
        self.suite = real.suite
        self.public_key = real.public_key

    def generate(self, suite: SignatureSuite, label: str) -> tuple[str, Signer]:
        """Never asked."""
        raise AssertionError((suite, label))

    def open(self, uri: str) -> Signer:
        """Whatever the URI."""
        return self

    def opened(self, uri: str) -> Signer:
        """Whatever the URI."""
        return self

    def sign(self, message: bytes | memoryview) -> bytes:
        """Something of the right length."""
        return bytes(len(message))[:70]


def _broken(office: Office) -> Office:
    return replace(office, keyring=_BrokenKeyring(new_key()))


def test_a_bad_signature_is_not_handed_out(office: Office) -> None:
    """It is checked before it is stored; with a sound token recovery finishes."""
    application = filed(office)
    request = request_for(application, new_key())
    broken = _broken(office)
    with pytest.raises(IssuanceError, match="does not verify") as caught:
        issue(broken, application.id, request, at=FOUNDING, by=COUNTER)
    assert "recovery" in str(caught.value.hint)
    ((name, error),) = recover(broken, at=FOUNDING).failed
    assert name.startswith(f"{GOVERNOR}/")
    assert isinstance(error, IssuanceError)
    assert len(recover(office, at=FOUNDING).certificates) == 1
    _settled(office)


def test_what_cannot_be_finished_is_abandoned_and_revoked(office: Office) -> None:
    """An abandoned serial is on the journal, its application is over."""
    application = filed(office)
    request = request_for(application, new_key())
    with pytest.raises(IssuanceError):
        issue(_broken(office), application.id, request, at=FOUNDING, by=COUNTER)
    with office.store.read() as uow:
        (pending,) = uow.certificates.pending()
    serial = pending.serial
    with pytest.raises(PermissionDenied):
        abandon(office, GOVERNOR, serial, ground="x", at=FOUNDING, by=COUNTER)
    abandon(office, GOVERNOR, serial, ground="token lost", at=FOUNDING, by=OPERATOR)
    with pytest.raises(Conflict):
        abandon(office, GOVERNOR, serial, ground="x", at=FOUNDING, by=OPERATOR)
    with pytest.raises(ApplicationConflict):
        issue(office, application.id, request, at=FOUNDING, by=COUNTER)
    with office.store.read() as uow:
        entry = uow.journal.find(GOVERNOR, serial)
        account = account_for_serials(uow)
    assert entry is not None
    assert entry.reason is RevocationReason.UNSPECIFIED
    assert account.problems == ()
    assert account.counts[CertificateState.ABANDONED] == 1


def test_an_application_that_is_being_signed_is_not_cancelled(office: Office) -> None:
    """First the certificate is finished, then it can be given up."""
    application = filed(office)
    dying = replace(office, step=CrashAt("issuance.recorded"))
    with pytest.raises(Crash):
        certify(dying, application)
    with pytest.raises(ApplicationConflict, match="issuing"):
        cancel(office, application.id, at=FOUNDING, by=COUNTER)
    recover(office, at=FOUNDING)
    cancel(office, application.id, at=FOUNDING, by=COUNTER)
    _settled(office)


# -- events in between ----------------------------------------------------------------


def test_an_event_before_the_record_makes_us_ask_again(
    office: Office, register: Register
) -> None:
    """An answer that an applied event has overtaken is not certified."""
    application = filed(office)

    def stale_then_fresh(code: ResidentCode, purpose: Purpose) -> Provided:
        answer = register.provide(code, purpose)
        if not register.events:
            event = register.change(EventKind.MOVE_WITHIN, MOVED)
            apply_event(office, event, at=FOUNDING)
        return answer

    issued = certify(replace(office, provide=stale_then_fresh), application)
    items = parse_certificate(issued.certificate).basic_attributes
    assert items is not None
    assert items.address == MOVED.basic.address


def test_a_register_that_stays_behind_is_refused(
    office: Office, register: Register
) -> None:
    """A register restored from an old backup cannot give items for certificates."""
    application = filed(office)
    apply_event(office, register.change(EventKind.MOVE_WITHIN, MOVED), at=FOUNDING)
    register.events.clear()
    with pytest.raises(RegistryUnavailable, match="older"):
        certify(office, application)


def test_an_event_between_record_and_signature_revokes(
    office: Office, register: Register
) -> None:
    """The certificate is finished for the books, never handed out, and revoked."""
    application = filed(office)
    request = request_for(application, new_key())

    def move(point: str) -> None:
        if point == "issuance.recorded":
            event = register.change(EventKind.MOVE_WITHIN, MOVED)
            assert len(apply_event(office, event, at=FOUNDING).revoked) == 1

    with pytest.raises(ApplicationConflict, match="revoked") as caught:
        issue(
            replace(office, step=move),
            application.id,
            request,
            at=FOUNDING,
            by=COUNTER,
        )
    assert "new application" in str(caught.value.hint)
    assert filed(office, key="two").state is ApplicationState.FILED
    _settled(office)


def test_a_move_away_between_filing_and_issuing_is_noticed(
    office: Office, register: Register
) -> None:
    """Who has moved to another municipality gets nothing here."""
    application = filed(office)
    away = replace(TARO, municipality=MunicipalityCode.from_five("08201"))
    register.change(EventKind.MOVE_OUT, away)
    with pytest.raises(WrongMunicipality):
        certify(office, application)


# -- revoking by hand -----------------------------------------------------------------


def test_a_revocation_stays_as_it_was_made(office: Office) -> None:
    """The second revocation changes nothing: neither time nor reason."""
    issued = certified(office)
    first = revoke(
        office,
        GOVERNOR,
        issued.serial,
        RevocationReason.CERTIFICATE_HOLD,
        ground="doubt about the key",
        at=FOUNDING,
        by=COUNTER,
        invalidity_date=FOUNDING - timedelta(days=1),
    )
    second = revoke(
        office,
        GOVERNOR,
        issued.serial,
        RevocationReason.KEY_COMPROMISE,
        ground="certain now",
        at=FOUNDING + timedelta(days=1),
        by=OPERATOR,
    )
    assert second == first
    with office.store.read() as uow:
        status = status_of(uow, GOVERNOR, issued.serial, generation=1)
    assert status == first.revocation
    _settled(office)


def test_a_counter_revokes_for_its_own_residents_only(office: Office) -> None:
    """Not another municipality's, not the authority's own, not for any reason."""
    issued = certified(office)
    elsewhere = replace(COUNTER, municipality=MunicipalityCode.from_five("08201"))
    own = found(office, GOVERNOR)
    for serial, reason, caller in (
        (issued.serial, RevocationReason.KEY_COMPROMISE, elsewhere),
        (own.serial, RevocationReason.KEY_COMPROMISE, COUNTER),
        (issued.serial, RevocationReason.CA_COMPROMISE, COUNTER),
    ):
        with pytest.raises(PermissionDenied):
            revoke(office, GOVERNOR, serial, reason, ground="x", at=FOUNDING, by=caller)
    with pytest.raises(NotFound):
        revoke(
            office,
            GOVERNOR,
            1,
            RevocationReason.KEY_COMPROMISE,
            ground="x",
            at=FOUNDING,
            by=OPERATOR,
        )
