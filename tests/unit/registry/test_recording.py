"""Recording changes: what fits a record, what does not, and what the feed then says."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from jpki.errors import (
    Conflict,
    EventRefused,
    NotEligible,
    RequestError,
    UnknownResident,
    WrongMunicipality,
)
from jpki.model.codes import MunicipalityCode, ResidentCode
from jpki.model.events import EventKind, RegistryEvent
from jpki.model.purposes import Purpose
from jpki.model.residents import Gender, Resident
from jpki.registry import Change, provide, record_event, seed
from jpki.store import RegistryStore

AT = datetime(2014, 10, 1, 3, 0, tzinfo=UTC)
TODAY = date(2014, 10, 1)
TSUKUBA = MunicipalityCode("082201")
MITO = MunicipalityCode("082015")
HANAKO = ResidentCode("52824992894")
CHILD = ResidentCode("10593713593")
NOBODY = ResidentCode("22577205535")
NEW_CODE = ResidentCode("18223736595")
NEW_ADDRESS = "茨城県つくば市竹園一丁目１０番地１"

K = EventKind


@pytest.fixture
def store(registry_store: RegistryStore) -> RegistryStore:
    """A register with the packaged residents."""
    assert seed(registry_store, at=AT) == 10
    return registry_store


def change(kind: EventKind, **fields: Any) -> Change:
    """A change of today with an identifier of its own."""
    given = {"event_id": str(uuid.uuid4()), "effective_on": TODAY, **fields}
    return Change(kind=kind, **given)


def record(
    store: RegistryStore,
    code: ResidentCode,
    reported: Change,
    municipality: MunicipalityCode = TSUKUBA,
) -> RegistryEvent:
    """Record it now, as Tsukuba unless told otherwise."""
    return record_event(store, code, reported, municipality=municipality, at=AT).event


def resident(store: RegistryStore, code: ResidentCode) -> Resident:
    """The record as it stands."""
    with store.read() as uow:
        return uow.residents.get(code)


def feed(store: RegistryStore) -> tuple[RegistryEvent, ...]:
    """The whole feed."""
    with store.read() as uow:
        return uow.events.after(0, limit=100)


def test_a_move_changes_the_record_and_stands_in_the_feed(
    store: RegistryStore,
) -> None:
    """Record and feed move together; the feed does not say the address."""
    event = record(store, HANAKO, change(K.MOVE_WITHIN, address=NEW_ADDRESS))
    assert resident(store, HANAKO).basic.address == NEW_ADDRESS
    assert feed(store) == (event,)
    assert (event.sequence, event.kind, event.resident) == (1, K.MOVE_WITHIN, HANAKO)
    assert (event.effective_on, event.recorded_at) == (TODAY, AT)


def test_reporting_again_changes_nothing(store: RegistryStore) -> None:
    """The same identifier gives the same event, however often it is reported."""
    reported = change(K.MOVE_WITHIN, address=NEW_ADDRESS)
    first = record(store, HANAKO, reported)
    again = record_event(store, HANAKO, reported, municipality=TSUKUBA, at=AT)
    assert (again.repeated, again.event) == (True, first)
    assert len(feed(store)) == 1


def test_an_identifier_names_one_event(store: RegistryStore) -> None:
    """Reusing it for another event is a conflict, not a silent success."""
    reported = change(K.MOVE_WITHIN, address=NEW_ADDRESS)
    record(store, HANAKO, reported)
    with pytest.raises(Conflict):
        record(store, CHILD, reported)
    with pytest.raises(Conflict):
        record(store, HANAKO, replace(reported, kind=K.DEATH, address=None))


@pytest.mark.parametrize("kind", [K.MOVE_OUT, K.EMIGRATION, K.DEATH, K.ERASURE])
def test_who_leaves_is_no_longer_registered(
    store: RegistryStore, kind: EventKind
) -> None:
    """消除: the record stays, erased, and takes no further changes."""
    record(store, HANAKO, change(kind))
    assert not resident(store, HANAKO).registered
    with pytest.raises(EventRefused) as caught:
        record(store, HANAKO, change(K.MOVE_WITHIN, address=NEW_ADDRESS))
    assert caught.value.ground == "not-registered"
    assert len(feed(store)) == 1


def test_moving_to_another_prefecture_keeps_the_code(store: RegistryStore) -> None:
    """Out of Tsukuba, into Kiyose: one person, one code, another municipality."""
    kiyose = MunicipalityCode("132217")
    address = "東京都清瀬市上清戸二丁目６番１０号"
    with pytest.raises(EventRefused) as caught:
        record(store, HANAKO, change(K.MOVE_IN, address=address), kiyose)
    assert caught.value.ground == "registered-already"
    record(store, HANAKO, change(K.MOVE_OUT))
    record(store, HANAKO, change(K.MOVE_IN, address=address), kiyose)
    moved = resident(store, HANAKO)
    assert (moved.municipality, moved.basic.address) == (kiyose, address)
    assert (moved.registered, moved.basic.name) == (True, "𠮷田　花子")
    assert [event.sequence for event in feed(store)] == [1, 2]


def test_the_dead_do_not_move_in(store: RegistryStore) -> None:
    """Death is the last event of a code."""
    record(store, HANAKO, change(K.DEATH))
    with pytest.raises(EventRefused) as caught:
        record(store, HANAKO, change(K.MOVE_IN, address=NEW_ADDRESS))
    assert caught.value.ground == "deceased"


def test_a_child_is_born_and_somebody_comes_from_abroad(store: RegistryStore) -> None:
    """Both make new records, and both need all four items."""
    items = {
        "name": "吉田　望",
        "address": NEW_ADDRESS,
        "date_of_birth": TODAY,
        "gender": Gender.FEMALE,
    }
    record(store, NOBODY, change(K.BIRTH, **items))
    assert resident(store, NOBODY).basic.name == "吉田　望"
    with pytest.raises(EventRefused) as caught:
        record(store, NOBODY, change(K.BIRTH, **items))
    assert caught.value.ground == "code-taken"
    record(store, NEW_CODE, change(K.MOVE_IN, **items, japanese=False))
    assert not resident(store, NEW_CODE).japanese
    with pytest.raises(RequestError, match="all four"):
        record(store, ResidentCode.from_ten("1" * 10), change(K.MOVE_IN, address="x"))


def test_a_returning_resident_brings_only_an_address(store: RegistryStore) -> None:
    """What the register knows already is not reported anew."""
    record(store, HANAKO, change(K.EMIGRATION))
    with pytest.raises(RequestError, match="only the address"):
        record(store, HANAKO, change(K.MOVE_IN, address=NEW_ADDRESS, name="別　人"))


def test_names_and_other_items_change(store: RegistryStore) -> None:
    """A new name, and a correction of any item."""
    record(store, HANAKO, change(K.NAME_CHANGE, name="鈴木　花子"))
    record(store, HANAKO, change(K.CORRECTION, date_of_birth=date(1980, 2, 18)))
    record(store, HANAKO, change(K.CORRECTION, gender=Gender.UNKNOWN))
    basic = resident(store, HANAKO).basic
    assert (basic.name, basic.date_of_birth) == ("鈴木　花子", date(1980, 2, 18))
    assert basic.gender is Gender.UNKNOWN


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (K.MOVE_WITHIN, {"address": "茨城県つくば市研究学園一丁目１番地１"}),
        (K.NAME_CHANGE, {"name": "𠮷田　花子"}),
        (K.CORRECTION, {"gender": Gender.FEMALE}),
    ],
)
def test_a_change_changes_something(
    store: RegistryStore, kind: EventKind, fields: dict[str, Any]
) -> None:
    """What the record says already is refused, so that no certificate dies for it."""
    with pytest.raises(EventRefused) as caught:
        record(store, HANAKO, change(kind, **fields))
    assert caught.value.ground == "unchanged"
    assert feed(store) == ()


def test_a_household_change_leaves_the_items_alone(store: RegistryStore) -> None:
    """It stands in the feed and changes nothing else."""
    before = resident(store, HANAKO)
    record(store, HANAKO, change(K.HOUSEHOLD_CHANGE))
    assert (resident(store, HANAKO), len(feed(store))) == (before, 1)


def test_a_change_of_code_names_the_new_one(store: RegistryStore) -> None:
    """The record is found under the new code, and the feed joins the two."""
    record(store, HANAKO, change(K.HOUSEHOLD_CHANGE))
    event = record(store, HANAKO, change(K.CODE_CHANGE, new_code=NEW_CODE))
    assert (event.resident, event.succeeded_by) == (HANAKO, NEW_CODE)
    assert resident(store, NEW_CODE).basic.name == "𠮷田　花子"
    with pytest.raises(UnknownResident):
        resident(store, HANAKO)
    with pytest.raises(EventRefused) as caught:
        record(store, CHILD, change(K.CODE_CHANGE, new_code=NEW_CODE))
    assert caught.value.ground == "code-taken"


def test_a_municipality_touches_its_own_residents_only(store: RegistryStore) -> None:
    """Mito cannot move somebody within Tsukuba."""
    with pytest.raises(WrongMunicipality):
        record(store, HANAKO, change(K.MOVE_WITHIN, address=NEW_ADDRESS), MITO)
    with pytest.raises(UnknownResident):
        record(store, NOBODY, change(K.DEATH))
    assert feed(store) == ()


@pytest.mark.parametrize(
    ("day", "ground"),
    [(date(2014, 10, 2), "future"), (date(1980, 2, 16), "before-birth")],
)
def test_days_have_to_be_possible(store: RegistryStore, day: date, ground: str) -> None:
    """Not tomorrow (in Japan), and not before the birth."""
    with pytest.raises(EventRefused) as caught:
        record(store, HANAKO, change(K.DEATH, effective_on=day))
    assert caught.value.ground == ground


def test_tomorrow_begins_in_japan(store: RegistryStore) -> None:
    """At 15:00 UTC it is the next day there."""
    late = datetime(2014, 10, 1, 15, 0, tzinfo=UTC)
    reported = change(K.DEATH, effective_on=date(2014, 10, 2))
    record_event(store, HANAKO, reported, municipality=TSUKUBA, at=late)


def test_provision_gives_the_items_and_how_current_they_are(
    store: RegistryStore,
) -> None:
    """The feed's position stands beside the items."""
    assert provide(store, HANAKO, Purpose.SIGNATURE, at=AT).as_of == 0
    record(store, HANAKO, change(K.MOVE_WITHIN, address=NEW_ADDRESS))
    provided = provide(store, HANAKO, Purpose.SIGNATURE, at=AT)
    assert provided.as_of == 1
    assert provided.resident.basic.address == NEW_ADDRESS


def test_provision_refuses_who_may_not_hold_a_certificate(
    store: RegistryStore,
) -> None:
    """The unknown, the erased, and for signatures the young."""
    with pytest.raises(UnknownResident):
        provide(store, NOBODY, Purpose.SIGNATURE, at=AT)
    with pytest.raises(NotEligible) as caught:
        provide(store, CHILD, Purpose.SIGNATURE, at=AT)
    assert caught.value.ground == "under-15"
    provide(store, CHILD, Purpose.AUTHENTICATION, at=AT)
    record(store, HANAKO, change(K.MOVE_OUT))
    with pytest.raises(NotEligible) as caught:
        provide(store, HANAKO, Purpose.AUTHENTICATION, at=AT)
    assert caught.value.ground == "not-resident"


def test_somebody_turns_15_on_a_birthday_in_japan(store: RegistryStore) -> None:
    """The day counts as it begins in Japan."""
    born = resident(store, CHILD).basic.date_of_birth
    eve = datetime(born.year + 15, born.month, born.day - 1, 14, 59, 59, tzinfo=UTC)
    with pytest.raises(NotEligible):
        provide(store, CHILD, Purpose.SIGNATURE, at=eve)
    birthday = eve.replace(hour=15, minute=0, second=0)
    provide(store, CHILD, Purpose.SIGNATURE, at=birthday)


@pytest.mark.parametrize(
    ("kind", "fields", "reason"),
    [
        (K.MOVE_WITHIN, {}, "needs the field address"),
        (K.NAME_CHANGE, {"name": "x", "address": "y"}, "no field address"),
        (K.DEATH, {"name": "x"}, "no field name"),
        (K.CORRECTION, {}, "at least one"),
        (K.CODE_CHANGE, {}, "needs the field new_code"),
        (K.BIRTH, {"name": "x"}, "needs the field"),
        (K.NAME_CHANGE, {"name": ""}, "1 to 100"),
        (K.NAME_CHANGE, {"name": "長" * 101}, "1 to 100"),
        (K.MOVE_WITHIN, {"address": "長" * 201}, "1 to 200"),
        (K.NAME_CHANGE, {"name": "　花子"}, "space"),
        (K.NAME_CHANGE, {"name": "花\n子"}, "U\\+000A"),
        (K.NAME_CHANGE, {"name": "花\u202e子"}, "U\\+202E"),
        (K.NAME_CHANGE, {"name": "花\ud800子"}, "U\\+D800"),
        (K.NAME_CHANGE, {"name": "花\uffff子"}, "U\\+FFFF"),
        (K.DEATH, {"event_id": "1"}, "UUID"),
        (K.DEATH, {"event_id": str(uuid.uuid4()).upper()}, "UUID"),
    ],
)
def test_a_change_is_complete_for_its_kind(
    kind: EventKind, fields: dict[str, Any], reason: str
) -> None:
    """Missing, foreign and unusable fields are named."""
    with pytest.raises(RequestError, match=reason):
        change(kind, **fields)


def test_variants_of_characters_are_kept_as_they_are(store: RegistryStore) -> None:
    """Compatibility ideographs and variation sequences survive the database."""
    name = "葛\U000e0100西　﨑"
    record(store, HANAKO, change(K.NAME_CHANGE, name=name))
    assert resident(store, HANAKO).basic.name == name


def test_seeding_happens_once(store: RegistryStore) -> None:
    """A register that holds anybody is left alone; all codes and places are valid."""
    assert seed(store, at=AT) == 0
    with store.read() as uow:
        residents = tuple(uow.residents.all())
    assert len({one.municipality for one in residents}) == 4
    assert {one.municipality.prefecture for one in residents} == {"08", "13"}
