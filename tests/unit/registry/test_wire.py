"""The JSON of the register: it comes back equal, and nothing else is taken for it."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jpki.errors import RequestError
from jpki.model.codes import MunicipalityCode, ResidentCode
from jpki.model.events import EventKind, RegistryEvent
from jpki.model.residents import Gender, Provided
from jpki.registry import Change, seed_residents
from jpki.registry.feed import FeedPage
from jpki.registry.wire import (
    change_from_json,
    change_to_json,
    event_from_json,
    event_to_json,
    page_from_json,
    page_to_json,
    provided_from_json,
    provided_to_json,
)
from jpki.strict_json import parse_object

AT = datetime(2014, 10, 1, 3, 0, tzinfo=UTC)
EVENT = RegistryEvent(
    sequence=8,
    event_id="9b2e7f0a-0000-4000-8000-000000000001",
    kind=EventKind.CODE_CHANGE,
    resident=ResidentCode("52824992894"),
    municipality=MunicipalityCode("082201"),
    effective_on=date(2014, 9, 30),
    recorded_at=AT,
    succeeded_by=ResidentCode("18223736595"),
)
CHANGE = Change(
    event_id=EVENT.event_id,
    kind=EventKind.MOVE_IN,
    effective_on=date(2014, 9, 30),
    name="𠮷田　花子",
    address="東京都清瀬市中里五丁目８４２番地",
    date_of_birth=date(1980, 2, 17),
    gender=Gender.FEMALE,
    japanese=False,
)


def over_the_wire(document: object) -> object:
    """As JSON text and back."""
    return parse_object(json.dumps(document, ensure_ascii=False).encode())


def test_everything_comes_back_equal() -> None:
    """Changes, events, pages of the feed, and residents."""
    assert change_from_json(over_the_wire(change_to_json(CHANGE))) == CHANGE
    plain = replace(EVENT, succeeded_by=None)
    for event in (EVENT, plain):
        assert event_from_json(over_the_wire(event_to_json(event))) == event
    page = FeedPage(events=(EVENT, replace(plain, sequence=9)), position=11)
    assert page_from_json(over_the_wire(page_to_json(page)), after=7) == page
    for resident in seed_residents(AT):
        provided = Provided(resident=resident, as_of=3)
        assert provided_from_json(over_the_wire(provided_to_json(provided))) == provided


@pytest.mark.parametrize(
    "sequences", [(9,), (8, 10), (8, 8), (9, 8), tuple(range(8, 509))]
)
def test_a_feed_with_gaps_is_not_taken(sequences: tuple[int, ...]) -> None:
    """A page goes on exactly where it was asked for, without gaps, and not for ever."""
    events = tuple(replace(EVENT, sequence=number) for number in sequences)
    document = page_to_json(FeedPage(events=events, position=600))
    with pytest.raises(RequestError):
        page_from_json(document, after=7)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("event_id", 1),
        ("event_id", None),
        ("kind", "wedding"),
        ("kind", ["death"]),
        ("effective_on", "2014-02-30"),
        ("effective_on", "20140930"),
        ("effective_on", "2014-W40-2"),
        ("gender", "3"),
        ("japanese", 1),
        ("new_code", "52824992895"),
        ("colour", "red"),
    ],
)
def test_a_change_is_read_strictly(name: str, value: object) -> None:
    """Wrong types, impossible values and unknown members are named."""
    document = change_to_json(CHANGE) | {name: value}
    with pytest.raises(RequestError, match=name):
        change_from_json(document)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"3",
        b'{"a": NaN}',
        b'{"a": 1, "a": 2}',
        b"\xff",
        b"[" * 100_000,
        b'{"a":' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    """Also deep nesting, repeated names and what only some parsers accept."""
    with pytest.raises(RequestError):
        parse_object(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*event_to_json(EVENT), "events"]), inner)
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_other_json_raises_only_our_error(value: object) -> None:
    """Whatever a peer sends, reading it fails in one way."""
    for read in (
        change_from_json,
        event_from_json,
        provided_from_json,
        lambda value: page_from_json(value, after=0),
    ):
        with pytest.raises(RequestError):
            read(value)


@given(st.sampled_from(sorted(event_to_json(EVENT))), JSON)
def test_one_wrong_member_raises_only_our_error(name: str, value: object) -> None:
    """An event is read as what it says, or refused."""
    document = event_to_json(EVENT) | {name: value}
    with suppress(RequestError):
        assert event_to_json(event_from_json(document)) == {
            key: item for key, item in document.items() if item is not None
        }
