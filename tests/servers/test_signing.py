"""A signature that lasts, made and judged against the running services."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from jpki import data
from jpki.cli import main
from jpki.documents.cms_check import check_cms
from jpki.keys.files import file_uri
from jpki.keys.pkcs8 import Protection
from jpki.keys.software import SoftwareSigner, generate_private_key
from jpki.model.suites import suite
from jpki.verify import (
    AtHand,
    Code,
    EraAlgorithms,
    EvidenceSource,
    Invalid,
    Pool,
    TrustAnchor,
    Valid,
    VerificationPolicy,
    Verifier,
)
from jpki.verify.client import OnlineEvidence
from jpki.x509.parse import parse_certificate
from jpki.x509.pem import ders, pem
from tests.support.installation import GOVERNOR, Installation
from tests.support.tsa_process import serving

pytestmark = pytest.mark.slow

PASSPHRASE = "correct horse battery"


def _run(*words: object) -> None:
    made = CliRunner().invoke(main, [str(word) for word in words])
    assert made.exit_code == 0, made.output


def test_a_signature_outlives_its_revocation(
    installation: Installation, tmp_path: Path
) -> None:
    """The lists and OCSP answers of the day are inside; a later revocation does not
    matter to it, and does to one that was not stamped."""
    wanted = suite("rsa2048-sha256")
    key = generate_private_key(wanted)
    issued = installation.certified(key=SoftwareSigner(key, wanted))
    for name, content in (
        ("key.pem", Protection(PASSPHRASE).encrypt(key, wanted)),
        ("passphrase", PASSPHRASE.encode()),
        ("own.pem", pem(issued.certificate, "CERTIFICATE")),
        ("anchor.pem", pem(installation.issuer.raw, "CERTIFICATE")),
        ("letter", "転居届".encode()),
    ):
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_bytes(content)
    clock = installation.clock
    now = f"{clock():%Y-%m-%dT%H:%M:%SZ}"
    tsa = tmp_path / "tsa"
    _run(
        "tsa", "init", tsa, "--at", f"{clock() - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    )
    signing = (
        *("sign", tmp_path / "letter", "--key", file_uri(tmp_path / "key.pem")),
        *("--certificate", tmp_path / "own.pem", "--at", now),
        *("--passphrase-file", tmp_path / "passphrase"),
    )
    _run(*signing, "-o", tmp_path / "bare")
    with serving(tsa, "--at", now) as url:
        _run(
            *signing,
            *("-o", tmp_path / "lasting", "--level", "lta", "--tsa", url),
            *("--anchor", tmp_path / "anchor.pem", "--time-anchor", tsa / "root.pem"),
            *(
                "--crl",
                tsa / "root.crl",
                "--crls-url",
                f"{installation.status_url}/crls",
            ),
            *("--certificates-url", f"{installation.ca_url}/certificates"),
        )
    content = (tmp_path / "letter").read_bytes()
    lasting = (tmp_path / "lasting").read_bytes()
    checked = check_cms(lasting, content)
    assert len(checked.timestamps) == 2
    assert len(checked.enclosed.ocsp_responses) == 1
    assert len(checked.enclosed.crls) >= 2

    (root,) = ders((tsa / "root.pem").read_bytes(), "CERTIFICATE")
    policy = VerificationPolicy(
        anchors=(TrustAnchor.of(installation.issuer),),
        time_anchors=(TrustAnchor.of(parse_certificate(root)),),
        policies=frozenset({data.topology().governor_policy}),
        algorithms=EraAlgorithms(data.era("prefectural-sha256")),
    )
    # A clock that was set to a whole second may stand one second ahead.
    time.sleep(1.1)
    alone = Verifier(policy, AtHand(Pool()))
    good = alone.verify(lasting, content, clock())
    assert isinstance(good, Valid), (good.reason, good.notes)
    assert json.dumps(good.to_json())

    time.sleep(2.1)  # beyond that and the accuracy of the timestamp
    installation.client().revoke(GOVERNOR, issued.serial, "keyCompromise", "lost")
    online: EvidenceSource = OnlineEvidence(crls_url=f"{installation.status_url}/crls")
    asking = Verifier(policy, online)
    deadline = time.monotonic() + 20
    bare = (tmp_path / "bare").read_bytes()
    while (
        not isinstance(revoked := asking.verify(bare, content, clock()), Invalid)
        and time.monotonic() < deadline
    ):
        time.sleep(0.2)
    assert revoked.code is Code.REVOKED
    still = asking.verify(lasting, content, clock())
    assert isinstance(still, Valid), (still.reason, still.notes)
    without = Verifier(replace(policy, time_anchors=()), online)
    assert without.verify(lasting, content, clock()).code is Code.REVOKED
