"""The bridge's indirect list: who trusts the bridge can ask it about everybody."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from jpki.authority import BRIDGE, Issued, publish, verify_audit
from jpki.authority.misbehaving.faults import Fault
from jpki.authority.misbehaving.lists import wrong_list
from jpki.authority.publication.directory import authority_certificates
from jpki.errors import IssuanceError
from jpki.store import AuthorityStore
from jpki.store.authority_records import CertificateKind, ListName
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
from jpki.x509.certificate_lists import CertificateList, parse_crl
from jpki.x509.general_names import DirectoryName
from jpki.x509.issuer_sections import sections_in
from jpki.x509.names import rfc4514
from jpki.x509.parse import Certificate, parse_certificate
from jpki.x509.pem import pem
from tests.support.desk import HOUR, MITO, Desk
from tests.support.offices import FOUNDING, GOVERNOR

LIST = ListName(BRIDGE, 1, "indirect")


@pytest.fixture
def desk(founded_store: AuthorityStore) -> Desk:
    """The bridge lists for everybody."""
    desk = Desk(founded_store)
    desk.office = replace(desk.office, crl_indirect=True)
    return desk


def _publish(desk: Desk, hours: int) -> CertificateList:
    publish(
        desk.office, BRIDGE, scope="indirect", at=FOUNDING + hours * HOUR, by="test"
    )
    return parse_crl(_octets(desk))


def _octets(desk: Desk) -> bytes:
    with desk.office.store.read() as uow:
        current = uow.crls.standing(LIST)
        assert current is not None
        return uow.crls.bytes_of(current)


def _listed(crl: CertificateList) -> Mapping[str, set[int]]:
    return {
        rfc4514(issuer): {entry.serial for entry in revoked.rows()}
        for issuer, revoked in sections_in(crl)
    }


def test_it_has_everybody_with_their_issuers(desk: Desk) -> None:
    """Also those of certificates that were issued without naming it."""
    plain = desk.issue(office=replace(desk.office, crl_indirect=False))
    good, bad = desk.issue(), desk.issue(MITO)
    desk.revoke(plain)
    desk.revoke(bad)
    crl = _publish(desk, 2)
    issuer = rfc4514(parse_certificate(bad.certificate).issuer)
    assert _listed(crl) == {issuer: {plain.serial, bad.serial}}
    assert good.serial not in _listed(crl)[issuer]
    point = crl.issuing_distribution_point
    assert point is not None
    assert point.indirect
    assert point.only_user_certificates
    assert point.full_name == (DirectoryName(crl.issuer),)
    with desk.office.store.read() as uow:
        verify_audit(uow)


def test_certificates_name_it_beside_their_own(desk: Desk) -> None:
    """In a second point, with its issuer; the shard is the same as without."""
    plain = desk.issue(office=replace(desk.office, crl_indirect=False))
    named = desk.issue()
    (own,) = parse_certificate(plain.certificate).crl_distribution_points
    first, second = parse_certificate(named.certificate).crl_distribution_points
    assert first == own
    assert second.full_name == second.crl_issuer
    with desk.office.store.read() as uow:
        shards = {
            uow.certificates.get(GOVERNOR, one.serial).shard for one in (plain, named)
        }
    assert len(shards) == 1


def test_it_appears_once_in_its_period(desk: Desk) -> None:
    """News alone do not make it due: it is as long as all lists together."""
    bad = desk.issue()
    desk.due(0)
    first = parse_crl(_octets(desk)).number
    desk.revoke(bad, 1)
    desk.due(2)
    assert parse_crl(_octets(desk)).number == first
    desk.due(24)
    crl = parse_crl(_octets(desk))
    assert crl.number != first
    assert [serials for serials in _listed(crl).values() if serials] == [{bad.serial}]


def test_it_is_an_option_of_the_bridge(desk: Desk) -> None:
    """No other authority has one, and none where nobody asked for it."""
    with pytest.raises(IssuanceError, match="indirect"):
        publish(
            replace(desk.office, crl_indirect=False),
            BRIDGE,
            scope="indirect",
            at=FOUNDING,
            by="test",
        )
    with pytest.raises(IssuanceError, match="indirect"):
        publish(desk.office, GOVERNOR, scope="indirect", at=FOUNDING, by="test")


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("UPDATE revocation SET reason = 4", "was altered"),
        ("DELETE FROM revocation", "un-revoked"),
    ],
)
def test_it_takes_nothing_back(desk: Desk, statement: str, complaint: str) -> None:
    """Of no authority."""
    bad = desk.issue()
    desk.revoke(bad)
    before = _publish(desk, 2)
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
        _publish(desk, 3)
    assert parse_crl(_octets(desk)).number == before.number


def _authorities(desk: Desk) -> list[Certificate]:
    return [
        parse_certificate(known.certificate)
        for known in authority_certificates(desk.office)
    ]


def _bridge(desk: Desk) -> Certificate:
    with desk.office.store.read() as uow:
        (own,) = [
            record.certificate
            for record in uow.certificates.walk()
            if record.kind is CertificateKind.BRIDGE
        ]
    assert own is not None
    return parse_certificate(own)


def _judged(desk: Desk, issued: Issued, *crls: bytes) -> Outcome:
    return verify_path(
        PathJob(
            end_entity=parse_certificate(issued.certificate),
            anchors=(TrustAnchor.of(_bridge(desk)),),
            at=FOUNDING + 3 * HOUR,
            algorithms=AcceptAnyAlgorithm(),
            pool=Pool.from_der(
                certificates=[one.raw for one in _authorities(desk)], crls=crls
            ),
        ),
    )


def test_who_trusts_the_bridge_needs_no_other_list_of_residents(desk: Desk) -> None:
    """Its own lists of authorities, and this one."""
    good, bad = desk.issue(), desk.issue()
    desk.revoke(bad)
    desk.due(2)
    with desk.office.store.read() as uow:
        own = [
            uow.crls.bytes_of(record)
            for record in uow.crls.in_force()
            if record.authority == BRIDGE and record.scope != "indirect"
        ]
    indirect = _octets(desk)
    assert isinstance(_judged(desk, good, *own, indirect), Valid)
    assert getattr(_judged(desk, bad, *own, indirect), "code", None) is Code.REVOKED
    assert isinstance(_judged(desk, good, *own), Indeterminate)


@pytest.mark.needs("openssl")
def test_openssl_believes_it(desk: Desk, tmp_path: Path) -> None:
    """With extended CRL support, which knows other issuers."""
    good, bad = desk.issue(), desk.issue()
    desk.revoke(bad)
    desk.due(2)
    files = {name: tmp_path / f"{name}.pem" for name in ("ca", "all", "one", "crls")}
    files["ca"].write_bytes(pem(_bridge(desk).raw, "CERTIFICATE"))
    files["all"].write_bytes(
        b"".join(pem(one.raw, "CERTIFICATE") for one in _authorities(desk))
    )
    files["crls"].write_bytes(pem(_octets(desk), "X509 CRL"))
    openssl = shutil.which("openssl")
    assert openssl is not None

    def says(issued: Issued) -> str:
        files["one"].write_bytes(pem(issued.certificate, "CERTIFICATE"))
        at = str(int((FOUNDING + 3 * HOUR).timestamp()))
        line = [openssl, "verify", "-attime", at, "-ignore_critical"]
        line += ["-crl_check", "-extended_crl", "-CAfile", str(files["ca"])]
        line += ["-untrusted", str(files["all"]), "-CRLfile", str(files["crls"])]
        told = subprocess.run(
            [*line, str(files["one"])], capture_output=True, text=True, check=False
        )
        return told.stdout + told.stderr

    assert "OK" in says(good)
    assert "certificate revoked" in says(bad)


@pytest.mark.parametrize("fault", [Fault.STALE, Fault.EMPTY_LIST, Fault.WRONG_NUMBER])
def test_wrong_ones_can_be_made(desk: Desk, fault: Fault) -> None:
    """Wrong in what is asked for, and indirect all the same."""
    bad = desk.issue()
    desk.revoke(bad)
    _publish(desk, 2)
    at = FOUNDING + timedelta(hours=3)
    wrong = parse_crl(wrong_list(desk.office, LIST, fault, at))
    point = wrong.issuing_distribution_point
    assert point is not None
    assert point.indirect
    assert bool(len(wrong)) is (fault is Fault.WRONG_NUMBER)
