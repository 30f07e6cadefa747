"""The counter's procedures with a virtual card, against the real authorities."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jpki.authority.counter.applications import ApplicationKind
from jpki.authority.workstation import (
    Enrolment,
    Progress,
    apply_for,
    enrol,
    hand_over,
    put_on_card,
    reissue,
    renew,
    reset_password,
    surrender_card,
)
from jpki.cards.session import CardSession
from jpki.cards.state import decode_state
from jpki.errors import (
    APDUError,
    ApplicationConflict,
    CertificateLive,
    PINBlocked,
    PINError,
    PINFormatError,
    RemoteRefusal,
    ServiceUnavailable,
    WrongCard,
)
from jpki.model.calendar import day_in_japan
from jpki.model.codes import ResidentCode
from jpki.model.purposes import Purpose
from jpki.x509.parse import parse_certificate
from tests.support.cards import MemoryImage, PowerCutError, session_on
from tests.support.installation import (
    GOVERNOR,
    MITO_COUNTER,
    Installation,
    founded_installation,
    running_installation,
    within,
)
from tests.support.workstations import (
    NEW_PASSWORD,
    blank,
    chosen,
    enrolled,
    short_lived,
    station_at,
)

pytestmark = pytest.mark.usefixtures("books_agree")

SIGNATURE = Purpose.SIGNATURE
CHILD = ResidentCode("10593713593")
POINTS = ["filed", "key-generated", "password-set", "issued", "written", "delivered"]


class Cut(Exception):
    """The workstation ends here."""


def _cut_at(point: str) -> Progress:
    def progress(passed: str) -> None:
        if passed == point:
            raise Cut

    return progress


def _enrol(
    site: Installation,
    session: CardSession,
    resident: ResidentCode,
    progress: Progress = lambda _point: None,
    password: str = NEW_PASSWORD,
) -> Enrolment:
    return enrol(
        station_at(site),
        session,
        resident=resident,
        idempotency_key=str(uuid.uuid4()),
        password=chosen(password),
        progress=progress,
    )


def _on_card(image: MemoryImage) -> bytes:
    with session_on(image) as session:
        session.verify_pin(SIGNATURE, chosen())
        return session.read_certificate(SIGNATURE)


# -- issuing --------------------------------------------------------------------------


def test_a_certificate_is_issued_at_the_counter(installation: Installation) -> None:
    """Every step in its order, the card complete, the books closed."""
    resident, image, told = installation.newcomer(), blank(installation), list[str]()
    with session_on(image) as session:
        done = _enrol(installation, session, resident, told.append)
    assert told == POINTS
    assert done.application.state == "delivered"
    assert _on_card(image) == done.issued.certificate
    certificate = parse_certificate(done.issued.certificate)
    assert certificate.public_key == done.public_key
    with session_on(image) as session:
        found = session.read_ca_certificate(SIGNATURE)
        assert found == installation.issuer.raw
    (held,) = station_at(installation).client.holdings(resident).certificates
    assert (held.authority, held.serial, held.live) == (
        GOVERNOR,
        done.issued.serial,
        True,
    )


def test_a_password_of_a_wrong_form_costs_nothing(installation: Installation) -> None:
    """It is refused before a key is made; the application stays open."""
    resident, image = installation.newcomer(), blank(installation)
    before = image.content
    with session_on(image) as session, pytest.raises(PINFormatError):
        _enrol(installation, session, resident, password="abc")
    assert image.content == before
    assert installation.live_application(resident) == "filed"


@pytest.mark.parametrize("point", POINTS[:-1])
def test_an_interrupted_issuance_is_taken_up(
    installation: Installation, point: str
) -> None:
    """Killed after any step, begun again: one application, one certificate."""
    resident, image = installation.newcomer(), blank(installation)
    with session_on(image) as session, pytest.raises(Cut):
        _enrol(installation, session, resident, _cut_at(point))
    (opened,) = station_at(installation).client.holdings(resident).applications
    told = list[str]()
    with session_on(image) as session:
        done = _enrol(installation, session, resident, told.append, "OTHER9")
    assert done.application.id == opened.application.id
    assert told[0] == "taken-up"
    assert told[1] == (
        "key-found" if point in ("issued", "written") else "key-generated"
    )
    assert installation.certificates_of(resident) == 1
    with session_on(image) as session:
        session.verify_pin(SIGNATURE, chosen("OTHER9"))
        assert session.read_certificate(SIGNATURE) == done.issued.certificate


@pytest.mark.parametrize("point", POINTS[:-1])
def test_an_interrupted_issuance_is_cancelled(
    installation: Installation, point: str
) -> None:
    """And another card then gets a certificate; the first one's is revoked."""
    resident, image = installation.newcomer(), blank(installation)
    with session_on(image) as session, pytest.raises(Cut):
        _enrol(installation, session, resident, _cut_at(point))
    client = station_at(installation).client
    (opened,) = client.holdings(resident).applications
    assert client.cancel(opened.application.id).state == "cancelled"
    assert client.holdings(resident).live(SIGNATURE) is None
    enrolled(installation, blank(installation), resident)
    assert client.holdings(resident).live(SIGNATURE) is not None


@pytest.mark.parametrize("writes", range(5))
def test_a_card_that_loses_power_is_as_before_or_complete(
    installation: Installation, writes: int
) -> None:
    """Whichever write it was: no certificate or both; the issuance is taken up."""
    resident, image = installation.newcomer(), blank(installation)
    image.writes_left = writes
    with session_on(image) as session, pytest.raises(PowerCutError):
        _enrol(installation, session, resident)
    slot = decode_state(image.content).card_type.slot(SIGNATURE)
    files = decode_state(image.content).files
    assert (slot.certificate in files) == (slot.ca_certificate in files)
    image.writes_left = None
    done = enrolled(installation, image, resident)
    assert _on_card(image) == done.issued.certificate


def test_the_power_cuts_reach_every_write(installation: Installation) -> None:
    """An issuance writes five times: key, password, two of its proof, certificates."""
    image = blank(installation)
    enrolled(installation, image, installation.newcomer())
    assert len(image.past) == 5


def test_two_workstations_on_one_application(installation: Installation) -> None:
    """The first key is certified; the other card is refused and says what to do."""
    resident = installation.newcomer()
    one, two = blank(installation), blank(installation)
    station = station_at(installation)
    filed, known = apply_for(
        station,
        station.client.holdings(resident),
        resident,
        ApplicationKind.NEW,
        SIGNATURE,
        "of the first",
    )
    assert not known
    with session_on(one) as session:
        done = put_on_card(station, session, filed, password=chosen())
    other = station_at(installation)
    with session_on(two) as session, pytest.raises(RemoteRefusal) as late:
        # It still believes that nothing was certified.
        put_on_card(other, session, filed, password=chosen())
    assert late.value.reason_code == "application.conflict"
    with session_on(two) as session, pytest.raises(WrongCard, match="another card"):
        put_on_card(other, session, done.application, password=chosen("WRONG99"))
    with session_on(two) as session, pytest.raises(WrongCard):
        hand_over(other, session, done.application)
    with session_on(two) as session:
        session.verify_pin(SIGNATURE, chosen())  # nobody set another one
    with session_on(one) as session:
        assert hand_over(other, session, done.application).state == "delivered"
    with session_on(one) as session, pytest.raises(ApplicationConflict):
        delivered = station.client.application(filed.id)
        put_on_card(station, session, delivered, password=chosen())
    assert installation.certificates_of(resident) == 1


def test_nothing_is_handed_over_before_it_is_written(
    installation: Installation,
) -> None:
    """A card with the right key, but without the certificate, is not complete."""
    resident, image = installation.newcomer(), blank(installation)
    with session_on(image) as session, pytest.raises(Cut):
        _enrol(installation, session, resident, _cut_at("issued"))
    station = station_at(installation)
    (opened,) = station.client.holdings(resident).applications
    with session_on(image) as session, pytest.raises(WrongCard):
        hand_over(station, session, opened.application)
    assert installation.live_application(resident) == "issued"


def test_a_card_of_another_issuer_is_refused(installation: Installation) -> None:
    """Before anything is changed on it."""
    resident, image = installation.newcomer(), blank(installation)
    before = image.content
    station = station_at(installation)
    foreign = type(station)(
        client=station.client, era=station.era, issuer_secret=b"of somebody else"
    )
    for procedure in (
        lambda session: enrol(
            foreign,
            session,
            resident=resident,
            idempotency_key="x" + resident.digits,
            password=chosen(),
        ),
        lambda session: reset_password(foreign, session, password=chosen()),
        lambda session: surrender_card(foreign, session, resident=resident),
    ):
        with session_on(image) as session, pytest.raises(APDUError):
            procedure(session)
    assert image.content == before


def test_what_the_register_refuses(installation: Installation) -> None:
    """A child, and a resident of another municipality, learn why."""
    with session_on(blank(installation)) as session:
        with pytest.raises(RemoteRefusal) as child:
            _enrol(installation, session, CHILD)
        assert child.value.reason_code == "registry.not-eligible"
        with pytest.raises(RemoteRefusal) as elsewhere:
            enrol(
                station_at(installation, MITO_COUNTER),
                session,
                resident=installation.newcomer(),
                idempotency_key="elsewhere",
                password=chosen(),
            )
        assert elsewhere.value.reason_code == "registry.wrong-municipality"


def _renewed(
    site: Installation,
    image: MemoryImage,
    resident: ResidentCode,
    progress: Progress = lambda _point: None,
) -> Enrolment:
    with session_on(image) as session:
        return renew(
            station_at(site),
            session,
            resident=resident,
            idempotency_key=str(uuid.uuid4()),
            password=chosen(),
            progress=progress,
        )


def test_renewal_has_a_first_day(installation: Installation) -> None:
    """Before it nothing changes, and the refusal names it; nothing is not renewed."""
    resident, image = installation.newcomer(), blank(installation)
    with pytest.raises(RemoteRefusal, match="no certificate"):
        _renewed(installation, image, resident)
    first = enrolled(installation, image, resident)
    (held,) = station_at(installation).client.holdings(resident).certificates
    with pytest.raises(CertificateLive) as early:
        _renewed(installation, image, resident)
    assert early.value.renewable_from == held.renewable_from
    assert str(day_in_japan(held.renewable_from)) in str(early.value.hint)
    assert _on_card(image) == first.issued.certificate


@pytest.mark.slow
def test_an_application_that_needs_an_approver_waits(tmp_path: Path) -> None:
    """It is refused until somebody agreed, and taken up then."""
    with founded_installation(tmp_path / "site") as site:
        text = site.layout.config.read_text()
        approving = "[authority]\nissuance_approval = true"
        site.layout.config.write_text(text.replace("[authority]", approving))
        site.start("registry_stub", "ca_server")
        resident, image = site.newcomer(), blank(site)
        with session_on(image) as session, pytest.raises(RemoteRefusal) as waits:
            _enrol(site, session, resident)
        assert waits.value.reason_code == "consent.required"
        assert site.live_application(resident) == "filed"
        (opened,) = station_at(site).client.holdings(resident).applications
        assert opened.application.state == "filed"


# -- passwords, moves, surrender ------------------------------------------------------


def test_a_blocked_password_comes_back(installation: Installation) -> None:
    """Five wrong ones block it; the counter has the resident choose anew."""
    image = blank(installation)
    enrolled(installation, image, installation.newcomer())
    with session_on(image) as session:
        for _ in range(4):
            with pytest.raises(PINError):
                session.verify_pin(SIGNATURE, chosen("WRONG99"))
        with pytest.raises(PINBlocked):
            session.verify_pin(SIGNATURE, chosen("WRONG99"))
        with pytest.raises(PINBlocked):
            session.verify_pin(SIGNATURE, chosen())
    station = station_at(installation)
    with session_on(image) as session, pytest.raises(PINFormatError):
        reset_password(station, session, password=chosen("1"))
    with session_on(image) as session:
        assert reset_password(station, session, password=chosen("ANEW77")) == 5
    with session_on(image) as session:
        session.verify_pin(SIGNATURE, chosen("ANEW77"))


def test_a_blank_card_has_no_password_to_reset(installation: Installation) -> None:
    """It gets one with its first key."""
    with session_on(blank(installation)) as session, pytest.raises(WrongCard):
        reset_password(station_at(installation), session, password=chosen())


def test_after_a_move_the_certificate_is_issued_again(
    installation: Installation,
) -> None:
    """Not before the move revoked the first one; then with the new address."""
    resident, image = installation.newcomer(), blank(installation)
    station = station_at(installation)

    def again() -> Enrolment:
        with session_on(image) as session:
            return reissue(
                station,
                session,
                resident=resident,
                idempotency_key=str(uuid.uuid4()),
                password=chosen(),
            )

    with pytest.raises(RemoteRefusal, match="never had"):
        again()
    first = enrolled(installation, image, resident)
    with pytest.raises(CertificateLive) as live:
        again()
    assert live.value.renewable_from is not None
    installation.move(resident)
    assert within(10, lambda: station.client.holdings(resident).live(SIGNATURE) is None)
    second = parse_certificate(again().issued.certificate)
    assert second.basic_attributes is not None
    assert "つくば市東" in second.basic_attributes.address
    assert second.serial != first.issued.serial
    held = station.client.holdings(resident).certificates
    assert {one.reason for one in held} == {"affiliationChanged", None}
    assert [one.serial for one in held if one.live] == [second.serial]


def test_a_surrendered_card_is_good_for_nothing(installation: Installation) -> None:
    """The certificate is revoked, the card as it came from the factory."""
    resident, image = installation.newcomer(), blank(installation)
    factory = decode_state(image.content)
    done = enrolled(installation, image, resident)
    with session_on(image) as session:
        ended = surrender_card(station_at(installation), session, resident=resident)
    assert ended.ended.revoked == ((GOVERNOR, done.issued.serial),)
    assert decode_state(image.content) == factory
    (held,) = station_at(installation).client.holdings(resident).certificates
    assert held.reason == "cessationOfOperation"


def test_an_interrupted_surrender_is_done_again(installation: Installation) -> None:
    """Cut after the revocation, the card still has its key; then it is erased."""
    resident, image = installation.newcomer(), blank(installation)
    enrolled(installation, image, resident)
    station = station_at(installation)
    image.writes_left = 0
    with session_on(image) as session, pytest.raises(PowerCutError):
        surrender_card(station, session, resident=resident)
    assert station.client.holdings(resident).live(SIGNATURE) is None
    assert decode_state(image.content).keys
    image.writes_left = None
    with session_on(image) as session:
        again = surrender_card(station, session, resident=resident)
    assert again.ended.revoked == ()
    assert not decode_state(image.content).keys


# -- with an authority of their own ---------------------------------------------------


@pytest.mark.slow
def test_without_the_authority_everything_stays_as_it_is(tmp_path: Path) -> None:
    """What needs it says so; the card is untouched, and the work is taken up later."""
    with running_installation(tmp_path / "site") as site:
        resident, image = site.newcomer(), blank(site)
        station = station_at(site)
        filed = station.client.file_application(resident, "before the outage")
        site.stop("ca_server")
        before = image.content
        with session_on(image) as session, pytest.raises(ServiceUnavailable):
            _enrol(site, session, resident)
        assert image.content == before
        with session_on(image) as session, pytest.raises(ServiceUnavailable):
            put_on_card(station, session, filed, password=chosen())
        site.start("ca_server")
        done = enrolled(site, image, resident)
        assert done.application.id == filed.id
        assert _on_card(image) == done.issued.certificate
        site.stop("ca_server")
        with session_on(image) as session, pytest.raises(ServiceUnavailable):
            surrender_card(station, session, resident=resident)
        assert _on_card(image) == done.issued.certificate
        with session_on(image) as session:
            assert reset_password(station, session, password=chosen()) == 5
        site.start("ca_server")


@pytest.mark.slow
def test_a_certificate_is_renewed_in_its_last_months(tmp_path: Path) -> None:
    """The old one is in force until the new one is issued, and superseded then."""
    profiles = short_lived(tmp_path / "profiles", days=60)
    with running_installation(tmp_path / "site", profiles=profiles) as site:
        resident, image, told = site.newcomer(), blank(site), list[str]()
        first = enrolled(site, image, resident)
        with session_on(image) as session, pytest.raises(CertificateLive) as live:
            _enrol(site, session, resident)
        assert live.value.hint == "renew it instead"
        second = _renewed(site, image, resident, told.append)
        assert told == POINTS
        assert _on_card(image) == second.issued.certificate
        held = station_at(site).client.holdings(resident).certificates
        reasons = {one.serial: (one.live, one.reason) for one in held}
        assert reasons == {
            first.issued.serial: (False, "superseded"),
            second.issued.serial: (True, None),
        }
        # Cut after the issuance, the old one is gone; the renewal is taken up all the
        # same, not begun once more.
        with pytest.raises(Cut):
            _renewed(site, image, resident, _cut_at("issued"))
        third = _renewed(site, image, resident, told.append)
        assert told[len(POINTS) :][:2] == ["taken-up", "key-found"]
        assert _on_card(image) == third.issued.certificate
        assert site.certificates_of(resident) == 3
        site.check_books()


@pytest.mark.slow
def test_a_card_of_another_resident_is_recognised(tmp_path: Path) -> None:
    """By its certificate for authentication, which needs no password to be read."""
    with running_installation(
        tmp_path / "site", era="jlis", at=datetime(2020, 1, 6, 3, tzinfo=UTC)
    ) as site:
        theirs, image = site.newcomer(), blank(site)
        with session_on(image) as session:
            enrol(
                station_at(site),
                session,
                resident=theirs,
                idempotency_key="theirs",
                password=chosen("1234"),
                purpose=Purpose.AUTHENTICATION,
            )
        stranger = site.newcomer()
        with session_on(image) as session, pytest.raises(WrongCard, match="another"):
            surrender_card(station_at(site), session, resident=stranger)
        with session_on(image) as session:
            done = _enrol(site, session, theirs)
        assert _on_card(image) == done.issued.certificate
        with session_on(image) as session:
            ended = surrender_card(station_at(site), session, resident=theirs)
        assert len(ended.ended.revoked) == 2
