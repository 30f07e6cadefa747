"""OCSP over real HTTP; pyca reads and verifies what it answers."""

from __future__ import annotations

import base64
import re
import time
import urllib.parse
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from jpki.authority.remote.client import IssuedCertificate
from jpki.model.suites import Digest
from jpki.x509.ocsp import build_request, cert_id
from tests.support.installation import GOVERNOR, Installation, Reply, send

STATUS: Final = ocsp.OCSPResponseStatus
CERT: Final = ocsp.OCSPCertStatus
TYPE: Final = {"Content-Type": "application/ocsp-request"}


@pytest.fixture(scope="module")
def good(installation: Installation) -> IssuedCertificate:
    """A certificate that stays good."""
    return installation.certified()


@pytest.fixture(scope="module")
def revoked(installation: Installation) -> IssuedCertificate:
    """A certificate that was revoked before anybody asks."""
    issued = installation.certified()
    installation.client().revoke(GOVERNOR, issued.serial, "keyCompromise", "lost")
    return issued


def get(
    installation: Installation, path: str, headers: Mapping[str, str] | None = None
) -> Reply:
    """A GET, with the path as it stands."""
    return send(installation.settings.revocation.port, "GET", path, b"", headers)


def post(installation: Installation, body: bytes) -> Reply:
    """An OCSP request by POST."""
    port = installation.settings.revocation.port
    return send(port, "POST", "/ocsp", body, TYPE)


def request_about(
    installation: Installation,
    *serials: int,
    digest: Digest = Digest.SHA1,
    nonce: bytes | None = None,
) -> bytes:
    """An OCSP request about serial numbers of the governor's authority."""
    issuer = installation.issuer
    return build_request(
        [
            cert_id(issuer.subject_der, issuer.public_key, serial, digest)
            for serial in serials
        ],
        nonce,
    )


def answered(reply: Reply) -> ocsp.OCSPResponse:
    """The response, as pyca reads it."""
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/ocsp-response"
    return ocsp.load_der_ocsp_response(reply.body)


def verified(installation: Installation, reply: Reply) -> ocsp.OCSPResponse:
    """A successful response whose signature and responder pyca finds in order."""
    response = answered(reply)
    assert response.response_status is STATUS.SUCCESSFUL
    (responder,) = response.certificates
    issuer = x509.load_der_x509_certificate(installation.issuer.raw)
    responder.verify_directly_issued_by(issuer)
    usage = responder.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert list(usage.value) == [ExtendedKeyUsageOID.OCSP_SIGNING]
    responder.extensions.get_extension_for_class(x509.OCSPNoCheck)
    key = responder.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert response.signature_hash_algorithm is not None
    key.verify(
        response.signature,
        response.tbs_response_bytes,
        padding.PKCS1v15(),
        response.signature_hash_algorithm,
    )
    bits = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.PKCS1
    )
    digest = hashes.Hash(hashes.SHA1())
    digest.update(bits)
    assert response.responder_key_hash == digest.finalize()
    return response


# -- what is said ---------------------------------------------------------------------


@pytest.mark.parametrize("digest", [Digest.SHA1, Digest.SHA256])
def test_a_good_certificate(
    installation: Installation, good: IssuedCertificate, digest: Digest
) -> None:
    """Asked for by either hash; fresh, and for as long as the settings say."""
    body = request_about(installation, good.serial, digest=digest)
    response = verified(installation, post(installation, body))
    assert response.certificate_status is CERT.GOOD
    assert response.serial_number == good.serial
    assert response.next_update_utc is not None
    lifetime = response.next_update_utc - response.this_update_utc
    assert lifetime == installation.settings.revocation.response_lifetime
    age = datetime.now(UTC) - response.this_update_utc
    assert -1 < age.total_seconds() < 10


def test_a_revoked_certificate(
    installation: Installation, revoked: IssuedCertificate
) -> None:
    """Since when and why."""
    body = request_about(installation, revoked.serial)
    response = verified(installation, post(installation, body))
    assert response.certificate_status is CERT.REVOKED
    assert response.revocation_reason is x509.ReasonFlags.key_compromise
    with installation.office.store.read() as uow:
        entry = uow.journal.find(GOVERNOR, revoked.serial)
    assert entry is not None
    assert response.revocation_time_utc == entry.revoked_at


def test_a_serial_number_that_was_never_issued_is_unknown(
    installation: Installation,
) -> None:
    """Never `good`: a forged certificate must not pass."""
    body = request_about(installation, 0x7FFF_FFFF_FFFF_FFFF)
    response = verified(installation, post(installation, body))
    assert response.certificate_status is CERT.UNKNOWN


def test_another_authoritys_certificate_is_refused(
    installation: Installation,
) -> None:
    """This responder has no say about it (RFC 6960 section 2.3)."""
    issuer = installation.issuer
    foreign = cert_id(b"0\x00", issuer.public_key, 1, Digest.SHA1)
    reply = post(installation, build_request([foreign]))
    assert answered(reply).response_status is STATUS.UNAUTHORIZED


def test_one_request_is_about_one_authority(
    installation: Installation, good: IssuedCertificate
) -> None:
    """No responder could sign for two."""
    with installation.office.store.read() as uow:
        other = uow.authorities.get("governor-13")
        key = uow.authorities.generation("governor-13", 1)
    issuer = installation.issuer
    both = build_request(
        [
            cert_id(issuer.subject_der, issuer.public_key, good.serial, Digest.SHA1),
            cert_id(other.name, key.public_key, good.serial, Digest.SHA1),
        ]
    )
    reply = post(installation, both)
    assert answered(reply).response_status is STATUS.UNAUTHORIZED


def test_several_questions_are_answered_in_order(
    installation: Installation, good: IssuedCertificate, revoked: IssuedCertificate
) -> None:
    """Each with its own status."""
    serials = (revoked.serial, 0x7777, good.serial)
    body = request_about(installation, *serials)
    response = verified(installation, post(installation, body))
    assert [
        (single.serial_number, single.certificate_status)
        for single in response.responses
    ] == list(zip(serials, (CERT.REVOKED, CERT.UNKNOWN, CERT.GOOD), strict=True))


@pytest.mark.parametrize("size", [1, 16, 32])
def test_a_nonce_comes_back(
    installation: Installation, good: IssuedCertificate, size: int
) -> None:
    """And such an answer is kept by nobody (RFC 9654)."""
    nonce = bytes(range(size))
    body = request_about(installation, good.serial, nonce=nonce)
    reply = post(installation, body)
    response = verified(installation, reply)
    found = response.extensions.get_extension_for_class(x509.OCSPNonce)
    assert found.value.nonce == nonce
    encoded = urllib.parse.quote(base64.b64encode(body), safe="")
    reply = get(installation, f"/ocsp/{encoded}")
    assert reply.headers["cache-control"] == "no-store"


def test_pycas_requests_are_understood(
    installation: Installation, good: IssuedCertificate
) -> None:
    """Another implementation asks."""
    builder = ocsp.OCSPRequestBuilder().add_certificate(
        x509.load_der_x509_certificate(good.certificate),
        x509.load_der_x509_certificate(installation.issuer.raw),
        hashes.SHA256(),
    )
    body = builder.build().public_bytes(serialization.Encoding.DER)
    response = verified(installation, post(installation, body))
    assert response.certificate_status is CERT.GOOD


def test_a_move_is_told_within_a_second(installation: Installation) -> None:
    """From the event at the town hall to the OCSP answer."""
    resident = installation.newcomer()
    issued = installation.certified(resident)
    body = request_about(installation, issued.serial)
    assert verified(installation, post(installation, body)).certificate_status is (
        CERT.GOOD
    )
    installation.move(resident)
    reported = time.monotonic()
    while True:
        response = verified(installation, post(installation, body))
        if response.certificate_status is CERT.REVOKED:
            break
        # The target is one second on a machine that is not busy with other tests.
        assert time.monotonic() - reported < 5
    assert response.revocation_reason is x509.ReasonFlags.affiliation_changed


# -- how it is asked ------------------------------------------------------------------


def _slashes(installation: Installation) -> bytes:
    """A request whose Base64 holds `//` and `+`."""
    for serial in range(0x0FFF_FFFF_FFFF_FB00, 0x0FFF_FFFF_FFFF_FFFF):
        body = request_about(installation, serial)
        encoded = base64.b64encode(body)
        if b"//" in encoded and b"+" in encoded:
            return body
    raise AssertionError("no such serial number")


@pytest.mark.parametrize(
    "encode",
    [
        lambda body: base64.b64encode(body).decode(),
        lambda body: base64.b64encode(body).decode().rstrip("="),
        lambda body: base64.urlsafe_b64encode(body).decode(),
        lambda body: urllib.parse.quote(base64.b64encode(body).decode(), safe=""),
        lambda body: urllib.parse.quote(base64.b64encode(body).decode(), safe="/"),
        lambda body: urllib.parse.quote(base64.b64encode(body).decode(), safe="+="),
        lambda body: urllib.parse.quote(base64.encodebytes(body).decode()),
        lambda body: "/" + base64.b64encode(body).decode(),
    ],
    ids=[
        *("plain", "unpadded", "url-safe", "quoted", "slashes", "pluses"),
        *("lines", "a-slash-more"),
    ],
)
def test_get_takes_base64_in_every_spelling(
    installation: Installation, encode: object
) -> None:
    """With slashes side by side, percent-encoded or not (RFC 6960 appendix A.1)."""
    assert callable(encode)
    reply = get(installation, f"/ocsp/{encode(_slashes(installation))}")
    response = verified(installation, reply)
    assert response.certificate_status is CERT.UNKNOWN
    assert response.serial_number >> 12 == 0x0FFF_FFFF_FFFF_F


def test_an_answer_to_get_may_be_kept_until_its_end(
    installation: Installation, good: IssuedCertificate
) -> None:
    """Headers as RFC 9919 section 7.2 has them, and never beyond nextUpdate."""
    body = request_about(installation, good.serial)
    path = f"/ocsp/{urllib.parse.quote(base64.b64encode(body), safe='')}"
    reply = get(installation, path)
    response = verified(installation, reply)
    assert response.next_update_utc is not None
    expires = parsedate_to_datetime(reply.headers["expires"])
    assert expires == response.next_update_utc
    modified = parsedate_to_datetime(reply.headers["last-modified"])
    assert modified == response.this_update_utc
    for name in ("expires", "last-modified", "date"):
        assert reply.headers[name].endswith(" GMT")
    control = reply.headers["cache-control"].replace(" ", "").split(",")
    seconds = next(part for part in control if part.startswith("max-age="))
    lifetime = installation.settings.revocation.response_lifetime_seconds
    assert 0 < int(seconds.removeprefix("max-age=")) <= lifetime
    assert {"public", "no-transform", "must-revalidate"} <= set(control)
    assert reply.headers["etag"].startswith('"')


def test_the_short_way_says_what_the_long_way_says(
    installation: Installation, good: IssuedCertificate
) -> None:
    """The same octets and the same header, whichever way a request takes."""
    body = request_about(installation, good.serial)
    path = f"/ocsp/{urllib.parse.quote(base64.b64encode(body), safe='')}"
    port = installation.settings.revocation.port
    for method, where, sent, fields in (
        ("POST", "/ocsp", body, TYPE),
        ("GET", path, b"", {}),
    ):
        send(port, method, where, sent, fields)
        short = send(port, method, where, sent, fields)
        long = send(port, method, where, sent, {**fields, "X-Unusual": "1"})
        assert short.body == long.body
        moving = ("date", "server", "connection", "cache-control")
        shown = [
            {name: value for name, value in reply.headers.items() if name not in moving}
            for reply in (short, long)
        ]
        assert shown[0] == shown[1]
        kinds = [
            reply.headers["cache-control"].split(",")[1:] for reply in (short, long)
        ]
        assert kinds[0] == kinds[1]
        assert parsedate_to_datetime(short.headers["date"]).tzinfo is UTC


def test_requests_through_a_proxy_take_the_short_way(
    installation: Installation, good: IssuedCertificate
) -> None:
    """Whatever it says of where they came from; and they get the same answer."""
    body = request_about(installation, good.serial)
    port = installation.settings.revocation.port
    plain = post(installation, body)

    def short_answers() -> float:
        metrics = send(port, "GET", "/metrics").body.decode()
        found = re.search(r"^jpki_ocsp_short_answers(?:_total)? (\S+)$", metrics, re.M)
        assert found is not None
        return float(found[1])

    def took_the_short_way() -> bool:
        before = short_answers()
        for client in ("203.0.113.7", "2001:db8::7"):
            added = {
                "X-Forwarded-For": client,
                "X-Forwarded-Proto": "https",
                "Forwarded": f'for="[{client}]"',
                "Via": "1.1 edge.example",
            }
            reply = send(port, "POST", "/ocsp", body, {**TYPE, **added})
            assert reply.body == plain.body
        return short_answers() >= before + 2

    # On a busy machine news of the books may be late, and all go the long way.
    assert any(took_the_short_way() for _ in range(10))


def test_an_answer_to_post_is_kept_by_nobody(
    installation: Installation, good: IssuedCertificate
) -> None:
    """A cache cannot know what was asked."""
    reply = post(installation, request_about(installation, good.serial))
    assert reply.headers["cache-control"] == "no-store"
    assert "expires" not in reply.headers


# -- what cannot be answered ----------------------------------------------------------


@given(body=st.binary(max_size=300))
def test_octets_that_are_no_request_are_malformed(
    installation: Installation, body: bytes
) -> None:
    """By POST and by GET, whatever they are; and nobody keeps the answer."""
    # A path begins as every DER sequence does, so that there is a path.
    encoded = urllib.parse.quote(base64.b64encode(b"0" + body), safe="")
    for reply in (post(installation, body), get(installation, f"/ocsp/{encoded}")):
        assert answered(reply).response_status is STATUS.MALFORMED_REQUEST
        assert reply.headers["cache-control"] == "no-store"


@given(place=st.integers(0, 10**6), flip=st.integers(1, 255))
def test_a_changed_request_is_answered_in_order(
    installation: Installation, place: int, flip: int
) -> None:
    """Malformed, unauthorized, or about something that was never issued."""
    body = bytearray(request_about(installation, 0x1234_5678))
    body[place % len(body)] ^= flip
    response = answered(post(installation, bytes(body)))
    if response.response_status is STATUS.SUCCESSFUL:
        assert response.certificate_status is CERT.UNKNOWN
    else:
        assert response.response_status in (
            STATUS.MALFORMED_REQUEST,
            STATUS.UNAUTHORIZED,
        )


@pytest.mark.parametrize(
    "path",
    ["/ocsp/%", "/ocsp/!!!!", "/ocsp/MA", "/ocsp/" + "A" * 9000, "/ocsp/%00%ff"],
)
def test_a_path_that_is_no_request_is_malformed(
    installation: Installation, path: str
) -> None:
    """Broken Base64, broken escapes, far too long."""
    reply = get(installation, path)
    assert answered(reply).response_status is STATUS.MALFORMED_REQUEST


def test_a_body_of_another_type_is_a_problem(installation: Installation) -> None:
    """OCSP begins where the media type says OCSP."""
    port = installation.settings.revocation.port
    reply = send(port, "POST", "/ocsp", b"{}", {"Content-Type": "application/json"})
    assert (reply.status, reply.document["code"]) == (400, "request")
    assert reply.headers["content-type"] == "application/problem+json"


def test_an_oversized_body_is_refused(installation: Installation) -> None:
    """Before anybody reads it."""
    limit = installation.settings.revocation.body_limit
    reply = post(installation, bytes(limit + 2))
    assert (reply.status, reply.document["code"]) == (413, "http.body-too-large")
