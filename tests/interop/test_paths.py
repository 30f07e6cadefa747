"""OpenSSL judges the same paths with the same CRLs, and comes to the same verdicts."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from jpki.der.oids import ANY_POLICY
from jpki.model.revocation import Revocation, RevocationReason
from jpki.verify import (
    AcceptAnyAlgorithm,
    PathJob,
    Pool,
    TrustAnchor,
    Valid,
    verify_path,
)
from jpki.x509.parse import parse_certificate
from tests.support.reference_pki import FOUNDED, ReferencePKI, reference_pki
from tests.support.verification import anchor_of, moment

pytestmark = pytest.mark.needs("openssl")

ERAS = [era for era in FOUNDED if era != "post-quantum"]
"""OpenSSL 3.0 does not know ML-DSA."""


def _pem(items: Iterable[bytes], label: str) -> str:
    certificates = "".join(map(ssl.DER_cert_to_PEM_cert, items))
    return certificates.replace("CERTIFICATE", label)


def _way(pki: ReferencePKI) -> list[bytes]:
    """The way to the anchor and nothing else: OpenSSL takes the first issuer that it
    finds and does not turn back where that leads elsewhere, as it may in a mesh."""
    names = ("bridge-to-a", "b-to-bridge")
    return [pki.certificates[name] for name in names if name in pki.certificates]


def _openssl(
    folder: Path, pki: ReferencePKI, crls: list[bytes], at: datetime, leaf: bytes
) -> bool:
    files = {
        "anchor.pem": _pem([anchor_of(pki).certificate], "CERTIFICATE"),
        "pool.pem": _pem(_way(pki), "CERTIFICATE"),
        "crls.pem": _pem(crls, "X509 CRL"),
        "leaf.pem": _pem([leaf], "CERTIFICATE"),
    }
    for name, text in files.items():
        (folder / name).write_text(text, "ascii")
    command = ["openssl", "verify", "-no-CApath", "-no-CAstore", "-auth_level", "0"]
    command += ["-partial_chain", "-extended_crl", "-crl_check_all"]
    # Without a policy of the user's, OpenSSL fails where one is required.
    command += ["-policy", ANY_POLICY]
    command += ["-attime", str(int(at.timestamp())), "-CAfile", "anchor.pem"]
    if _way(pki):
        command += ["-untrusted", "pool.pem"]
    command += ["-CRLfile", "crls.pem", "leaf.pem"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    return done.returncode == 0


def _ours(pki: ReferencePKI, crls: list[bytes], at: datetime, leaf: bytes) -> bool:
    job = PathJob(
        anchors=(TrustAnchor.of(anchor_of(pki).parsed),),
        end_entity=parse_certificate(leaf),
        at=at,
        algorithms=AcceptAnyAlgorithm(),
        pool=Pool.from_der(certificates=pki.certificates.values(), crls=crls),
    )
    return isinstance(verify_path(job), Valid)


@pytest.mark.parametrize("era", ERAS)
def test_openssl_agrees(era: str, tmp_path: Path) -> None:
    """Good, revoked, too early, too late, altered, and without one of the CRLs."""
    pki = reference_pki(era)
    at = moment(pki)
    leaf = pki.certificates["signature"]
    parsed = parse_certificate(leaf)
    moved = Revocation(
        serial=parsed.serial,
        at=pki.at + timedelta(minutes=9),
        reason=RevocationReason.AFFILIATION_CHANGED,
    )
    others = [pki.crl(pki.b), *([] if pki.bridge is None else [pki.crl(pki.bridge)])]
    good = [pki.crl(pki.a), *others]
    altered = bytearray(leaf)
    altered[-1] ^= 1
    cases = {
        "good": (good, at, leaf, True),
        "revoked": ([pki.crl(pki.a, moved), *others], at, leaf, False),
        "too early": (good, pki.at - timedelta(seconds=1), leaf, False),
        "too late": (good, parsed.not_after + timedelta(seconds=1), leaf, False),
        "altered": (good, at, bytes(altered), False),
        "without CRL": (others, at, leaf, False),
    }
    for name, (crls, instant, certificate, expected) in cases.items():
        theirs = _openssl(tmp_path, pki, crls, instant, certificate)
        ours = _ours(pki, crls, instant, certificate)
        assert (name, theirs, ours) == (name, expected, expected)
