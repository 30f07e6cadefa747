"""`jpki tsa`: an authority is made, asked, revoked, and its timestamps are checked."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from jpki import data
from jpki.cli import main
from jpki.documents.timestamps import parse_token
from jpki.x509.parse import parse_certificate, parse_crl
from jpki.x509.pem import ders
from tests.support.tsa_process import serving

pytestmark = pytest.mark.slow

AT = "2019-04-01T09:00:00+09:00"


def _run(*words: object) -> Result:
    runner = CliRunner(env={"LC_ALL": "C.UTF-8"})
    return runner.invoke(main, ["tsa", *map(str, words)])


def _json(*words: object, status: int = 0) -> Any:
    made = _run(*words, "--json")
    assert made.exit_code == status, made.output
    return json.loads(made.stdout)


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority of 2019."""
    folder = tmp_path_factory.mktemp("tsa") / "authority"
    _json("init", folder, "--at", AT, "--suite", "p256-sha256")
    return folder


@pytest.fixture(scope="module")
def stamped(founded: Path) -> Path:
    """A document of the next day, with its timestamp beside it."""
    document = founded.with_name("letter.txt")
    document.write_text("転居届")
    with serving(founded, "--at", "2019-04-02T09:00:00+09:00") as url:
        told = _json("stamp", document, "--url", url)
        whole = founded.with_name("whole.tsr")
        _json("stamp", document, "--url", url, "--response", "-o", whole)
        refused = _run("stamp", document, "--url", url, "--policy", "2.999.5")
        assert refused.exit_code == 2
        assert "timestamp.unaccepted-policy" not in refused.stdout
        assert "unaccepted-policy" in refused.output
    assert told["at"].startswith("2019-04-02T00:00:")
    assert told["accuracy_seconds"] == 1
    assert told["output"] == f"{document}.tst"
    return document


def test_an_authority_is_made(founded: Path) -> None:
    """Root, authority, list and encrypted keys; nothing is ever overwritten."""
    (der,) = ders((founded / "tsa.pem").read_bytes(), "CERTIFICATE")
    own = parse_certificate(der)
    assert own.not_before == datetime(2019, 4, 1, tzinfo=UTC)
    crl = parse_crl((founded / "root.crl").read_bytes())
    assert (crl.issuer, crl.number) == (own.issuer, 1)
    key = founded / "keys" / "tsa.pem"
    assert b"ENCRYPTED" in key.read_bytes()
    assert key.stat().st_mode & 0o777 == 0o600
    again = _run("init", founded)
    assert again.exit_code == 2
    assert "not an empty folder" in again.output
    missing = _run("serve", founded.with_name("nothing"))
    assert missing.exit_code == 2


def test_what_it_says_is_told(founded: Path) -> None:
    """In words, in Japanese too, with the next step."""
    made = CliRunner(env={"LC_ALL": "ja_JP.UTF-8"}).invoke(
        main, ["tsa", "init", str(founded.with_name("second"))]
    )
    assert "試験用時刻認証局を作成しました" in made.output
    assert "jpki tsa serve" in made.output


def test_a_timestamp_is_proven(founded: Path, stamped: Path) -> None:
    """By the root's certificate and its list, as of the judging instant."""
    token = f"{stamped}.tst"
    asked = ("verify", stamped, token, "--anchor", founded / "root.pem")
    listed = (*asked, "--crl", founded / "root.crl", "--era", "next-gen")
    told = _json(*listed, "--at", "2019-04-03")
    assert told["outcome"] == "proven"
    assert told["existed_at"].startswith("2019-04-02T00:00:")
    # Without a list nobody knows whether the authority was revoked.
    open_ = _json(*asked, "--era", "next-gen", "--at", "2019-04-03", status=3)
    assert (open_["outcome"], open_["existed_at"]) == ("not-proven", None)
    assert open_["notes"]
    shown = _run(*listed, "--at", "2019-04-03")
    assert shown.output.startswith("✓ proven to have been there by 2019-04-02")


def test_another_document_is_not_stamped(founded: Path, stamped: Path) -> None:
    """Nor is something that is no token."""
    other = stamped.with_name("other.txt")
    other.write_text("別の届")
    for token in (f"{stamped}.tst", stamped):
        asked = ("verify", other, token, "--anchor", founded / "root.pem")
        assert _json(*asked, status=1)["outcome"] == "invalid"


@pytest.mark.needs("openssl")
def test_openssl_verifies_what_the_client_kept(founded: Path, stamped: Path) -> None:
    """The whole answer and the bare token, at the time of stamping."""
    seconds = int(datetime(2019, 4, 3, tzinfo=UTC).timestamp())
    anchor = str(founded / "root.pem")
    for file, form in (("whole.tsr", []), ("letter.txt.tst", ["-token_in"])):
        command = ["openssl", "ts", "-verify", "-data", str(stamped), *form]
        command += ["-in", str(founded.with_name(file)), "-CAfile", anchor]
        command += ["-attime", str(seconds)]
        done = subprocess.run(command, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


def test_the_server_says_what_it_was_told(founded: Path, stamped: Path) -> None:
    """Its policy by option, and no accuracy where none is claimed."""
    output = stamped.with_name("plain.tst")
    with serving(founded, "--at", AT, "--policy", "2.999.9", "--accuracy", "0") as url:
        _json("stamp", stamped, "--url", url, "--policy", "2.999.9", "-o", output)
    info = parse_token(output.read_bytes()).info
    assert (info.policy, info.accuracy) == ("2.999.9", None)
    default = parse_token(Path(f"{stamped}.tst").read_bytes()).info
    assert default.policy == data.topology().timestamp_policy


def test_nobody_answers(stamped: Path) -> None:
    """A client without a server says so, with the next step."""
    refused = _run("stamp", stamped, "--url", "http://127.0.0.1:9")
    assert refused.exit_code == 2
    assert "service.unavailable" in refused.output


def test_a_revoked_authority_stays_revoked(founded: Path, stamped: Path) -> None:
    """The next lists say so too, and what it stamped before still counts."""
    folder = founded.with_name("revoked")
    _json("init", folder, "--at", AT)
    token = stamped.with_name("revoked.tst")
    with serving(folder, "--at", "2019-04-02T09:00:00+09:00") as url:
        _json("stamp", stamped, "--url", url, "-o", token)
    anchor = ("--anchor", folder / "root.pem", "--crl", folder / "root.crl")
    asked = ("verify", stamped, token, *anchor, "--at", "2019-04-10")
    assert _json(*asked)["outcome"] == "proven"
    day = ("--at", "2019-04-09T00:00:00Z")
    told = _json("list", folder, "--revoke", "keyCompromise", *day)
    assert (told["number"], told["revoked"]) == (2, 1)
    again = _json("list", folder, "--revoke", "keyCompromise", *day, "--days", 2)
    assert (again["number"], again["revoked"]) == (3, 1)
    until = datetime.fromisoformat(again["next_update"])
    assert until == datetime(2019, 4, 9, tzinfo=UTC) + timedelta(days=2)
    found = _json(*asked, status=3)
    assert "revoked" in found["notes"][0]
