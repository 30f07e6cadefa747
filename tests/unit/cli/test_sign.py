"""`jpki sign`: cards and files, detached and enveloping, every level; then judged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from jpki import data
from jpki.cli import main
from jpki.documents.cms_check import check_cms
from jpki.documents.pdf.check import check_pdf
from jpki.keys.files import file_uri
from jpki.keys.pkcs8 import Protection
from jpki.keys.software import SoftwareSigner, generate_private_key
from jpki.model.suites import suite
from jpki.verify import (
    AtHand,
    Indeterminate,
    Pool,
    TrustAnchor,
    Valid,
    Verifier,
)
from jpki.x509.certificates import prepare_certificate
from jpki.x509.parse import parse_certificate
from jpki.x509.pem import ders, pem
from tests.support.cards import PASSWORD, issued_image
from tests.support.pdfs import build
from tests.support.reference_pki import RESIDENT, VALUES, ReferencePKI, reference_pki
from tests.support.tsa_process import serving
from tests.support.verification import accepting, moment

pytestmark = pytest.mark.slow

PASSPHRASE = "correct horse battery"


def _run(*words: object, **environment: str) -> Result:
    runner = CliRunner(env={"LC_ALL": "C.UTF-8", **environment})
    return runner.invoke(main, [str(word) for word in words])


def _json(*words: object) -> Any:
    made = _run(*words, "--json")
    assert made.exit_code == 0, made.output
    return json.loads(made.stdout)


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    """What is to be signed."""
    file = tmp_path / "letter.txt"
    file.write_text("転居届")
    return file


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """A My Number card with keys, PINs and certificates."""
    file = tmp_path / "card.json"
    file.touch(0o600)
    file.write_bytes(issued_image("my-number").content)
    (tmp_path / "pin").write_text(f"{PASSWORD}\n")
    return file


@pytest.mark.parametrize("options", [(), ("--enveloping",)])
def test_a_card_signs(letter: Path, card: Path, options: tuple[str, ...]) -> None:
    """Detached beside the document, or with the document inside."""
    pin = card.with_name("pin")
    told = _json("sign", letter, "--key", card, "--pin-file", pin, *options)
    assert told["output"] == f"{letter}.p7s"
    assert (told["level"], told["suite"]) == ("b", "rsa2048-sha256")
    made = Path(told["output"]).read_bytes()
    content = None if options else letter.read_bytes()
    assert check_cms(made, content).notes == ()
    other = _run(
        *("sign", letter, "--pin-file", pin, "-o", letter.with_name("again")),
        JPKI_CARD=str(card),
    )
    assert other.exit_code == 0, other.output
    assert "(level B, rsa2048-sha256)" in other.output


@dataclass(frozen=True, kw_only=True)
class Site:
    """A resident's key in a file, their authority's list, a time-stamp authority."""

    folder: Path
    pki: ReferencePKI
    certificate: bytes
    tsa: str

    @property
    def key(self) -> tuple[str, ...]:
        """Options for the key."""
        return (
            *("--key", file_uri(self.folder / "key.pem")),
            *("--certificate", str(self.folder / "own.pem")),
            *("--passphrase-file", str(self.folder / "passphrase")),
            *("--at", f"{moment(self.pki):%Y-%m-%dT%H:%M:%SZ}"),
        )

    @property
    def evidence(self) -> tuple[str, ...]:
        """Options for what shows that a signature is valid, but for the lists."""
        return (
            *("--anchor", str(self.folder / "root.pem")),
            *("--time-anchor", str(self.folder / "tsa" / "root.pem")),
            *("--era", "jlis", "--offline"),
        )

    @property
    def lists(self) -> tuple[str, ...]:
        """Options for the lists."""
        return (
            *("--crl", str(self.folder / "root.crl")),
            *("--crl", str(self.folder / "tsa" / "root.crl")),
        )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One of the era jlis, an hour after its authorities began."""
    folder = tmp_path_factory.mktemp("site")
    pki = reference_pki("jlis")
    wanted = suite(pki.era.suites["signature"])
    key = generate_private_key(wanted)
    prepared = prepare_certificate(
        data.certificate_profile(pki.era.profiles["signature"]),
        issuer=pki.a.view,
        values=VALUES,
        public_key=SoftwareSigner(key, wanted).public_key,
        serial=2015,
        not_before=pki.at,
        basic=RESIDENT,
    )
    own = pki.a.sign(prepared.tbs)
    for name, content in (
        ("key.pem", Protection(PASSPHRASE).encrypt(key, wanted)),
        ("passphrase", PASSPHRASE.encode()),
        ("own.pem", pem(own, "CERTIFICATE")),
        ("root.pem", pem(pki.a.certificate, "CERTIFICATE")),
        ("root.crl", pki.crl(pki.a)),
    ):
        (folder / name).touch(0o600)
        (folder / name).write_bytes(content)
    at = f"{moment(pki):%Y-%m-%dT%H:%M:%SZ}"
    _json("tsa", "init", folder / "tsa", "--at", f"{pki.at:%Y-%m-%dT%H:%M:%SZ}")
    with serving(folder / "tsa", "--at", at) as url:
        yield Site(folder=folder, pki=pki, certificate=own, tsa=url)


@pytest.mark.parametrize("level", ["b", "t", "lt", "lta"])
@pytest.mark.parametrize("enveloping", [False, True])
def test_every_level_is_made(
    site: Site, letter: Path, level: str, enveloping: bool
) -> None:
    """And judged valid, from level lt on with nothing at hand but what is inside."""
    options: tuple[str, ...] = ("--level", level, "--tsa", site.tsa)
    options += ("--enveloping",) if enveloping else ()
    told = _json(*("sign", letter, *site.key, *options, *site.evidence, *site.lists))
    assert told["level"] == level
    made = Path(told["output"]).read_bytes()
    content = None if enveloping else letter.read_bytes()
    checked = check_cms(made, content)
    assert len(checked.timestamps) == {"b": 0, "t": 1, "lt": 1, "lta": 2}[level]
    bare = level in ("b", "t")
    assert len(checked.enclosed.crls) == (0 if bare else 2)
    assert checked.certificate == site.certificate
    (root,) = ders((site.folder / "tsa" / "root.pem").read_bytes(), "CERTIFICATE")
    policy = replace(
        accepting(site.pki),
        time_anchors=(TrustAnchor.of(parse_certificate(root)),),
    )
    verdict = Verifier(policy, AtHand(Pool())).verify(
        made, content, moment(site.pki) + timedelta(hours=1)
    )
    if bare:
        assert isinstance(verdict, Indeterminate)
    else:
        assert isinstance(verdict, Valid), (verdict.reason, verdict.notes)
        assert len(verdict.proofs) == len(checked.timestamps)


@pytest.mark.parametrize("level", ["b", "t", "lt", "lta"])
def test_a_pdf_is_signed_to_every_level(site: Site, level: str, tmp_path: Path) -> None:
    """The signature is inside, and from level lt on all that its verifier needs."""
    form = tmp_path / "form.pdf"
    form.write_bytes(build())
    asked = ("sign", form, *site.key, "--format", "pdf", "--tsa", site.tsa)
    told = _json(*asked, "--level", level, *site.evidence, *site.lists)
    assert told["output"] == f"{form}.signed.pdf"
    made = Path(told["output"]).read_bytes()
    checked = check_pdf(made)
    assert len(checked.timestamps) == {"b": 0, "t": 1, "lt": 1, "lta": 2}[level]
    assert checked.notes == ()
    (root,) = ders((site.folder / "tsa" / "root.pem").read_bytes(), "CERTIFICATE")
    anchors = (TrustAnchor.of(parse_certificate(root)),)
    policy = replace(accepting(site.pki), time_anchors=anchors)
    soon = moment(site.pki) + timedelta(hours=1)
    verdict = Verifier(policy, AtHand(Pool())).verify(made, None, soon)
    kind = Indeterminate if level in ("b", "t") else Valid
    assert isinstance(verdict, kind), (verdict.reason, verdict.notes)


def test_a_pdf_has_its_signature_inside(site: Site, tmp_path: Path) -> None:
    """Enveloping is for other forms; and what is no PDF is not signed as one."""
    form = tmp_path / "form.pdf"
    form.write_bytes(build())
    asked = ("sign", form, *site.key, "--format", "pdf")
    refused = _run(*asked, "--enveloping")
    assert refused.exit_code == 2
    assert "--enveloping" in refused.output
    form.write_bytes(b"%PDF-1.7\n")
    assert _run(*asked).exit_code == 2
    assert not Path(f"{form}.signed.pdf").exists()


def test_what_cannot_be_shown_to_be_valid_is_not_made(site: Site, letter: Path) -> None:
    """Without lists, with a stranger's anchor: nothing is written."""
    asked = ("sign", letter, *site.key, "--level", "lt", "--tsa", site.tsa)
    without = _run(*asked, *site.evidence)
    assert without.exit_code == 2
    assert "cannot be shown to be valid" in without.output
    own_list = ("--crl", site.folder / "root.crl")
    unproven = _run(*asked, *site.evidence, *own_list)
    assert unproven.exit_code == 2
    assert "the timestamp proves nothing" in unproven.output
    assert not Path(f"{letter}.p7s").exists()


@pytest.mark.parametrize(
    ("options", "missing"),
    [
        (("--level", "t"), "--tsa"),
        (("--level", "lt", "--tsa", "http://127.0.0.1:9"), "--anchor"),
        (
            ("--level", "lta", "--tsa", "http://127.0.0.1:9", "--anchor", "x"),
            "--time-anchor",
        ),
    ],
)
def test_what_a_level_needs_is_asked_for(
    site: Site, letter: Path, options: tuple[str, ...], missing: str
) -> None:
    """Before any key is opened."""
    refused = _run("sign", letter, *options)
    assert refused.exit_code == 2
    assert f"{missing}: is needed for level" in refused.output


def test_a_key_in_a_file_needs_its_certificate(site: Site, letter: Path) -> None:
    """And the right one, and the right passphrase."""
    key = ("--key", file_uri(site.folder / "key.pem"))
    assert "--certificate" in _run("sign", letter, *key).output
    wrong = site.folder / "wrong"
    wrong.touch(0o600)
    wrong.write_text("something else\n")
    own = ("--certificate", site.folder / "own.pem")
    refused = _run("sign", letter, *key, *own, "--passphrase-file", wrong)
    assert "wrong passphrase" in refused.output
    other = ("--certificate", site.folder / "root.pem")
    good = ("--passphrase-file", site.folder / "passphrase")
    refused = _run("sign", letter, *key, *other, *good)
    assert "not the one in its certificate" in refused.output
    nobody = _run("sign", letter, *key, *own)
    assert "--passphrase-file" in nobody.output
    assert nobody.exit_code == 2


def test_a_dead_authority_leaves_no_file(site: Site, letter: Path) -> None:
    """The signature that has no timestamp is not passed off as one that has."""
    refused = _run(
        *("sign", letter, *site.key, "--level", "t", "--tsa", "http://127.0.0.1:9")
    )
    assert refused.exit_code == 2
    assert "service.unavailable" in refused.output
    assert not Path(f"{letter}.p7s").exists()
