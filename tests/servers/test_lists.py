"""CRLs over real HTTP; pyca reads and verifies what comes."""

from __future__ import annotations

import gzip
import json
import re
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from jpki.authority.remote.client import IssuedCertificate
from tests.support.installation import GOVERNOR, Installation, Reply, send
from tests.support.list_asking import get, revoke_one

CRL: Final = f"/crls/{GOVERNOR}/1/crl.crl"
QUIET: Final = "/crls/governor-13/1/crl.crl"
"""A list that no test changes."""


@pytest.fixture(scope="module")
def revoked(installation: Installation) -> IssuedCertificate:
    """A certificate that was revoked before anybody asks."""
    return revoke_one(installation)


def number_of(crl: x509.CertificateRevocationList) -> int:
    """Its cRLNumber."""
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def list_with(installation: Installation, serial: int) -> Reply:
    """The list, once it carries this serial number."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        reply = get(installation, CRL)
        crl = x509.load_der_x509_crl(reply.body)
        if crl.get_revoked_certificate_by_serial_number(serial) is not None:
            return reply
        time.sleep(0.05)
    raise AssertionError("the revocation never came onto the list")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/", "http.no-such-path"),
        ("/crls/nobody/1/crl.crl", "not-found"),
        (f"/crls/{GOVERNOR}/2/crl.crl", "not-found"),
        (f"/crls/{GOVERNOR}/1/other.crl", "not-found"),
        (f"/crls/{GOVERNOR}/1/crl.txt", "not-found"),
        (f"/crls/{GOVERNOR}/x/crl.crl", "http.no-such-path"),
        (f"/crls/{GOVERNOR}/99999999999999999999999/crl.crl", "http.no-such-path"),
        (f"/crls//{GOVERNOR}/1/crl.crl", "http.no-such-path"),
        ("/crls/%2e%2e/1/crl.crl", "not-found"),
        (f"/crls/{GOVERNOR}/1/crl/1.crl", "not-found"),
        (f"/crls/{GOVERNOR}/1/crl/1.txt", "not-found"),
        (f"/crls/{GOVERNOR}/1/crl/x.crl", "http.no-such-path"),
        (f"/crls/{GOVERNOR}/1/crl/{10**30}.crl", "not-found"),
        (f"{CRL}?at=2001-01-01T00:00:00Z", "not-found"),
    ],
)
def test_what_is_not_there_is_not_found(
    installation: Installation, path: str, code: str
) -> None:
    """A problem document, as everywhere."""
    reply = get(installation, path)
    assert (reply.status, reply.document["code"]) == (404, code)
    assert reply.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("at", ["", "tomorrow", "2026-11-24T00:00:00", "2999-01-01"])
def test_an_instant_is_one_of_the_past(installation: Installation, at: str) -> None:
    """With its offset; nobody knows the lists to come."""
    reply = get(installation, f"{CRL}?at={at}")
    assert (reply.status, reply.document["code"]) == (400, "request")


def test_every_list_that_is_named_is_there(installation: Installation) -> None:
    """And pyca finds it signed by its issuer, current, and of its number."""
    listed = json.loads(get(installation, "/crls").body)["crls"]
    assert {(entry["authority"], entry["scope"]) for entry in listed} >= {
        (GOVERNOR, "crl"),
        ("governor-13", "crl"),
        ("bridge", "crl"),
    }
    for entry in listed:
        reply = get(installation, entry["path"])
        assert reply.headers["content-type"] == "application/pkix-crl"
        crl = x509.load_der_x509_crl(reply.body)
        with installation.office.store.read() as uow:
            key = uow.authorities.generation(entry["authority"], entry["generation"])
        public_key = serialization.load_der_public_key(key.public_key)
        assert isinstance(public_key, rsa.RSAPublicKey)
        assert crl.is_signature_valid(public_key)
        number = crl.extensions.get_extension_for_class(x509.CRLNumber)
        assert number.value.crl_number == entry["number"]
        assert crl.next_update_utc is not None
        assert crl.last_update_utc <= datetime.now(UTC) < crl.next_update_utc
        written = f"{crl.next_update_utc:%Y-%m-%dT%H:%M:%SZ}"
        assert written == entry["next_update"]


def test_a_revocation_comes_onto_the_list(
    installation: Installation, revoked: IssuedCertificate
) -> None:
    """With its reason, in a list of a higher number and another ETag."""
    before = list_with(installation, revoked.serial)
    issued = revoke_one(installation)
    after = list_with(installation, issued.serial)
    old, new = (x509.load_der_x509_crl(reply.body) for reply in (before, after))
    assert number_of(old) < number_of(new)
    assert before.headers["etag"] != after.headers["etag"]
    entry = new.get_revoked_certificate_by_serial_number(issued.serial)
    assert entry is not None
    reason = entry.extensions.get_extension_for_class(x509.CRLReason)
    assert reason.value.reason is x509.ReasonFlags.key_compromise


# -- conditions, caches, parts --------------------------------------------------------


def test_a_list_that_is_known_is_not_sent_again(installation: Installation) -> None:
    """By ETag or by date; another one is."""
    reply = get(installation, QUIET)
    for field, name in (
        ("If-None-Match", "etag"),
        ("If-Modified-Since", "last-modified"),
    ):
        again = get(installation, QUIET, {field: reply.headers[name]})
        assert (again.status, again.body) == (304, b"")
        for kept in ("etag", "vary"):
            assert again.headers[kept] == reply.headers[kept]
        assert "cache-control" in again.headers
        assert "content-type" not in again.headers
    assert get(installation, QUIET, {"If-None-Match": '"other"'}).body == reply.body
    assert get(installation, QUIET, {"If-Match": '"other"'}).status == 412
    assert reply.headers["last-modified"].endswith(" GMT")


def test_caches_give_a_list_for_a_minute_unless_they_cannot_ask(
    installation: Installation,
) -> None:
    """A newer one may come at any moment; after nextUpdate nobody gives it at all."""
    reply = get(installation, QUIET)
    crl = x509.load_der_x509_crl(reply.body)
    fields = dict(
        part.strip().partition("=")[::2]
        for part in reply.headers["cache-control"].split(",")
    )
    assert fields["max-age"] == "60"
    assert {"public", "no-transform"} <= fields.keys()
    assert crl.next_update_utc is not None
    date = parsedate_to_datetime(reply.headers["date"])
    end = date + timedelta(seconds=60 + int(fields["stale-if-error"]))
    assert abs(end - crl.next_update_utc) <= timedelta(seconds=2)


def test_a_list_can_be_fetched_in_parts(installation: Installation) -> None:
    """After a broken download, and several at once; none beyond the end."""
    whole = get(installation, QUIET)
    size = len(whole.body)
    assert whole.headers["accept-ranges"] == "bytes"
    part = get(installation, QUIET, {"Range": "bytes=10-19"})
    assert (part.status, part.body) == (206, whole.body[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{size}"
    rest = {"Range": "bytes=20-", "If-Range": whole.headers["etag"]}
    assert get(installation, QUIET, rest).body == whole.body[20:]
    for other in ('"other"', whole.headers["last-modified"]):
        stale = get(installation, QUIET, {"Range": "bytes=20-", "If-Range": other})
        assert (stale.status, stale.body) == (200, whole.body)
    beyond = get(installation, QUIET, {"Range": f"bytes={size}-"})
    assert (beyond.status, beyond.document["code"]) == (
        416,
        "http.range-not-satisfiable",
    )
    assert beyond.headers["content-range"] == f"bytes */{size}"
    several = get(installation, QUIET, {"Range": "bytes=0-3, -4"})
    match = re.fullmatch(
        r"multipart/byteranges; boundary=(\S+)", several.headers["content-type"]
    )
    assert several.status == 206
    assert match is not None
    before, first, last, end = several.body.split(f"--{match[1]}".encode())
    assert (before, end) == (b"\r\n", b"--\r\n")
    for text, octets, place in (
        (first, whole.body[:4], f"0-3/{size}"),
        (last, whole.body[-4:], f"{size - 4}-{size - 1}/{size}"),
    ):
        head, _, content = text.partition(b"\r\n\r\n")
        assert content == octets + b"\r\n"
        assert f"Content-Range: bytes {place}".encode() in head


def test_a_list_comes_as_pem_too(installation: Installation) -> None:
    """With the same octets inside, and an ETag of its own."""
    der = get(installation, QUIET)
    pem = get(installation, QUIET.replace(".crl", ".pem"))
    assert pem.headers["content-type"] == "application/x-pem-file"
    crl = x509.load_pem_x509_crl(pem.body)
    assert crl.public_bytes(serialization.Encoding.DER) == der.body
    assert pem.headers["etag"] != der.headers["etag"]


def test_gzip_comes_where_it_is_taken_and_helps(installation: Installation) -> None:
    """Under an ETag of its own; who prefers the octets as they are gets them so."""
    path = QUIET.replace(".crl", ".pem")
    plain = get(installation, path, {"Accept-Encoding": "identity"})
    packed = get(installation, path, {"Accept-Encoding": "br, gzip;q=0.8"})
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) == int(packed.headers["content-length"]) < len(plain.body)
    assert packed.headers["etag"] != plain.headers["etag"]
    for reply in (plain, packed):
        assert reply.headers["vary"] == "Accept-Encoding"
    for refused in ("", "br", "gzip;q=0", "identity, gzip;q=0.5"):
        reply = get(installation, path, {"Accept-Encoding": refused})
        assert "content-encoding" not in reply.headers
    known = {"Accept-Encoding": "gzip", "If-None-Match": packed.headers["etag"]}
    assert get(installation, path, known).status == 304


def test_head_tells_without_sending(installation: Installation) -> None:
    """The same header fields, no body; and a range is for GET."""
    port = installation.settings.revocation.port
    whole = get(installation, QUIET)
    head = send(port, "HEAD", QUIET, b"", {"Range": "bytes=0-0"})
    assert (head.status, head.body) == (200, b"")
    for name in ("etag", "content-length", "content-type", "last-modified", "vary"):
        assert head.headers[name] == whole.headers[name]


# -- the archive ----------------------------------------------------------------------


def test_every_list_stays_under_its_number(
    installation: Installation, revoked: IssuedCertificate
) -> None:
    """Also when another is in force; and caches need never ask for it again."""
    before = list_with(installation, revoked.serial)
    number = number_of(x509.load_der_x509_crl(before.body))
    list_with(installation, revoke_one(installation).serial)
    path = f"/crls/{GOVERNOR}/1/crl/{number}.crl"
    kept = get(installation, path)
    assert (kept.status, kept.body) == (200, before.body)
    assert kept.headers["content-type"] == "application/pkix-crl"
    assert kept.headers["cache-control"] == (
        "public, max-age=31536000, immutable, no-transform"
    )
    assert kept.headers["etag"] == before.headers["etag"]
    assert get(installation, path.replace("/crl/", "/arl/")).status == 404
    pem = get(installation, path.replace(".crl", ".pem"))
    assert pem.body.startswith(b"-----BEGIN X509 CRL-----")


def test_the_list_that_was_in_force_at_an_instant(
    installation: Installation, revoked: IssuedCertificate
) -> None:
    """From the second of its publication until that of the next one."""
    before = list_with(installation, revoked.serial)
    time.sleep(1.1)
    asked = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    time.sleep(1.1)
    list_with(installation, revoke_one(installation).serial)
    reply = get(installation, f"{CRL}?at={asked}")
    assert (reply.status, reply.body) == (200, before.body)
    assert "no-cache" in reply.headers["cache-control"]
    named = get(installation, reply.headers["content-location"])
    assert named.body == before.body
    local = asked.replace("Z", "%2B00:00")
    assert get(installation, f"{CRL}?at={local}").body == before.body


@pytest.mark.parametrize("kind", ["citizen", "authority"])
def test_a_certificate_leads_to_its_list(installation: Installation, kind: str) -> None:
    """Also for who has nothing else; pyca agrees that the list is its issuer's."""
    issuer = x509.load_der_x509_certificate(installation.issuer.raw)
    certificate = (
        installation.certified().certificate
        if kind == "citizen"
        else installation.issuer.raw
    )
    reply = lookup(installation, certificate)
    assert reply.status == 303
    found = x509.load_der_x509_crl(get(installation, reply.headers["location"]).body)
    assert found.issuer == issuer.subject
    key = issuer.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert found.is_signature_valid(key)


def test_no_list_is_for_what_nobody_here_signed(installation: Installation) -> None:
    """Not for another issuer's, nor for one whose signature is damaged."""
    genuine = installation.certified().certificate
    damaged = genuine[:-1] + bytes([genuine[-1] ^ 1])
    assert lookup(installation, damaged).document["code"] == "not-found"
    assert lookup(installation, b"no certificate").status == 400
    path, body = "/crls/lookup", genuine
    port = installation.settings.revocation.port
    assert send(port, "POST", path, body, {"Content-Type": "text/plain"}).status == 400


def lookup(installation: Installation, certificate: bytes) -> Reply:
    """Ask for the place of its list."""
    return send(
        installation.settings.revocation.port,
        "POST",
        "/crls/lookup",
        certificate,
        {"Content-Type": "application/pkix-cert"},
    )
