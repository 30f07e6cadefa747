"""Evidence over real HTTP: fetched, kept, bounded; every failure becomes a note."""

from __future__ import annotations

import base64

import pytest

from jpki.der import oids
from jpki.der.reader import read_one
from jpki.errors import ServiceUnavailable
from jpki.verify import Gathered, Indeterminate, Issued, Pool, Valid, Verifier, client
from jpki.verify.client import OnlineEvidence
from jpki.x509.names import rfc4514
from jpki.x509.ocsp import TRY_LATER, error_response
from jpki.x509.parse import parse_certificate
from tests.support.reference_pki import ReferencePKI, reference_pki
from tests.support.verification import accepting, moment, signed
from tests.support.web_site import Site, serve_pki, site

__all__ = ["site"]

CONTENT = b"application"


def _source(site: Site) -> OnlineEvidence:
    return OnlineEvidence(
        certificates_url=f"{site.url}/certificates",
        crls_url=f"{site.url}/crls",
        ocsp_url=f"{site.url}/ocsp",
    )


@pytest.fixture
def pki() -> ReferencePKI:
    """The prefectural PKI."""
    return reference_pki("prefectural-sha256")


def test_everything_needed_is_fetched(site: Site, pki: ReferencePKI) -> None:
    """Certificates, the CRLs of the path's issuers, and OCSP make a valid verdict."""
    serve_pki(site, pki)
    verifier = Verifier(accepting(pki), _source(site))
    document = signed(pki, CONTENT)
    verdict = verifier.verify(document, CONTENT, moment(pki))
    assert isinstance(verdict, Valid), verdict.notes
    assert {found.kind for found in verdict.evidence} == {"crl", "ocsp"}
    assert site.seen.count("POST /ocsp") == 1


@pytest.mark.parametrize(("refusals", "asked"), [(1, 2), (9, 2)])
def test_try_later_is_asked_once_more(
    site: Site, pki: ReferencePKI, refusals: int, asked: int
) -> None:
    """Who is busy for a moment is asked again; who stays busy is left alone."""
    serve_pki(site, pki)
    answer = site.pages["/ocsp"]
    left = [(200, dict[str, str](), error_response(TRY_LATER))] * refusals
    site.pages["/ocsp"] = lambda headers, body: (
        left.pop() if left else answer(headers, body)
    )
    brought = _source(site).revocation([_issued(pki)])
    assert site.seen.count("POST /ocsp") == asked
    assert any("OCSP error 3" in note for note in brought.notes) == (refusals > 1)


def test_an_unchanged_crl_is_not_sent_again(site: Site, pki: ReferencePKI) -> None:
    """By its ETag; the very same parsed CRL is used."""
    serve_pki(site, pki)
    source = _source(site)
    issued = _issued(pki)
    first = list(source.revocation([issued]).pool.crls(pki.a.view.name))
    second = list(source.revocation([issued]).pool.crls(pki.a.view.name))
    assert len(first) == 1
    assert first[0] is second[0]
    site.list_at("/crls/a.crl", pki.crl(pki.b))
    assert not list(source.revocation([issued]).pool.crls(pki.a.view.name))


def _issued(pki: ReferencePKI) -> Issued:
    return Issued(
        certificate=parse_certificate(pki.certificates["signature"]),
        issuer_key=pki.a.parsed.public_key,
    )


def test_a_dead_network_leaves_the_verdict_open(pki: ReferencePKI) -> None:
    """Nothing answers: indeterminate or no path, and the notes say why."""
    dead = OnlineEvidence(
        certificates_url="http://127.0.0.1:1/certificates",
        crls_url="http://127.0.0.1:1/crls",
        ocsp_url="http://127.0.0.1:1/ocsp",
    )
    enclosed = Pool.from_der(certificates=pki.certificates.values())

    class Half:
        def certificates(self) -> Gathered:
            return Gathered(pool=enclosed)

        revocation = staticmethod(dead.revocation)

    verdict = Verifier(accepting(pki), Half()).verify(
        signed(pki, CONTENT), CONTENT, moment(pki)
    )
    assert isinstance(verdict, Indeterminate)
    assert any("no connection" in note for note in verdict.notes)
    assert dead.certificates().notes


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"crls": 1}', b'{"crls": [1]}', b"\xff", b"[" * 100_000],
)
def test_a_lying_list_is_a_note(site: Site, pki: ReferencePKI, body: bytes) -> None:
    """Whatever stands in place of the lists, nothing but notes comes of it."""
    site.page("/certificates", body)
    site.page("/crls", body)
    source = _source(site)
    assert source.certificates().notes
    assert source.revocation([_issued(pki)]).notes


@pytest.mark.parametrize(
    "path",
    ["http://127.0.0.2/crl", "//127.0.0.2/crl", "file:///etc/passwd", 7, None, "/404"],
)
def test_a_list_cannot_send_us_elsewhere(
    site: Site, pki: ReferencePKI, path: object
) -> None:
    """CRLs come from where their list is; anything else is a note."""
    issuer = rfc4514(pki.a.view.name)
    site.json("/crls", {"crls": [{"issuer": issuer, "path": path}]})
    gathered = _source(site).revocation([_issued(pki)])
    assert any(note.startswith("CRL") for note in gathered.notes)
    assert not list(gathered.pool.crls(pki.a.view.name))


def test_redirects_and_errors_are_not_followed(site: Site, pki: ReferencePKI) -> None:
    """A redirect, an error page and junk are notes."""
    for status, headers, body in (
        (302, {"Location": "/elsewhere"}, b""),
        (500, {}, b"oops"),
        (200, {}, b"junk"),
    ):
        site.page("/ocsp", body, status, **headers)
        gathered = _source(site).revocation([_issued(pki)])
        assert any(note.startswith("OCSP") for note in gathered.notes)
    assert "GET /elsewhere" not in site.seen


def test_answers_are_bounded(
    site: Site, pki: ReferencePKI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that is too long, or trickles for too long, is given up."""
    site.page("/certificates", b"x" * 2048)
    monkeypatch.setattr(client, "_MAX_INDEX", 1024)
    assert "too long" in _source(site).certificates().notes[0]
    monkeypatch.undo()
    monkeypatch.setattr(client, "_TRANSFER_SECONDS", -1.0)
    assert "too slow" in _source(site).certificates().notes[0]


def test_only_http_is_spoken() -> None:
    """No other kind of address is opened, whoever names it."""
    for url in ("file:///etc/passwd", "ftp://127.0.0.1/", "ldap://127.0.0.1/", "x"):
        notes = OnlineEvidence(certificates_url=url).certificates().notes
        assert ServiceUnavailable(url, "not an HTTP address").message in notes[0]
    assert OnlineEvidence().certificates().notes == ()


def test_the_list_that_a_certificate_names_is_fetched(
    site: Site, pki: ReferencePKI
) -> None:
    """Its shard alone; complete ones where no shard is named, or the name is junk."""
    serve_pki(site, pki)
    issued = _issued(pki)
    value = issued.certificate.extension(oids.CRL_DISTRIBUTION_POINTS)
    assert value is not None
    point = read_one(value, 0x30).enter().next(0x30).enter().next(0xA0).raw
    other = point[:-1] + bytes([point[-1] ^ 1])
    issuer = rfc4514(pki.a.view.name)

    def fetched(*points: object) -> list[str]:
        site.json(
            "/crls",
            {
                "crls": [
                    {"issuer": issuer, "path": f"/crls/{n}.crl", "point": each}
                    for n, each in enumerate(points)
                ]
            },
        )
        site.seen.clear()
        _source(site).revocation([issued])
        return [page for page in site.seen if page.endswith(".crl")]

    def text(octets: bytes) -> str:
        return base64.b64encode(octets).decode("ascii")

    assert fetched(None, text(point), text(other)) == ["GET /crls/1.crl"]
    assert fetched(None, text(other), None) == ["GET /crls/0.crl", "GET /crls/2.crl"]
    assert fetched(None, "", 7, "!", [], {}) == ["GET /crls/0.crl"]
    assert fetched(text(point), text(point)) == ["GET /crls/0.crl", "GET /crls/1.crl"]
