"""OpenSSL, Java and pyca accept the test persons of every PKI that we build."""

from __future__ import annotations

import shlex
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.x509 import load_der_x509_certificate

from jpki import data
from jpki.cli.pki.manifest import Entry, Manifest, read_manifest
from jpki.verify import (
    EraAlgorithms,
    Invalid,
    PathJob,
    Pool,
    TrustAnchor,
    Valid,
    verify_path,
)
from jpki.x509.parse import parse_certificate
from jpki.x509.pem import ders
from tests.support.built_pki import built, run

ERAS = list(data.eras())
CLASSICAL = [era for era in ERAS if era != "post-quantum"]
"""Neither OpenSSL 3.0 nor Java 17 knows ML-DSA."""
OTHER_POLICY = "2.999.392.13.99"
SOURCE = Path(__file__).parent / "java" / "JudgePaths.java"


def _way(manifest: Manifest, person: Entry, anchor: str) -> list[Entry]:
    """The certificates between a person and an anchor, from below."""
    found = {(entry.issuer, entry.holder): entry for entry in manifest.of("cross")}
    if not found or person.issuer == anchor:
        return []
    return [found["bridge", person.issuer], found[anchor, "bridge"]]


def _cases(manifest: Manifest) -> list[tuple[Entry, str]]:
    """Each person who signs, under each anchor that should accept that, by its file."""
    return [
        (person, Path(anchor.path).stem)
        for person in manifest.of("signature")
        for anchor in manifest.of("anchor")
        if (anchor.holder, anchor.generation) == (person.issuer, person.generation)
        or (str(anchor.holder).startswith("governor") and manifest.of("cross"))
    ]


@pytest.mark.parametrize("era", ERAS)
def test_our_validator_accepts(era: str) -> None:
    """Every person under every prefecture's anchor, for the governors' policy only."""
    folder, manifest = built(era)
    pool = Pool.from_der(
        certificates=[(folder / entry.path).read_bytes() for entry in manifest.files
                      if entry.role in ("authority", "cross", "link")
                      and entry.path.endswith(".der")],
        crls=ders((folder / "crls" / "all.pem").read_bytes(), "X509 CRL"),
    )  # fmt: skip
    policy = manifest.policies["governor"]
    cases = _cases(manifest)
    assert len(cases) == {"jlis": 3}.get(era, 4 if manifest.of("cross") else 2)
    for person, anchor in cases:
        (root,) = ders(
            (folder / "anchors" / f"{anchor}.pem").read_bytes(), "CERTIFICATE"
        )
        (leaf,) = ders((folder / person.path).read_bytes(), "CERTIFICATE")
        for wanted, expected in ((policy, Valid), (OTHER_POLICY, Invalid)):
            job = PathJob(
                anchors=(TrustAnchor.of(parse_certificate(root)),),
                end_entity=parse_certificate(leaf),
                at=manifest.at + timedelta(hours=1),
                algorithms=EraAlgorithms(data.era(era)),
                pool=pool,
                initial_policies=frozenset({wanted}),
                require_explicit_policy=True,
            )
            assert isinstance(verify_path(job), expected)


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("era", CLASSICAL)
def test_openssl_accepts(era: str) -> None:
    """By the command that the program prints; not for another policy, nor too early."""
    folder, manifest = built(era)
    command = manifest.openssl_command()
    assert command is not None
    moment = int((manifest.at + timedelta(hours=1)).timestamp())
    early = int((manifest.at - timedelta(hours=1)).timestamp())
    cases = {
        command: True,
        command.replace(manifest.policies["governor"], OTHER_POLICY): False,
        command.replace(str(moment), str(early)): False,
        command.replace("-CRLfile crls/all.pem", ""): False,
    }
    if manifest.of("cross"):
        # The person is not certified by the anchor: without the bridge there is no way.
        cases[command.replace("-untrusted cross/bridge-to-governor-08.pem", "")] = False
    assert len(cases) == 4 + bool(manifest.of("cross"))
    for words, expected in cases.items():
        done = subprocess.run(
            shlex.split(words), cwd=folder, capture_output=True, text=True, check=False
        )
        assert (done.returncode == 0) == expected, done.stderr


def _java(jobs: list[list[str]]) -> list[str]:
    """The verdict on each path: what stands before the first blank."""
    done = subprocess.run(
        ["java", "-XX:TieredStopAtLevel=1", str(SOURCE)],
        input="\n".join("\t".join(job) for job in jobs),
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.split(" ")[0] for line in done.stdout.splitlines()]


def _job(
    folder: Path, manifest: Manifest, person: Entry, anchor: str, **other: str
) -> list[str]:
    """One line for Java: everything right, unless it is told otherwise."""
    path = [person, *_way(manifest, person, anchor)]
    told = {
        "moment": str(int((manifest.at + timedelta(hours=1)).timestamp())),
        "policy": manifest.policies["governor"],
        "anchor": f"anchors/{anchor}.pem",
        "crls": "crls/all.pem",
    } | other
    files = [told["anchor"], told["crls"], *(entry.path for entry in path)]
    return [told["moment"], told["policy"], *(str(folder / file) for file in files)]


@pytest.mark.needs("java")
def test_java_accepts() -> None:
    """Every person under every anchor, in all eras that Java knows."""
    jobs, expected = [], []
    for era in CLASSICAL:
        folder, manifest = built(era)
        for person, anchor in _cases(manifest):
            assert person.begins is not None
            early = str(int((person.begins - timedelta(hours=1)).timestamp()))
            for other, verdict in (
                ({}, "valid"),
                ({"policy": OTHER_POLICY}, "INVALID_POLICY"),
                ({"moment": early}, "NOT_YET_VALID"),
                (
                    {"crls": f"crls/{anchor}-arl.pem"},
                    "UNDETERMINED_REVOCATION_STATUS",
                ),
            ):
                jobs.append(_job(folder, manifest, person, anchor, **other))
                expected.append(verdict)
    assert _java(jobs) == expected


@pytest.mark.slow
@pytest.mark.needs("openssl")
@pytest.mark.needs("java")
def test_all_prefectures(tmp_path: Path) -> None:
    """47 authorities and their bridge: each person under the next one's anchor."""
    folder = tmp_path / "pki"
    result = run("build", "--era", "prefectural-sha1", "--out", str(folder))
    assert result.exit_code == 0, result.output
    manifest = read_manifest(folder)
    persons = manifest.of("signature")
    assert len(persons) == 47
    assert len(manifest.of("authority")) == 48
    assert len(manifest.of("cross")) == 94
    assert len(manifest.of("key")) == 95
    anchors = [person.issuer or "" for person in persons[1:] + persons[:1]]
    jobs = [
        _job(folder, manifest, person, anchor)
        for person, anchor in zip(persons, anchors, strict=True)
    ]
    assert _java(jobs) == ["valid"] * 47
    command = manifest.openssl_command()
    assert command is not None
    subprocess.run(shlex.split(command), cwd=folder, capture_output=True, check=True)


def test_pyca_verifies_post_quantum_signatures() -> None:
    """Each certificate by its issuer's key; OpenSSL 3.0 could not tell."""
    folder, manifest = built("post-quantum")
    assert manifest.openssl_command() is None
    roots = {
        entry.holder: load_der_x509_certificate(
            (folder / "authorities" / f"{entry.holder}.der").read_bytes()
        )
        for entry in manifest.of("authority")
    }
    for person in manifest.persons():
        der = (folder / person.path).with_suffix(".der").read_bytes()
        certificate = load_der_x509_certificate(der)
        certificate.verify_directly_issued_by(roots[person.issuer])
