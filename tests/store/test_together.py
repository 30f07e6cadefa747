"""Group commit: callers share a transaction, never each other's errors."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from jpki.authority import account_for_serials, verify_audit
from jpki.errors import Conflict, JpkiError, NotFound
from jpki.model.codes import ResidentCode
from jpki.store import AuthorityStore
from jpki.store.together import Together
from tests.support.databases import founded_store
from tests.support.offices import TARO, Register, certified, new_office

__all__ = ["founded_store"]

_CALLERS = 8


def _at_once(call: Callable[[int], object]) -> list[object]:
    """What each caller gets, or the error of ours that it meets."""
    answers: list[object] = [None] * _CALLERS

    def run(number: int) -> None:
        try:
            answers[number] = call(number)
        except JpkiError as error:
            answers[number] = error

    threads = [threading.Thread(target=run, args=(n,)) for n in range(_CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


def test_each_caller_gets_its_own_answer() -> None:
    """While one group is worked on the next gathers, and is then done at once."""
    groups: list[int] = []
    gate = threading.Event()

    def act(items: Sequence[int]) -> Sequence[int]:
        groups.append(len(items))
        gate.wait(0.2)
        return [item * 2 for item in items]

    assert _at_once(Together(act)) == [number * 2 for number in range(_CALLERS)]
    assert sum(groups) == _CALLERS
    assert len(groups) < _CALLERS


def test_an_error_is_its_callers_only() -> None:
    """Whether it is an answer or fails the whole group."""

    def act(items: Sequence[int]) -> Sequence[int | JpkiError]:
        if 3 in items:
            raise Conflict("three")
        return [NotFound("number", str(n)) if n == 5 else n for n in items]

    answers = _at_once(Together(act))
    assert isinstance(answers[3], Conflict)
    assert isinstance(answers[5], NotFound)
    assert [a for a in answers if isinstance(a, int)] == [0, 1, 2, 4, 6, 7]


def test_a_leader_that_is_interrupted_leaves_nobody_waiting() -> None:
    """The next caller leads, and is served."""
    fail = [True]

    def act(items: Sequence[int]) -> Sequence[int]:
        if fail.pop() if fail else False:
            raise KeyboardInterrupt
        return items

    together = Together(act)
    with pytest.raises(KeyboardInterrupt):
        together(1)
    assert together(2) == 2


def test_threads_that_issue_at_once(founded_store: AuthorityStore) -> None:
    """Every certificate is in the books once, and the log is gapless and chained."""
    register = Register()
    people = [
        replace(TARO, code=ResidentCode.from_ten(f"{n:010}")) for n in range(_CALLERS)
    ]
    register.add(*people)
    office = new_office(founded_store, register)
    issued = _at_once(lambda n: certified(office, people[n], key=str(n)).serial)
    assert len(set(issued)) == _CALLERS
    assert all(isinstance(serial, int) for serial in issued)
    with founded_store.read() as uow:
        verify_audit(uow)
        assert account_for_serials(uow).problems == ()
