"""The register's books: residents, the feed, nonces."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from jpki.errors import Conflict, UnknownResident
from jpki.model.codes import MunicipalityCode, ResidentCode
from jpki.model.events import EventKind, RegistryEvent
from jpki.model.residents import BasicInformation, Gender, Resident
from jpki.store import RegistryStore, RegistryUnitOfWork

AT = datetime(2014, 10, 1, 1, 2, 3, 456789, tzinfo=UTC)
TSUKUBA = MunicipalityCode("082201")
TARO = Resident(
    code=ResidentCode.from_ten("1234567890"),
    municipality=TSUKUBA,
    basic=BasicInformation(
        name="山田　太郎",
        address="茨城県つくば市研究学園一丁目１番地１",
        date_of_birth=date(1980, 2, 17),
        gender=Gender.MALE,
    ),
)


def _event(uow: RegistryUnitOfWork, **changes: object) -> RegistryEvent:
    values: dict[str, object] = {
        "event_id": str(uuid.uuid4()),
        "kind": EventKind.MOVE_WITHIN,
        "resident": TARO.code,
        "municipality": TSUKUBA,
        "effective_on": date(2014, 10, 1),
        "recorded_at": AT,
    }
    return uow.events.append(**(values | changes))  # type: ignore[arg-type]


def test_residents_come_back_equal(registry_store: RegistryStore) -> None:
    """What is registered is read back to the last character."""
    with registry_store.write() as uow:
        uow.residents.add(TARO)
        uow.commit()
    with registry_store.read() as uow:
        assert uow.residents.get(TARO.code) == TARO
        assert list(uow.residents.all()) == [TARO]
        assert uow.residents.count() == 1


def test_residents_are_replaced_and_unknown_ones_refused(
    registry_store: RegistryStore,
) -> None:
    """A record is rewritten under its code; nobody is added that way."""
    erased = replace(TARO, registered=False)
    with registry_store.write() as uow:
        with pytest.raises(UnknownResident):
            uow.residents.replace(TARO)
        uow.residents.add(TARO)
        with pytest.raises(Conflict):
            uow.residents.add(TARO)
        uow.residents.replace(erased)
        assert uow.residents.get(TARO.code) == erased


def test_change_of_code_keeps_the_person(registry_store: RegistryStore) -> None:
    """Only the code is new; the old one is nobody's."""
    new = ResidentCode.from_ten("9876543210")
    with registry_store.write() as uow:
        uow.residents.add(TARO)
        assert uow.residents.change_code(TARO.code, new) == replace(TARO, code=new)
        assert uow.residents.find(TARO.code) is None
        assert uow.residents.get(new).basic == TARO.basic


def test_feed_counts_without_gaps(registry_store: RegistryStore) -> None:
    """Positions are 1, 2, 3, …; a rolled back event leaves no hole."""
    with registry_store.write() as uow:
        first = _event(uow)
        uow.commit()
    with registry_store.write() as uow:
        _event(uow)
    with registry_store.write() as uow:
        second = _event(uow, succeeded_by=ResidentCode.from_ten("0000000001"))
        uow.commit()
    with registry_store.read() as uow:
        assert uow.events.position() == 2
        assert uow.events.after(0, limit=10) == (first, second)
        assert uow.events.after(1, limit=10) == (second,)
        assert uow.events.after(0, limit=1) == (first,)
        assert uow.events.by_id(first.event_id) == first
    assert (first.sequence, second.sequence) == (1, 2)


def test_an_event_is_in_the_feed_once(registry_store: RegistryStore) -> None:
    """The same event identifier is refused the second time."""
    with registry_store.write() as uow:
        first = _event(uow)
        with pytest.raises(Conflict):
            _event(uow, event_id=first.event_id)


def test_a_nonce_is_new_once_until_it_expires(registry_store: RegistryStore) -> None:
    """A nonce is refused for the same key, and forgotten when it cannot be replayed."""
    expires = AT + timedelta(minutes=5)
    assert registry_store.remember_nonce("a", "n", expires=expires, at=AT)
    assert not registry_store.remember_nonce("a", "n", expires=expires, at=AT)
    assert registry_store.remember_nonce("b", "n", expires=expires, at=AT)
    later = expires + timedelta(seconds=1)
    assert registry_store.remember_nonce("a", "n", expires=later, at=later)
