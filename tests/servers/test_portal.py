"""The portal as browsers and programs see it, on the reference PKI."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from examples.portal import create_app
from examples.portal.application import (
    MAX_STATEMENT,
    PROCEDURES,
    Application,
    read_application,
    write_application,
)
from examples.portal.config import load
from examples.portal.words import words_in
from jpki.errors import ConfigurationError, DocumentError, RequestError
from jpki.model.revocation import Revocation, RevocationReason
from jpki.verify import LANGUAGES, AtHand, Code, Pool
from jpki.verify.records import confirms, judge_again, read_record
from jpki.x509.parse import parse_certificate
from tests.support.reference_pki import reference_pki
from tests.support.verification import accepting, anchor_of, evidence, moment, signed

ERA = "prefectural-sha256"
STATEMENT = "住民票の写しを1通交付してください。\n<世帯全員> & 本籍の記載あり"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PROBLEM = "application/problem+json"


def _written(folder: Path, **keys: object) -> Path:
    pki = reference_pki(ERA)
    (folder / "anchor.cer").write_bytes(anchor_of(pki).certificate)
    values: dict[str, object] = {
        "trust_anchors": ["anchor.cer"],
        "policies": sorted(accepting(pki).policies),
        **keys,
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    file = folder / "portal.toml"
    file.write_text(
        "\n".join(["[common]", f'era = "{ERA}"', "[portal]", *lines]), "utf-8"
    )
    return file


def _client(folder: Path, pool: Pool | None = None, **keys: object) -> FlaskClient:
    pki = reference_pki(ERA)
    app = create_app(
        load(_written(folder, **keys)),
        clock=lambda: moment(pki),
        evidence=AtHand(evidence(pki) if pool is None else pool),
    )
    return app.test_client()


@pytest.fixture
def client(tmp_path: Path) -> Iterator[FlaskClient]:
    """A portal with all evidence at hand."""
    with _client(tmp_path) as found:
        yield found


def _made(client: FlaskClient, statement: str = STATEMENT) -> bytes:
    fields = {"procedure": PROCEDURES[0], "statement": statement}
    response = client.post("/applications", json=fields)
    assert response.status_code == 200
    return bytes(response.data)


def _send(
    client: FlaskClient,
    document: bytes,
    signature: bytes,
    headers: dict[str, str] | None = None,
    query: str = "",
) -> TestResponse:
    files = {
        "application": (io.BytesIO(document), "application.xml"),
        "signature": (io.BytesIO(signature), "application.p7s"),
    }
    return client.post(f"/submissions{query}", data=files, headers=headers or {})


def test_a_signed_application_is_accepted(client: FlaskClient, tmp_path: Path) -> None:
    """Made, signed, sent: the verdict, the four items, a receipt, and a record."""
    document = _made(client)
    signature = signed(reference_pki(ERA), document)
    first = _send(client, document, signature)
    answer: dict[str, Any] = first.get_json()
    assert first.status_code == 200
    assert answer["accepted"] is True
    assert answer["verdict"]["outcome"] == "valid"
    assert answer["application"]["statement"] == STATEMENT
    assert answer["verdict"]["signer"]["basic_information"]["gender"] == "2"
    record = tmp_path / "data" / "accepted" / f"{answer['receipt']['number']}.json"
    assert json.loads(record.read_bytes())["verdict"] == answer["verdict"]
    again = _send(client, document, signature).get_json()
    assert again["receipt"] == answer["receipt"]
    kept = read_record(record.with_suffix(".zip").read_bytes())
    assert (kept.document, kept.content) == (signature, document)
    assert confirms(kept, judge_again(kept))


def test_a_revoked_certificate_is_refused(tmp_path: Path) -> None:
    """After the move: not accepted, with reason and date, and nothing is kept."""
    pki = reference_pki(ERA)
    leaf = parse_certificate(pki.certificates["signature"])
    moved = Revocation(
        serial=leaf.serial,
        at=pki.at + timedelta(minutes=9),
        reason=RevocationReason.AFFILIATION_CHANGED,
    )
    client = _client(tmp_path, evidence(pki, moved))
    document = _made(client)
    signature = signed(pki, document)
    answer = _send(client, document, signature).get_json()
    assert (answer["accepted"], answer["receipt"]) == (False, None)
    assert answer["verdict"]["code"] == "revocation.revoked"
    assert not (tmp_path / "data" / "accepted").exists()
    page = _send(client, document, signature, BROWSER, "?lang=ja").get_data(True)
    assert "氏名・住所等の変更" in page
    assert "2014年10月1日 10:11" in page
    assert "新しい証明書の発行" in page


def test_missing_evidence_is_not_acceptance(tmp_path: Path) -> None:
    """Without CRLs and OCSP the portal cannot tell, and says so."""
    pki = reference_pki(ERA)
    client = _client(tmp_path, Pool.from_der(certificates=pki.certificates.values()))
    document = _made(client)
    answer = _send(client, document, signed(pki, document)).get_json()
    assert answer["accepted"] is False
    assert answer["verdict"]["outcome"] == "indeterminate"


def test_another_document_is_refused(client: FlaskClient) -> None:
    """A signature over one application does not do for another."""
    document = _made(client)
    other = _made(client, "別の申請")
    answer = _send(client, other, signed(reference_pki(ERA), document)).get_json()
    assert answer["verdict"]["code"] == "document.altered"


def test_a_broken_signature_file_is_a_verdict(client: FlaskClient) -> None:
    """Junk in place of the signature is answered, not crashed on."""
    answer = _send(client, _made(client), b"\x30\x80junk").get_json()
    assert answer["verdict"]["code"] == "document.malformed"


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_are_in_two_languages(client: FlaskClient, language: str) -> None:
    """First page and verdict, complete without scripts or anything from elsewhere."""
    first = client.get(f"/?lang={language}", headers=BROWSER)
    document = _made(client)
    verdict = _send(
        client,
        document,
        signed(reference_pki(ERA), document),
        BROWSER,
        f"?lang={language}",
    )
    for response in (first, verdict):
        page = response.get_data(as_text=True)
        assert response.status_code == 200
        assert f'<html lang="{language}">' in page
        assert "<script" not in page
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    shown = verdict.get_data(as_text=True)
    assert words_in(language)("verdict", "valid") in shown
    assert "&lt;世帯全員&gt; &amp; 本籍" in shown


def test_a_script_only_where_there_may_be_an_agent(tmp_path: Path) -> None:
    """The one script is the portal's own and speaks to the agent alone."""
    agent = "http://127.0.0.1:8410"
    with _client(tmp_path, agent_url=agent) as client:
        first = client.get("/", headers=BROWSER)
        policy = first.headers["Content-Security-Policy"]
        assert f"script-src 'self'; connect-src 'self' {agent}" in policy
        assert first.get_data(as_text=True).count("<script") == 1
        script = client.get("/script.js")
        assert (script.status_code, script.mimetype) == (200, "text/javascript")
        document = _made(client)
        verdict = _send(client, document, signed(reference_pki(ERA), document), BROWSER)
        assert "script-src" not in verdict.headers["Content-Security-Policy"]
    with _client(tmp_path) as client:
        assert client.get("/script.js").status_code == 404


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_words_for_what_the_agent_says(language: str) -> None:
    """The script finds a sentence for every problem of agent and card."""
    known = {key for key, _ in words_in(language).items("agent")}
    assert {"agent", "card", "request", "other", "gone", "agent.cancelled"} <= known


def test_the_browsers_language_is_followed(client: FlaskClient) -> None:
    """English for who reads English, Japanese for everybody else."""
    english = client.get("/", headers={"Accept-Language": "en-GB,en;q=0.9"})
    assert 'lang="en"' in english.get_data(as_text=True)
    for header in ("ja", "fr", ""):
        page = client.get("/", headers={"Accept-Language": header})
        assert '<html lang="ja">' in page.get_data(as_text=True)


def test_forms_and_programs_make_the_same_document(client: FlaskClient) -> None:
    """A browser's line ends do not matter: the same application, the same bytes."""
    fields = {"procedure": PROCEDURES[0], "statement": STATEMENT}
    form = {**fields, "statement": STATEMENT.replace("\n", "\r\n")}
    response = client.post("/applications", data=form)
    assert response.data == _made(client)
    assert response.mimetype == "application/xml"
    assert "attachment" in response.headers["Content-Disposition"]


@pytest.mark.parametrize(
    ("path", "arguments", "status"),
    [
        ("/applications", {"json": {"procedure": "x", "statement": "y"}}, 400),
        ("/applications", {"json": []}, 400),
        ("/applications", {"json": {"procedure": PROCEDURES[0]}}, 400),
        ("/applications", {"json": {"more": 1}}, 400),
        (
            "/applications",
            {"data": b"{", "headers": {"Content-Type": "application/json"}},
            400,
        ),
        ("/submissions", {"data": {}}, 400),
        ("/submissions", {"data": {"application": (io.BytesIO(b"x"), "a")}}, 400),
        ("/nothing", {"data": {}}, 404),
        ("/", {"data": {}}, 405),
        ("/applications", {"data": b"x" * (2 << 20)}, 413),
    ],
)
def test_mistakes_are_problem_documents(
    client: FlaskClient, path: str, arguments: dict[str, Any], status: int
) -> None:
    """Every error has a code for programs and a page for people."""
    response = client.post(path, **arguments)
    assert (response.status_code, response.mimetype) == (status, PROBLEM)
    assert response.get_json()["code"]


def test_people_get_a_page_instead(client: FlaskClient) -> None:
    """A browser that makes a mistake is shown a sentence."""
    response = client.get("/nothing?lang=ja", headers=BROWSER)
    assert response.status_code == 404
    assert "ページがありません。" in response.get_data(as_text=True)


def test_a_foreign_document_is_not_judged(client: FlaskClient) -> None:
    """What this portal did not write is no application, however well signed."""
    foreign = b"<application/>"
    response = _send(client, foreign, signed(reference_pki(ERA), foreign))
    assert response.status_code == 422
    assert response.get_json()["code"] == "document"


def test_health(client: FlaskClient) -> None:
    """Alive and ready."""
    for path in ("/health/live", "/health/ready"):
        assert client.get(path).status_code == 200


def test_the_document_has_one_spelling() -> None:
    """Only the portal's own octets are read back; all else is foreign."""
    application = Application(PROCEDURES[1], STATEMENT)
    document = write_application(application)
    assert read_application(document) == application
    for foreign in (
        document + b"\n",
        document.replace(b"&amp;", b"&#38;"),
        document.replace(b"  <procedure>", b"<procedure>"),
        document.replace(b"&gt;", b">"),
        b"\xff" + document,
        b"x" * 100_000,
    ):
        with pytest.raises(DocumentError):
            read_application(foreign)


@pytest.mark.parametrize(
    "statement",
    ["", "  \n", "\x00", "\u202eevil", "\ud800", "あ" * (MAX_STATEMENT + 1)],
)
def test_statements_are_readable_text(statement: str) -> None:
    """Nothing empty, endless, invisible or turned around."""
    with pytest.raises(RequestError):
        Application(PROCEDURES[0], statement)


def test_the_longest_statement_can_be_read_back() -> None:
    """Even where every character is escaped or of four octets."""
    for character in ("&", "𠮷"):
        application = Application(PROCEDURES[0], character * MAX_STATEMENT)
        assert read_application(write_application(application)) == application


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_words_for_everything(language: str) -> None:
    """Each code has an advice, each reason for revocation and procedure a name."""
    words = words_in(language)
    assert all(words.advice(code) for code in Code)
    for reason in RevocationReason:
        assert words("revocation_reasons", reason.label) != reason.label
    assert {key for key, _ in words.items("procedures")} == set(PROCEDURES)


@pytest.mark.parametrize(
    ("keys", "where"),
    [
        ({"trust_anchors": []}, "portal.trust_anchors"),
        ({"policies": []}, "portal.policies"),
        ({"colour": "blue"}, "portal.colour"),
        ({"trust_anchors": ["missing.cer"]}, "portal.trust_anchors"),
        ({"trust_anchors": ["portal.toml"]}, "portal.trust_anchors"),
        ({"agent_url": "https://127.0.0.1:8410"}, "portal.agent_url"),
        ({"agent_url": "http://agent.example"}, "portal.agent_url"),
        ({"agent_url": "http://127.0.0.1:8410/"}, "portal.agent_url"),
        ({"agent_url": "http://127.0.0.1:8410; script-src *"}, "portal.agent_url"),
    ],
)
def test_a_bad_configuration_names_the_key(
    tmp_path: Path, keys: dict[str, object], where: str
) -> None:
    """File, key and reason; nothing is assumed."""
    with pytest.raises(ConfigurationError) as caught:
        create_app(load(_written(tmp_path, **keys)))
    assert caught.value.key == where


def test_it_runs_as_a_program(tmp_path: Path) -> None:
    """`python -m examples.portal` says when it is ready and ends with its owner."""
    file = _written(tmp_path, port=0)
    with subprocess.Popen(
        [sys.executable, "-m", "examples.portal", "--config", file],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        ready = json.loads(process.stdout.readline())
        assert ready["ready"].startswith("http://127.0.0.1:")
        process.stdin.close()
        assert process.wait(timeout=20) == 0


def test_it_refuses_to_start_without_anchors(tmp_path: Path) -> None:
    """Exit status 2, with the key on standard error."""
    file = _written(tmp_path, trust_anchors=[])
    done = subprocess.run(
        [sys.executable, "-m", "examples.portal", "--config", file],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "portal.trust_anchors" in done.stderr
