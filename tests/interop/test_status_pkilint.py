"""pkilint, at the severity of warnings, finds nothing in any kind of list or answer.

They are what the authorities' offices publish and the responders say, not octets made
for the test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from pkilint.bin import lint_crl, lint_ocsp_response, lint_pkix_cert

from jpki.authority import Office, certify_responder, publish_due, revoke
from jpki.authority.answering.responder import NeverIssued, Responder
from jpki.model.codes import ResidentCode
from jpki.model.revocation import RevocationReason
from jpki.model.suites import Digest
from jpki.store import AuthorityStore
from jpki.x509.certificate_lists import parse_crl
from jpki.x509.ocsp import (
    Good,
    Status,
    Unknown,
    build_request,
    cert_id,
    parse_response,
)
from tests.support.databases import copy_founded
from tests.support.desk import Desk
from tests.support.offices import (
    FOUNDING,
    GOVERNOR,
    OPERATOR,
    TARO,
    Register,
    certified,
    new_office,
)
from tests.support.status_sites import QUESTIONS, StatusSite
from tests.support.status_table import ERAS

# pkilint's programs leave the file that they read to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")

_LATER: Final = FOUNDING + timedelta(days=1)
_NEVER: Final = 0x7FFFFFFF
_NONCE: Final = bytes(range(32))


class _Lint:
    """pkilint's programs on octets; what they find."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._file = folder / "octets.der"
        self._capsys = capsys

    def crl(self, octets: bytes) -> str:
        point = parse_crl(octets).issuing_distribution_point
        authorities = point is not None and point.only_authority_certificates
        kind = "ARL" if authorities else "CRL"
        self._file.write_bytes(octets)
        file = str(self._file)
        lint_crl.main(["lint", "-t", kind, "-p", "PKIX", "-s", "WARNING", file])
        return self._capsys.readouterr().out.strip()

    def certificate(self, octets: bytes) -> str:
        self._file.write_bytes(octets)
        lint_pkix_cert.main(["lint", "-s", "WARNING", str(self._file)])
        return self._capsys.readouterr().out.strip()

    def ocsp(self, octets: bytes) -> str:
        self._file.write_bytes(octets)
        lint_ocsp_response.main(["lint", "-s", "WARNING", str(self._file)])
        return self._capsys.readouterr().out.strip()


@pytest.fixture
def lint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> _Lint:
    """pkilint."""
    return _Lint(tmp_path, capsys)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> AuthorityStore:
    """One certificate for each reason, revoked for it; every other with its date."""
    store = copy_founded(tmp_path_factory.mktemp("lists"))
    register = Register()
    office = new_office(store, register, founded=False)
    for number, reason in enumerate(RevocationReason):
        person = replace(TARO, code=ResidentCode.from_ten(f"{number:010}"))
        register.add(person)
        serial = certified(office, person, key=f"{number}").serial
        revoke(
            office,
            GOVERNOR,
            serial,
            reason,
            ground="for the test",
            at=_LATER,
            by=OPERATOR,
            invalidity_date=FOUNDING if number % 2 else None,
        )
    register.add(TARO)
    certified(office, TARO)
    certify_responder(office, GOVERNOR, at=FOUNDING, by=OPERATOR)
    return store


@pytest.fixture(scope="module")
def office(store: AuthorityStore) -> Office:
    """Over it."""
    return new_office(store, founded=False)


def _published(office: Office) -> Sequence[bytes]:
    publish_due(office, at=_LATER)
    with office.store.read() as uow:
        return [uow.crls.bytes_of(record) for record in uow.crls.in_force()]


def test_lists_with_every_reason_and_empty_ones(office: Office, lint: _Lint) -> None:
    """Of residents and of authorities; invalidity dates on some entries."""
    lists = _published(office)
    sizes = {len(parse_crl(octets)) for octets in lists}
    assert sizes == {0, len(RevocationReason)}
    assert [lint.crl(octets) for octets in lists] == [""] * len(lists)


def test_deltas_and_the_lists_they_go_on_from(tmp_path: Path, lint: _Lint) -> None:
    """With news, and without."""
    desk = Desk(copy_founded(tmp_path))
    desk.office = replace(desk.office, crl_deltas=timedelta(hours=6))
    bad = desk.issue()
    desk.due(0)
    desk.due(1)
    empty = desk.octets("delta")
    desk.revoke(bad, 2)
    desk.due(2)
    made = [desk.octets("crl"), empty, desk.octets("delta")]
    assert [len(parse_crl(octets)) for octets in made] == [0, 0, 1]
    assert [lint.crl(octets) for octets in made] == [""] * len(made)


def test_the_indirect_list_and_who_names_it(tmp_path: Path, lint: _Lint) -> None:
    """The list, and a certificate with two distribution points."""
    desk = Desk(copy_founded(tmp_path))
    plain = desk.issue()
    desk.office = replace(desk.office, crl_indirect=True)
    bad = desk.issue()
    desk.revoke(bad, 1)
    desk.due(2)
    with desk.office.store.read() as uow:
        (octets,) = [
            uow.crls.bytes_of(record)
            for record in uow.crls.in_force()
            if record.scope == "indirect"
        ]
    assert len(parse_crl(octets)) == 1
    assert lint.crl(octets) == ""
    assert lint.certificate(bad.certificate) == lint.certificate(plain.certificate)


def _asked(office: Office, serials: Sequence[int], digest: Digest) -> bytes:
    with office.store.read() as uow:
        name = uow.authorities.get(GOVERNOR).name
        key = uow.authorities.generation(GOVERNOR, 1).public_key
    nonce = _NONCE if digest is Digest.SHA256 else None
    named = [cert_id(name, key, serial, digest) for serial in serials]
    return build_request(named, nonce)


def _statuses(octets: bytes) -> list[Status]:
    basic = parse_response(octets).basic
    assert basic is not None
    return [single.status for single in basic.responses]


@pytest.mark.parametrize(
    ("never", "retention", "digest"),
    [
        (NeverIssued.UNKNOWN, None, Digest.SHA1),
        (NeverIssued.UNKNOWN, timedelta(days=3653), Digest.SHA256),
        (NeverIssued.REVOKED, timedelta(days=3653), Digest.SHA256),
    ],
)
def test_answers_of_every_kind(
    never: NeverIssued,
    retention: timedelta | None,
    digest: Digest,
    office: Office,
    lint: _Lint,
) -> None:
    """Good, revoked for each reason, never issued; alone and together; with a nonce."""
    responder = Responder(
        office, timedelta(hours=1), never_issued=never, retention=retention
    )
    with office.store.read() as uow:
        revoked = [entry.serial for entry in uow.journal.walk()]
        (good,) = uow.certificates.of_resident(TARO.code)
    serials = [good.serial, *revoked, _NEVER]
    asked = [[serial] for serial in serials] + [serials]
    answers = [
        responder.answer(_asked(office, each, digest), _LATER).body for each in asked
    ]
    statuses = _statuses(answers[-1])
    assert isinstance(statuses[0], Good)
    assert isinstance(statuses[-1], Unknown) is (never is NeverIssued.UNKNOWN)
    assert [lint.ocsp(octets) for octets in answers] == [""] * len(answers)


@pytest.mark.slow
@pytest.mark.needs("faketime")
@pytest.mark.parametrize("era", ERAS)
def test_what_a_running_server_gives_in_an_era(
    era: str, status_sites: dict[str, StatusSite], lint: _Lint
) -> None:
    """The answer to each question, and the list at each certificate's address."""
    site = status_sites[era]
    for question in QUESTIONS:
        request = build_request([site.cert_id(question)], _NONCE)
        assert lint.ocsp(site.ask(request)) == "", question
        assert lint.crl(site.list_for(question)) == "", question
