"""A revocation service with deltas: news in one by itself, found where lists say."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from jpki.authority.publication.directory import authority_certificates
from jpki.cli import main
from jpki.verify import (
    AcceptAnyAlgorithm,
    Code,
    Issued,
    PathJob,
    Pool,
    TrustAnchor,
    verify_path,
)
from jpki.verify.client import OnlineEvidence
from jpki.x509.certificate_lists import CertificateList, parse_crl
from jpki.x509.general_names import URIName
from jpki.x509.parse import parse_certificate
from tests.support.installation import (
    GOVERNOR,
    SERVERS,
    Installation,
    founded_installation,
    within,
)
from tests.support.list_asking import get, revoke_one


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Deltas become an hour old."""
    folder = tmp_path_factory.mktemp("deltas")
    with founded_installation(folder / "site") as made:
        config = made.layout.config
        lines = "[authority]\ncrl_delta_minutes = 60"
        config.write_text(config.read_text().replace("[authority]", lines))
        made.start(*SERVERS)
        assert within(20, lambda: _there(made, "delta"))
        # The complete list of the foundation announces none yet.
        assert within(20, lambda: _published(made, f"{GOVERNOR}/1/crl"))
        assert within(20, lambda: bool(_list(made, "crl").freshest_crl))
        yield made


def _published(installation: Installation, name: str) -> bool:
    layout = installation.layout
    credential = layout.data / "credentials" / "ca-operator-1.pem"
    words = ["revocation", "publish", name, "--as", credential]
    words += ["--config", layout.config, "--json"]
    made = CliRunner().invoke(main, [str(word) for word in words])
    document = json.loads(made.stdout)
    if made.exit_code:
        assert "same second" in document["failed"][0]
        return False
    assert [one["list"] for one in document["published"]] == [name]
    return True


def _there(installation: Installation, scope: str) -> bool:
    return get(installation, f"/crls/{GOVERNOR}/1/{scope}.crl").status == 200


def _list(installation: Installation, scope: str) -> CertificateList:
    return parse_crl(get(installation, f"/crls/{GOVERNOR}/1/{scope}.crl").body)


def _serials(found: CertificateList) -> set[int]:
    return {entry.serial for entry in found.entries()}


def test_a_revocation_comes_into_the_delta(served: Installation) -> None:
    """Within seconds, where the complete list says; that one stays as it was."""
    complete = _list(served, "crl")
    bad = revoke_one(served)
    assert within(20, lambda: bad.serial in _serials(_list(served, "delta")))
    again = _list(served, "crl")
    assert again.number == complete.number
    ((address,),) = [point.full_name for point in complete.freshest_crl]
    assert isinstance(address, URIName)
    with urllib.request.urlopen(address.value, timeout=10) as reply:
        delta = parse_crl(reply.read())
    assert (delta.delta_base or 0) <= (complete.number or 0) < (delta.number or 0)
    assert bad.serial in _serials(delta)


def test_a_client_fetches_both(served: Installation) -> None:
    """And judges by both, where the certificate's own list is not there."""
    bad = revoke_one(served)
    assert within(20, lambda: bad.serial in _serials(_list(served, "delta")))
    authority = parse_certificate(bad.authority_certificate)
    source = OnlineEvidence(crls_url=f"{served.status_url}/crls")
    wanted = Issued(certificate=authority, issuer_key=authority.public_key)
    gathered = source.revocation([wanted])
    source.close()
    assert gathered.notes == ()
    found = list(gathered.pool.crls(authority.subject))
    assert sorted(crl.is_delta for crl in found) == [False, False, True]
    verdict = verify_path(
        PathJob(
            end_entity=parse_certificate(bad.certificate),
            anchors=(TrustAnchor.of(authority),),
            at=datetime.now(UTC),
            algorithms=AcceptAnyAlgorithm(),
            pool=Pool(beneath=(gathered.pool,)),
            use_deltas=True,
        )
    )
    assert getattr(verdict, "code", None) is Code.REVOKED


def test_every_key_has_one(served: Installation) -> None:
    """The list of lists names it, with the number it is kept under."""
    keys = {known.authority for known in authority_certificates(served.office)}
    listed = json.loads(get(served, "/crls").body)["crls"]
    deltas = [entry for entry in listed if entry["scope"] == "delta"]
    assert {entry["authority"] for entry in deltas} == keys
    for entry in deltas:
        assert get(served, entry["archived"]).status == 200
