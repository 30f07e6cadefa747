"""`jpki pki build`: what is in the folder, what is repeatable, what is refused."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import resource
import signal
import stat
import subprocess
import sys
import time
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jpki import data
from jpki.cli.pki.manifest import FILE_NAME, Manifest, read_manifest
from jpki.cli.pki.plan import Plan, instant_for
from jpki.keys.files import file_uri, open_signer
from jpki.model.calendar import JST
from jpki.service.secrets import passphrase_from
from jpki.x509.names import rfc4514
from jpki.x509.parse import parse_certificate, parse_crl
from jpki.x509.pem import ders
from jpki.x509.signatures import verify_signature
from tests.support.built_pki import build, built, run
from tests.support.reference_pki import FOUNDED

VECTORS = Path(__file__).parents[2] / "vectors" / "authority_certificates.toml"


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("era", ["prefectural-sha256", "next-gen"])
def test_the_manifest_tells_the_truth(era: str) -> None:
    """Every file is listed with its digest, and with what is really in it."""
    folder, manifest = built(era)
    contents = _contents(folder)
    assert {entry.path for entry in manifest.files} == set(contents) - {FILE_NAME}
    for entry in manifest.files:
        content = contents[entry.path]
        assert hashlib.sha256(content).hexdigest() == entry.sha256
        if entry.role == "bundle":
            assert len(ders(content, "X509 CRL")) == len(
                manifest.of("crl") + manifest.of("arl")
            )
        elif entry.role in ("crl", "arl"):
            (der,) = ders(content, "X509 CRL")
            crl = parse_crl(der)
            assert (entry.number, entry.begins, entry.ends, entry.subject) == (
                crl.number,
                crl.this_update,
                crl.next_update,
                rfc4514(crl.issuer),
            )
        else:
            (der,) = ders(content, "CERTIFICATE")
            certificate = parse_certificate(der)
            assert entry.serial is not None
            assert int(entry.serial, 16) == certificate.serial
            assert (entry.begins, entry.ends, entry.subject) == (
                certificate.not_before,
                certificate.not_after,
                rfc4514(certificate.subject),
            )


@pytest.mark.parametrize("era", list(data.eras()))
def test_every_era_has_its_authorities(era: str) -> None:
    """Governors and a bridge that certify each other, or one authority a purpose."""
    _, manifest = built(era)
    authorities = {entry.holder for entry in manifest.of("authority")}
    crosses = {(entry.issuer, entry.holder) for entry in manifest.of("cross")}
    if era.startswith("prefectural"):
        assert authorities == {"bridge", "governor-08", "governor-13"}
        ways = {(name, "bridge") for name in authorities - {"bridge"}}
        assert crosses == ways | {(bridge, name) for name, bridge in ways}
        persons = {"08-signature", "13-signature"}
    else:
        assert authorities == {"national-signature", "national-authentication"}
        assert crosses == set()
        persons = {
            f"{code}-{purpose}"
            for code in ("08", "13")
            for purpose in ("signature", "authentication")
        }
        if era == "jlis":
            persons |= {"08-signature-key2", "08-authentication-key2"}
    assert {entry.holder for entry in manifest.persons()} == persons
    assert {entry.issuer for entry in manifest.of("arl")} == authorities
    for person in manifest.of("signature"):
        assert str(person.title).startswith("試験")


def test_the_national_authorities_have_their_keys(tmp_path: Path) -> None:
    """Three under one name, as long as in history; each with lists while it lives."""
    _, manifest = built("jlis")
    vectors = tomllib.loads(VECTORS.read_text("utf-8"))
    real = [vectors[f"signature-{year}"] for year in (2015, 2019, 2023)]
    own = [e for e in manifest.of("authority") if e.holder == "national-signature"]
    assert [(entry.begins, entry.ends) for entry in own] == [
        (entry["not_before"], entry["not_after"]) for entry in real
    ]
    assert len({entry.subject for entry in own}) == 1
    assert [(entry.generation, Path(entry.path).stem) for entry in own] == [
        (1, "national-signature-key1"),
        (2, "national-signature-key2"),
        (3, "national-signature"),
    ]
    certified = {(e.holder, e.generation) for e in manifest.of("signature")}
    assert certified == {
        ("08-signature", 3), ("13-signature", 3), ("08-signature-key2", 2)
    }  # fmt: skip
    ends = {(e.holder, f"{e.ends:%Y-%m-%d}") for e in manifest.of("signature")}
    assert ends == {
        ("08-signature", "2029-02-17"), ("13-signature", "2029-02-17"),
        ("08-signature-key2", "2028-02-17"),
    }  # fmt: skip
    assert {e.generation for e in manifest.of("crl")} == {1, 2, 3}
    assert len(manifest.of("link")) == 8
    later = tmp_path / "later"
    words = ["--at", "2026-11-24", "--no-keys", "--seed", "1"]
    assert run("build", "--era", "jlis", "--out", str(later), "--prefecture", "08",
               "--jobs", "1", *words).exit_code == 0  # fmt: skip
    after = read_manifest(later)
    assert {e.generation for e in after.of("authority")} == {1, 2, 3}
    assert {e.generation for e in after.of("crl")} == {2, 3}
    early = Plan(
        era=data.era("jlis"),
        prefectures=(data.prefectures()["08"],),
        at=datetime(2016, 4, 1, tzinfo=UTC),
    )
    assert early.periods == (data.era("jlis").generations[0],)
    assert early.earlier == ()


def test_serial_numbers_can_be_counted(tmp_path: Path) -> None:
    """By each authority, over all its keys, in the order of the certificates."""
    out = tmp_path / "pki"
    words = ["--no-keys", "--serials", "jpki-compat"]
    assert build("jlis", out, *words).exit_code == 0
    manifest = read_manifest(out)
    assert manifest.serials == "jpki-compat"
    made = [*manifest.of("authority"), *manifest.of("link"), *manifest.persons()]
    for authority in ("national-signature", "national-authentication"):
        numbers = [int(str(e.serial), 16) for e in made if e.issuer == authority]
        # Three keys, four links, and three persons.
        assert sorted(numbers) == list(range(1, 11))
    assert build("next-gen", tmp_path / "modern", "--no-keys").exit_code == 0
    assert read_manifest(tmp_path / "modern").serials == "modern"


def _public(manifest: Manifest) -> list[tuple[object, ...]]:
    return [
        (
            entry.path,
            entry.subject,
            entry.serial,
            entry.number,
            entry.begins,
            entry.ends,
        )
        for entry in manifest.files
    ]


def test_the_same_seed_gives_the_same_pki(tmp_path: Path) -> None:
    """Bit by bit with ECDSA; with RSA all but keys and what depends on them."""
    for era, exact in (("next-gen", True), ("post-quantum", False)):
        folder, manifest = built(era)
        again = tmp_path / era
        assert build(era, again, "--no-keys").exit_code == 0
        assert (_contents(again) == _contents(folder)) == exact
        assert _public(read_manifest(again)) == _public(manifest)
        assert manifest.repeatable == {
            "names_serials_validity": True,
            "keys": True,
            "signatures": exact,
        }
    folder, manifest = built("prefectural-sha1")
    again = tmp_path / "prefectural"
    assert build("prefectural-sha1", again, "--no-keys").exit_code == 0
    assert _public(read_manifest(again)) == _public(manifest)
    assert manifest.repeatable["keys"] is manifest.repeatable["signatures"] is False


def test_serial_numbers_do_not_depend_on_what_else_is_built(tmp_path: Path) -> None:
    """A prefecture's certificates stay the same when others are added."""
    more = tmp_path / "more"
    assert build("next-gen", more, "--no-keys", "--prefecture", "47").exit_code == 0
    _, manifest = built("next-gen")
    assert set(_public(manifest)) <= set(_public(read_manifest(more)))


def test_algorithms_that_may_not_issue_now_are_built_in_their_time() -> None:
    """SHA-1 goes back to its first day and says why; what is allowed is built now."""
    now = FOUNDED["next-gen"]
    at, reason = instant_for(data.era("prefectural-sha1"), now)
    assert f"{at.astimezone(JST):%Y-%m-%d %H}" == "2004-01-29 09"
    assert reason is not None
    assert "may not issue now: not after 2014-09-21" in reason
    assert instant_for(data.era("next-gen"), now) == (now, None)
    early = FOUNDED["prefectural-sha1"] + timedelta(days=1)
    assert instant_for(data.era("prefectural-sha1"), early) == (early, None)


def test_keys_are_encrypted_and_are_those_of_the_certificates(tmp_path: Path) -> None:
    """With a drawn passphrase beside them, or under the one that is given."""
    secret = tmp_path / "secret"
    secret.write_text("correct horse\n", "utf-8")
    secret.chmod(0o600)
    for out, more in (
        (tmp_path / "drawn", []),
        (tmp_path / "given", ["--passphrase-file", str(secret)]),
    ):
        words = ["--era", "next-gen", "--out", str(out), "--prefecture", "08"]
        result = run("build", *words, *more, "--jobs", "1", "--json")
        assert result.exit_code == 0
        manifest = read_manifest(out)
        assert json.loads(result.stdout)["files"] == [
            entry.to_json() for entry in manifest.files
        ]
        assert (out / "keys" / "passphrase.txt").exists() == (not more)
        passphrase = passphrase_from(
            secret if more else out / "keys" / "passphrase.txt"
        )
        assert stat.S_IMODE((out / "keys").stat().st_mode) == 0o700
        key = out / "keys" / "national-signature.pem"
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        signer = open_signer(file_uri(key), passphrase)
        person = parse_certificate((out / "subscribers/08-signature.der").read_bytes())
        assert verify_signature(
            signer.public_key, person.signature_algorithm, person.signature, person.tbs
        )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--prefecture", "08"], "a bridge needs two prefectures"),
        (["--prefecture", "48"], "no prefecture code"),
        (["--at", "2020-01-01"], "rsa2048-sha1 may not issue"),
        (["--at", "tomorrow"], "not a date"),
        (["--seed", "\x1b[2J"], "text that can be printed"),
        (["--seed", ""], "text that can be printed"),
    ],
)
def test_what_cannot_be_built_is_refused(
    tmp_path: Path, words: list[str], message: str
) -> None:
    """With a reason, and without a trace."""
    out = str(tmp_path / "pki")
    result = run("build", "--era", "prefectural-sha1", "--out", out, *words)
    assert result.exit_code == 2
    assert message in result.output
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A folder with something in it stays as it is; an empty one is filled."""
    out = tmp_path / "pki"
    out.mkdir()
    (out / "mine").write_text("mine", "utf-8")
    result = build("next-gen", out, "--no-keys")
    assert result.exit_code == 2
    assert "nothing is ever overwritten" in result.output
    assert [path.name for path in out.iterdir()] == ["mine"]
    (out / "mine").unlink()
    assert build("next-gen", out, "--no-keys").exit_code == 0
    assert (out / FILE_NAME).exists()
    assert [path.name for path in tmp_path.iterdir()] == ["pki"]


@pytest.mark.parametrize("octets", [4096, 100_000])
def test_a_full_disk_leaves_nothing(tmp_path: Path, octets: int) -> None:
    """Wherever it gets full: in the books, or later; it is told in one sentence."""
    program = "from jpki.cli import main; main(prog_name='jpki')"
    words = ["pki", "build", "--era", "next-gen", "--prefecture", "13", "--jobs", "1"]
    done = subprocess.run(
        [sys.executable, "-c", program, *words, "--out", str(tmp_path / "pki")],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (octets, octets)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "jpki: " in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    """Pressed while processes make keys; the terminal tells all of them."""
    program = "from jpki.cli import main; main(prog_name='jpki')"
    words = ["pki", "build", "--era", "prefectural-sha256", "--jobs", "2"]
    process = subprocess.Popen(
        [sys.executable, "-c", program, *words, "--out", str(tmp_path / "pki")],
        start_new_session=True,
        stderr=subprocess.PIPE,
    )
    try:
        deadline = time.monotonic() + 60
        while not list(tmp_path.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert list(tmp_path.iterdir()) != []
        os.killpg(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130
    assert told.decode().strip() == "stopped; nothing is left behind"
    assert list(tmp_path.iterdir()) == []
