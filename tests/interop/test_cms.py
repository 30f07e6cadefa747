"""Other people's programs judge our CMS signatures, and we judge theirs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from asn1crypto import cms
from pyhanko.sign.general import find_unique_cms_attribute
from pyhanko.sign.validation.generic_cms import validate_sig_integrity

from jpki.documents.cms import check_signer, parse_signed_data, sign_detached
from jpki.errors import DocumentError
from jpki.keys.card import CardSigner
from jpki.keys.memory import generate_key
from jpki.model.suites import suite
from tests.support.cards import (
    NOW,
    PASSWORD,
    SIGNATURE,
    certificate,
    issued_image,
    session_on,
)
from tests.support.openssl_cms import CONTENT, openssl_accepts, openssl_signed

CARDS = [
    ("juki", "rsa1024-sha1"),
    ("juki", "rsa2048-sha256"),
    ("my-number", "rsa2048-sha256"),
]


def card_signer(type_id: str, suite_id: str) -> CardSigner:
    session = session_on(issued_image(type_id, suite_id))
    return CardSigner(session, SIGNATURE, lambda: PASSWORD)


@pytest.mark.needs("openssl")
@pytest.mark.parametrize(("type_id", "suite_id"), CARDS)
def test_openssl_accepts_what_a_card_signed(
    tmp_path: Path, type_id: str, suite_id: str
) -> None:
    """OpenSSL verifies signature and CAdES binding, and notices a changed content."""
    signer = card_signer(type_id, suite_id)
    signed = sign_detached(CONTENT, signer.certificate, signer, NOW)
    assert openssl_accepts(tmp_path, signed, CONTENT, signer.certificate)
    assert not openssl_accepts(tmp_path, signed, CONTENT + b" ", signer.certificate)


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("suite_id", ["rsa2048-sha1", "p256-sha256", "p384-sha384"])
def test_openssl_accepts_other_suites(tmp_path: Path, suite_id: str) -> None:
    """The other suites that OpenSSL 3.0 knows are accepted too."""
    signer = generate_key(suite(suite_id))
    own = certificate(signer.public_key, signer, "Signer")
    signed = sign_detached(CONTENT, own, signer, NOW)
    assert openssl_accepts(tmp_path, signed, CONTENT, own)


@pytest.mark.parametrize(("type_id", "suite_id"), [*CARDS, ("juki", "rsa1024-sha1")])
def test_asn1crypto_reads_the_same(type_id: str, suite_id: str) -> None:
    """An independent parser finds the same parts, and re-encodes to the same octets."""
    signer = card_signer(type_id, suite_id)
    signed = sign_detached(CONTENT, signer.certificate, signer, NOW)
    (ours,) = parse_signed_data(signed).signers
    info = cms.ContentInfo.load(signed, strict=True)
    data = info["content"]
    theirs = data["signer_infos"][0]
    assert info.dump(force=True) == signed
    assert data["encap_content_info"]["content_type"].native == "data"
    assert data["certificates"][0].chosen.dump() == signer.certificate
    assert theirs["sid"].chosen["serial_number"].native == ours.serial
    assert theirs["sid"].chosen["issuer"].dump() == ours.issuer_der
    assert theirs["signature"].native == ours.signature
    attributes = theirs["signed_attrs"]
    assert attributes.untag().dump() == ours.signed_attributes
    digest = find_unique_cms_attribute(attributes, "message_digest").native
    name = suite_id.rpartition("-")[2]
    assert digest == ours.message_digest == hashlib.new(name, CONTENT).digest()
    assert find_unique_cms_attribute(attributes, "signing_time").native == NOW
    bound = find_unique_cms_attribute(attributes, "signing_certificate_v2")
    hashed = bound["certs"][0]["cert_hash"].native
    assert hashed == hashlib.sha256(signer.certificate).digest()


@pytest.mark.parametrize(("type_id", "suite_id"), CARDS)
def test_pyhanko_agrees(type_id: str, suite_id: str) -> None:
    """pyHanko finds a card's signature intact and valid, and a changed one not."""
    signer = card_signer(type_id, suite_id)
    signed = sign_detached(CONTENT, signer.certificate, signer, NOW)
    data = cms.ContentInfo.load(signed)["content"]
    digest = suite_id.rpartition("-")[2]
    for content, expected in ((CONTENT, True), (b"other", False)):
        intact, valid = validate_sig_integrity(
            data["signer_infos"][0],
            data["certificates"][0].chosen,
            expected_content_type="data",
            actual_digest=hashlib.new(digest, content).digest(),
        )
        assert (intact, valid) == (expected, True)


@pytest.mark.needs("openssl")
@pytest.mark.parametrize(
    "options", [(), ("-cades",), ("-keyid",), ("-md", "sha512"), ("-nodetach",)]
)
def test_we_accept_what_openssl_signed(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    """OpenSSL's signatures, in its own shapes, check here; changed content does not."""
    signed, own = openssl_signed(tmp_path, *options)
    document = parse_signed_data(signed)
    (info,) = document.signers
    assert document.certificates == (own,)
    assert document.content == (CONTENT if "-nodetach" in options else None)
    check_signer(info, own, CONTENT)
    with pytest.raises(DocumentError):
        check_signer(info, own, CONTENT + b"!")


@pytest.mark.needs("openssl")
def test_we_refuse_signatures_without_attributes(tmp_path: Path) -> None:
    """Without signed attributes nothing binds the certificate: refused."""
    signed, _ = openssl_signed(tmp_path, "-noattr")
    with pytest.raises(DocumentError, match="without signed attributes"):
        parse_signed_data(signed)
