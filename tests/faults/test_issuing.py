"""What can go wrong while something is issued: a clear error, and nothing is lost."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from jpki import data
from jpki.authority import (
    BRIDGE,
    FileKeyring,
    Office,
    account_for_serials,
    certify_responder,
    cross_certify,
    found_bridge,
    found_governor,
    issue,
    publish,
    publish_due,
    recover,
    revoke,
    verify_audit,
)
from jpki.authority.agreeing.deeds import cross_certification, founding
from jpki.authority.certifying.clock_guard import confirm_clock
from jpki.authority.office.keyrings import TokenKeyring
from jpki.data.files import FOLDER
from jpki.errors import (
    AlgorithmError,
    ClockBehind,
    DiskFull,
    JpkiError,
    KeyProviderError,
    OutsideSigningWindow,
    RuleViolation,
    TokenGone,
)
from jpki.model.revocation import RevocationReason
from jpki.store import AuthorityStore
from jpki.store.authority_records import CertificateState
from jpki.x509.parse import parse_certificate
from tests.support.databases import copy_founded
from tests.support.offices import (
    COUNTER,
    FOUNDING,
    GOVERNOR,
    OPERATOR,
    TARO,
    Register,
    agreed,
    certified,
    certify,
    filed,
    found,
    new_key,
    new_office,
    request_for,
)
from tests.support.tokens import SoftHSM

LATER = FOUNDING + timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AuthorityStore]:
    """A founded office's database in a file."""
    store = copy_founded(tmp_path)
    yield store
    store.close()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[AuthorityStore]:
    """A database without authorities."""
    store = AuthorityStore(f"sqlite:///{tmp_path}/empty.db")
    store.migrate()
    yield store
    store.close()


@pytest.fixture
def office(store: AuthorityStore) -> Office:
    """The authorities of one prefecture, with one resident."""
    register = Register()
    register.add(TARO)
    return new_office(store, register, founded=False)


def settled(office: Office) -> None:
    """Books and log agree, and nothing is left half-done."""
    with office.store.read() as uow:
        verify_audit(uow)
        account = account_for_serials(uow)
        assert account.problems == ()
        assert account.counts[CertificateState.PENDING] == 0


def recorded(office: Office) -> tuple[int, int]:
    """How many certificates and log entries there are."""
    with office.store.read() as uow:
        return len(list(uow.certificates.walk())), uow.audit.head()[0]


# -- a full disk ----------------------------------------------------------------------


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process grows beyond its first page."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def full_from(point: str) -> Callable[[str], None]:
    """A listener that fills the disk at this point."""

    def step(name: str) -> None:
        if name == point:
            resource.setrlimit(
                resource.RLIMIT_FSIZE,
                (4096, resource.getrlimit(resource.RLIMIT_FSIZE)[1]),
            )

    return step


def test_a_full_disk_records_nothing(office: Office) -> None:
    """The step has its own code; the same step works once there is room again."""
    application = filed(office)
    request = request_for(application, new_key())
    before = recorded(office)
    with full_disk(), pytest.raises(DiskFull) as error:
        issue(office, application.id, request, at=FOUNDING, by=COUNTER)
    assert error.value.code == "store.disk"
    assert "free some disk space" in (error.value.hint or "")
    assert recorded(office) == before
    issue(office, application.id, request, at=FOUNDING, by=COUNTER)
    settled(office)


@pytest.mark.parametrize("point", ["issuance.recorded", "issuance.signed"])
def test_a_disk_that_fills_up_in_the_middle(office: Office, point: str) -> None:
    """What is on record is finished later: the same number, the same bytes."""
    application = filed(office)
    request = request_for(application, new_key())
    filling = replace(office, step=full_from(point))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(DiskFull):
            issue(filling, application.id, request, at=FOUNDING, by=COUNTER)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    with office.store.read() as uow:
        (pending,) = uow.certificates.pending()
    (finished,) = recover(office, at=FOUNDING).certificates
    issued = issue(office, application.id, request, at=FOUNDING, by=COUNTER)
    assert issued.serial == finished.serial == pending.serial
    assert parse_certificate(issued.certificate).tbs == pending.tbs
    settled(office)


def test_a_full_disk_makes_no_authority(office: Office, tmp_path: Path) -> None:
    """Its key's file is not there either; the agreement to found it still holds."""
    keys = tmp_path / "keys"
    keyring = FileKeyring(keys, lambda: "correct horse battery staple")
    other = replace(office, keyring=keyring)
    prefecture = data.prefectures()["13"]
    deed = founding("governor-13", office.era.id)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    consent = agreed(office, deed)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, before[1]))
    try:
        with pytest.raises(KeyProviderError, match="File too large"):
            found_governor(other, prefecture, at=FOUNDING, by=consent)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not keys.exists() or list(keys.iterdir()) == []
    with office.store.read() as uow:
        assert uow.authorities.find("governor-13") is None
        assert uow.consents.get(consent.request).used_at is None
    settled(office)


def test_a_full_disk_publishes_nothing(office: Office) -> None:
    """The lists in force stay; they are published once there is room."""
    publish_due(office, at=FOUNDING)
    serial = certified(office).serial
    revoke(
        office,
        GOVERNOR,
        serial,
        RevocationReason.SUPERSEDED,
        ground="lost",
        at=FOUNDING,
        by=OPERATOR,
    )
    with full_disk(), pytest.raises(DiskFull):
        publish_due(office, at=LATER)
    assert publish_due(office, at=LATER)
    settled(office)


# -- a token pulled out ---------------------------------------------------------------


@pytest.mark.needs("softhsm")
@pytest.mark.parametrize("by_recovery", [True, False])
def test_a_token_pulled_out_while_it_certifies(
    empty: AuthorityStore, softhsm: SoftHSM, by_recovery: bool
) -> None:
    """The number is on record; with the token back, its very bytes are signed."""
    register = Register()
    register.add(TARO)
    token = softhsm.new_token()
    office = new_office(empty, register, keyring=TokenKeyring(token.open()))
    application = filed(office)
    request = request_for(application, new_key())
    away: list[Path] = []

    def pull(point: str) -> None:
        if point == "issuance.recorded" and not away:
            away.append(token.pull_out())

    with pytest.raises(TokenGone) as error:
        pulled = replace(office, step=pull)
        issue(pulled, application.id, request, at=FOUNDING, by=COUNTER)
    assert error.value.code == "keys.token-gone"
    assert "put the token back" in (error.value.hint or "")
    with office.store.read() as uow:
        (pending,) = uow.certificates.pending()
    ((_, failed),) = recover(office, at=FOUNDING).failed
    assert isinstance(failed, TokenGone)
    token.put_back(away[0])
    if by_recovery:
        (finished,) = recover(office, at=FOUNDING).certificates
        assert finished.serial == pending.serial
    issued = issue(office, application.id, request, at=FOUNDING, by=COUNTER)
    assert issued.serial == pending.serial
    assert parse_certificate(issued.certificate).tbs == pending.tbs
    settled(office)


@pytest.mark.needs("softhsm")
def test_a_token_pulled_out_before_a_founding(
    empty: AuthorityStore, softhsm: SoftHSM
) -> None:
    """No authority without a key; the same agreement founds it afterwards."""
    token = softhsm.new_token()
    office = new_office(empty, keyring=TokenKeyring(token.open()), founded=False)
    found(office, GOVERNOR)
    consent = agreed(office, founding(BRIDGE, office.era.id))
    away = token.pull_out()
    with pytest.raises(TokenGone):
        found_bridge(office, at=FOUNDING, by=consent)
    with office.store.read() as uow:
        assert uow.authorities.find(BRIDGE) is None
    token.put_back(away)
    assert found_bridge(office, at=FOUNDING, by=consent).certificate is not None
    settled(office)


# -- a clock that steps back ----------------------------------------------------------


def test_nothing_is_certified_before_what_is_logged(office: Office) -> None:
    """A clock that went back is told; once it is right, the same step works."""
    publish_due(office, at=LATER)
    waiting = filed(office)
    deed = cross_certification(GOVERNOR, BRIDGE)
    consent = agreed(office, deed)
    before = recorded(office)
    acts: tuple[Callable[[], object], ...] = (
        lambda: certify(office, waiting),
        lambda: publish(office, GOVERNOR, at=FOUNDING, by="x"),
        lambda: certify_responder(office, GOVERNOR, at=FOUNDING, by=OPERATOR),
        lambda: cross_certify(office, GOVERNOR, BRIDGE, at=FOUNDING, by=consent),
    )
    for act in acts:
        with pytest.raises(ClockBehind) as error:
            act()
        assert error.value.code == "clock.behind"
        assert "set the clock right" in (error.value.hint or "")
    assert recorded(office) == before
    certify(office, waiting, at=LATER)
    settled(office)


def test_a_small_step_back_holds_nobody_up(office: Office) -> None:
    """Nor do two machines whose clocks differ by a little."""
    waiting = filed(office, at=LATER)
    publish_due(office, at=LATER)
    certify(office, waiting, at=LATER - timedelta(minutes=5))
    settled(office)


def test_revoking_does_not_wait_for_the_clock(office: Office) -> None:
    """A certificate that must not count any more is revoked at once."""
    serial = certified(office, at=LATER).serial
    revoke(
        office,
        GOVERNOR,
        serial,
        RevocationReason.KEY_COMPROMISE,
        ground="lost",
        at=FOUNDING,
        by=OPERATOR,
    )
    settled(office)


def test_an_operator_says_that_the_clock_is_right(office: Office) -> None:
    """After a clock that stood ahead was set right; the log has who said so."""
    publish_due(office, at=LATER)
    waiting = filed(office)
    with pytest.raises(ClockBehind):
        certify(office, waiting)
    assert confirm_clock(office, at=FOUNDING, by="ca-operator-1")
    assert not confirm_clock(office, at=FOUNDING, by="ca-operator-1")
    certify(office, waiting)
    with office.store.read() as uow:
        (entry,) = uow.audit.of_subject("clock")
    assert (entry.act, entry.actor) == ("clock.confirmed", "ca-operator-1")
    settled(office)


# -- what the era, the profile and the repertoire forbid ------------------------------


def refused(office: Office, error: type[JpkiError], code: str) -> None:
    """Nothing is recorded; the application waits on."""
    application = filed(office)
    before = recorded(office)
    with pytest.raises(error) as caught:
        certify(office, application)
    assert caught.value.code == code
    assert recorded(office) == before
    settled(office)


def own_file(folder: Path, packaged: str, old: str, new: str) -> Path:
    """A deployer's file: a packaged one with one line altered."""
    text = (FOLDER / packaged).read_text("utf-8")
    assert old in text
    path = folder / "own.toml"
    path.write_text(text.replace(old, new), "utf-8")
    return path


def test_an_era_file_that_asks_for_what_is_over(office: Office, tmp_path: Path) -> None:
    """Residents' keys of a suite that has ended: refused, and nothing is recorded."""
    own = data.load_era_file(
        own_file(
            tmp_path,
            "era_files/prefectural-sha256.toml",
            'signature = "rsa2048-sha256"',
            'signature = "rsa1024-sha1"',
        )
    )
    suites = {**office.era.suites, "signature": own.suites["signature"]}
    late = replace(office, era=replace(own, suites=suites))
    refused(late, AlgorithmError, "algorithm")


@pytest.mark.parametrize(
    ("old", "new", "error", "code"),
    [
        ('"nonRepudiation"]', '"keyCertSign"]', RuleViolation, "rule"),
        (
            "years = 3",
            "years = 20",
            OutsideSigningWindow,
            "issuance.outside-signing-window",
        ),
    ],
)
def test_a_profile_file_that_asks_for_what_is_forbidden(
    office: Office,
    tmp_path: Path,
    old: str,
    new: str,
    error: type[JpkiError],
    code: str,
) -> None:
    """What a rule refuses or the authority's end is not issued, whoever wrote it."""
    own = data.load_profile_file(
        own_file(tmp_path, "certificate_profiles/signature.toml", old, new)
    )
    refused(replace(office, certificate_profile=lambda _: own), error, code)


@pytest.mark.parametrize(
    ("written", "certified_as", "flags"),
    [
        ("𠮷田　太郎", "吉田　太郎", "10000"),
        ("山田　🎌郎", "山田　〓郎", "00010"),
        ("Ａｎｎａ Šmídová", None, None),
        ("葛\U000e0100城", "葛城", "10"),
    ],
)
def test_characters_outside_the_repertoire(
    office: Office, written: str, certified_as: str | None, flags: str | None
) -> None:
    """Each has its substitute and its flag; the register keeps the true name."""
    register = Register()
    register.add(replace(TARO, basic=replace(TARO.basic, name=written)))
    issued = certified(replace(office, provide=register.provide))
    items = parse_certificate(issued.certificate).basic_attributes
    assert items is not None
    assert len(items.name) == len(items.name_substitutions)
    if certified_as is not None:
        assert (items.name, items.name_substitutions) == (certified_as, flags)
    settled(office)


@pytest.mark.parametrize("name", ["", "　", "\ud800"])
def test_names_that_cannot_stand_in_a_certificate(office: Office, name: str) -> None:
    """An empty name is refused; half a character gets a substitute, no crash."""
    register = Register()
    register.add(replace(TARO, basic=replace(TARO.basic, name=name)))
    broken = replace(office, provide=register.provide)
    if name.strip():
        assert certified(broken).certificate
    else:
        refused(broken, RuleViolation, "rule")
    settled(office)
