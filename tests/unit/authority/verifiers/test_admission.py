"""Who is admitted, how often, and that nothing counted is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from jpki.authority import Office
from jpki.authority.agreeing.deeds import registration
from jpki.authority.verifiers.accounts import (
    give_token,
    register_verifier,
    suspend_verifier,
)
from jpki.authority.verifiers.admission import Admission
from jpki.errors import (
    AuthenticationError,
    QuotaExhausted,
    StoreError,
    VerifierSuspended,
)
from jpki.model.verifiers import VerifierAccount
from jpki.store import AuthorityStore
from jpki.store.verifier_records import CredentialKind, Service, VerifierRecord
from tests.support.offices import FOUNDING, OPERATOR, agreed, new_office

NAME = "tax-agency"
YEAR = timedelta(days=365)
QUOTA = 3


class Desk:
    """An office with one verifier, and an admission that always looks anew."""

    def __init__(self, store: AuthorityStore, quota: int | None = QUOTA) -> None:
        self.office: Office = new_office(store, founded=False)
        account = VerifierAccount(
            id=NAME,
            name="国税庁",
            signature=True,
            authentication=False,
            daily_quota=quota,
        )
        by = agreed(self.office, registration(account))
        register_verifier(self.office, account, at=FOUNDING, by=by)
        self.token, _ = give_token(
            self.office,
            NAME,
            lifetime=YEAR,
            overlap=timedelta(0),
            at=FOUNDING,
            by=OPERATOR,
        )
        self.admission = Admission(store)

    def admit(
        self, at: datetime = FOUNDING, token: str | None = None
    ) -> VerifierRecord:
        """By a new look."""
        self.forget()
        shown = (token or self.token).encode()
        return self.admission.admit(CredentialKind.TOKEN, shown, at)

    def forget(self) -> None:
        """As if half a second had passed."""
        known = self.admission._accounts
        if known.trusted_until:
            self.admission._accounts = type(known)(
                known.verifiers, known.credentials, float.fromhex("0x1p-40")
            )

    def take(self, at: datetime = FOUNDING) -> None:
        """One answer, if the quota has one left."""
        record = self.admit(at)
        self.admission.require_quota(record, at)
        self.admission.count(record, Service.OCSP, at, answered=True)

    def counted(self) -> dict[tuple[date, Service], tuple[int, int]]:
        """What the books say."""
        with self.office.store.read() as uow:
            lines = uow.verifiers.usage(date.min, date.max)
        return {
            (line.day, line.service): (line.answered, line.refused) for line in lines
        }


@pytest.fixture
def desk(founded_store: AuthorityStore) -> Desk:
    """One verifier with three answers a day."""
    return Desk(founded_store)


@contextmanager
def _away(store: AuthorityStore) -> Iterator[None]:
    """The accounts cannot be asked: their table is not there."""

    def rename(old: str, new: str) -> None:
        with store.database.write() as connection:
            connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))
            connection.commit()

    rename("verifier_usage", "elsewhere")
    try:
        yield
    finally:
        rename("elsewhere", "verifier_usage")


def test_a_token_admits_from_its_begin_to_its_end(desk: Desk) -> None:
    """Not one second before or after, and nobody else's."""
    assert desk.admit().account.id == NAME
    desk.admit(FOUNDING + YEAR - timedelta(seconds=1))
    for at in (FOUNDING - timedelta(seconds=1), FOUNDING + YEAR):
        with pytest.raises(AuthenticationError):
            desk.admit(at)
    for shown in ("", "x" * 43, desk.token[:-1], desk.token + "A"):
        with pytest.raises(AuthenticationError):
            desk.admit(token=shown or "-")
    with pytest.raises(AuthenticationError):
        desk.admission.admit(CredentialKind.CERTIFICATE, desk.token.encode(), FOUNDING)


def test_a_suspension_holds_at_the_next_look(desk: Desk) -> None:
    """Also while tokens have not ended."""
    desk.admit()
    suspend_verifier(desk.office, NAME, ground="x", at=FOUNDING, by=OPERATOR)
    with pytest.raises(VerifierSuspended) as told:
        desk.admit()
    assert told.value.verifier == NAME


def test_a_quota_is_of_one_day_in_japan(desk: Desk) -> None:
    """Until midnight there, by whichever process it was given."""
    # FOUNDING may be any hour: begin at noon in Japan.
    noon = datetime(2014, 10, 2, 3, tzinfo=UTC)
    desk.take(noon)
    desk.admission.enter(noon)
    other = Admission(desk.office.store)
    record = other.admit(CredentialKind.TOKEN, desk.token.encode(), noon)
    other.count(record, Service.CRL, noon, answered=True)
    other.enter(noon)
    desk.take(noon)
    with pytest.raises(QuotaExhausted) as told:
        desk.take(noon)
    assert told.value.quota == QUOTA
    assert told.value.retry_after == 12 * 3600
    desk.take(noon + timedelta(hours=12))
    with pytest.raises(QuotaExhausted):
        desk.take(noon + timedelta(hours=12, seconds=-1))


def test_refusals_use_up_nothing(desk: Desk) -> None:
    """They are counted, but not against the quota."""
    record = desk.admit()
    for _ in range(10):
        desk.admission.count(record, Service.OCSP, FOUNDING, answered=False)
    desk.take()
    desk.admission.enter(FOUNDING)
    (line,) = desk.counted().values()
    assert line == (1, 10)


def test_what_was_counted_is_entered_once(desk: Desk) -> None:
    """While the database is away it waits; the quota holds all the while."""
    desk.take()
    with _away(desk.office.store):
        with pytest.raises(StoreError):
            desk.admission.enter(FOUNDING)
        desk.take()
        desk.take()
        with pytest.raises(QuotaExhausted):
            desk.take()
        with pytest.raises(StoreError):
            desk.admission.enter(FOUNDING)
    desk.admission.enter(FOUNDING)
    desk.admission.enter(FOUNDING)
    (line,) = desk.counted().values()
    assert line == (3, 0)


def test_without_a_first_look_nobody_is_admitted(desk: Desk) -> None:
    """An error that says so, and none that blames the verifier."""
    with _away(desk.office.store), pytest.raises(StoreError):
        desk.admit()
    desk.admit()


def test_nothing_is_lost_between_threads(founded_store: AuthorityStore) -> None:
    """Many count while another enters; at the end it is all in the books."""
    desk = Desk(founded_store, quota=None)
    record = desk.admit()
    stop = threading.Event()
    clerk = threading.Thread(target=desk.admission.run, args=(stop, lambda: FOUNDING))
    clerk.start()

    def ask(number: int) -> None:
        for _ in range(200):
            answered = number % 2 == 0
            desk.admission.count(record, Service.OCSP, FOUNDING, answered=answered)
            if number == 0:
                desk.admission.enter(FOUNDING)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))
    stop.set()
    clerk.join(30)
    (line,) = desk.counted().values()
    assert line == (800, 800)
