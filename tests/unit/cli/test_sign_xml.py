"""`jpki sign --format xml`: a card signs in a document or around it, to each level."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from jpki.cli import main
from jpki.cli.sign.orders import Level, Order, ValidationData
from jpki.cli.sign.xml import sign_xml
from jpki.documents.signature import CheckedSignature
from jpki.documents.xml.check import check_xml, examine_xml
from jpki.verify import AtHand, Pool, TrustAnchor, Valid, Verifier
from tests.support.cards import PASSWORD, issued_image
from tests.support.long_term import token_over
from tests.support.reference_pki import ReferencePKI, reference_pki
from tests.support.time_authority import TimeAuthority, time_authority
from tests.support.verification import accepting, moment
from tests.support.xml_documents import DOCUMENT


def _sign(document: Path, card: Path, *options: str) -> Result:
    words = ["sign", str(document), "--key", str(card), "--format", "xml", "--json"]
    words += ["--pin-file", str(card.with_name("pin")), *options]
    return CliRunner(env={"LC_ALL": "C.UTF-8"}).invoke(main, words)


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """A My Number card with keys, PINs and certificates."""
    file = tmp_path / "card.json"
    file.touch(0o600)
    file.write_bytes(issued_image("my-number").content)
    (tmp_path / "pin").write_text(f"{PASSWORD}\n")
    return file


def test_a_card_signs(tmp_path: Path, card: Path) -> None:
    """Inside an XML document; around it; around anything else."""
    document = tmp_path / "form.xml"
    document.write_bytes(DOCUMENT)
    letter = tmp_path / "letter.txt"
    letter.write_text("転居届")
    for file, options in ((document, ()), (document, ("--enveloping",))):
        done = _sign(file, card, *options)
        assert done.exit_code == 0, done.output
        told = json.loads(done.stdout)
        assert told["output"] == f"{file}.signed.xml"
        assert (told["format"], told["suite"]) == ("xml", "rsa2048-sha256")
        parts = examine_xml(Path(told["output"]).read_bytes()).parts
        assert parts[0].uri == ("#content" if options else "")
        assert "髙橋".encode() in parts[0].octets
        Path(told["output"]).unlink()
    made = _sign(letter, card, "--enveloping")
    assert made.exit_code == 0, made.output
    signed = Path(json.loads(made.stdout)["output"]).read_bytes()
    check_xml(signed, letter.read_bytes())


def test_what_xml_cannot_do_is_told(tmp_path: Path, card: Path) -> None:
    """A letter has no room for a signature inside; nor has a document type."""
    letter = tmp_path / "letter.txt"
    letter.write_text("転居届")
    refused = _sign(letter, card)
    assert refused.exit_code == 2
    assert "--enveloping" in refused.output
    letter.write_text("<!DOCTYPE a><a/>")
    refused = _sign(letter, card)
    assert refused.exit_code == 2
    assert "document type" in refused.output
    assert not Path(f"{letter}.signed.xml").exists()


def _order(
    pki: ReferencePKI, authority: TimeAuthority, level: Level, enveloping: bool
) -> Order:
    at = moment(pki)
    crls = (pki.crl(pki.a), authority.crl(at))

    def collect(signature: CheckedSignature) -> ValidationData:
        assert len(signature.timestamps) == 1
        certificates = (pki.a.certificate, authority.root)
        return ValidationData(certificates=certificates, crls=crls, ocsp_responses=())

    return Order(
        content=DOCUMENT,
        certificate=pki.certificates["signature"],
        signer=pki.keys["signature"],
        chain=(),
        at=at,
        enveloping=enveloping,
        level=level,
        stamp=lambda covered: token_over(covered, authority, at),
        collect=collect,
    )


@pytest.mark.parametrize("enveloping", [False, True])
@pytest.mark.parametrize("level", list(Level))
def test_every_level_is_made(level: Level, enveloping: bool) -> None:
    """From level lt on it is valid with nothing at hand but what is inside."""
    pki = reference_pki("jlis")
    authority = time_authority(pki.at)
    made = sign_xml(_order(pki, authority, level, enveloping))
    checked = check_xml(made)
    assert len(checked.timestamps) == list(Level).index(level) - level.includes(
        Level.LT
    )
    assert len(checked.enclosed.crls) == (2 if level.includes(Level.LT) else 0)
    policy = replace(
        accepting(pki), time_anchors=(TrustAnchor.of(authority.parsed_root),)
    )
    verdict = Verifier(policy, AtHand(Pool())).verify(
        made, None, moment(pki) + timedelta(hours=1)
    )
    assert isinstance(verdict, Valid) == level.includes(Level.LT), verdict.reason
    assert len(verdict.proofs) == (
        len(checked.timestamps) if level.includes(Level.LT) else 0
    )
