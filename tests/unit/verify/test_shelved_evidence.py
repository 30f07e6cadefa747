"""Evidence from the shelf: what is asked again, what serves meanwhile, and what not."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from jpki.model.revocation import Revocation, RevocationReason
from jpki.verify import Indeterminate, Invalid, Issued, Outcome, Valid, Verifier
from jpki.verify.client import OnlineEvidence
from jpki.verify.shelf import Shelf
from jpki.x509.ocsp import parse_request
from jpki.x509.parse import parse_certificate
from tests.support.reference_pki import ReferencePKI, reference_pki
from tests.support.verification import accepting, moment, signed
from tests.support.web_site import Answer, Site, serve_pki, site

__all__ = ["site"]

CONTENT = b"application"


@pytest.fixture
def pki() -> ReferencePKI:
    """The prefectural PKI."""
    return reference_pki("prefectural-sha256")


@dataclass
class Desk:
    """A verifier with a shelf, whose clock is turned by hand."""

    site: Site
    pki: ReferencePKI
    folder: Path
    now: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.now = moment(self.pki)
        serve_pki(self.site, self.pki)

    def source(
        self,
        *,
        offline: bool = False,
        patience: timedelta | None = None,
        ask_again: bool = False,
        token: str | None = None,
    ) -> OnlineEvidence:
        """A new process's."""
        return OnlineEvidence(
            certificates_url=f"{self.site.url}/certificates",
            crls_url=f"{self.site.url}/crls",
            ocsp_url=f"{self.site.url}/ocsp",
            shelf=Shelf(self.folder),
            clock=lambda: self.now,
            offline=offline,
            patience=patience,
            ask_again=ask_again,
            token=token,
        )

    def verdict(self, source: OnlineEvidence | None = None) -> Outcome:
        """On a signed document, now."""
        verifier = Verifier(accepting(self.pki), source or self.source())
        document = signed(self.pki, CONTENT)
        return verifier.verify(document, CONTENT, self.now)

    def break_down(self) -> None:
        """Nothing is there any more: every page is an error."""
        for path in self.site.pages:
            self.site.page(path, b"", 503)


@pytest.fixture
def desk(site: Site, pki: ReferencePKI, tmp_path: Path) -> Desk:
    """Everything is served, nothing is shelved."""
    return Desk(site, pki, tmp_path / "shelf")


def test_the_second_process_asks_less(desk: Desk) -> None:
    """No OCSP while the answer holds; lists by their ETag."""
    assert isinstance(desk.verdict(), Valid)
    asked = desk.site.seen.count("POST /ocsp")
    assert asked == 1
    sent = desk.site.sent
    assert isinstance(desk.verdict(), Valid)
    assert desk.site.seen.count("POST /ocsp") == 1
    lists = [code for code, path in desk.site.codes if path.endswith(".crl")]
    assert lists[len(lists) // 2 :] == [304] * (len(lists) // 2)
    assert desk.site.sent - sent < sent
    assert isinstance(desk.verdict(desk.source(ask_again=True)), Valid)
    assert desk.site.seen.count("POST /ocsp") == 2


def test_without_the_network_the_shelf_serves(desk: Desk) -> None:
    """With a note since when; not beyond nextUpdate, and not beyond patience."""
    desk.verdict()
    desk.break_down()
    told = desk.verdict()
    assert isinstance(told, Valid)
    assert any("; the CRL of " in note for note in told.notes)
    desk.now += timedelta(minutes=2)
    short = desk.verdict(desk.source(patience=timedelta(minutes=1)))
    assert not any("; the CRL of " in note for note in short.notes)
    desk.now += timedelta(days=30)
    assert isinstance(desk.verdict(), Indeterminate)


def test_offline_nobody_is_asked(desk: Desk) -> None:
    """And what is not on the shelf is not there."""
    seen = len(desk.site.seen)
    nothing = desk.verdict(desk.source(offline=True))
    assert not isinstance(nothing, Valid)
    assert len(desk.site.seen) == seen
    desk.verdict()
    seen = len(desk.site.seen)
    assert isinstance(desk.verdict(desk.source(offline=True)), Valid)
    assert len(desk.site.seen) == seen
    desk.now += timedelta(days=30)
    assert isinstance(desk.verdict(desk.source(offline=True)), Indeterminate)


def test_a_revocation_arrives_by_the_list(desk: Desk) -> None:
    """A shelved OCSP answer says good; the newer list outweighs it."""
    assert isinstance(desk.verdict(), Valid)
    serial = parse_certificate(desk.pki.certificates["signature"]).serial
    revocation = Revocation(
        serial=serial, at=desk.pki.at, reason=RevocationReason.KEY_COMPROMISE
    )
    desk.site.list_at("/crls/a.crl", desk.pki.crl(desk.pki.a, revocation))
    assert isinstance(desk.verdict(), Invalid)


def test_an_older_list_does_not_replace_a_newer_one(desk: Desk) -> None:
    """Who plays old lists back changes nothing."""
    serial = parse_certificate(desk.pki.certificates["signature"]).serial
    revocation = Revocation(
        serial=serial, at=desk.pki.at, reason=RevocationReason.KEY_COMPROMISE
    )
    old = desk.pki.crl(desk.pki.a)
    newer = desk.pki.crl(desk.pki.a, revocation, after=timedelta(hours=1, minutes=1))
    desk.site.list_at("/crls/a.crl", newer)
    assert isinstance(desk.verdict(), Invalid)
    desk.site.list_at("/crls/a.crl", old)
    told = desk.verdict()
    assert isinstance(told, Invalid)
    assert any("older than the one on the shelf" in note for note in told.notes)


@pytest.mark.parametrize("role", ["crl", "arl"])
def test_a_list_from_elsewhere_does_not_stay(desk: Desk, role: str) -> None:
    """One of tomorrow, or about something else, that the authority has signed."""
    later = timedelta(days=1) if role == "crl" else timedelta(hours=1, minutes=1)
    other = desk.pki.crl(desk.pki.a, role=role, after=later)
    desk.site.list_at("/crls/a.crl", other)
    desk.verdict()
    serial = parse_certificate(desk.pki.certificates["signature"]).serial
    revocation = Revocation(
        serial=serial, at=desk.pki.at, reason=RevocationReason.KEY_COMPROMISE
    )
    desk.site.list_at("/crls/a.crl", desk.pki.crl(desk.pki.a, revocation))
    assert isinstance(desk.verdict(), Invalid)


def test_what_nobody_signed_is_not_shelved(desk: Desk) -> None:
    """Junk on the way spoils one verdict, and none after it."""
    serve_pki(desk.site, desk.pki)
    good = desk.site.pages["/ocsp"]

    def forged(headers: dict[str, str], body: bytes) -> Answer:
        status, fields, content = good(headers, body)
        middle = bytes([content[-700] ^ 1])
        return status, fields, content[:-700] + middle + content[-699:]

    desk.site.pages["/ocsp"] = forged
    forged_list = bytearray(desk.pki.crl(desk.pki.a))
    forged_list[-1] ^= 1
    desk.site.list_at("/crls/a.crl", bytes(forged_list))
    assert not isinstance(desk.verdict(), Valid)
    serve_pki(desk.site, desk.pki)
    assert isinstance(desk.verdict(), Valid)


def test_an_answer_about_another_is_not_shelved(desk: Desk) -> None:
    """Nor one about nothing, nor one that has ended."""
    (issued,) = [
        Issued(
            certificate=parse_certificate(desk.pki.certificates["signature"]),
            issuer_key=desk.pki.a.parsed.public_key,
        )
    ]
    source = desk.source()
    good = desk.site.pages["/ocsp"]

    def other(_headers: dict[str, str], body: bytes) -> Answer:
        (asked,) = parse_request(body).entries
        changed = type(asked)(
            hash_oid=asked.hash_oid,
            issuer_name_hash=asked.issuer_name_hash,
            issuer_key_hash=asked.issuer_key_hash,
            serial=asked.serial + 1,
        )
        return 200, {}, desk.pki.ocsp(asked=changed)

    desk.site.pages["/ocsp"] = other
    source.revocation([issued])
    source.revocation([issued])
    assert desk.site.seen.count("POST /ocsp") == 2
    desk.site.pages["/ocsp"] = good
    source.revocation([issued])
    source.revocation([issued])
    assert desk.site.seen.count("POST /ocsp") == 3
    desk.now += timedelta(days=30)
    source.revocation([issued])
    source.revocation([issued])
    assert desk.site.seen.count("POST /ocsp") == 5


def test_max_age_spares_the_question(desk: Desk) -> None:
    """Within it one process asks once; then again, conditionally."""
    desk.site.list_at("/crls/a.crl", desk.pki.crl(desk.pki.a), max_age=60)
    source = desk.source()
    for _ in range(3):
        desk.verdict(source)
    assert desk.site.seen.count("GET /crls/a.crl") == 1
    desk.now += timedelta(seconds=61)
    desk.verdict(source)
    assert desk.site.seen.count("GET /crls/a.crl") == 2


def test_a_damaged_shelf_heals(desk: Desk) -> None:
    """What was altered is fetched whole, not asked for by its ETag."""
    assert isinstance(desk.verdict(), Valid)
    for path in desk.folder.iterdir():
        content = bytearray(path.read_bytes())
        content[len(content) // 3] ^= 1
        path.write_bytes(content)
    assert isinstance(desk.verdict(), Valid)
    assert isinstance(desk.verdict(desk.source(offline=True)), Valid)


def test_a_token_goes_to_the_service_only(desk: Desk) -> None:
    """Not to the authorities, nor to whom a certificate names."""
    desk.verdict(desk.source(token="secret"))
    shown = {path for path, token in desk.site.tokens if token == "Bearer secret"}
    assert "/ocsp" in shown
    assert "/crls/a.crl" in shown
    other = OnlineEvidence(
        certificates_url=f"{desk.site.url}/certificates", token="secret"
    )
    desk.site.tokens.clear()
    other.certificates()
    assert desk.site.tokens == [("/certificates", None)]
