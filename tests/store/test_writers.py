"""Two processes that write at once: no number twice, no entry lost, no gap."""

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from jpki.authority import (
    FileKeyring,
    Office,
    account_for_serials,
    apply_event,
    publish_due,
    verify_audit,
)
from jpki.errors import StoreError
from jpki.model.codes import ResidentCode
from jpki.model.events import EventKind
from jpki.model.residents import Resident
from jpki.store import AuthorityStore, RegistryStore
from tests.support.offices import (
    FOUNDING,
    GOVERNOR,
    TARO,
    Register,
    certified,
    found,
    small_era,
)

_EACH = 6
_WRITERS = 2


def _person(writer: int, number: int) -> Resident:
    return replace(TARO, code=ResidentCode.from_ten(f"{writer:05}{number:05}"))


def _office(url: str, keys: Path, register: Register, seed: int) -> Office:
    return Office(
        store=AuthorityStore(url),
        keyring=FileKeyring(keys, lambda: "correct horse battery staple"),
        era=small_era(),
        random=random.Random(seed).randbytes,
        ocsp_url="http://ocsp.test/",
        provide=register.provide,
    )


def _issue(url: str, keys: Path, writer: int) -> None:
    register = Register()
    register.add(*(_person(writer, number) for number in range(_EACH)))
    office = _office(url, keys, register, seed=writer)
    for number in range(_EACH):
        certified(office, _person(writer, number), key=f"{writer}/{number}")
        publish_due(office, at=FOUNDING)
    office.store.close()


def _take_feed(url: str, keys: Path, register: Register, seed: int) -> None:
    office = _office(url, keys, register, seed)
    for event in register.events:
        apply_event(office, event, at=FOUNDING)
    office.store.close()


def _migrate(url: str) -> None:
    store = AuthorityStore(url)
    store.migrate()
    store.close()


def _together(act: Callable[..., None], *arguments: tuple[object, ...]) -> None:
    """Run in several processes at once; all must end well."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=act, args=args) for args in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * len(processes)


def test_processes_that_issue_at_once(database_url: str, tmp_path: Path) -> None:
    """Every certificate of every process is in the books once, and the log is whole."""
    store = AuthorityStore(database_url)
    store.migrate()
    keys = tmp_path / "keys"
    office = _office(database_url, keys, Register(), seed=0)
    found(office, GOVERNOR)
    _together(_issue, *((database_url, keys, writer) for writer in range(_WRITERS)))
    with store.read() as uow:
        verify_audit(uow)
        account = account_for_serials(uow)
    assert account.problems == ()
    issued = [line.serial for line in account.lines if line.kind == "signature"]
    assert len(issued) == len(set(issued)) == _WRITERS * _EACH
    office.store.close()
    store.close()


def test_processes_that_take_one_feed_at_once(
    database_url: str, tmp_path: Path
) -> None:
    """Each event takes effect once, whichever process brings it first."""
    store = AuthorityStore(database_url)
    store.migrate()
    keys = tmp_path / "keys"
    register = Register()
    people = [_person(0, number) for number in range(_EACH)]
    register.add(*people)
    office = _office(database_url, keys, register, seed=0)
    found(office, GOVERNOR)
    for number, person in enumerate(people):
        certified(office, person, key=str(number))
    for person in people:
        register.change(EventKind.MOVE_WITHIN, person)
    _together(
        _take_feed, *((database_url, keys, register, writer) for writer in range(2))
    )
    with store.read() as uow:
        verify_audit(uow)
        assert account_for_serials(uow).problems == ()
        assert uow.events.position() == uow.journal.position() == _EACH
    office.store.close()
    store.close()


def test_processes_that_start_on_an_empty_database(database_url: str) -> None:
    """Each brings the schema up or finds it so."""
    _together(_migrate, *((database_url,) for _ in range(3)))
    store = AuthorityStore(database_url)
    assert store.is_current()
    store.close()


def test_a_write_that_is_not_committed_leaves_nothing(
    registry_store: RegistryStore,
) -> None:
    """Leaving the unit of work, by its end or by an error, undoes it."""
    with registry_store.write() as uow:
        uow.residents.add(TARO)
    with pytest.raises(RuntimeError), registry_store.write() as uow:
        uow.residents.add(TARO)
        raise RuntimeError("on the way")
    with registry_store.read() as uow:
        assert uow.residents.count() == 0


def test_a_reader_sees_one_moment(registry_store: RegistryStore) -> None:
    """What is committed meanwhile is not seen by a reader that has begun."""
    with registry_store.read() as reader:
        assert reader.residents.count() == 0
        with registry_store.write() as writer:
            writer.residents.add(TARO)
            writer.commit()
        assert reader.residents.count() == 0
    with registry_store.read() as reader:
        assert reader.residents.count() == 1


def test_a_reader_cannot_write(registry_store: RegistryStore) -> None:
    """On PostgreSQL the server refuses; on SQLite nothing is ever committed."""
    try:
        with registry_store.read() as uow:
            uow.residents.add(TARO)
    except StoreError as error:
        assert "read-only" in error.message
    with registry_store.read() as uow:
        assert uow.residents.count() == 0
