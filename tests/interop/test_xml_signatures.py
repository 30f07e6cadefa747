"""XML that signxml signs with the card, by the key adapter; xmlsec1 judges."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree
from signxml.exceptions import InvalidSignature
from signxml.signer import XMLSigner
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier

from jpki.keys.card import open_card_signer
from jpki.keys.pyca import as_pyca_key
from jpki.model.purposes import Purpose
from jpki.x509.pem import pem
from tests.support.cards import NOW, PINS, issued_image

pytestmark = pytest.mark.needs("xmlsec1")

_FORM: Final = "<form><name>電子　花子</name><about>転入届</about></form>"
_THEN: Final = SignatureConfiguration(verification_time=NOW)
"""The test card's certificate is of another year."""
_KINDS: Final = {
    "my-number": ("rsa-sha256", "sha256"),
    "next-gen": ("ecdsa-sha384", "sha384"),
}


def _signed(file: Path, kind: str) -> tuple[bytes, bytes]:
    """The signed form, and the holder's certificate as PEM."""
    algorithm, digest = _KINDS[kind]
    pin = PINS[Purpose.SIGNATURE]
    with open_card_signer(f"card:file={file}", lambda: pin) as signer:
        certificate = pem(signer.certificate, "CERTIFICATE")
        made = XMLSigner(signature_algorithm=algorithm, digest_algorithm=digest).sign(
            etree.fromstring(_FORM),
            key=as_pyca_key(signer),
            cert=certificate.decode("ascii"),
        )
    return etree.tostring(made, encoding="utf-8"), certificate


def _judged(folder: Path, signed: bytes, certificate: bytes) -> int:
    """What xmlsec1 says of it: 0 is well."""
    xmlsec1 = shutil.which("xmlsec1")
    assert xmlsec1 is not None
    (folder / "signed.xml").write_bytes(signed)
    (folder / "own.pem").write_bytes(certificate)
    key = x509.load_pem_x509_certificate(certificate).public_key()
    octets = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "key.pem").write_bytes(octets)
    done = subprocess.run(
        [
            *(xmlsec1, "--verify", "--pubkey-pem", str(folder / "key.pem")),
            *("--enabled-key-data", "key-name,rsa,ecdsa"),
            str(folder / "signed.xml"),
        ],
        capture_output=True,
        check=False,
        timeout=60,
    )
    return done.returncode


@pytest.mark.parametrize("kind", list(_KINDS))
def test_a_card_signs_xml(tmp_path: Path, kind: str) -> None:
    """signxml and xmlsec1 verify it by the certificate; a changed letter is noticed."""
    file = tmp_path / "card.json"
    file.touch(0o600)
    file.write_bytes(issued_image(kind).content)
    signed, certificate = _signed(file, kind)
    told = XMLVerifier().verify(
        signed,
        x509_cert=certificate.decode("ascii"),
        expect_config=_THEN,
    )
    assert isinstance(told, VerifyResult)
    assert told.signed_xml is not None
    assert "".join(told.signed_xml.itertext()) == "電子　花子転入届"
    assert _judged(tmp_path, signed, certificate) == 0
    changed = signed.replace("転入届".encode(), "転出届".encode())
    assert changed != signed
    assert _judged(tmp_path, changed, certificate) != 0
    with pytest.raises(InvalidSignature):
        XMLVerifier().verify(
            changed,
            x509_cert=certificate.decode("ascii"),
            expect_config=_THEN,
        )
