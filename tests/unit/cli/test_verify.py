"""`jpki verify` as people and programs call it: kinds found out, verdicts, records."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from jpki.cli import main
from jpki.documents.xml.sign import sign_detached as sign_detached_xml
from jpki.model.calendar import JST
from jpki.model.revocation import Revocation, RevocationReason
from jpki.x509.parse import parse_certificate
from tests.support.reference_pki import RESIDENT, ReferencePKI, reference_pki
from tests.support.verification import anchor_of, moment, signed

ERA = "prefectural-sha256"
CONTENT = "住民票の写しの交付を申請します。".encode()


class Desk:
    """A folder with the reference PKI's files, and the options that name them."""

    def __init__(self, folder: Path, pki: ReferencePKI, *revoked: Revocation) -> None:
        self.folder = folder
        self.options = ["--offline", "--era", ERA, "--at", moment(pki).isoformat()]
        files = {"anchor.cer": anchor_of(pki).certificate}
        for role, certificate in pki.certificates.items():
            files[f"{role}.cer"] = certificate
            self.options += ["--certificates", str(folder / f"{role}.cer")]
        assert pki.bridge is not None
        for number, authority in enumerate((pki.a, pki.b, pki.bridge)):
            listed = revoked if authority is pki.a else ()
            files[f"{number}.crl"] = pki.crl(authority, *listed)
            self.options += ["--crl", str(folder / f"{number}.crl")]
        self.options += ["--anchor", str(folder / "anchor.cer")]
        for name, octets in files.items():
            self.put(name, octets)

    def put(self, name: str, octets: bytes) -> Path:
        """Lay a file down."""
        (self.folder / name).write_bytes(octets)
        return self.folder / name

    def verify(self, *words: str | Path, options: Sequence[str] = ()) -> Result:
        """Run `jpki verify` with everything at hand."""
        line = ["verify", *map(str, words), *self.options, *options]
        return CliRunner().invoke(main, line)

    def json(self, *words: str | Path, options: Sequence[str] = ()) -> Any:
        """The verdict as a program reads it."""
        found = self.verify(*words, options=[*options, "--json"])
        assert found.exit_code in (0, 1, 3), found.output
        return json.loads(found.stdout)


@pytest.fixture
def pki() -> ReferencePKI:
    """Two governors' authorities and a bridge."""
    return reference_pki(ERA)


@pytest.fixture
def desk(tmp_path: Path, pki: ReferencePKI) -> Desk:
    """All at hand, nothing revoked."""
    return Desk(tmp_path, pki)


def test_an_application_and_its_signature_in_either_order(
    desk: Desk, pki: ReferencePKI
) -> None:
    """Which is which is found out."""
    application = desk.put("application.xml", CONTENT)
    signature = desk.put("application.p7s", signed(pki, CONTENT))
    for words in ((application, signature), (signature, application)):
        told = desk.json(*words)
        assert (told["outcome"], told["document"]) == ("valid", "application.xml")
        assert told["kind"] == "cms"
    shown = desk.verify(application, "--signature", signature)
    assert shown.exit_code == 0
    assert "✓ valid" in shown.output
    assert RESIDENT.address in shown.output
    assert "gender: " in shown.output


def test_names_that_have_nothing_in_common_make_a_pair(
    desk: Desk, pki: ReferencePKI
) -> None:
    """One document and one signature belong together, whatever they are called."""
    signature = desk.put("second.p7s", signed(pki, CONTENT))
    for content, outcome in ((CONTENT, "valid"), (CONTENT + b"!", "invalid")):
        application = desk.put("application.xml", content)
        for words in ((application, signature), (signature, application)):
            told = desk.json(*words)
            assert (told["outcome"], told["document"]) == (outcome, "application.xml")


def test_several_at_once_and_the_worst_counts(desk: Desk, pki: ReferencePKI) -> None:
    """Each is judged with its own signature; one altered makes the exit 1."""
    files = []
    for name in ("a.txt", "b.txt"):
        files.append(desk.put(name, CONTENT))
        files.append(desk.put(f"{name}.p7s", signed(pki, CONTENT)))
    told = desk.json(*files)
    assert [verdict["outcome"] for verdict in told] == ["valid", "valid"]
    desk.put("b.txt", CONTENT + b"!")
    shown = desk.verify(*files)
    assert shown.exit_code == 1
    assert "✓ valid · a.txt" in shown.output
    assert "✗ invalid · b.txt" in shown.output
    assert "document.altered" in shown.output


def test_what_is_unclear_is_asked_back(desk: Desk, pki: ReferencePKI) -> None:
    """A signature whose document is not there, two with one, one that nobody signed."""
    signature = desk.put("a.p7s", signed(pki, CONTENT))
    other = desk.put("b.p7s", signed(pki, CONTENT))
    content = desk.put("c.txt", CONTENT)
    for words in ((signature, other, content), (signature, other)):
        refused = desk.verify(*words)
        assert refused.exit_code == 2
        assert "→" in refused.stderr
    alone = desk.json(signature)
    assert alone["code"] == "document.no-content"
    assert desk.json(content)["code"] == "document.malformed"


def test_a_policy_that_cannot_exist_is_asked_back(
    desk: Desk, pki: ReferencePKI
) -> None:
    """A slip of the pen is no reason to call a signature invalid."""
    words = desk.put("a", CONTENT), desk.put("a.p7s", signed(pki, CONTENT))
    for policy in ("foo", "1.2.", "1.02.3", "3.1", ""):
        refused = desk.verify(*words, options=["--policy", policy])
        assert refused.exit_code == 2, policy
        assert "is no OID" in refused.stderr
    other = desk.json(*words, options=["--policy", "1.2.3"])
    assert other["code"] == "policy.not-accepted"


def test_a_revoked_signer(tmp_path: Path, pki: ReferencePKI) -> None:
    """Exit 1, with reason and date in both languages."""
    leaf = parse_certificate(pki.certificates["signature"])
    moved = Revocation(
        serial=leaf.serial,
        at=pki.at + timedelta(minutes=9),
        reason=RevocationReason.AFFILIATION_CHANGED,
    )
    desk = Desk(tmp_path, pki, moved)
    words = desk.put("a", CONTENT), desk.put("a.p7s", signed(pki, CONTENT))
    for language, word in (("ja", "無効"), ("en", "invalid")):
        shown = desk.verify(*words, options=["--lang", language])
        assert shown.exit_code == 1
        assert word in shown.output
        assert "affiliationChanged" in shown.output
        # In one time zone, and it is named.
        assert f"{moved.at.astimezone(JST):%Y-%m-%d %H:%M:%S} JST" in shown.output
        assert not re.search(r"\d\dZ\b", shown.output)
        assert ("失効なし" in shown.output) == (language == "ja")


def test_the_signer_is_compared_with_a_claim(desk: Desk, pki: ReferencePKI) -> None:
    """A valid signature of somebody else than who applies is not good enough."""
    words = desk.put("a", CONTENT), desk.put("a.p7s", signed(pki, CONTENT))
    claim = {"name": RESIDENT.name.replace("\u3000", " "), "address": RESIDENT.address}
    file = desk.put("claim.json", json.dumps(claim).encode())
    told = desk.json(*words, options=["--claim", str(file)])
    assert told["comparison"]["matches"] is True
    desk.put("claim.json", json.dumps({**claim, "name": "別人"}).encode())
    shown = desk.verify(*words, options=["--claim", str(file), "--lang", "en"])
    assert shown.exit_code == 1
    assert "≠ The name differs" in shown.output
    assert "✗ the signer is not who the claim says" in shown.output
    for useless in (b'{"mother": "x"}', b"{}", b"", b'{"name": null}'):
        desk.put("claim.json", useless)
        refused = desk.verify(*words, options=["--claim", str(file)])
        assert refused.exit_code == 2, useless


def test_a_record_is_judged_again(desk: Desk, pki: ReferencePKI) -> None:
    """Years later, from the record alone; other programs can read what is in it."""
    words = desk.put("a", CONTENT), desk.put("a.p7s", signed(pki, CONTENT))
    record = desk.folder / "record.zip"
    kept = desk.verify(*words, options=["--record", str(record)])
    assert kept.exit_code == 0, kept.output
    with zipfile.ZipFile(record) as archive:
        names = archive.namelist()
        assert archive.read("content/0") == CONTENT
    assert {name.partition("/")[0] for name in names} >= {"anchors", "crls", "document"}
    again = CliRunner().invoke(main, ["verify", "record", str(record), "--json"])
    assert again.exit_code == 0
    told = json.loads(again.stdout)
    assert (told["confirmed"], told["outcome"]) == (True, "valid")
    # A record is never replaced.
    assert desk.verify(*words, options=["--record", str(record)]).exit_code == 2


def test_a_record_that_was_changed_is_none(desk: Desk, pki: ReferencePKI) -> None:
    """Any file of it altered, left out or added: refused, not judged."""
    words = desk.put("a", CONTENT), desk.put("a.p7s", signed(pki, CONTENT))
    record = desk.folder / "record.zip"
    desk.verify(*words, options=["--record", str(record)])
    with zipfile.ZipFile(record) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}

    def judged(changed: dict[str, bytes]) -> int:
        file = desk.folder / "changed.zip"
        with zipfile.ZipFile(file, "w") as archive:
            for name, octets in changed.items():
                archive.writestr(name, octets)
        return CliRunner().invoke(main, ["verify", "record", str(file)]).exit_code

    assert judged(files) == 0
    for name, octets in files.items():
        if name != "record.json":
            assert judged({**files, name: octets + b"\0"}) == 2, name
            assert judged({k: v for k, v in files.items() if k != name}) == 2, name
    assert judged({**files, "extra": b""}) == 2
    # The manifest itself is only as good as where it was kept: another verdict shows.
    claimed = files["record.json"].replace(b'"outcome": "valid"', b'"outcome": "wrong"')
    assert judged({**files, "record.json": claimed}) == 4
    for octets in (b"", b"PK", record.read_bytes()[:-9]):
        file = desk.put("junk.zip", octets)
        assert CliRunner().invoke(main, ["verify", "record", str(file)]).exit_code == 2


def test_a_login_is_judged(tmp_path: Path) -> None:
    """A bare signature over a challenge, by the authentication key."""
    pki = reference_pki("jlis")
    challenge, now = b"\x01" * 32, moment(pki).isoformat()
    files = {
        "challenge": challenge,
        "answer": pki.keys["authentication"].sign(challenge),
        "own.cer": pki.certificates["authentication"],
        "anchor.cer": pki.b.certificate,
        "a.crl": pki.crl(pki.b),
    }
    for name, octets in files.items():
        (tmp_path / name).write_bytes(octets)

    def judged(*words: str) -> Any:
        line = ["verify", *words, "--json", "--offline", "--era", "jlis", "--at", now]
        for option in ("signature", "certificate"):
            file = {"signature": "answer", "certificate": "own.cer"}[option]
            line += [f"--{option}", str(tmp_path / file)]
        line += ["--anchor", str(tmp_path / "anchor.cer")]
        line += ["--crl", str(tmp_path / "a.crl")]
        return json.loads(CliRunner().invoke(main, line).stdout)

    good = judged(str(tmp_path / "challenge"), "--purpose", "authentication")
    assert (good["outcome"], good["kind"]) == ("valid", "raw"), good["text"]
    assert good["signer"]["basic_information"] is None
    assert good["signer"]["purpose"] == "authentication"
    # It is no signature of a citizen, and no answer to another challenge.
    assert judged(str(tmp_path / "challenge"))["outcome"] == "invalid"
    (tmp_path / "challenge").write_bytes(b"\x02" * 32)
    altered = judged(str(tmp_path / "challenge"), "--purpose", "authentication")
    assert altered["code"] == "document.altered"


def test_an_application_with_attachments_is_judged_as_one(
    desk: Desk, pki: ReferencePKI
) -> None:
    """What an XML signature names beside itself is what it is over; PDFs too."""
    files = {"form.xml": b"<form>1</form>", "plan.pdf": b"%PDF-1.7\n", "図.txt": b"x"}
    signature = sign_detached_xml(
        files, pki.certificates["signature"], pki.keys["signature"], moment(pki)
    )
    words = [desk.put("signature.xml", signature)]
    words += [desk.put(name, octets) for name, octets in files.items()]
    told = desk.json(*reversed(words))
    assert (told["outcome"], told["document"]) == ("valid", "signature.xml"), told
    assert told["kind"] == "xml"
    assert desk.json(*words[:-1])["code"] == "document.no-content"
    desk.put("plan.pdf", b"%PDF-1.7\n%")
    assert desk.json(*words)["code"] == "document.altered"
