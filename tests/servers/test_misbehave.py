"""Wrong on purpose: each fault is there, and neither we nor openssl fall for it."""

from __future__ import annotations

import base64
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from http.client import IncompleteRead
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from jpki import data
from jpki.authority.misbehaving import Fault, drawn
from jpki.authority.misbehaving.faults import ON_ANSWERS, ON_LISTS, ON_THE_WAY
from jpki.authority.remote.client import IssuedCertificate
from jpki.documents.cms import sign_detached
from jpki.errors import ConfigurationError
from jpki.model.ports import Signer
from jpki.model.suites import Digest
from jpki.service.settings import load
from jpki.verify import (
    AtHand,
    EraAlgorithms,
    Indeterminate,
    Invalid,
    Outcome,
    Pool,
    Together,
    TrustAnchor,
    Valid,
    VerificationPolicy,
    Verifier,
)
from jpki.verify.client import OnlineEvidence
from jpki.x509.ocsp import Good, build_request, cert_id, parse_response
from jpki.x509.parse import parse_certificate, parse_crl
from jpki.x509.pem import pem
from jpki.x509.signatures import verify_signature
from tests.support.installation import (
    GOVERNOR,
    SERVERS,
    Installation,
    Reply,
    founded_installation,
    new_key,
    send,
    within,
)

_OCSP = {"Content-Type": "application/ocsp-request"}
_CONTENT = b"application"
_QUICK = sorted(
    (fault for fault in ON_ANSWERS if fault is not Fault.SLOW), key=lambda f: f.value
)
_HARMLESS = {Fault.NO_NONCE, Fault.WRONG_NONCE, Fault.FALSE_GOOD, Fault.WRONG_TYPE}
"""Without a nonce in the request; of a good certificate; and of a careless server."""


@dataclass(kw_only=True)
class Site:
    """A test system, with one good and one revoked certificate each."""

    installation: Installation
    good: IssuedCertificate
    bad: IssuedCertificate
    keys: dict[int, Signer]
    """By serial number."""

    @property
    def port(self) -> int:
        """Of the revocation service."""
        return self.installation.settings.revocation.port

    def request(self, serial: int, nonce: bytes | None = None) -> bytes:
        """An OCSP request."""
        issuer = self.installation.issuer
        entry = cert_id(issuer.subject_der, issuer.public_key, serial, Digest.SHA1)
        return build_request([entry], nonce)

    def ocsp(self, word: str, serial: int, nonce: bytes | None = None) -> Reply:
        """By POST."""
        path = f"/misbehave/{word}/ocsp"
        return send(self.port, "POST", path, self.request(serial, nonce), _OCSP)

    def crl(self, word: str, kind: str = "crl") -> Reply:
        """The governor's list for residents."""
        path = f"/misbehave/{word}/crls/{GOVERNOR}/1/crl.{kind}"
        return send(self.port, "GET", path)

    def list(self) -> bytes:
        """The governor's list in force."""
        return send(self.port, "GET", f"/crls/{GOVERNOR}/1/crl.crl").body

    def verdict(
        self, issued: IssuedCertificate, word: str, *crls: bytes, ocsp: bool = True
    ) -> Outcome:
        """What a verifier says whose OCSP has this fault, with these CRLs at hand."""
        anchor = parse_certificate(issued.authority_certificate)
        url = f"http://127.0.0.1:{self.port}/misbehave/{word}/ocsp"
        source = Together(
            (
                AtHand(Pool.from_der(crls=crls)),
                *([OnlineEvidence(ocsp_url=url)] if ocsp else []),
            )
        )
        policy = VerificationPolicy(
            anchors=(TrustAnchor.of(anchor),),
            policies=frozenset({data.topology().governor_policy}),
            algorithms=EraAlgorithms(data.era("prefectural-sha256")),
        )
        at = self.installation.clock()
        document = sign_detached(
            _CONTENT, issued.certificate, self.keys[issued.serial], at
        )
        return Verifier(policy, source).verify(document, _CONTENT, at)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running test system that misbehaves when it is asked to."""
    with founded_installation(tmp_path_factory.mktemp("wrong") / "site") as made:
        config = made.layout.config
        text = config.read_text().replace(
            "[revocation]", "[revocation]\nmisbehave = true"
        )
        with pytest.raises(ConfigurationError, match="wrong on purpose"):
            config.write_text(text)
            load(config)
        config.write_text(text.replace("[common]", "[common]\ntest_system = true"))
        made.start(*SERVERS)
        good_key, bad_key = new_key(), new_key()
        good, bad = made.certified(key=good_key), made.certified(key=bad_key)
        made.client().revoke(GOVERNOR, bad.serial, "keyCompromise", "test")
        keys = {good.serial: good_key, bad.serial: bad_key}
        yield Site(installation=made, good=good, bad=bad, keys=keys)


def _single(reply: Reply) -> Any:
    basic = parse_response(reply.body).basic
    assert basic is not None
    return basic.responses[0]


def test_an_ordinary_server_has_no_such_addresses(installation: Installation) -> None:
    """Nothing is wrong on purpose unless the settings say so."""
    port = installation.settings.revocation.port
    assert send(port, "GET", "/misbehave").status == 404
    assert send(port, "POST", "/misbehave/stale/ocsp", b"x", _OCSP).status == 404


def test_the_ordinary_addresses_are_right(site: Site) -> None:
    """On the same server."""
    told = send(site.port, "POST", "/ocsp", site.request(site.good.serial), _OCSP)
    assert _single(told).cert_id.serial == site.good.serial
    assert send(site.port, "GET", "/misbehave").document == {
        "ocsp": sorted(fault.value for fault in ON_ANSWERS),
        "crls": sorted(fault.value for fault in ON_LISTS),
    }


@pytest.mark.parametrize("fault", _QUICK, ids=lambda fault: fault.value)
def test_we_do_not_fall_for_it(site: Site, fault: Fault) -> None:
    """A good certificate becomes indeterminate where the fault can be noticed."""
    verdict = site.verdict(site.good, fault.value)
    if fault in _HARMLESS:
        assert isinstance(verdict, Valid)
    else:
        assert isinstance(verdict, Indeterminate), fault


def test_a_false_good_does_not_outweigh_a_list(site: Site) -> None:
    """A certificate that a list has is revoked, whatever OCSP says."""

    def listed() -> bool:
        return parse_crl(site.list()).find(site.bad.serial) is not None

    assert within(15, listed)
    said = site.ocsp("false-good", site.bad.serial)
    assert _single(said).status == Good()
    assert isinstance(site.verdict(site.bad, "false-good"), Valid)
    assert isinstance(site.verdict(site.bad, "false-good", site.list()), Invalid)


@pytest.mark.needs("openssl")
@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault.STALE, "WARNING: Status times invalid"),
        (Fault.EARLY, "WARNING: Status times invalid"),
        (Fault.BAD_SIGNATURE, "Response Verify Failure"),
        (Fault.EXPIRED_DELEGATE, "Response Verify Failure"),
        (Fault.FOREIGN_DELEGATE, "Response Verify Failure"),
        (Fault.NO_DELEGATE, "Response Verify Failure"),
        (Fault.WRONG_NONCE, "Nonce Verify error"),
        (Fault.NO_NONCE, "WARNING: no nonce in response"),
        (Fault.OTHER_CERTIFICATE, "ERROR: No Status found"),
        (Fault.TRY_LATER, "trylater"),
        (Fault.UNAUTHORIZED, "unauthorized"),
        (Fault.FALSE_GOOD, ": good"),
        (Fault.JUNK, "Error querying OCSP responder"),
        (Fault.EMPTY, "Error querying OCSP responder"),
        (Fault.ERROR, "Error querying OCSP responder"),
        (Fault.TRUNCATED, "Error querying OCSP responder"),
    ],
    ids=lambda value: value.value if isinstance(value, Fault) else "",
)
def test_openssl_notices_it(
    site: Site, tmp_path: Path, fault: Fault, says: str
) -> None:
    """Another client, with a nonce, finds each fault where we say that it is."""
    issuer, certificate = tmp_path / "issuer.pem", tmp_path / "certificate.pem"
    issuer.write_bytes(pem(site.good.authority_certificate, "CERTIFICATE"))
    certificate.write_bytes(pem(site.good.certificate, "CERTIFICATE"))
    url = f"http://127.0.0.1:{site.port}/misbehave/{fault.value}/ocsp"
    line = ["openssl", "ocsp", "-issuer", str(issuer), "-cert", str(certificate)]
    line += ["-CAfile", str(issuer), "-url", url, "-nonce", "-timeout", "5"]
    told = subprocess.run(line, capture_output=True, text=True, check=False)
    assert says in told.stdout + told.stderr


def test_lists_have_their_faults(site: Site) -> None:
    """Each is readable, and wrong in its one way."""
    at = site.installation.clock()
    key = site.installation.issuer.public_key
    current = parse_crl(site.list())

    def got(word: str) -> Any:
        reply = site.crl(word)
        assert reply.status == 200
        assert reply.headers["jpki-misbehaviour"] == word
        assert reply.headers["cache-control"] == "no-store"
        return parse_crl(reply.body)

    def holds(crl: Any) -> bool:
        return verify_signature(key, crl.signature_algorithm, crl.signature, crl.tbs)

    stale, early, low = got("stale"), got("early"), got("wrong-number")
    assert stale.next_update < at - timedelta(hours=23)
    assert early.this_update > at + timedelta(minutes=50)
    assert (low.number, low.this_update >= current.this_update) == (1, True)
    empty = got("empty-list")
    assert len(empty) == 0
    assert empty.number > current.number
    assert all(map(holds, (stale, early, low, empty)))
    forged = got("bad-signature")
    assert not holds(forged)
    assert got("wrong-list").issuing_distribution_point != (
        current.issuing_distribution_point
    )
    assert site.crl("stale", "pem").body.startswith(b"-----BEGIN X509 CRL-----")


@pytest.mark.parametrize("word", ["stale", "early", "bad-signature", "wrong-list"])
def test_we_do_not_fall_for_wrong_lists(site: Site, word: str) -> None:
    """With nothing else at hand the verdict is open."""
    crl = site.crl(word).body
    verdict = site.verdict(site.good, "try-later", crl, ocsp=False)
    assert isinstance(verdict, Indeterminate)
    right = site.list()
    assert isinstance(site.verdict(site.good, "try-later", right, ocsp=False), Valid)
    assert not isinstance(site.verdict(site.bad, "stale", crl, ocsp=False), Valid)


def test_faults_on_the_way(site: Site) -> None:
    """A body that breaks off, drips, or is no answer."""
    with pytest.raises(IncompleteRead):
        site.crl("truncated")
    assert site.crl("error").status == 500
    assert site.crl("empty").body == b""
    assert site.ocsp("wrong-type", site.good.serial).headers["content-type"] == (
        "text/html; charset=utf-8"
    )
    began = time.monotonic()
    slow = site.ocsp("slow", site.good.serial)
    assert time.monotonic() - began > 5
    assert _single(slow).cert_id.serial == site.good.serial


def test_by_get_and_with_a_nonce(site: Site) -> None:
    """Faults go with either method."""
    nonce = bytes(range(32))
    asked = quote(base64.b64encode(site.request(site.good.serial, nonce)), safe="")
    told = send(site.port, "GET", f"/misbehave/wrong-nonce/ocsp/{asked}")
    basic = parse_response(told.body).basic
    assert basic is not None
    assert basic.nonce is not None
    assert basic.nonce != nonce
    assert len(basic.nonce) == len(nonce)


def test_a_seed_draws_the_same_faults_each_time(site: Site) -> None:
    """In an order that is known in advance, for lists and answers."""
    expected = [drawn("7b", number, ON_LISTS) for number in range(12)]
    assert len(set(expected)) > 4
    for fault in expected:
        if fault is Fault.TRUNCATED:
            with pytest.raises(IncompleteRead):
                site.crl("seed-7b")
        else:
            assert site.crl("seed-7b").headers["jpki-misbehaviour"] == fault.value
    words = {drawn(str(seed), 0, ON_ANSWERS) for seed in range(400)}
    assert words == ON_ANSWERS


@pytest.mark.parametrize(
    "path",
    [
        "/misbehave/none/crls/governor-08/1/crl.crl",
        "/misbehave/no-nonce/crls/governor-08/1/crl.crl",
        "/misbehave/stale/crls/governor-08/1/other.crl",
        "/misbehave/stale/crls/governor-99/1/crl.crl",
        "/misbehave/stale/crls/governor-08/1/crl.txt",
        "/misbehave/wrong-number/ocsp/AAAA",
    ],
)
def test_what_cannot_be_wrong(site: Site, path: str) -> None:
    """Names that are none, or of the other kind, are not found."""
    assert send(site.port, "GET", path).status == 404


def test_what_is_no_request(site: Site) -> None:
    """Is malformed, as everywhere."""
    told = send(site.port, "POST", "/misbehave/stale/ocsp", b"junk", _OCSP)
    assert parse_response(told.body).status == 1


def test_nothing_wrong_is_in_the_books(site: Site) -> None:
    """After all of it the books agree with the log."""
    assert ON_THE_WAY
    site.installation.check_books()
