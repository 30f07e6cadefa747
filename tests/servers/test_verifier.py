"""The verifier example: documents and path jobs over HTTP, by curl too."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from examples.verifier import create_app
from examples.verifier.config import load
from jpki.cli import main
from jpki.documents.archives import packed
from jpki.documents.xml.sign import sign_detached
from jpki.errors import ConfigurationError
from jpki.verify import AtHand
from tests.support.reference_pki import RESIDENT, reference_pki
from tests.support.verification import accepting, anchor_of, evidence, moment, signed
from tests.support.xml_documents import FILES

ERA = "prefectural-sha256"
CONTENT = "住民票の写しの交付を申請します。".encode()
LINES = "application/x-ndjson"


def _settings(folder: Path, **keys: object) -> Path:
    pki = reference_pki(ERA)
    (folder / "anchor.cer").write_bytes(anchor_of(pki).certificate)
    pool = folder / "pool"
    pool.mkdir(exist_ok=True)
    for role, certificate in pki.certificates.items():
        (pool / f"{role}.cer").write_bytes(certificate)
    assert pki.bridge is not None
    for number, authority in enumerate((pki.a, pki.b, pki.bridge)):
        (pool / f"{number}.crl").write_bytes(pki.crl(authority))
    values: dict[str, object] = {
        "port": 0,
        "trust_anchors": ["anchor.cer"],
        "policies": sorted(accepting(pki).policies),
        "pool_directory": "pool",
        **keys,
    }
    lines = ["[common]", f'era = "{ERA}"', "test_system = true", "[verifier]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    file = folder / "verifier.toml"
    file.write_text("\n".join(lines), "utf-8")
    return file


@pytest.fixture
def client(tmp_path: Path) -> Iterator[FlaskClient]:
    """A verifier with everything at hand."""
    pki = reference_pki(ERA)
    app = create_app(
        load(_settings(tmp_path)),
        clock=lambda: moment(pki),
        evidence=AtHand(evidence(pki)),
    )
    with app.test_client() as found:
        yield found


def _job(**members: object) -> bytes:
    pki = reference_pki(ERA)

    def text(octets: bytes) -> str:
        return base64.b64encode(octets).decode("ascii")

    job = {
        "id": "1",
        "trust_anchors": [text(anchor_of(pki).certificate)],
        "end_entity": text(pki.certificates["signature"]),
        "at": moment(pki).isoformat(),
        **members,
    }
    return json.dumps(job).encode()


def _verify(client: FlaskClient, **parts: Any) -> Any:
    response = client.post("/verify", data=parts)
    return response.status_code, response.get_json()


def _one() -> tuple[io.BytesIO, str]:
    """A file is read once: a new one each time."""
    return io.BytesIO(b"x"), "x"


def test_a_document_is_judged(client: FlaskClient) -> None:
    """Signature and document in, verdict with the four items out."""
    signature = signed(reference_pki(ERA), CONTENT)
    status, told = _verify(
        client,
        document=(io.BytesIO(signature), "a.p7s"),
        content=(io.BytesIO(CONTENT), "a.txt"),
        claim=json.dumps({"address": RESIDENT.address, "name": "だれか"}),
    )
    assert (status, told["outcome"]) == (200, "valid"), told
    assert told["signer"]["basic_information"]["address"] == RESIDENT.address
    matched = {item["item"]: item["matches"] for item in told["comparison"]["items"]}
    assert matched == {"address": True, "name": False}
    status, told = _verify(client, document=(io.BytesIO(signature), "a.p7s"))
    assert (status, told["code"]) == (200, "document.no-content")


def test_an_application_in_an_archive_is_judged(client: FlaskClient) -> None:
    """A ZIP archive of form, attachments and signature; what is not covered is told."""
    pki = reference_pki(ERA)
    own, key = pki.certificates["signature"], pki.keys["signature"]
    signature = sign_detached(FILES, own, key, moment(pki))
    files = {**FILES, "signature.xml": signature, "追加.pdf": b"%PDF"}

    def judged(sent: dict[str, bytes]) -> Any:
        document = (io.BytesIO(packed(sent)), "application.zip")
        return _verify(client, document=document)

    status, told = judged(files)
    assert (status, told["outcome"], told["kind"]) == (200, "valid", "xml"), told
    assert told["files"] == {
        "signature": "signature.xml",
        "covered": sorted(FILES),
        "not_covered": ["追加.pdf"],
    }
    name = next(iter(FILES))
    status, told = judged({**files, name: b"other"})
    assert (status, told["code"]) == (200, "document.altered")
    assert told["files"]["covered"] == []
    status, told = judged({f"../{name}": b""})
    assert (status, told["code"]) == (422, "document")
    bomb = _verify(client, document=(io.BytesIO(_bomb()), "application.zip"))
    assert bomb[0] == 422


def _bomb() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.xml", b"\0" * (65 << 20))
    return made.getvalue()


def test_what_is_no_request_is_refused(client: FlaskClient) -> None:
    """No document, two, an unknown part, a claim that is none."""
    assert _verify(client)[0] == 400
    assert _verify(client, document=[_one(), _one()])[0] == 400
    assert _verify(client, document=_one(), other="x")[0] == 400
    assert _verify(client, document=_one(), claim="{")[0] == 400
    assert _verify(client, document=_one())[1]["code"] == "document.malformed"
    assert client.post("/validate", data=b"{}").status_code == 400


def test_jobs_are_judged_as_on_the_command_line(
    client: FlaskClient, tmp_path: Path
) -> None:
    """One job, many lines, and lines that are none: the same verdicts in order."""
    lines = [_job(), _job(id="2", revocation="none"), b"{", _job(id="3", other=1)]
    body = b"\n".join(lines) + b"\n"
    response = client.post("/validate", data=body, content_type=LINES)
    told = [json.loads(line) for line in response.data.splitlines()]
    assert [verdict["outcome"] for verdict in told] == [
        "valid",
        "valid",
        "error",
        "error",
    ]
    jobs = tmp_path / "jobs.jsonl"
    jobs.write_bytes(body)
    command = ["verify", "path", "--batch", str(jobs), "--pool", str(tmp_path / "pool")]
    by_command = CliRunner().invoke(main, command).stdout.splitlines()
    assert told == [json.loads(line) for line in by_command]
    single = client.post("/validate", data=lines[0], content_type="application/json")
    # What is known of authorities' signatures by now is not checked again.
    assert {**single.get_json(), "work": None} == {**told[0], "work": None}
    wrong = client.post("/validate", data=lines[3], content_type="application/json")
    assert (wrong.status_code, wrong.get_json()["outcome"]) == (400, "error")


def test_half_a_surrogate_pair_spoils_no_answer(client: FlaskClient) -> None:
    """It is text in JSON, not in UTF-8: told as it was asked, and the others go on."""
    lines = [_job(id="\ud800"), _job(id="2"), _job(id="3", **{"\udfff": 1})]
    body = b"\n".join(lines)
    response = client.post("/validate", data=body, content_type=LINES)
    told = [json.loads(line) for line in response.data.splitlines()]
    assert [verdict["id"] for verdict in told] == ["\ud800", "2", "3"]
    assert [verdict["outcome"] for verdict in told] == ["valid", "valid", "error"]
    single = client.post("/validate", data=lines[0], content_type="application/json")
    assert single.get_json()["id"] == "\ud800"


def test_the_policy_is_shown(client: FlaskClient) -> None:
    """Whoever relies on the verifier can see whom it trusts."""
    told = client.get("/policy").get_json()
    assert told["policies"] == sorted(accepting(reference_pki(ERA)).policies)
    assert len(told["trust_anchors"]) == 1


@pytest.mark.parametrize("key", ["trust_anchors", "policies"])
def test_a_verifier_that_asks_for_nothing_does_not_start(
    tmp_path: Path, key: str
) -> None:
    """A check cannot be left out by leaving a setting out."""
    with pytest.raises(ConfigurationError, match=key):
        create_app(load(_settings(tmp_path, **{key: []})))


@pytest.mark.needs("curl")
def test_it_runs_and_curl_is_answered(tmp_path: Path) -> None:
    """The real program on a real socket."""
    pki = reference_pki(ERA)
    line = [sys.executable, "-m", "examples.verifier", "--config"]
    file = _settings(tmp_path)
    (tmp_path / "a.p7s").write_bytes(signed(pki, CONTENT))
    (tmp_path / "a.txt").write_bytes(CONTENT)
    (tmp_path / "job.json").write_bytes(_job())
    with subprocess.Popen([*line, file], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["ready"]

            def curl(path: str, *words: str) -> Any:
                done = subprocess.run(
                    ["curl", "-sS", "--noproxy", "*", f"{url}{path}", *words],
                    capture_output=True,
                    check=True,
                    cwd=tmp_path,
                    timeout=60,
                )
                return json.loads(done.stdout)

            at = f"JPKI-Test-Instant: {moment(pki):%Y-%m-%dT%H:%M:%SZ}"
            told = curl(
                "/verify", "-H", at, "-F", "document=@a.p7s", "-F", "content=@a.txt"
            )
            assert told["outcome"] == "valid", told
            job = ("-H", "Content-Type: application/json", "--data-binary", "@job.json")
            assert curl("/validate", *job)["outcome"] == "valid"
        finally:
            process.terminate()
            process.wait(20)
