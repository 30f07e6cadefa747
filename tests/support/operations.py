"""Random work in an office: everything that writes to its books, in any order.

Each operation is one call of a use case. Some are refused by a rule, as at a real
counter; that is part of the work.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from jpki.authority import (
    BRIDGE,
    Consent,
    Office,
    apply_event,
    approve,
    cancel,
    certify_responder,
    checkpoint,
    cross_certify,
    deliver,
    dismiss_operator,
    enrol_operator,
    publish,
    publish_due,
    refuse,
    request,
    revoke,
)
from jpki.authority.agreeing.deeds import cross_certification, founding
from jpki.errors import JpkiError
from jpki.keys.memory import generate_key
from jpki.model.codes import ResidentCode
from jpki.model.events import EventKind
from jpki.model.operators import Caller, Role
from jpki.model.residents import Resident
from jpki.model.revocation import RevocationReason
from jpki.store import AuthorityStore
from jpki.store.authority_records import ConsentRecord
from tests.support.offices import (
    COUNTER,
    FOUNDING,
    GOVERNOR,
    OPERATOR,
    OTHER_OPERATOR,
    P256,
    TARO,
    TSUKUBA,
    Register,
    certify,
    filed,
    new_key,
    new_office,
)

__all__ = ["RandomWork"]

_PEOPLE: Final = 6000
_CHANGES: Final = (
    EventKind.MOVE_WITHIN,
    EventKind.HOUSEHOLD_CHANGE,
    EventKind.NAME_CHANGE,
)
_REASONS: Final = (
    RevocationReason.KEY_COMPROMISE,
    RevocationReason.CESSATION_OF_OPERATION,
)


class RandomWork:
    """Does one thing after another, the same for the same seed."""

    def __init__(self, store: AuthorityStore, seed: int) -> None:
        self._chance = random.Random(seed)
        self._register = Register()
        self._people = [
            replace(TARO, code=ResidentCode.from_ten(f"{number:010}"))
            for number in range(_PEOPLE)
        ]
        self._register.add(*self._people)
        self.office: Office = new_office(store, self._register, seed=seed)
        self.at: datetime = FOUNDING
        self.done = 0
        """Operations, refused ones included."""
        self.refused = 0
        self._filed: list[str] = []
        self._issued: list[str] = []
        self._serials: list[int] = []
        self._colleagues: list[str] = []
        self._asked: list[ConsentRecord] = []
        self._last: tuple[Resident, str, str] | None = None
        self._key = 0
        self._acts: list[Callable[[], object]] = []
        self._weights: list[float] = []
        for act, weight in (
            (self._change, 28),
            (self._change_again, 10),
            (self._file, 9),
            (self._file_again, 6),
            (self._issue, 5),
            (self._deliver, 9),
            (self._cancel, 5),
            (self._revoke, 13),
            (self._ask, 9),
            (self._answer, 4),
            (self._enrol, 0.4),
            (self._dismiss, 0.4),
            (self._certify_responder, 0.2),
            (self._publish, 0.3),
            (self._publish_early, 0.2),
            (self._seal, 0.5),
        ):
            self._acts.append(act)
            self._weights.append(weight)

    def do(self, operations: int) -> None:
        """So many operations, some time apart."""
        for act in self._chance.choices(self._acts, self._weights, k=operations):
            self.at += timedelta(seconds=self._chance.randrange(60))
            self.done += 1
            try:
                act()
            except JpkiError:
                self.refused += 1

    # -- counters ---------------------------------------------------------------------

    def _file(self) -> None:
        self._key += 1
        person = self._chance.choice(self._people)
        application = filed(self.office, person, key=str(self._key), at=self.at).id
        self._filed.append(application)
        self._last = person, str(self._key), application

    def _file_again(self) -> None:
        """A clerk who got no answer: the same key finds the same application."""
        if self._last is None:
            return
        person, key, known = self._last
        assert filed(self.office, person, key=key, at=self.at).id == known

    def _issue(self) -> None:
        identifier = self._taken(self._filed)
        with self.office.store.read() as uow:
            application = uow.applications.get(identifier)
        issued = certify(self.office, application, new_key(), at=self.at)
        self._issued.append(identifier)
        self._serials.append(issued.serial)

    def _deliver(self) -> None:
        deliver(self.office, self._taken(self._issued), at=self.at, by=COUNTER)

    def _cancel(self) -> None:
        pile = self._chance.choice([self._filed, self._issued])
        cancel(self.office, self._taken(pile), at=self.at, by=COUNTER)

    def _revoke(self) -> None:
        serial = self._chance.choice(self._serials or [1])
        reason = self._chance.choice(_REASONS)
        by = self._chance.choice([COUNTER, OPERATOR])
        revoke(
            self.office, GOVERNOR, serial, reason, ground="失効申請", at=self.at, by=by
        )

    # -- the register -----------------------------------------------------------------

    def _change(self) -> None:
        person = self._chance.choice(self._people)
        kind = self._chance.choice(_CHANGES)
        apply_event(
            self.office,
            self._register.change(kind, person, at=self.at),
            at=self.at,
        )

    def _change_again(self) -> None:
        """A feed that tells something twice: it takes effect once."""
        known = self._register.events
        if known:
            again = apply_event(self.office, self._chance.choice(known), at=self.at)
            assert again.repeated

    # -- CA operators -----------------------------------------------------------------

    def _ask(self) -> None:
        prefecture = f"{self._chance.randrange(1, 48):02}"
        deed = founding(f"governor-{prefecture}", self.office.era.id)
        if self._chance.random() < 0.3:
            deed = cross_certification(GOVERNOR, BRIDGE)
        self._asked.append(request(self.office, deed, at=self.at, by=OPERATOR))

    def _answer(self) -> None:
        if not self._asked:
            return
        record = self._asked.pop(self._chance.randrange(len(self._asked)))
        if self._chance.random() < 0.4:
            refuse(self.office, record.id, at=self.at, by=OTHER_OPERATOR)
            return
        consent: Consent = approve(
            self.office, record.id, record.digest, at=self.at, by=OTHER_OPERATOR
        )
        if record.act == "cross-certify":
            cross_certify(self.office, GOVERNOR, BRIDGE, at=self.at, by=consent)

    def _enrol(self) -> None:
        self._key += 1
        key = generate_key(P256).public_key
        clerk = Caller(
            id=f"clerk-{self._key}",
            role=Role.COUNTER,
            public_key=key,
            municipality=TSUKUBA,
        )
        enrol_operator(self.office, GOVERNOR, clerk, at=self.at, by=OPERATOR)
        self._colleagues.append(clerk.id)

    def _dismiss(self) -> None:
        clerk = self._taken(self._colleagues)
        dismiss_operator(self.office, clerk, at=self.at, by=OPERATOR)

    def _certify_responder(self) -> None:
        authority = self._chance.choice([GOVERNOR, BRIDGE])
        certify_responder(self.office, authority, at=self.at, by=OPERATOR)

    # -- what the server does by itself -----------------------------------------------

    def _publish(self) -> None:
        publish_due(self.office, at=self.at)

    def _publish_early(self) -> None:
        publish(self.office, GOVERNOR, at=self.at, by=OPERATOR.id)

    def _seal(self) -> None:
        checkpoint(self.office, at=self.at)

    def _taken(self, pile: list[str]) -> str:
        if not pile:
            return "none"
        return pile.pop(self._chance.randrange(len(pile)))
