"""Verifiers: two people register one, one gives credentials and suspends."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from jpki.authority import Office, verify_audit
from jpki.authority.agreeing.deeds import registration, revocation
from jpki.authority.verifiers.accounts import (
    accept_certificate,
    credential_digest,
    give_token,
    register_verifier,
    resume_verifier,
    suspend_verifier,
)
from jpki.errors import (
    Conflict,
    ConsentMismatch,
    ConsentUsed,
    EncodingError,
    NotFound,
    PermissionDenied,
    RequestError,
)
from jpki.model.revocation import RevocationReason
from jpki.model.verifiers import VerifierAccount
from jpki.store import AuthorityStore
from jpki.store.verifier_records import VerifierCredential, VerifierRecord
from tests.support.offices import (
    COUNTER,
    FOUNDING,
    OPERATOR,
    TARO,
    Register,
    agreed,
    certified,
    new_office,
)

ACCOUNT = VerifierAccount(
    id="tax-agency", name="国税庁", signature=True, authentication=False
)
DAY = timedelta(days=1)
YEAR = 365 * DAY


@pytest.fixture
def office(founded_store: AuthorityStore) -> Office:
    """An office that knows no verifier yet."""
    return new_office(founded_store, Register({TARO.code: TARO}), founded=False)


def _registered(office: Office, account: VerifierAccount = ACCOUNT) -> VerifierRecord:
    by = agreed(office, registration(account))
    return register_verifier(office, account, at=FOUNDING, by=by)


def _token(
    office: Office,
    *,
    at: datetime = FOUNDING,
    overlap: timedelta = DAY,
    lifetime: timedelta = YEAR,
) -> tuple[str, VerifierCredential]:
    return give_token(
        office, ACCOUNT.id, lifetime=lifetime, overlap=overlap, at=at, by=OPERATOR
    )


def _credentials(office: Office, at: datetime) -> dict[str, datetime]:
    with office.store.read() as uow:
        return {each.digest: each.ends for each in uow.verifiers.credentials(after=at)}


def test_two_people_register_a_verifier(office: Office) -> None:
    """Carried out again under the same agreement, nothing is done twice."""
    by = agreed(office, registration(ACCOUNT))
    made = register_verifier(office, ACCOUNT, at=FOUNDING, by=by)
    assert made.account == ACCOUNT
    assert register_verifier(office, ACCOUNT, at=FOUNDING + DAY, by=by) == made
    with office.store.read() as uow:
        assert uow.verifiers.all() == (made,)
        assert [entry.act for entry in uow.audit.of_subject(ACCOUNT.id)] == [
            "verifier.registered"
        ]
        verify_audit(uow)


def test_no_other_agreement_registers_it(office: Office) -> None:
    """Not one to another act, nor to other particulars, nor one that was used."""
    other = revocation("bridge", 1, RevocationReason.SUPERSEDED, ground="x")
    wider = replace(ACCOUNT, authentication=True)
    for deed in (other, registration(wider)):
        with pytest.raises(ConsentMismatch):
            register_verifier(office, ACCOUNT, at=FOUNDING, by=agreed(office, deed))
    _registered(office)
    with pytest.raises(Conflict):
        _registered(office, wider)
    used = agreed(office, registration(replace(ACCOUNT, id="other")))
    register_verifier(office, replace(ACCOUNT, id="other"), at=FOUNDING, by=used)
    with pytest.raises((ConsentUsed, ConsentMismatch)):
        register_verifier(office, replace(ACCOUNT, id="third"), at=FOUNDING, by=used)


def test_a_token_is_known_by_its_digest_only(office: Office) -> None:
    """The one before goes on for the overlap; with none it ends now."""
    _registered(office)
    first, known = _token(office)
    assert known.digest == credential_digest(first.encode())
    assert len(first) == 43
    assert _credentials(office, FOUNDING) == {known.digest: FOUNDING + YEAR}
    _, second = _token(office, at=FOUNDING + DAY, overlap=7 * DAY)
    assert _credentials(office, FOUNDING + DAY) == {
        known.digest: FOUNDING + 8 * DAY,
        second.digest: FOUNDING + DAY + YEAR,
    }
    _, third = _token(office, at=FOUNDING + 2 * DAY, overlap=timedelta(0))
    assert set(_credentials(office, FOUNDING + 2 * DAY)) == {third.digest}
    with office.store.read() as uow:
        assert first not in str(uow.audit.of_subject(ACCOUNT.id))
        verify_audit(uow)


@pytest.mark.parametrize(
    ("lifetime", "overlap"),
    [
        (timedelta(0), timedelta(0)),
        (4 * YEAR, DAY),
        (DAY, 2 * DAY),
        (DAY, timedelta(-1)),
    ],
)
def test_tokens_that_cannot_be(
    office: Office, lifetime: timedelta, overlap: timedelta
) -> None:
    """A life of at most three years, and an overlap within it."""
    _registered(office)
    with pytest.raises(RequestError):
        _token(office, lifetime=lifetime, overlap=overlap)
    assert _credentials(office, FOUNDING) == {}


def test_a_certificate_counts_until_it_expires(office: Office) -> None:
    """Whoever issued it; known once, as one verifier's."""
    _registered(office)
    _registered(office, replace(ACCOUNT, id="other"))
    shown = certified(office)

    def accept(verifier: str, at: datetime = FOUNDING) -> VerifierCredential:
        return accept_certificate(
            office, verifier, shown.certificate, overlap=DAY, at=at, by=OPERATOR
        )

    known = accept(ACCOUNT.id)
    assert known.digest == credential_digest(shown.certificate)
    assert known.begins == FOUNDING
    assert FOUNDING + YEAR < known.ends <= FOUNDING + timedelta(days=3 * 366)
    for verifier in (ACCOUNT.id, "other"):
        with pytest.raises(Conflict):
            accept(verifier)
    assert _credentials(office, FOUNDING) == {known.digest: known.ends}
    with pytest.raises(RequestError, match="expired"):
        accept("other", FOUNDING + 20 * YEAR)
    with pytest.raises(EncodingError):
        accept_certificate(
            office, "other", b"0\x00", overlap=DAY, at=FOUNDING, by=OPERATOR
        )


def test_suspension_and_its_end(office: Office) -> None:
    """Each once, by a CA operator, with a ground."""
    _registered(office)

    def suspend(ground: str = "found out") -> VerifierRecord:
        return suspend_verifier(
            office, ACCOUNT.id, ground=ground, at=FOUNDING, by=OPERATOR
        )

    def resume() -> VerifierRecord:
        return resume_verifier(
            office, ACCOUNT.id, ground="settled", at=FOUNDING, by=OPERATOR
        )

    with pytest.raises(Conflict, match="not suspended"):
        resume()
    with pytest.raises(RequestError):
        suspend(" ")
    assert suspend().suspended_at == FOUNDING
    with pytest.raises(Conflict, match="suspended already"):
        suspend()
    assert resume().suspended_at is None
    with office.store.read() as uow:
        acts = [entry.act for entry in uow.audit.of_subject(ACCOUNT.id)]
    assert acts == ["verifier.registered", "verifier.suspended", "verifier.resumed"]


def test_only_operators_and_only_registered_verifiers(office: Office) -> None:
    """A counter has no say; who is not registered has no credentials."""
    with pytest.raises(NotFound):
        _token(office)
    with pytest.raises(NotFound):
        suspend_verifier(office, ACCOUNT.id, ground="x", at=FOUNDING, by=OPERATOR)
    _registered(office)
    with pytest.raises(PermissionDenied):
        suspend_verifier(office, ACCOUNT.id, ground="x", at=FOUNDING, by=COUNTER)
    with pytest.raises(PermissionDenied):
        give_token(
            office, ACCOUNT.id, lifetime=DAY, overlap=DAY, at=FOUNDING, by=COUNTER
        )


@pytest.mark.parametrize(
    "change",
    [
        {"id": "Tax"},
        {"id": "-tax"},
        {"id": "x" * 41},
        {"id": ""},
        {"name": " "},
        {"name": "a\nb"},
        {"name": "x" * 201},
        {"signature": False},
        {"daily_quota": 0},
        {"daily_quota": 2**31},
    ],
)
def test_accounts_that_cannot_be(change: dict[str, object]) -> None:
    """Identifiers and names can be printed, and each verifier verifies something."""
    with pytest.raises(RequestError):
        replace(ACCOUNT, **change)  # type: ignore[arg-type]
