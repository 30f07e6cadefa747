"""Delta CRLs: with a complete list that is still valid they tell all that is known."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from jpki.authority import Issued, publish, publish_due, recover, verify_audit
from jpki.authority.answering.history import past_status
from jpki.authority.misbehaving.faults import Fault
from jpki.authority.misbehaving.lists import wrong_list
from jpki.authority.publication import Board
from jpki.errors import Conflict, IssuanceError, NotFound
from jpki.model.eras import Era
from jpki.store import AuthorityStore
from jpki.store.authority_records import CRLRecord, ListName
from jpki.verify import (
    AcceptAnyAlgorithm,
    Code,
    Indeterminate,
    Outcome,
    PathJob,
    Pool,
    TrustAnchor,
    Valid,
    verify_path,
)
from jpki.x509.certificate_lists import parse_crl
from jpki.x509.parse import parse_certificate
from jpki.x509.pem import pem
from tests.support.desk import HERE, HOUR, Desk
from tests.support.offices import FOUNDING, GOVERNOR, Crash, CrashAt

DELTA = ListName(GOVERNOR, 1, "delta")


@pytest.fixture
def desk(founded_store: AuthorityStore) -> Desk:
    """Deltas become six hours old."""
    desk = Desk(founded_store)
    desk.office = replace(desk.office, crl_deltas=timedelta(hours=6))
    return desk


def _deltas(made: Sequence[CRLRecord]) -> list[CRLRecord]:
    return [crl for crl in made if crl.name == DELTA]


def test_news_go_into_the_delta(desk: Desk) -> None:
    """At once; the complete list appears once a day, and says where deltas are."""
    bad = desk.issue()
    assert set(desk.due(0)) == {"crl", "arl", HERE}
    assert set(desk.due(1)) == {"delta"}
    desk.revoke(bad, 1)
    made = desk.due(2)
    assert set(made) == {"delta", HERE}
    assert made["delta"].next_update == FOUNDING + 8 * HOUR
    assert desk.serials("delta") == {bad.serial}
    assert desk.serials("crl") == set()
    complete, delta = desk.list("crl"), desk.list("delta")
    assert delta.delta_base == complete.number
    (point,) = complete.freshest_crl
    (address,) = point.full_name
    url = f"{desk.office.crls_url}/{GOVERNOR}/1/delta.crl"
    assert getattr(address, "value", None) == url
    assert not delta.freshest_crl
    with desk.office.store.read() as uow:
        verify_audit(uow)


def test_a_delta_is_renewed_before_it_is_too_old(desk: Desk) -> None:
    """After half of its time, whether there are news or not."""
    desk.issue()
    desk.due(0)
    desk.due(1)
    assert [set(desk.due(hour)) for hour in (2, 3, 4, 5, 6)] == [
        set(),
        set(),
        {"delta"},
        set(),
        set(),
    ]


def test_a_delta_goes_on_from_the_oldest_valid_list(desk: Desk) -> None:
    """Whoever has that one, or any younger, needs nothing but the newest delta."""
    first, second, third = desk.issue(), desk.issue(), desk.issue()
    number = desk.due(0)["crl"].number
    desk.revoke(first, 1)
    desk.due(2)
    assert desk.due(24)["crl"].number > number
    desk.revoke(second, 25)
    desk.due(26)
    delta = desk.list("delta")
    assert delta.delta_base == number
    assert desk.serials("delta") == {first.serial, second.serial}
    assert desk.serials("crl") == {first.serial}
    # After two days the first complete list has ended, and what stood in the second
    # need not be repeated.
    again = desk.due(48)["crl"].number
    desk.revoke(third, 49)
    desk.due(50)
    delta = desk.list("delta")
    assert number < (delta.delta_base or 0) < again
    assert desk.serials("delta") == {second.serial, third.serial}
    assert desk.serials("crl") == {first.serial, second.serial}


def test_numbers_are_one_sequence_and_no_second_has_two(desk: Desk) -> None:
    """RFC 5280 5.2.3: of one time they would have to have one number."""
    bad = desk.issue()
    desk.due(0)
    assert "delta" not in desk.due(0)
    with pytest.raises(Conflict, match="same second") as caught:
        publish(desk.office, GOVERNOR, scope="delta", at=FOUNDING, by="test")
    assert "a second later" in str(caught.value.hint)
    desk.due(1)
    desk.revoke(bad, 2)
    desk.due(2)
    with pytest.raises(Conflict, match="same second"):
        publish(desk.office, GOVERNOR, at=FOUNDING + 2 * HOUR, by="test")
    desk.due(24)
    desk.due(25)
    with desk.office.store.read() as uow:
        numbers = [
            (crl.this_update, crl.number)
            for crl in uow.crls.in_force()
            if crl.authority == GOVERNOR
        ]
    assert len({number for _, number in numbers}) == len(numbers)
    assert sorted(numbers)[-1][1] == desk.list("delta").number


def test_there_is_no_delta_without_a_complete_list(desk: Desk) -> None:
    """Nor one where the installation wants none."""
    with pytest.raises(NotFound):
        publish(desk.office, GOVERNOR, scope="delta", at=FOUNDING, by="test")
    plain = replace(desk.office, crl_deltas=None)
    publish(plain, GOVERNOR, at=FOUNDING, by="test")
    with pytest.raises(IssuanceError, match="delta"):
        publish(plain, GOVERNOR, scope="delta", at=FOUNDING + HOUR, by="test")
    assert not desk.list("crl").freshest_crl


def test_an_installation_may_give_deltas_up(desk: Desk) -> None:
    """Then the complete list no longer says that there are any, and has the news."""
    bad = desk.issue()
    desk.due(0)
    desk.revoke(bad, 1)
    desk.due(2)
    desk.office = replace(desk.office, crl_deltas=None)
    assert set(desk.due(3)) == {"crl"}
    assert desk.serials("crl") == {bad.serial}
    assert not desk.list("crl").freshest_crl
    assert desk.due(4) == {}


def test_the_journal_is_read_once(desk: Desk) -> None:
    """Who publishes again and again remembers; what is due is the same."""
    board = Board()
    hours: dict[int, set[str]] = {}
    residents = [desk.issue() for _ in range(4)]
    for hour in range(30):
        if hour % 7 == 3:
            desk.revoke(residents.pop(), hour)
        with desk.office.store.read() as uow:
            position = uow.journal.position()
        at = FOUNDING + hour * HOUR
        made = publish_due(desk.office, at=at, board=board)
        hours[hour] = {crl.scope for crl in made if crl.authority == GOVERNOR}
        assert publish_due(desk.office, at=at) == ()
        with desk.office.store.read() as uow:
            assert uow.journal.position() == position
    assert {hour for hour, made in hours.items() if HERE in made} >= {3, 10, 17, 24}
    assert {hour for hour, made in hours.items() if "delta" in made} >= {3, 10, 17}
    assert {hour for hour, made in hours.items() if "crl" in made} == {0, 24}


@pytest.mark.parametrize("point", ["publication.recorded", "publication.signed"])
def test_a_complete_list_may_be_finished_after_a_newer_delta(
    desk: Desk, point: str
) -> None:
    """It knows less than the delta, and says nothing against it."""
    bad = desk.issue()
    desk.due(0)
    desk.due(1)
    broken = replace(desk.office, step=CrashAt(point))
    with pytest.raises(Crash):
        publish(broken, GOVERNOR, at=FOUNDING + 2 * HOUR, by="crashing")
    desk.revoke(bad, 3)
    desk.due(3)
    assert desk.serials("delta") == {bad.serial}
    (finished,) = recover(desk.office, at=FOUNDING + 4 * HOUR).crls
    assert finished.scope == "crl"
    assert desk.serials("crl") == set()
    assert desk.due(4) == {}


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("UPDATE revocation SET reason = 4", "was altered"),
        ("DELETE FROM revocation", "un-revoked"),
    ],
)
@pytest.mark.parametrize("scope", ["delta", "crl"])
def test_what_a_delta_told_is_never_taken_back(
    desk: Desk, scope: str, statement: str, complaint: str
) -> None:
    """Neither by the next one nor by a complete list."""
    bad = desk.issue()
    desk.due(0)
    desk.revoke(bad, 1)
    desk.due(2)
    with desk.office.store.database.write() as connection:
        if desk.office.store.database.is_sqlite:
            connection.execute(text("DROP TRIGGER revocation_no_update"))
            connection.execute(text("DROP TRIGGER revocation_no_delete"))
        else:
            connection.execute(
                text("DROP TRIGGER revocation_append_only ON revocation")
            )
        connection.execute(text(statement))
        connection.commit()
    with pytest.raises(IssuanceError, match=complaint):
        publish(desk.office, GOVERNOR, scope=scope, at=FOUNDING + 3 * HOUR, by="test")
    assert desk.serials("delta") == {bad.serial}


def test_what_expired_leaves_both(desk: Desk) -> None:
    """A delta keeps it until it was on a complete list after its end."""
    bad = desk.issue()
    certificate = parse_certificate(bad.certificate)
    days = (certificate.not_after - FOUNDING).days
    eve = 24 * days
    desk.due(eve - 24)
    desk.revoke(bad, eve - 1)
    desk.due(eve - 1)
    for hour in range(eve, eve + 24 * 6, 8):
        desk.due(hour)
        told = desk.serials("delta") | desk.serials("crl")
        if hour < eve + 24:
            assert bad.serial in told
    assert bad.serial not in desk.serials("delta") | desk.serials("crl")


def _judged(desk: Desk, issued: Issued, hours: float, *crls: bytes) -> Outcome:
    anchor = parse_certificate(issued.authority_certificate)
    return verify_path(
        PathJob(
            end_entity=parse_certificate(issued.certificate),
            anchors=(TrustAnchor.of(anchor),),
            at=FOUNDING + hours * HOUR,
            algorithms=AcceptAnyAlgorithm(),
            pool=Pool.from_der(crls=crls),
            use_deltas=True,
        ),
    )


def test_a_verifier_needs_both(desk: Desk) -> None:
    """The complete list alone may hide the news, and is not enough."""
    good, bad = desk.issue(), desk.issue()
    desk.due(0)
    first = desk.octets("crl")
    desk.revoke(bad, 1)
    desk.due(2)
    delta = desk.octets("delta")
    assert isinstance(_judged(desk, good, 3, first, delta), Valid)
    judged = _judged(desk, bad, 3, first, delta)
    assert getattr(judged, "code", None) is Code.REVOKED
    assert isinstance(_judged(desk, bad, 3, first), Indeterminate)
    # A day on, there is another complete list: either goes with the newest delta.
    desk.due(24)
    second = desk.octets("crl")
    desk.due(25)
    newest = desk.octets("delta")
    for complete in (first, second):
        judged = _judged(desk, bad, 26, complete, newest)
        assert getattr(judged, "code", None) is Code.REVOKED
        assert isinstance(_judged(desk, good, 26, complete, newest), Valid)
    # The one of yesterday has ended.
    assert isinstance(_judged(desk, good, 26, second, delta), Indeterminate)


@pytest.mark.needs("openssl")
def test_openssl_combines_them(desk: Desk, tmp_path: Path) -> None:
    """`-use_deltas`, with the oldest complete list and the newest delta."""
    good, bad = desk.issue(), desk.issue()
    desk.due(0)
    complete = desk.octets("crl")
    desk.revoke(bad, 1)
    desk.due(2)
    files = {name: tmp_path / f"{name}.pem" for name in ("ca", "good", "bad", "crls")}
    files["ca"].write_bytes(pem(good.authority_certificate, "CERTIFICATE"))
    files["good"].write_bytes(pem(good.certificate, "CERTIFICATE"))
    files["bad"].write_bytes(pem(bad.certificate, "CERTIFICATE"))
    openssl = shutil.which("openssl")
    assert openssl is not None

    def says(name: str, *crls: bytes) -> str:
        files["crls"].write_bytes(b"".join(pem(crl, "X509 CRL") for crl in crls))
        at = str(int((FOUNDING + 3 * HOUR).timestamp()))
        line = [openssl, "verify", "-attime", at, "-ignore_critical"]
        line += ["-crl_check", "-extended_crl", "-use_deltas"]
        line += ["-CAfile", str(files["ca"]), "-CRLfile", str(files["crls"])]
        told = subprocess.run(
            [*line, str(files[name])], capture_output=True, text=True, check=False
        )
        return told.stdout + told.stderr

    delta = desk.octets("delta")
    assert "OK" in says("good", complete, delta)
    assert "certificate revoked" in says("bad", complete, delta)
    assert "OK" in says("bad", complete)


def test_a_delta_proves_what_was_known(desk: Desk) -> None:
    """The first list that tells it; that a certificate is good, a delta cannot say."""
    good, bad = desk.issue(), desk.issue()
    plain = replace(desk.office, era=_without_shards(desk))
    publish(plain, GOVERNOR, at=FOUNDING, by="test")
    desk.revoke(bad, 1)
    publish(plain, GOVERNOR, scope="delta", at=FOUNDING + 2 * HOUR, by="test")
    publish(plain, GOVERNOR, at=FOUNDING + 24 * HOUR, by="test")

    def proof(serial: int) -> CRLRecord | None:
        with plain.store.read() as uow:
            return past_status(
                plain,
                uow,
                GOVERNOR,
                serial,
                at=FOUNDING + 2 * HOUR,
                known_at=FOUNDING + 4 * HOUR,
                now=FOUNDING + 25 * HOUR,
            ).proof

    told, settled = proof(bad.serial), proof(good.serial)
    assert told is not None
    assert settled is not None
    assert (told.scope, settled.scope) == ("delta", "crl")


def _without_shards(desk: Desk) -> Era:
    era = desk.office.era
    roles = {
        role: name for role, name in era.profiles.items() if role != "crl-partition"
    }
    return replace(era, profiles=roles)


@pytest.mark.parametrize(
    "fault", [Fault.STALE, Fault.EARLY, Fault.WRONG_NUMBER, Fault.EMPTY_LIST]
)
def test_wrong_deltas_can_be_made(desk: Desk, fault: Fault) -> None:
    """Wrong in what is asked for, and deltas all the same."""
    bad = desk.issue()
    desk.due(0)
    desk.revoke(bad, 1)
    desk.due(2)
    wrong = parse_crl(wrong_list(desk.office, DELTA, fault, FOUNDING + 3 * HOUR))
    assert wrong.delta_base is not None
    assert (wrong.number or 0) > wrong.delta_base
