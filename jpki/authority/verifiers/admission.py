"""Which verifier asks, whether it may, and how often it has.

Accounts are looked at again twice a second, so a suspension holds on every worker
within that time. While the database is away those who were known stay known: they are
given what is kept, and that is soon nothing. Answers are counted in memory and entered
every few seconds, so a process that is killed forgets the last of them; several
processes together may give a verifier that much more than its quota.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from time import monotonic
from typing import Final

from jpki.authority.verifiers.accounts import credential_digest
from jpki.errors import (
    AuthenticationError,
    QuotaExhausted,
    StoreError,
    VerifierSuspended,
)
from jpki.model.calendar import JST, day_in_japan
from jpki.model.ports import Clock
from jpki.store import AuthorityStore
from jpki.store.verifier_records import (
    CredentialKind,
    Service,
    UsageRecord,
    VerifierCredential,
    VerifierRecord,
)

__all__ = ["Admission"]

_TRUSTED_SECONDS: Final = 0.5
_ENTER_SECONDS: Final = 2.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Accounts:
    """What a look into the books found."""

    verifiers: Mapping[str, VerifierRecord]
    credentials: Mapping[str, VerifierCredential]
    trusted_until: float
    """Monotonic seconds."""


@dataclass(frozen=True, slots=True)
class _Given:
    """What the books say was given on one day."""

    day: date
    answers: Mapping[str, int]


_Line = tuple[str, date, Service]


class Admission:
    """The accounts of one database; shared by threads."""

    def __init__(self, store: AuthorityStore) -> None:
        self._store = store
        self._accounts = _Accounts({}, {}, 0.0)
        self._given = _Given(date.min, {})
        self._answered: Counter[_Line] = Counter()
        self._refused: Counter[_Line] = Counter()
        self._counting = threading.Lock()
        self._looking = threading.Lock()

    def admit(self, kind: CredentialKind, shown: bytes, at: datetime) -> VerifierRecord:
        """Who shows this token, or this certificate (DER).

        Raises:
            AuthenticationError: nobody, or not any more, or not yet.
            VerifierSuspended: it is told nothing.
            StoreError: nothing is known of any verifier yet.
        """
        accounts = self._current(at)
        credential = accounts.credentials.get(credential_digest(shown))
        if (
            credential is None
            or credential.kind is not kind
            or not credential.begins <= at < credential.ends
        ):
            raise AuthenticationError(
                "no registered verifier has this credential now",
                hint="ask the operators of the authority for a new one",
            )
        record = accounts.verifiers[credential.verifier]
        if record.suspended_at is not None:
            raise VerifierSuspended(record.account.id)
        return record

    def require_quota(self, record: VerifierRecord, at: datetime) -> None:
        """Say whether the verifier may have one more answer today.

        Raises:
            QuotaExhausted: it may not.
        """
        quota = record.account.daily_quota
        if quota is None:
            return
        name, day = record.account.id, day_in_japan(at)
        with self._counting:
            given = self._given.answers.get(name, 0) if self._given.day == day else 0
            waiting = sum(self._answered[name, day, service] for service in Service)
        if given + waiting >= quota:
            raise QuotaExhausted(name, quota, _until_midnight(at))

    def count(
        self, record: VerifierRecord, service: Service, at: datetime, *, answered: bool
    ) -> None:
        """Remember an answer, or that there was none for who may not have it."""
        line = (record.account.id, day_in_japan(at), service)
        with self._counting:
            (self._answered if answered else self._refused)[line] += 1

    def run(self, stop: threading.Event, clock: Clock) -> None:
        """Enter what was counted, until told to stop, and then once more."""
        failing = False
        while True:
            stopped = stop.wait(_ENTER_SECONDS)
            try:
                self.enter(clock())
                failing = False
            except StoreError as error:
                if not failing or stopped:
                    _log.error("what verifiers asked is not entered: %s", error)
                failing = True
            if stopped:
                return

    def enter(self, at: datetime) -> None:
        """Enter what was counted.

        Raises:
            StoreError: it could not be entered; it still counts, and is tried again.
        """
        with self._looking:
            with self._counting:
                lines = _lines(self._answered, self._refused)
            if not lines:
                return
            day = day_in_japan(at)
            with self._store.write() as uow:
                uow.verifiers.count(lines)
                given = uow.verifiers.answered_on(day)
                uow.commit()
            with self._counting:
                self._given = _Given(day, given)
                for line in lines:
                    name = (line.verifier, line.day, line.service)
                    _less(self._answered, name, line.answered)
                    _less(self._refused, name, line.refused)

    def _current(self, at: datetime) -> _Accounts:
        accounts = self._accounts
        if monotonic() < accounts.trusted_until:
            return accounts
        # The first to find them too old looks; who comes meanwhile has the last ones.
        if not self._looking.acquire(blocking=not accounts.trusted_until):
            return accounts
        try:
            if monotonic() >= self._accounts.trusted_until:
                self._look(at)
        except StoreError:
            if not accounts.trusted_until:
                raise
        finally:
            self._looking.release()
        return self._accounts

    def _look(self, at: datetime) -> None:
        began, day = monotonic(), day_in_japan(at)
        with self._store.read() as uow:
            verifiers = {record.account.id: record for record in uow.verifiers.all()}
            credentials = uow.verifiers.credentials(after=at)
            given = uow.verifiers.answered_on(day)
        with self._counting:
            self._given = _Given(day, given)
        self._accounts = _Accounts(
            verifiers,
            {credential.digest: credential for credential in credentials},
            began + _TRUSTED_SECONDS,
        )


def _lines(answered: Counter[_Line], refused: Counter[_Line]) -> list[UsageRecord]:
    return [
        UsageRecord(
            verifier=verifier,
            day=day,
            service=service,
            answered=answered[verifier, day, service],
            refused=refused[verifier, day, service],
        )
        for verifier, day, service in sorted(
            {*answered, *refused}, key=lambda line: (line[0], line[1], line[2].value)
        )
    ]


def _less(counter: Counter[_Line], line: _Line, by: int) -> None:
    counter[line] -= by
    if counter[line] <= 0:
        del counter[line]


def _until_midnight(at: datetime) -> int:
    here = at.astimezone(JST)
    midnight = here.replace(hour=0, minute=0, second=0, microsecond=0)
    return int((midnight + timedelta(days=1) - here).total_seconds())
