"""Addresses of lists in certificates, where a deployer's profiles ask for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from jpki import data
from jpki.authority import BRIDGE, Office, cross_certify, roll_over
from jpki.authority.agreeing.deeds import cross_certification, rollover
from jpki.authority.publication.directory import authority_certificates
from jpki.store import AuthorityStore
from jpki.x509.general_names import DirectoryName, URIName
from jpki.x509.parse import Certificate, parse_certificate
from tests.support.list_addresses import profiles_with_addresses
from tests.support.offices import (
    FOUNDING,
    GOVERNOR,
    TARO,
    Register,
    agreed,
    certified,
    found,
    new_office,
)


@pytest.fixture
def office(authority_store: AuthorityStore, tmp_path: Path) -> Office:
    """Nothing is founded yet; every profile asks for an address."""
    register = Register()
    register.add(TARO)
    profiles = data.load_profile_directory(profiles_with_addresses(tmp_path))
    return replace(
        new_office(authority_store, register, founded=False),
        certificate_profile=profiles.certificate_profile,
        crls_url="https://lists.test",
    )


def _point(certificate: Certificate) -> tuple[type, str]:
    """The kind of the first name, and the address that follows."""
    (point,) = certificate.crl_distribution_points
    name, address = point.full_name
    assert isinstance(address, URIName)
    return type(name), address.value


def test_each_certificate_names_the_list_that_it_would_stand_on(office: Office) -> None:
    """After the directory name; authorities the ARL, of the key that signed them."""
    for authority in (GOVERNOR, BRIDGE):
        found(office, authority)
    by = agreed(office, cross_certification(GOVERNOR, BRIDGE))
    cross_certify(office, GOVERNOR, BRIDGE, at=FOUNDING, by=by)
    leaf = parse_certificate(certified(office).certificate)
    home = f"https://lists.test/{GOVERNOR}/1"
    assert _point(leaf) == (DirectoryName, f"{home}/crl.crl")
    points = {
        _point(parse_certificate(entry.certificate))
        for entry in authority_certificates(office)
    }
    assert points == {
        (DirectoryName, f"{home}/arl.crl"),
        (DirectoryName, f"https://lists.test/{BRIDGE}/1/arl.crl"),
    }


def test_a_new_key_has_lists_of_its_own(office: Office) -> None:
    """Link certificates name those of the key that signed them."""
    found(office, GOVERNOR)
    later = FOUNDING + timedelta(days=1)
    deed = rollover(GOVERNOR, office.era.id, issues_from=later, cross_certify=False)
    roll_over(
        office,
        GOVERNOR,
        issues_from=later,
        cross_certify=False,
        at=FOUNDING,
        by=agreed(office, deed),
    )
    points = [
        _point(parse_certificate(entry.certificate))[1].rsplit("/", 2)[1]
        for entry in authority_certificates(office)
    ]
    assert sorted(points) == ["1", "1", "2", "2"]
