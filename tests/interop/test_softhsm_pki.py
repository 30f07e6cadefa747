"""A whole PKI whose keys never leave a token; OpenSSL judges what they signed."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import pkcs11
import pytest
from pkcs11 import Attribute, ObjectClass

from jpki import data
from jpki.authority import (
    Office,
    authority_certificates,
    certify_responder,
    enrol_operator,
    publish_due,
)
from jpki.authority.answering.responder import Responder
from jpki.authority.office.keyrings import TokenKeyring
from jpki.keys.memory import generate_key
from jpki.keys.pkcs11.uri import parse_pkcs11_uri
from jpki.model.suites import Digest, suite
from jpki.store import AuthorityStore
from jpki.store.authority_records import ListName
from jpki.x509.ocsp import build_request, cert_id
from jpki.x509.parse import parse_certificate
from jpki.x509.pem import pem
from tests.support.offices import (
    COUNTER,
    FOUNDING,
    GOVERNOR,
    OPERATOR,
    TARO,
    Register,
    certify,
    filed,
    new_office,
    small_era,
)
from tests.support.tokens import SOFTHSM, SoftHSM, TestToken

pytestmark = [pytest.mark.needs("softhsm"), pytest.mark.needs("openssl")]

P384: Final = "p384-sha384"
LATER: Final = FOUNDING + timedelta(hours=1)
_ATTIME: Final = ("-attime", str(int(LATER.timestamp())))


@dataclass(frozen=True, slots=True)
class PKI:
    """What was founded, certified and published."""

    token: TestToken
    office: Office
    resident: bytes

    def own(self, authority: str) -> bytes:
        """The self-signed certificate of an authority."""
        (found,) = (
            known.certificate
            for known in authority_certificates(self.office)
            if known.authority == authority and known.self_signed
        )
        return found


@pytest.fixture(scope="module", params=["rsa2048-sha256", P384])
def pki(
    request: pytest.FixtureRequest,
    softhsm: SoftHSM,
    tmp_path_factory: pytest.TempPathFactory,
) -> PKI:
    """Two authorities that certified each other, a responder, a clerk, a resident."""
    token = softhsm.new_token()
    folder = tmp_path_factory.mktemp("pki")
    store = AuthorityStore(f"sqlite:///{folder}/authority.sqlite")
    store.migrate()
    register = Register()
    register.add(TARO)
    wanted = suite(request.param)
    rules = dict(data.era("prefectural-sha256").rules)
    # P-384 is of a later era; here it may do in 2014 what RSA did.
    rules[P384] = replace(
        data.era("next-gen").rules[P384], windows=rules["rsa2048-sha256"].windows
    )
    era = replace(small_era(wanted), rules=rules)
    office = new_office(store, register, keyring=TokenKeyring(token.open()), era=era)
    clerk = replace(COUNTER, public_key=generate_key(wanted).public_key)
    enrol_operator(office, GOVERNOR, clerk, at=FOUNDING, by=OPERATOR)
    certify_responder(office, GOVERNOR, at=FOUNDING, by=OPERATOR)
    issued = certify(office, filed(office), generate_key(wanted))
    publish_due(office, at=FOUNDING)
    return PKI(token, office, issued.certificate)


def openssl(folder: Path, *arguments: str, **files: bytes) -> str:
    """What OpenSSL says; it must be content."""
    for name, der in files.items():
        kind = "X509 CRL" if name == "crl" else "CERTIFICATE"
        (folder / name).write_bytes(der if name == "answer" else pem(der, kind))
    done = subprocess.run(
        ["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_resident_under_a_crl(pki: PKI, tmp_path: Path) -> None:
    """Certificate and CRL verify under the governor's key."""
    with pki.office.store.read() as uow:
        current = uow.crls.standing(ListName(GOVERNOR, 1, "crl"))
        assert current is not None
        octets = uow.crls.bytes_of(current)
    openssl(
        tmp_path,
        *("verify", "-x509_strict", "-check_ss_sig", *_ATTIME, "-crl_check"),
        *("-CAfile", "issuer", "-CRLfile", "crl", "resident"),
        issuer=pki.own(GOVERNOR),
        resident=pki.resident,
        crl=octets,
    )


def test_an_answer_of_the_responder(pki: PKI, tmp_path: Path) -> None:
    """The delegated responder's key signs on the token as well."""
    issuer = parse_certificate(pki.own(GOVERNOR))
    serial = parse_certificate(pki.resident).serial
    asked = cert_id(issuer.subject_der, issuer.public_key, serial, Digest.SHA1)
    responder = Responder(pki.office, timedelta(hours=2))
    said = openssl(
        tmp_path,
        *("ocsp", "-respin", "answer", "-issuer", "issuer", "-cert", "resident"),
        *("-CAfile", "issuer", *_ATTIME, "-validity_period", "999999999"),
        answer=responder.answer(build_request([asked]), LATER).body,
        issuer=pki.own(GOVERNOR),
        resident=pki.resident,
    )
    assert "Response verify OK" in said
    assert "resident: good" in said


def test_cross_certificates(pki: PKI, tmp_path: Path) -> None:
    """Each authority's signature over the other's key verifies."""
    found = [
        known for known in authority_certificates(pki.office) if not known.self_signed
    ]
    assert {known.authority for known in found} == {GOVERNOR, "bridge"}
    for cross in found:
        openssl(
            tmp_path,
            *("verify", *_ATTIME, "-CAfile", "anchor", "cross"),
            anchor=pki.own(cross.authority),
            cross=cross.certificate,
        )


def test_no_key_can_leave(pki: PKI) -> None:
    """Every key of the books was made on the token and never was extractable."""
    with pki.office.store.read() as uow:
        uris = [generation.key_uri for generation in uow.authorities.every_generation()]
        uris += [
            responder.key_uri for responder in uow.authorities.responders(GOVERNOR)
        ]
    assert len(uris) == 3
    module = pkcs11.lib(SOFTHSM)
    with module.get_token(token_label=pki.token.label).open() as session:
        for uri in uris:
            label = parse_pkcs11_uri(uri).label
            key = session.get_key(ObjectClass.PRIVATE_KEY, label=label)
            assert key[Attribute.NEVER_EXTRACTABLE]
            assert key[Attribute.ALWAYS_SENSITIVE]
