"""有効性確認: each result has a case that brings it about."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from jpki.authority import Issued, Office, revoke
from jpki.authority.answering.confirmation import Confirmation, Confirmed
from jpki.documents.cms import sign_detached
from jpki.documents.confirmation import make_enquiry
from jpki.errors import RequestError
from jpki.model.calendar import JST
from jpki.model.confirmation import ConfirmResult, ServiceHours
from jpki.model.ports import Signer
from jpki.model.revocation import RevocationReason
from jpki.store import AuthorityStore
from tests.support.offices import (
    FOUNDING,
    OPERATOR,
    TARO,
    Register,
    certify,
    filed,
    new_key,
    new_office,
)

ALWAYS = ServiceHours.parse("00:00-24:00")


class Desk:
    """An office, a resident with a certificate, and who answers residents."""

    def __init__(self, store: AuthorityStore, hours: ServiceHours = ALWAYS) -> None:
        self.office: Office = new_office(
            store, Register({TARO.code: TARO}), founded=False
        )
        self.key: Signer = new_key()
        self.issued: Issued = certify(self.office, filed(self.office), self.key)
        self.confirmation = Confirmation(self.office, hours=hours, at_work=1)

    def enquiry(self, at: datetime = FOUNDING) -> bytes:
        """What the resident's card signs."""
        return make_enquiry(self.issued.certificate, self.key, at)

    def ask(self, enquiry: bytes | None = None, at: datetime = FOUNDING) -> Confirmed:
        """The answer."""
        return self.confirmation.answer(enquiry or self.enquiry(at), at)


@pytest.fixture
def desk(founded_store: AuthorityStore) -> Desk:
    """Taro has a certificate."""
    return Desk(founded_store)


def _revoke(desk: Desk, reason: RevocationReason) -> None:
    revoke(
        desk.office,
        desk.issued.authority,
        desk.issued.serial,
        reason,
        ground="test",
        at=FOUNDING,
        by=OPERATOR,
    )


def test_the_holder_is_told_that_it_holds(desk: Desk) -> None:
    """And only of this certificate."""
    found = desk.ask()
    assert found.result is ConfirmResult.JPKI_CONFIRM_OK
    assert int(found.result) == 200
    assert found.certificate is not None
    assert found.certificate.raw == desk.issued.certificate


def test_revoked(desk: Desk) -> None:
    """With reason and time."""
    _revoke(desk, RevocationReason.KEY_COMPROMISE)
    found = desk.ask(at=FOUNDING + timedelta(hours=1))
    assert found.result == 607
    assert found.revocation is not None
    assert found.revocation.reason is RevocationReason.KEY_COMPROMISE


def test_the_dates_of_the_certificate(desk: Desk) -> None:
    """Before and after."""
    assert desk.ask(at=FOUNDING - timedelta(days=1)).result == 709
    assert desk.ask(at=FOUNDING + timedelta(days=4000)).result == 602


def test_who_does_not_hold_the_key_is_told_nothing(desk: Desk) -> None:
    """Of the certificate of somebody else, with another key or another text."""
    good = desk.enquiry()
    signature = bytearray(good)
    signature[-3] ^= 1
    assert desk.ask(bytes(signature)).result in (600, 603)
    other = sign_detached(b"a contract", desk.issued.certificate, desk.key, FOUNDING)
    assert desk.ask(other).result == 600
    assert desk.ask(b"no CMS").result == 603
    assert desk.ask(good + b"\0").result == 603


def test_an_enquiry_is_made_now(desk: Desk) -> None:
    """What was overheard an hour ago is no enquiry."""
    for shift in (timedelta(minutes=6), -timedelta(minutes=6)):
        assert desk.ask(desk.enquiry(), FOUNDING + shift).result == 605
    assert desk.ask(desk.enquiry(), FOUNDING + timedelta(minutes=5)).result == 200


def test_certificates_of_others(
    desk: Desk, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Of an authority of the same name with another key, and of none of ours."""
    store = AuthorityStore(f"sqlite:///{tmp_path_factory.mktemp('x')}/other.sqlite")
    store.migrate()
    office = new_office(store, Register({TARO.code: TARO}), seed=2)
    key = new_key()
    theirs = certify(office, filed(office), key)
    store.close()
    found = desk.ask(make_enquiry(theirs.certificate, key, FOUNDING))
    assert found.result == 604


def test_the_books_have_another_certificate(desk: Desk) -> None:
    """Altered books, or a copy of the key: 622."""
    with desk.office.store.database.write() as connection:
        connection.execute(
            text(
                "UPDATE certificate SET certificate = (SELECT certificate FROM"
                " certificate WHERE kind = 'bridge' LIMIT 1) WHERE kind = 'signature'"
            )
        )
        connection.commit()
    assert desk.ask().result == 622


def test_without_the_books(desk: Desk) -> None:
    """609, and no guess."""
    enquiry = desk.enquiry()
    with desk.office.store.database.write() as connection:
        connection.execute(text("ALTER TABLE certificate RENAME TO elsewhere"))
        connection.commit()
    assert desk.ask(enquiry).result == 609


def test_a_crowd_is_told_to_come_back(desk: Desk) -> None:
    """611; the place is free again afterwards."""
    desk.confirmation._places.acquire()
    assert desk.ask().result == 611
    desk.confirmation._places.release()
    assert desk.ask().result == 200


def test_outside_the_hours(founded_store: AuthorityStore) -> None:
    """706, in Japan's time."""
    desk = Desk(founded_store, ServiceHours.parse("07:30-23:30"))
    noon = datetime(2014, 10, 2, 12, tzinfo=JST)
    assert desk.ask(at=noon).result == 200
    assert desk.ask(at=noon.replace(hour=7, minute=29)).result == 706
    assert desk.ask(at=noon.replace(hour=23, minute=30)).result == 706


@pytest.mark.parametrize(
    ("hours", "within", "outside"),
    [
        ("22:00-02:00", ("23:00", "01:59"), ("02:00", "21:59")),
        ("00:00-24:00", ("00:00", "23:59"), ()),
        ("09:00-17:00", ("09:00", "16:59"), ("08:59", "17:00")),
    ],
)
def test_hours(hours: str, within: tuple[str, ...], outside: tuple[str, ...]) -> None:
    """They may go over midnight."""
    read = ServiceHours.parse(hours)
    for hour, expected in [(t, True) for t in within] + [(t, False) for t in outside]:
        at = datetime.fromisoformat(f"2014-10-02T{hour}:00+09:00")
        assert read.hold_at(at) is expected


@pytest.mark.parametrize(
    "text", ["", "9-17", "09:00-09:00", "09:60-17:00", "09:00-24:01", "25:00-26:00"]
)
def test_no_hours(text: str) -> None:
    """What is no part of a day."""
    with pytest.raises(RequestError):
        ServiceHours.parse(text)
