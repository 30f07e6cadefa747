"""The journal outside the database: killed writers, two of them, and a full disk."""

from __future__ import annotations

import multiprocessing
import os
import random
import resource
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from jpki.authority import Office, revoke
from jpki.errors import DiskFull, StoreError
from jpki.model.codes import ResidentCode
from jpki.model.revocation import RevocationReason
from jpki.store import AuthorityStore
from jpki.store.outside_journal import OutsideJournal, read_lines
from jpki.store.outside_lines import LineKind, OutsideLine
from tests.support.databases import copy_founded
from tests.support.offices import (
    FOUNDING,
    GOVERNOR,
    OPERATOR,
    TARO,
    Register,
    certified,
    new_office,
)

_CHILDREN = multiprocessing.get_context("fork")
"""They share this process's keys, which are in its memory only."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a founded office's database in it."""
    copy_founded(tmp_path).close()
    return tmp_path


def _office(folder: Path, seed: int = 1) -> Office:
    store = AuthorityStore(f"sqlite:///{folder}/authority.db", outside=_journal(folder))
    return new_office(store, Register(), founded=False, seed=seed)


def _journal(folder: Path) -> OutsideJournal:
    return OutsideJournal(folder / "revocations.journal")


def _issue(folder: Path, count: int) -> list[int]:
    register = Register()
    office = replace(_office(folder), provide=register.provide)
    people = [
        replace(TARO, code=ResidentCode.from_ten(f"{number:010}"))
        for number in range(1, count + 1)
    ]
    register.add(*people)
    serials = [
        certified(office, person, key=str(number)).serial
        for number, person in enumerate(people)
    ]
    office.store.close()
    return serials


def _revoke(office: Office, serial: int) -> None:
    revoke(
        office,
        GOVERNOR,
        serial,
        RevocationReason.KEY_COMPROMISE,
        ground="stolen",
        at=FOUNDING,
        by=OPERATOR,
    )


def _revoke_all(folder: Path, serials: Sequence[int], answers: Path) -> None:
    """Write a serial number down as soon as its revocation is answered."""
    office = _office(folder, seed=os.getpid())
    with answers.open("a", buffering=1) as file:
        for serial in serials:
            _revoke(office, serial)
            file.write(f"{serial:x}\n")


def _child(act: Callable[..., None], *arguments: object) -> BaseProcess:
    process = _CHILDREN.Process(target=act, args=arguments)
    process.start()
    return process


def _told(folder: Path) -> list[str]:
    lines = list(read_lines(folder / "revocations.journal"))
    assert all(isinstance(line, OutsideLine) for line in lines)
    return [
        str(line.content["serial"])
        for line in lines
        if isinstance(line, OutsideLine) and line.kind is LineKind.REVOCATION
    ]


def _in_database(folder: Path) -> list[str]:
    store = AuthorityStore(f"sqlite:///{folder}/authority.db")
    with store.read() as uow:
        found = [f"{entry.serial:x}" for entry in uow.journal.walk()]
    store.close()
    return found


def test_a_killed_writer_loses_nothing_it_has_answered(folder: Path) -> None:
    """Killed a dozen times at random; the file ends as the database's journal."""
    chance = random.Random(20140401)
    left = _issue(folder, 60)
    answers = folder / "answers"
    answers.touch()
    for turn in range(12):
        process = _child(_revoke_all, folder, left[:], answers)
        # However busy the machine is, one of them has something to lose.
        until = time.monotonic() + 60
        while turn == 0 and not answers.read_text() and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(chance.uniform(0.01, 0.12))
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        told = set(_told(folder)) if _journal(folder).path.exists() else set()
        assert set(answers.read_text().split()) <= told
        done = set(_in_database(folder))
        left = [serial for serial in left if f"{serial:x}" not in done]
    office = _office(folder)
    office.store.follow_outside()
    office.store.close()
    assert _told(folder) == _in_database(folder) != []


def test_two_writers_leave_one_journal_in_the_databases_order(folder: Path) -> None:
    """Neither writes over the other, and no line comes twice."""
    serials = _issue(folder, 40)
    writers = [
        _child(_revoke_all, folder, serials[start::2], folder / f"answers-{start}")
        for start in range(2)
    ]
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    assert _told(folder) == _in_database(folder)
    assert sorted(_told(folder)) == sorted(f"{serial:x}" for serial in serials)


@pytest.fixture
def no_room() -> Iterator[Callable[[int], None]]:
    """Limit the size of every file that this process writes, until the test ends."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def limit(octets: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (octets, before[1]))

    try:
        yield limit
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_is_told_and_made_up_for(
    folder: Path, no_room: Callable[[int], None]
) -> None:
    """A line that does not fit leaves no part of itself; with room again all come."""
    serials = _issue(folder, 30)
    office = _office(folder)
    _revoke(office, serials[0])
    with office.store.read() as uow:
        # Another 100 octets: less than a line.
        room = _journal(folder).path.stat().st_size + 100
        assert uow.journal.position() == 1
    store = AuthorityStore(f"sqlite:///{folder}/authority.db")
    behind = new_office(store, Register(), founded=False, seed=2)
    for serial in serials[1:]:
        _revoke(behind, serial)
    store.close()
    no_room(room)
    with pytest.raises(DiskFull):
        office.store.follow_outside()
    assert len(_told(folder)) == 1
    assert _journal(folder).path.stat().st_size == room - 100
    no_room(resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    office.store.follow_outside()
    office.store.close()
    assert _told(folder) == _in_database(folder)


def test_only_a_regular_file_is_a_journal(folder: Path) -> None:
    """A device or a pipe by that name is refused at once, not read for ever."""
    (serial,) = _issue(folder, 1)
    office = _office(folder)
    path = _journal(folder).path
    os.mkfifo(folder / "pipe")
    for other in (Path("/dev/zero"), folder / "pipe"):
        path.symlink_to(other)
        with pytest.raises(StoreError, match="not a regular file"):
            office.store.follow_outside()
        with pytest.raises(StoreError, match="not a regular file"):
            _journal(folder).require_level(office.store.read)
        with pytest.raises(StoreError, match="not a regular file"):
            list(read_lines(path))
        path.unlink()
    _revoke(office, serial)
    office.store.close()
    assert _told(folder) == [f"{serial:x}"]
