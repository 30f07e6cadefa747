"""The register's events: each once, in order, whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jpki.authority import (
    Office,
    account_for_serials,
    apply_event,
    apply_events,
    cancel,
    cursor,
    verify_audit,
)
from jpki.errors import Conflict
from jpki.model.codes import ResidentCode
from jpki.model.events import EventKind
from jpki.model.revocation import RevocationReason
from tests.support.offices import (
    COUNTER,
    FOUNDING,
    GOVERNOR,
    TARO,
    Crash,
    CrashAt,
    Register,
    certified,
)

MOVED = replace(TARO, basic=replace(TARO.basic, address="茨城県つくば市天王台一丁目"))
LATER = FOUNDING + timedelta(hours=1)


def _sound(office: Office) -> None:
    with office.store.read() as uow:
        verify_audit(uow)
        assert account_for_serials(uow).problems == ()


def test_a_move_revokes_the_certificate(office: Office, register: Register) -> None:
    """The event's certificate is revoked with the reason and ground of the law."""
    issued = certified(office)
    event = register.change(EventKind.MOVE_WITHIN, MOVED)
    applied = apply_event(office, event, at=LATER)
    (entry,) = applied.revoked
    assert (entry.serial, entry.revoked_at) == (issued.serial, LATER)
    assert entry.reason is RevocationReason.AFFILIATION_CHANGED
    assert "12" in entry.ground
    assert entry.event_id == event.event_id
    assert cursor(office) == 1
    _sound(office)


def test_an_event_that_comes_again_changes_nothing(
    office: Office, register: Register
) -> None:
    """Delivered twice, an event takes effect once."""
    certified(office)
    event = register.change(EventKind.MOVE_WITHIN, MOVED)
    apply_event(office, event, at=LATER)
    with office.store.read() as uow:
        before = verify_audit(uow)
    again = apply_event(office, event, at=LATER)
    assert again.repeated
    assert again.revoked == ()
    with office.store.read() as uow:
        assert verify_audit(uow) == before
        assert uow.journal.position() == 1


def test_household_changes_revoke_nothing(office: Office, register: Register) -> None:
    """What touches none of the four items only moves the cursor."""
    certified(office)
    event = register.change(EventKind.HOUSEHOLD_CHANGE, TARO)
    assert apply_event(office, event, at=LATER).revoked == ()
    assert cursor(office) == 1


def test_a_gap_is_refused_and_says_where_to_go_on(
    office: Office, register: Register
) -> None:
    """An event whose predecessor is missing waits; the answer names the position."""
    register.change(EventKind.HOUSEHOLD_CHANGE, TARO)
    second = register.change(EventKind.MOVE_WITHIN, MOVED)
    with pytest.raises(Conflict, match="1 is missing") as caught:
        apply_event(office, second, at=LATER)
    assert "after 0" in str(caught.value.hint)
    assert cursor(office) == 0
    assert len(apply_events(office, register.events, at=LATER)) == 2


def test_a_feed_with_another_past_is_refused(
    office: Office, register: Register
) -> None:
    """An unknown event at a known position stops the intake and asks for a person."""
    event = register.change(EventKind.MOVE_WITHIN, MOVED)
    apply_event(office, event, at=LATER)
    other = replace(event, event_id="00000000-0000-4000-8000-999999999999")
    with pytest.raises(Conflict, match="another event") as caught:
        apply_event(office, other, at=LATER)
    assert "backup" in str(caught.value.hint)


@pytest.mark.parametrize("point", ["intake.revoked", "intake.applied"])
def test_a_crash_leaves_all_or_nothing(
    office: Office, register: Register, point: str
) -> None:
    """Cursor and revocation are there together, or neither until it comes again."""
    certified(office)
    event = register.change(EventKind.DEATH, replace(TARO, registered=False))
    with pytest.raises(Crash):
        apply_event(replace(office, step=CrashAt(point)), event, at=LATER)
    with office.store.read() as uow:
        assert uow.events.position() == uow.journal.position()
    apply_event(office, event, at=LATER)
    with office.store.read() as uow:
        assert (uow.events.position(), uow.journal.position()) == (1, 1)
    _sound(office)


def test_newer_items_are_not_revoked_by_an_older_event(
    office: Office, register: Register
) -> None:
    """A certificate that says the new address already survives the move's event."""
    event = register.change(EventKind.MOVE_WITHIN, MOVED)
    certified(office)
    assert apply_event(office, event, at=LATER).revoked == ()
    next_event = register.change(EventKind.NAME_CHANGE, MOVED)
    assert len(apply_event(office, next_event, at=LATER).revoked) == 1


def test_dead_certificates_are_left_alone(office: Office, register: Register) -> None:
    """Expired or revoked ones are not revoked again."""
    issued = certified(office)
    cancel(office, issued.application.id, at=FOUNDING, by=COUNTER)
    certified(office, key="two")
    event = register.change(EventKind.MOVE_WITHIN, MOVED)
    expired = datetime(2018, 1, 1, tzinfo=UTC)
    assert apply_event(office, event, at=expired).revoked == ()


def test_certificates_follow_a_new_code(office: Office, register: Register) -> None:
    """After a change of code, what happens under the new code still revokes."""
    issued = certified(office)
    new = ResidentCode.from_ten("9876543210")
    change = register.change(EventKind.CODE_CHANGE, TARO, succeeded_by=new)
    move = register.change(EventKind.MOVE_WITHIN, replace(MOVED, code=new))
    renumbered, moved = apply_events(office, [change, move], at=LATER)
    assert renumbered.revoked == ()
    assert [entry.serial for entry in moved.revoked] == [issued.serial]
    assert moved.revoked[0].authority == GOVERNOR
