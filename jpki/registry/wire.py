"""Residents, events and changes as JSON, the same at the server and at its client."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final

from jpki.errors import RequestError
from jpki.model.codes import MunicipalityCode, ResidentCode
from jpki.model.events import EventKind, RegistryEvent
from jpki.model.residents import BasicInformation, Gender, Provided, Resident
from jpki.registry.changes import Change, event_identifier
from jpki.registry.feed import MAX_BATCH, FeedPage
from jpki.strict_json import Fields

__all__ = [
    "change_from_json",
    "change_to_json",
    "event_from_json",
    "event_to_json",
    "page_from_json",
    "page_to_json",
    "provided_from_json",
    "provided_to_json",
]

_MAX_POSITION: Final = 2**63 - 1


def change_to_json(change: Change) -> dict[str, object]:
    """The body of a report."""
    document: dict[str, object] = {
        "event_id": change.event_id,
        "kind": change.kind.value,
        "effective_on": change.effective_on.isoformat(),
        "name": change.name,
        "address": change.address,
        "date_of_birth": change.date_of_birth and change.date_of_birth.isoformat(),
        "gender": change.gender and change.gender.value,
        "japanese": change.japanese,
        "new_code": change.new_code and str(change.new_code),
    }
    return {name: value for name, value in document.items() if value is not None}


def change_from_json(value: object) -> Change:
    """Read the body of a report.

    Raises:
        RequestError: it is not one, or its fields do not suit its kind.
    """
    fields = Fields(value, "the event")
    change = Change(
        event_id=fields.need("event_id", str, str),
        kind=fields.need("kind", str, EventKind),
        effective_on=fields.need("effective_on", str, _day),
        name=fields.take("name", str, str),
        address=fields.take("address", str, str),
        date_of_birth=fields.take("date_of_birth", str, _day),
        gender=fields.take("gender", str, Gender),
        japanese=fields.take("japanese", bool, bool),
        new_code=fields.take("new_code", str, ResidentCode),
    )
    fields.done()
    return change


def event_to_json(event: RegistryEvent) -> dict[str, object]:
    """One event of the feed."""
    document: dict[str, object] = {
        "sequence": event.sequence,
        "event_id": event.event_id,
        "kind": event.kind.value,
        "resident": str(event.resident),
        "municipality": str(event.municipality),
        "effective_on": event.effective_on.isoformat(),
        "recorded_at": event.recorded_at.astimezone(UTC).isoformat(),
    }
    if event.succeeded_by is not None:
        document["succeeded_by"] = str(event.succeeded_by)
    return document


def event_from_json(value: object) -> RegistryEvent:
    """Read one event of the feed.

    Raises:
        RequestError: it is not one.
    """
    fields = Fields(value, "the event")
    event = RegistryEvent(
        sequence=fields.need("sequence", int, _position),
        event_id=fields.need("event_id", str, event_identifier),
        kind=fields.need("kind", str, EventKind),
        resident=fields.need("resident", str, ResidentCode),
        municipality=fields.need("municipality", str, MunicipalityCode),
        effective_on=fields.need("effective_on", str, _day),
        recorded_at=fields.need("recorded_at", str, _moment),
        succeeded_by=fields.take("succeeded_by", str, ResidentCode),
    )
    fields.done()
    return event


def page_to_json(page: FeedPage) -> dict[str, object]:
    """A piece of the feed."""
    events = [event_to_json(event) for event in page.events]
    return {"events": events, "position": page.position}


def page_from_json(value: object, *, after: int) -> FeedPage:
    """Read a piece of the feed that was asked for from `after` on.

    Raises:
        RequestError: it is not one, or it is not what follows `after`.
    """
    fields = Fields(value, "the feed")
    position = fields.need("position", int, _position)
    listed = fields.need("events", list, lambda events: events)
    fields.done()
    if len(listed) > MAX_BATCH:
        raise RequestError("the feed's page is too long")
    events = tuple(event_from_json(event) for event in listed)
    expected = tuple(range(after + 1, after + 1 + len(events)))
    if tuple(event.sequence for event in events) != expected:
        raise RequestError(f"the feed does not go on after position {after}")
    return FeedPage(events=events, position=position)


def provided_to_json(provided: Provided) -> dict[str, object]:
    """The answer to a request for the four items."""
    resident, basic = provided.resident, provided.resident.basic
    return {
        "as_of": provided.as_of,
        "resident": {
            "code": str(resident.code),
            "municipality": str(resident.municipality),
            "name": basic.name,
            "address": basic.address,
            "date_of_birth": basic.date_of_birth.isoformat(),
            "gender": basic.gender.value,
            "japanese": resident.japanese,
            "registered": resident.registered,
        },
    }


def provided_from_json(value: object) -> Provided:
    """Read the answer to a request for the four items.

    Raises:
        RequestError: it is not one.
    """
    fields = Fields(value, "the answer")
    as_of = fields.need("as_of", int, _position)
    inner = Fields(fields.need("resident", dict, lambda found: found), "the resident")
    resident = Resident(
        code=inner.need("code", str, ResidentCode),
        municipality=inner.need("municipality", str, MunicipalityCode),
        basic=BasicInformation(
            name=inner.need("name", str, str),
            address=inner.need("address", str, str),
            date_of_birth=inner.need("date_of_birth", str, _day),
            gender=inner.need("gender", str, Gender),
        ),
        japanese=inner.need("japanese", bool, bool),
        registered=inner.need("registered", bool, bool),
    )
    inner.done()
    fields.done()
    return Provided(resident=resident, as_of=as_of)


def _position(number: int) -> int:
    if not 0 <= number <= _MAX_POSITION:
        raise ValueError("not a position")
    return number


def _day(text: str) -> date:
    day = date.fromisoformat(text)
    # Python reads more of ISO 8601 than we write.
    if day.isoformat() != text:
        raise ValueError("not a day")
    return day


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or moment.isoformat() != text:
        raise ValueError("not an instant")
    return moment.astimezone(UTC)
