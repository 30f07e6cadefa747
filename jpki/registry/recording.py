"""Record a change: the record and the feed move together, or not at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from jpki.errors import (
    Conflict,
    EventRefused,
    RequestError,
    UnknownResident,
    WrongMunicipality,
)
from jpki.model.calendar import day_in_japan
from jpki.model.codes import MunicipalityCode, ResidentCode
from jpki.model.events import EventKind, RegistryEvent
from jpki.model.residents import BasicInformation, Resident
from jpki.registry.changes import Change
from jpki.store.registry_store import RegistryStore, RegistryUnitOfWork

__all__ = ["Recorded", "record_event"]

_REMOVALS: Final = frozenset(
    {EventKind.MOVE_OUT, EventKind.EMIGRATION, EventKind.DEATH, EventKind.ERASURE}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """The event in the feed."""

    event: RegistryEvent
    repeated: bool
    """It was recorded by an earlier call; this one changed nothing."""


def record_event(
    store: RegistryStore,
    code: ResidentCode,
    change: Change,
    *,
    municipality: MunicipalityCode,
    at: datetime,
) -> Recorded:
    """Check the change against the record, apply it, and append it to the feed.

    Args:
        store: the register.
        code: whose record.
        change: what is reported.
        municipality: which municipality reports it; it may only touch its own.
        at: now.

    Raises:
        UnknownResident: nobody has this code, and the kind needs somebody.
        WrongMunicipality: the record is another municipality's.
        EventRefused: the change does not fit the record.
        Conflict: another event has this identifier.
    """
    with store.write() as uow:
        first = uow.events.by_id(change.event_id)
        if first is not None:
            return _repeated(first, code, change, municipality)
        if change.effective_on > day_in_japan(at):
            raise EventRefused("future", "the change has not happened yet")
        _apply(uow, code, change, municipality)
        event = uow.events.append(
            event_id=change.event_id,
            kind=change.kind,
            resident=code,
            municipality=municipality,
            effective_on=change.effective_on,
            recorded_at=at.astimezone(UTC),
            succeeded_by=change.new_code,
        )
        uow.commit()
    return Recorded(event=event, repeated=False)


def _repeated(
    first: RegistryEvent,
    code: ResidentCode,
    change: Change,
    municipality: MunicipalityCode,
) -> Recorded:
    same = (first.resident, first.kind, first.effective_on, first.municipality)
    if same != (code, change.kind, change.effective_on, municipality):
        raise Conflict("another event was recorded under this event_id")
    return Recorded(event=first, repeated=True)


def _apply(
    uow: RegistryUnitOfWork,
    code: ResidentCode,
    change: Change,
    municipality: MunicipalityCode,
) -> None:
    resident = uow.residents.find(code)
    if change.kind is EventKind.BIRTH:
        if resident is not None:
            raise EventRefused("code-taken", "a resident of this code is registered")
        uow.residents.add(_new_resident(code, change, municipality))
        return
    if change.kind is EventKind.MOVE_IN:
        _move_in(uow, code, resident, change, municipality)
        return
    if resident is None:
        raise UnknownResident
    if resident.municipality != municipality:
        raise WrongMunicipality(str(municipality))
    if not resident.registered:
        raise EventRefused("not-registered", "the resident's record is erased")
    if change.kind is EventKind.CODE_CHANGE:
        assert change.new_code is not None
        if uow.residents.find(change.new_code) is not None:
            raise EventRefused("code-taken", "a resident of this code is registered")
        uow.residents.change_code(code, change.new_code)
        return
    _require_born(change, resident.basic)
    if change.kind in _REMOVALS:
        uow.residents.replace(replace(resident, registered=False))
    elif change.kind is not EventKind.HOUSEHOLD_CHANGE:
        basic = _changed(resident.basic, change)
        _require_born(change, basic)
        uow.residents.replace(replace(resident, basic=basic))


def _move_in(
    uow: RegistryUnitOfWork,
    code: ResidentCode,
    resident: Resident | None,
    change: Change,
    municipality: MunicipalityCode,
) -> None:
    """転入: back into the register, or from abroad into it for the first time."""
    if resident is None:
        uow.residents.add(_new_resident(code, change, municipality))
        return
    if resident.registered:
        raise EventRefused(
            "registered-already", "the resident has not moved out of where they live"
        )
    last = uow.events.newest_of(code)
    if last is not None and last.kind is EventKind.DEATH:
        raise EventRefused("deceased", "the resident has died")
    others = (change.name, change.date_of_birth, change.gender, change.japanese)
    if others != (None, None, None, None):
        raise RequestError("the resident is known: only the address is new")
    assert change.address is not None
    _require_born(change, resident.basic)
    basic = replace(resident.basic, address=change.address)
    uow.residents.replace(
        replace(resident, municipality=municipality, basic=basic, registered=True)
    )


def _new_resident(
    code: ResidentCode, change: Change, municipality: MunicipalityCode
) -> Resident:
    if change.items is None:
        raise RequestError("a new record needs all four items")
    _require_born(change, change.items)
    return Resident(
        code=code,
        municipality=municipality,
        basic=change.items,
        japanese=change.japanese is not False,
    )


def _changed(basic: BasicInformation, change: Change) -> BasicInformation:
    changed = BasicInformation(
        name=change.name or basic.name,
        address=change.address or basic.address,
        date_of_birth=change.date_of_birth or basic.date_of_birth,
        gender=change.gender or basic.gender,
    )
    if changed == basic:
        raise EventRefused("unchanged", "the record says so already")
    return changed


def _require_born(change: Change, basic: BasicInformation) -> None:
    if change.effective_on < basic.date_of_birth:
        raise EventRefused("before-birth", "the change is dated before the birth")
