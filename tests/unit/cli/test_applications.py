"""`jpki sign xml` and `jpki verify` of folders and archives, as people call them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from jpki import data
from jpki.cli import main
from jpki.documents.archives import packed, unpacked
from jpki.documents.signature import Content
from jpki.documents.xml.check import check_xml
from jpki.keys.files import file_uri
from jpki.keys.pkcs8 import Protection
from jpki.keys.software import SoftwareSigner, generate_private_key
from jpki.model.suites import suite
from jpki.x509.certificates import prepare_certificate
from jpki.x509.pem import pem
from tests.support.reference_pki import RESIDENT, VALUES, reference_pki
from tests.support.tsa_process import serving
from tests.support.verification import moment
from tests.support.xml_documents import FILES, FORM

PKI = reference_pki("jlis")
PASSPHRASE = "correct horse battery"
AT = f"{moment(PKI):%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A resident's key in a file, and what their signature is judged by."""
    folder = tmp_path_factory.mktemp("keys")
    wanted = suite(PKI.era.suites["signature"])
    key = generate_private_key(wanted)
    prepared = prepare_certificate(
        data.certificate_profile(PKI.era.profiles["signature"]),
        issuer=PKI.a.view,
        values=VALUES,
        public_key=SoftwareSigner(key, wanted).public_key,
        serial=2015,
        not_before=PKI.at,
        basic=RESIDENT,
    )
    for name, content in (
        ("key.pem", Protection(PASSPHRASE).encrypt(key, wanted)),
        ("passphrase", PASSPHRASE.encode()),
        ("own.pem", pem(PKI.a.sign(prepared.tbs), "CERTIFICATE")),
        ("root.pem", pem(PKI.a.certificate, "CERTIFICATE")),
        ("root.crl", PKI.crl(PKI.a)),
    ):
        (folder / name).touch(0o600)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with the files of an application, one of them below."""
    for name, octets in {
        **FILES,
        "kousei.xml": FORM,
        "添付/図.png": b"\x89PNG",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(octets)
    return tmp_path


def _run(*words: object) -> Result:
    return CliRunner(env={"LC_ALL": "C.UTF-8"}).invoke(main, [str(w) for w in words])


def _sign(keys: Path, *words: object) -> Result:
    return _run(
        *("sign", "xml", *words, "--key", file_uri(keys / "key.pem"), "--at", AT),
        *("--certificate", keys / "own.pem", "--passphrase-file", keys / "passphrase"),
    )


def _signed(keys: Path, *words: object) -> Any:
    made = _sign(keys, *words, "--json")
    assert made.exit_code == 0, made.output
    return json.loads(made.stdout)


def _verify(keys: Path, *words: object) -> Result:
    return _run(
        *("verify", *words, "--anchor", keys / "root.pem", "--crl", keys / "root.crl"),
        *("--era", "jlis", "--offline", "--at", AT),
    )


def _json(keys: Path, *words: object) -> Any:
    found = _verify(keys, *words, "--json")
    assert found.exit_code in (0, 1, 3), found.output
    return json.loads(found.stdout)


def _attachments(desk: Path) -> list[Path]:
    return [desk / name for name in (*FILES, "添付/図.png")]


def test_a_form_and_its_attachments(desk: Path, keys: Path) -> None:
    """Signed beside the files, and verified as the folder that they lie in."""
    form, *others = _attachments(desk)
    told = _signed(keys, form, *others)
    signature = Path(told["output"])
    assert signature == desk / "form_01.xml.signature.xml"
    names = sorted([*FILES, "添付/図.png"])
    assert (told["files"], told["level"]) == (names, "b")
    verdict = _json(keys, desk)
    assert (verdict["outcome"], verdict["document"]) == ("valid", desk.name), verdict
    assert verdict["files"] == {
        "signature": signature.name,
        "covered": names,
        "not_covered": ["kousei.xml"],
    }
    shown = _verify(keys, desk)
    assert shown.exit_code == 0
    assert "covered by the signature: form_01.xml" in shown.output
    assert "not to be relied on: kousei.xml" in shown.output

    (desk / "form_01.xml").write_bytes(b"<other/>")
    assert _json(keys, desk)["code"] == "document.altered"


def test_files_by_hand(desk: Path, keys: Path) -> None:
    """Named in any order, or with --signature; then each of them has to be signed."""
    form, *others = _attachments(desk)
    flat = _signed(keys, form, others[0], "-o", desk / "flat.xml")
    for words in (
        (form, others[0], desk / "flat.xml"),
        (form, others[0], "--signature", desk / "flat.xml"),
    ):
        verdict = _json(keys, *words)
        assert verdict["outcome"] == "valid", verdict
        assert verdict["files"] == {
            "signature": None,
            "covered": flat["files"],
            "not_covered": [],
        }
    # What is handed in by hand and is not signed is refused, as ever.
    more = (form, *others, "--signature", desk / "flat.xml")
    assert _json(keys, *more)["code"] == "document.not-covered"
    alone = (form, "--signature", desk / "flat.xml")
    assert _json(keys, *alone)["outcome"] == "invalid"
    # One of two of one name would be verified, and the other be taken for it.
    (desk / "添付" / form.name).write_bytes(b"<other/>")
    for option in ((), ("--signature",)):
        twice = (form, others[0], desk / "添付" / form.name, *option)
        refused = _verify(keys, *twice, desk / "flat.xml")
        assert refused.exit_code == 2
        assert "two files have one name" in refused.output
    others[0].write_bytes(b"other")
    altered = _json(keys, form, others[0], "--signature", desk / "flat.xml")
    assert altered["code"] == "document.altered"


def test_an_application_of_e_gov(desk: Path, keys: Path) -> None:
    """The signature stands in 構成管理情報; in an archive all goes along."""
    archive = desk.parent / f"{desk.name}.zip"
    told = _signed(keys, desk / "kousei.xml", *_attachments(desk), "-o", archive)
    names = sorted([*FILES, "添付/図.png"])
    assert told["files"] == names
    files = unpacked(archive.read_bytes())
    assert sorted(files) == sorted([*names, "kousei.xml"])
    verdict = _json(keys, archive)
    assert verdict["outcome"] == "valid", verdict
    assert verdict["files"] == {
        "signature": "kousei.xml",
        "covered": names,
        "not_covered": [],
    }
    archive.write_bytes(packed({**files, "追加.exe": b"MZ"}))
    shown = _verify(keys, archive, "--lang", "ja")
    assert shown.exit_code == 0
    assert "信頼できません）: 追加.exe" in shown.output
    archive.write_bytes(packed({**files, "form_01.xml": b"<a/>"}))
    assert _json(keys, archive)["code"] == "document.altered"
    # Only the files of the signature are in the record.
    archive.write_bytes(packed({**files, "追加.exe": b"MZ"}))
    record = desk / "record.zip"
    assert _verify(keys, archive, "--record", record).exit_code == 0
    again = _run("verify", "record", record, "--json")
    assert (again.exit_code, json.loads(again.stdout)["confirmed"]) == (0, True)
    assert b"MZ" not in unpacked(record.read_bytes()).values()
    refused = _verify(keys, record)
    assert refused.exit_code == 2
    assert "jpki verify record record.zip" in refused.output
    # Beside the form, where no other place is named.
    beside = _signed(keys, desk / "kousei.xml", *_attachments(desk))
    assert beside["output"] == f"{desk}/kousei.xml.signed.xml"
    assert _json(keys, desk)["outcome"] == "valid"


def test_what_cannot_be_signed_together(desk: Path, keys: Path) -> None:
    """Two of one name, no XML, a level that has no room; before any key is asked."""
    form = desk / "form_01.xml"
    outside = desk.parent / f"{desk.name}-other"
    outside.mkdir()
    (outside / "form_01.xml").write_bytes(b"x")
    for words, word in (
        ((form, outside / "form_01.xml"), "twice"),
        ((form, form), "twice"),
        ((desk / "委任状 1.pdf",), "XML"),
        ((desk / "kousei.xml", form, "--level", "t", "--tsa", "http://x/"), "level b"),
        ((form, desk / "nothing"), "No such file"),
    ):
        refused = _run("sign", "xml", *words, "--key", "file:/nowhere")
        assert refused.exit_code == 2, refused.output
        assert word in refused.output


@pytest.mark.parametrize("kind", ["file", "folder", "fifo", "absolute"])
def test_a_folder_is_not_left(desk: Path, keys: Path, kind: str) -> None:
    """A link in it, to wherever, or a pipe: refused by name, and nothing waits."""
    _signed(keys, *_attachments(desk))
    assert _json(keys, desk)["outcome"] == "valid"
    secret = desk.parent / f"{desk.name}-secret"
    secret.mkdir()
    (secret / "a").write_text("secret")
    link = desk / "link"
    if kind == "fifo":
        os.mkfifo(link)
    elif kind == "absolute":
        link.symlink_to("/etc/hostname")
    else:
        link.symlink_to(secret / "a" if kind == "file" else secret)
    refused = _verify(keys, desk)
    assert refused.exit_code == 2
    assert "link" in refused.output
    assert "[configuration]" in refused.output
    # In place of an attachment too.
    link.unlink()
    attachment = desk / "form_01.xml"
    attachment.rename(secret / "form_01.xml")
    attachment.symlink_to(secret / "form_01.xml")
    assert _verify(keys, desk).exit_code == 2


def test_archives_that_are_refused(desk: Path, keys: Path) -> None:
    """With our error and exit 2: nothing was judged."""
    archive = desk / "application.zip"
    for octets in (b"PK\x03\x04", packed({"../a.xml": b""})):
        archive.write_bytes(octets)
        refused = _verify(keys, archive)
        assert refused.exit_code == 2
        assert "[document]" in refused.output
    empty = desk / "empty"
    empty.mkdir()
    assert _json(keys, empty)["code"] == "document.no-signer"


def test_what_is_known_is_said(desk: Path, keys: Path) -> None:
    """Without files, and to whoever brings a file of another kind."""
    for words in (("verify",), ("verify", "--help")):
        told = _run(*words).output
        for example in ("letter.pdf", "application.zip", "signature.xml", "own.cer"):
            assert example in told
    refused = _run("verify", "--anchor", keys / "root.pem")
    assert refused.exit_code == 2
    for kind in ("CMS", "PDF", "XML", "ZIP", "--certificate"):
        assert kind in refused.output
    (desk / "a.docx").write_bytes(b"\xd0\xcf\x11\xe0")
    shown = _verify(keys, desk / "a.docx")
    assert shown.exit_code == 1
    assert "known are CMS" in shown.output
    shown = _verify(keys, desk / "a.docx", "--lang", "ja")
    assert "判定できるもの: CMS" in shown.output
    assert _json(keys, desk / "a.docx")["code"] == "document.malformed"
    shown = _run("sign")
    for example in ("--format pdf", "sign xml form.xml"):
        assert example in shown.output
    assert "jpki sign xml" in _run("sign", "xml", "--help").output
    assert "--enveloping" in _run("sign", "document", "--help").output


@pytest.mark.needs("xmlsec1")
def test_xmlsec_finds_the_files(desk: Path, keys: Path) -> None:
    """It resolves the references where they lie, and notices every change."""

    def accepts(document: Path) -> bool:
        command = ["xmlsec1", "--verify", "--insecure"]
        command += [
            "--id-attr:Id",
            "http://uri.etsi.org/01903/v1.3.2#:SignedProperties",
        ]
        command += ["--id-attr:ID", "構成情報", document.name]
        done = subprocess.run(command, cwd=desk, capture_output=True)
        return done.returncode == 0

    ascii_form = FORM.replace('ID="構成情報"'.encode(), b'ID="kousei"')
    (desk / "kousei.xml").write_bytes(ascii_form)
    detached = Path(_signed(keys, *_attachments(desk))["output"])
    inside = _signed(keys, desk / "kousei.xml", *_attachments(desk))["output"]
    for document in (detached, Path(inside)):
        assert accepts(document)
    (desk / "添付/図.png").write_bytes(b"other")
    for document in (detached, Path(inside)):
        assert not accepts(document)


@pytest.fixture(scope="module")
def clocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A time-stamp authority: its folder and its address."""
    tsa = tmp_path_factory.mktemp("time") / "tsa"
    began = f"{PKI.at:%Y-%m-%dT%H:%M:%SZ}"
    assert _run("tsa", "init", tsa, "--at", began).exit_code == 0
    with serving(tsa, "--at", AT) as url:
        yield tsa, url


@pytest.mark.slow
@pytest.mark.parametrize("level", ["t", "lt", "lta"])
def test_every_level(
    desk: Path, keys: Path, clocked: tuple[Path, str], level: str
) -> None:
    """From lt on, nothing but the application and its anchors is needed."""
    tsa, url = clocked
    archive = desk.parent / f"{desk.name}.zip"
    _signed(
        keys,
        *(*_attachments(desk), "-o", archive, "--level", level, "--tsa", url),
        *("--anchor", keys / "root.pem", "--time-anchor", tsa / "root.pem"),
        *("--crl", keys / "root.crl", "--crl", tsa / "root.crl"),
        *("--era", "jlis", "--offline"),
    )
    files = unpacked(archive.read_bytes())
    content: Content = {n: o for n, o in files.items() if n != "signature.xml"}
    checked = check_xml(files["signature.xml"], content)
    assert len(checked.timestamps) == (2 if level == "lta" else 1)
    found = _run(
        *("verify", archive, "--anchor", keys / "root.pem", "--json"),
        *("--time-anchor", tsa / "root.pem", "--era", "jlis", "--offline"),
        *("--at", AT),
    )
    verdict = json.loads(found.stdout)
    assert (verdict["outcome"] == "valid") == (level != "t"), verdict
    assert len(verdict["files"]["covered"]) == 3
