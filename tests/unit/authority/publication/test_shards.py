"""Shards: the list that a certificate names has what is revoked of its kind, always."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic import command

from jpki import data
from jpki.authority import Issued, Office, publish, publish_due, verify_audit
from jpki.authority.answering.history import past_status
from jpki.authority.publication.lookup import list_for
from jpki.errors import IssuanceError, NotFound
from jpki.model.profiles import (
    CertificateProfile,
    CRLDistributionPointsRule,
)
from jpki.store import AuthorityStore, migrate
from jpki.verify import (
    AcceptAnyAlgorithm,
    Code,
    PathJob,
    Pool,
    TrustAnchor,
    Valid,
    verify_path,
)
from jpki.x509.general_names import DirectoryName
from jpki.x509.names import rfc4514
from jpki.x509.parse import parse_certificate
from jpki.x509.pem import pem
from tests.support.desk import HERE, HOUR, MITO, THERE, Desk
from tests.support.offices import (
    FOUNDING,
    GOVERNOR,
)


@pytest.fixture
def desk(founded_store: AuthorityStore) -> Desk:
    """Nobody has a certificate yet."""
    return Desk(founded_store)


def test_each_city_has_its_list_and_all_have_one(desk: Desk) -> None:
    """Made when the first certificate names it; the complete list has everything."""
    assert set(desk.due(0)) == {"crl", "arl"}
    here, there, good = desk.issue(), desk.issue(MITO), desk.issue()
    assert set(desk.due(1)) == {HERE, THERE}
    desk.revoke(here)
    desk.revoke(there)
    assert set(desk.due(2)) == {"crl", HERE, THERE}
    assert desk.serials(HERE) == {here.serial}
    assert desk.serials(THERE) == {there.serial}
    assert desk.serials("crl") == {here.serial, there.serial}
    assert good.serial not in desk.serials("crl")
    with desk.office.store.read() as uow:
        verify_audit(uow)


def test_only_what_changed_is_made_anew(desk: Desk) -> None:
    """News of one city concern its list and the complete one, until the day is over."""
    here = desk.issue()
    desk.issue(MITO)
    desk.due(0)
    desk.revoke(here)
    assert set(desk.due(2)) == {"crl", HERE}
    assert desk.due(3) == {}
    assert set(desk.due(24)) == {"arl", THERE}
    assert set(desk.due(26)) == {"crl", HERE}


def test_the_point_is_the_one_that_certificates_name(desk: Desk) -> None:
    """Octet by octet, critical, and about residents only."""
    issued = desk.issue()
    desk.due(0)
    crl = desk.list(HERE)
    point = crl.issuing_distribution_point
    assert point is not None
    assert point.only_user_certificates
    (named,) = parse_certificate(issued.certificate).crl_distribution_points
    assert point.full_name == named.full_name
    (name,) = point.full_name
    assert isinstance(name, DirectoryName)
    assert rfc4514(name.name).startswith("CN=Tsukuba-shi CRLDP,OU=Ibaraki-ken")
    assert desk.list("crl").issuing_distribution_point is None


def _judged(desk: Desk, issued: Issued, *scopes: str) -> Any:
    anchor = parse_certificate(issued.authority_certificate)
    return verify_path(
        PathJob(
            end_entity=parse_certificate(issued.certificate),
            anchors=(TrustAnchor.of(anchor),),
            at=FOUNDING + 3 * HOUR,
            algorithms=AcceptAnyAlgorithm(),
            pool=Pool.from_der(crls=[desk.octets(scope) for scope in scopes]),
        ),
    )


def test_a_verifier_believes_its_own_shard_only(desk: Desk) -> None:
    """That of another city says nothing of a certificate."""
    good, bad, _ = desk.issue(), desk.issue(), desk.issue(MITO)
    desk.revoke(bad)
    desk.due(2)
    assert isinstance(_judged(desk, good, HERE), Valid)
    assert _judged(desk, bad, HERE).code is Code.REVOKED
    assert _judged(desk, bad, "crl").code is Code.REVOKED
    assert _judged(desk, good, THERE).code is Code.NO_REVOCATION_DATA
    assert _judged(desk, bad, THERE).code is Code.NO_REVOCATION_DATA


@pytest.mark.needs("openssl")
def test_openssl_believes_the_same(desk: Desk, tmp_path: Path) -> None:
    """With extended CRL support, as certificates name a point."""
    good, bad, _ = desk.issue(), desk.issue(), desk.issue(MITO)
    desk.revoke(bad)
    desk.due(2)
    files = {name: tmp_path / f"{name}.pem" for name in ("ca", "good", "bad", "x")}
    files["ca"].write_bytes(pem(good.authority_certificate, "CERTIFICATE"))
    files["good"].write_bytes(pem(good.certificate, "CERTIFICATE"))
    files["bad"].write_bytes(pem(bad.certificate, "CERTIFICATE"))

    def says(scope: str, name: str) -> str:
        files["x"].write_bytes(pem(desk.octets(scope), "X509 CRL"))
        at = str(int((FOUNDING + 3 * HOUR).timestamp()))
        openssl = shutil.which("openssl")
        assert openssl is not None
        line = [openssl, "verify", "-attime", at, "-ignore_critical"]
        line += ["-crl_check", "-extended_crl", "-CAfile", str(files["ca"])]
        line += ["-CRLfile", str(files["x"]), str(files[name])]
        told = subprocess.run(line, capture_output=True, text=True, check=False)
        return told.stdout + told.stderr

    assert "OK" in says(HERE, "good")
    assert "certificate revoked" in says(HERE, "bad")
    assert "different CRL scope" in says(THERE, "good") or (
        "unable to get certificate CRL" in says(THERE, "good")
    )


def test_a_lookup_finds_the_shard(desk: Desk) -> None:
    """For who holds the certificate only; an authority names the complete list."""
    issued = desk.issue(MITO)
    with desk.office.store.read() as uow:
        found = list_for(desk.office, uow, parse_certificate(issued.certificate))
        own = list_for(
            desk.office, uow, parse_certificate(issued.authority_certificate)
        )
    assert (found.scope, own.scope) == (THERE, "crl")


def test_a_shard_proves_what_was_known(desk: Desk) -> None:
    """The first of the two lists that tells it; by its city where both do."""
    bad = desk.issue()
    desk.due(0)
    desk.revoke(bad)
    publish(desk.office, GOVERNOR, scope=HERE, at=FOUNDING + 2 * HOUR, by="test")
    desk.due(3)
    with desk.office.store.read() as uow:
        found = past_status(
            desk.office,
            uow,
            GOVERNOR,
            bad.serial,
            at=FOUNDING + 4 * HOUR,
            known_at=FOUNDING + 4 * HOUR,
            now=FOUNDING + 5 * HOUR,
        )
    assert found.proof is not None
    assert found.in_force is not None
    assert (found.proof.scope, found.in_force.scope) == (HERE, HERE)


def test_a_list_that_no_certificate_names(desk: Desk) -> None:
    """Is not published; nor are shards of an era that has none."""
    with pytest.raises(NotFound):
        publish(desk.office, GOVERNOR, scope=THERE, at=FOUNDING, by="test")
    with pytest.raises(IssuanceError):
        publish(desk.office, GOVERNOR, scope="other", at=FOUNDING, by="test")
    bad = desk.issue()
    profiles = dict(desk.office.era.profiles)
    del profiles["crl-partition"]
    plain = replace(desk.office, era=replace(desk.office.era, profiles=profiles))
    desk.revoke(bad)
    assert {crl.scope for crl in publish_due(plain, at=FOUNDING + HOUR)} == {
        "crl",
        "arl",
    }
    with plain.store.read() as uow:
        certificate = parse_certificate(bad.certificate)
        assert list_for(plain, uow, certificate).scope == "crl"


def _with_point(office: Office, value: str) -> Office:
    """The same office, whose signature certificates name another point."""

    def profile(name: str) -> CertificateProfile:
        found = data.certificate_profile(name)
        return replace(
            found,
            extensions=tuple(
                replace(
                    rule, name=(*rule.name[:-1], replace(rule.name[-1], value=value))
                )
                if isinstance(rule, CRLDistributionPointsRule) and rule.name
                else rule
                for rule in found.extensions
            ),
        )

    return replace(office, certificate_profile=profile)


def test_a_changed_profile_concerns_new_certificates_only(desk: Desk) -> None:
    """Each is listed where it says that it is."""
    old = desk.issue()
    changed = _with_point(desk.office, "{municipality} CRLDP 2")
    new = desk.issue(office=changed)
    desk.revoke(old)
    desk.revoke(new)
    desk.due(2)
    assert desk.serials(HERE) == {old.serial}
    assert desk.serials(f"{HERE}-2") == {new.serial}
    for issued, scope in ((old, HERE), (new, f"{HERE}-2")):
        assert _judged(desk, issued, scope).code is Code.REVOKED


def test_certificates_are_spread_by_their_numbers(desk: Desk) -> None:
    """Over as many lists as is wanted; those before stay where they are."""
    few = replace(_with_point(desk.office, "CRL {shard}"), crl_shards=3)
    issued = [desk.issue(office=few) for _ in range(24)]
    more = replace(few, crl_shards=50)
    issued += [desk.issue(office=more) for _ in range(3)]
    for each in issued:
        desk.revoke(each)
    shards = {
        scope: desk.serials(scope) for scope in desk.due(2) if scope[:4] == "crl-"
    }
    first = {scope for scope in shards if scope.endswith("-of-3")}
    assert first == {"crl-1-of-3", "crl-2-of-3", "crl-3-of-3"}
    assert set().union(*(shards[scope] for scope in first)) == {
        each.serial for each in issued[:24]
    }
    assert sum(map(len, shards.values())) == len(issued)
    for each in issued:
        (scope,) = [scope for scope in shards if each.serial in shards[scope]]
        assert _judged(desk, each, scope).code is Code.REVOKED


def test_certificates_before_there_were_shards_are_sorted_in(desk: Desk) -> None:
    """By what they name, so that no list of theirs leaves one out."""
    issued = [desk.issue(), desk.issue(MITO), desk.issue()]
    changed = _with_point(desk.office, "{municipality} CRLDP 2")
    issued.append(desk.issue(office=changed))
    store = desk.office.store

    def books() -> tuple[object, ...]:
        with store.read() as uow:
            sorted_in = [uow.certificates.get(GOVERNOR, each.serial) for each in issued]
            shards = [(shard.id, shard.point) for shard in uow.shards.all()]
            return [record.shard for record in sorted_in], shards

    before = books()
    config = migrate.configuration("authority")
    with store.database.alone() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "r0006")
    store.migrate()
    assert books() == before
    desk.revoke(issued[0])
    desk.revoke(issued[1])
    desk.due(2)
    assert desk.serials(HERE) == {issued[0].serial}
    assert desk.serials(THERE) == {issued[1].serial}
    assert desk.serials(f"{HERE}-2") == set()
