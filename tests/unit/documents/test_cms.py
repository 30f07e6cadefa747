"""CMS signatures: what is written reads back, and every contradiction is found."""

from __future__ import annotations

import pytest

from jpki.der import oids
from jpki.der.writer import (
    NULL,
    explicit,
    implicit,
    integer,
    object_identifier,
    octet_string,
    sequence,
    set_of,
    tlv,
)
from jpki.documents import signed_data
from jpki.documents.cms import (
    check_signer,
    effective_algorithm,
    parse_signed_data,
    sign_detached,
)
from jpki.errors import DocumentError, EncodingError, JpkiError
from jpki.keys.memory import generate_key
from jpki.model.suites import SUITES, suite
from tests.support.cards import NOW, certificate

CONTENT = "転入届".encode()
SIGNER = generate_key(suite("p256-sha256"))
CERTIFICATE = certificate(SIGNER.public_key, SIGNER, "Signer")
SIGNED = sign_detached(CONTENT, CERTIFICATE, SIGNER, NOW)


def attribute(oid: str, *values: bytes) -> bytes:
    return sequence(object_identifier(oid), set_of(values))


CONTENT_TYPE = attribute(oids.CONTENT_TYPE, object_identifier(oids.CMS_DATA))
DIGEST = attribute(oids.MESSAGE_DIGEST, octet_string(bytes(32)))
SHA256 = sequence(object_identifier(oids.SHA256))
IDENTIFIER = sequence(sequence(), integer(1))


def signer_info(
    *attributes: bytes,
    version: int = 1,
    identifier: bytes = IDENTIFIER,
    unsigned: bytes = b"",
) -> bytes:
    signed = implicit(0, set_of(attributes)) if attributes else b""
    fields = (integer(version), identifier, SHA256, signed, SHA256, octet_string(b"s"))
    return sequence(*fields, unsigned)


def document(
    *signers: bytes,
    version: int = 1,
    content_type: str = oids.CMS_DATA,
    content: bytes = b"",
    rest: bytes = b"",
    outer: str = oids.CMS_SIGNED_DATA,
) -> bytes:
    encapsulated = sequence(object_identifier(content_type), content)
    fields = (integer(version), set_of([SHA256]), encapsulated, rest, set_of(signers))
    return sequence(object_identifier(outer), explicit(0, sequence(*fields)))


@pytest.mark.parametrize("suite_id", SUITES)
def test_round_trip(suite_id: str) -> None:
    """In every suite a signature reads back with its parts and checks."""
    signer = generate_key(suite(suite_id))
    own = certificate(signer.public_key, SIGNER, "Signer")
    signed = sign_detached(CONTENT, own, signer, NOW, [CERTIFICATE])
    parsed = parse_signed_data(signed)
    assert set(parsed.certificates) == {own, CERTIFICATE}
    assert (parsed.content, parsed.content_type) == (None, oids.CMS_DATA)
    (info,) = parsed.signers
    assert info.signing_time == NOW
    assert info.serial == 0x1234
    assert info.signing_certificate is not None
    assert effective_algorithm(info) == signer.suite.algorithm_identifier
    check_signer(info, own, CONTENT)


def test_signing_is_deterministic() -> None:
    """The same content, key and instant give the same octets."""
    assert sign_detached(CONTENT, CERTIFICATE, SIGNER, NOW) == SIGNED
    assert sign_detached(CONTENT, CERTIFICATE, SIGNER, NOW, [CERTIFICATE]) == SIGNED


def test_signing_needs_the_right_certificate() -> None:
    """Key and certificate must belong together; a chain has an end."""
    other = generate_key(suite("p256-sha256"))
    with pytest.raises(DocumentError, match="not the one"):
        sign_detached(CONTENT, CERTIFICATE, other, NOW)
    with pytest.raises(EncodingError):
        sign_detached(CONTENT, b"\x30\x00", SIGNER, NOW)
    with pytest.raises(DocumentError, match="more than"):
        sign_detached(CONTENT, CERTIFICATE, SIGNER, NOW, [CERTIFICATE] * 64)


def test_contradictions_are_found() -> None:
    """Content, certificate, attributes, digest and signature must all agree."""
    (info,) = parse_signed_data(SIGNED).signers
    other = certificate(SIGNER.public_key, SIGNER, "Other")
    cases = [
        (info, CERTIFICATE, CONTENT + b"!", "not what was signed"),
        (info, other, CONTENT, "bound to another"),
        (info._replace(serial=1), CERTIFICATE, CONTENT, "names another"),
        (info._replace(issuer_der=b""), CERTIFICATE, CONTENT, "names another"),
        (info._replace(signature=b""), CERTIFICATE, CONTENT, "signature is wrong"),
        (
            info._replace(signed_attributes=b"\x31\x00"),
            CERTIFICATE,
            CONTENT,
            "signature is wrong",
        ),
        (info._replace(digest_oid="1.2.3"), CERTIFICATE, CONTENT, "unknown digest"),
        (info._replace(digest_oid=oids.SHA1), CERTIFICATE, CONTENT, "contradict"),
    ]
    for changed, own, content, reason in cases:
        with pytest.raises(DocumentError, match=reason):
            check_signer(changed, own, content)
    check_signer(info._replace(bindings=()), other, CONTENT)


def test_signers_named_by_key_identifier() -> None:
    """A key identifier names the certificate that bears it, and no other."""
    (info,) = parse_signed_data(SIGNED).signers
    by_key = info._replace(issuer_der=None, serial=None, subject_key_identifier=b"Sign")
    check_signer(by_key, CERTIFICATE, CONTENT)
    with pytest.raises(DocumentError):
        check_signer(by_key._replace(subject_key_identifier=b"Sigh"), CERTIFICATE, b"")


def test_plain_rsa_algorithm() -> None:
    """rsaEncryption with the digest beside it means PKCS#1 v1.5 (RFC 3370 3.2)."""
    signer = generate_key(suite("rsa2048-sha256"))
    own = certificate(signer.public_key, SIGNER, "Signer")
    (info,) = parse_signed_data(sign_detached(CONTENT, own, signer, NOW)).signers
    plain = info._replace(
        signature_oid=oids.RSA_ENCRYPTION,
        signature_algorithm=sequence(object_identifier(oids.RSA_ENCRYPTION), NULL),
    )
    check_signer(plain, own, CONTENT)
    assert effective_algorithm(plain) == signer.suite.algorithm_identifier


def test_key_identifier_form_is_read() -> None:
    """Version 3 carries a key identifier instead of issuer and serial."""
    by_key = signer_info(CONTENT_TYPE, DIGEST, version=3, identifier=tlv(0x80, b"key"))
    (info,) = parse_signed_data(document(by_key, version=3)).signers
    assert info.subject_key_identifier == b"key"
    assert (info.issuer_der, info.serial, info.signing_time) == (None, None, None)


def test_content_and_unsigned_attributes_are_read() -> None:
    """Content inside, revocation data and unsigned attributes are no obstacle."""
    stamp = attribute("1.2.840.113549.1.9.16.2.14", sequence())
    signer = signer_info(CONTENT_TYPE, DIGEST, unsigned=implicit(1, set_of([stamp])))
    content = explicit(0, octet_string(CONTENT))
    rest = implicit(0, set_of([CERTIFICATE, tlv(0xA1, b"")])) + tlv(0xA1, b"")
    parsed = parse_signed_data(document(signer, content=content, rest=rest))
    assert parsed.content == CONTENT
    assert parsed.certificates == (CERTIFICATE,)
    (info,) = parsed.signers
    assert info.unsigned_attributes == {"1.2.840.113549.1.9.16.2.14": (sequence(),)}


GOOD = signer_info(CONTENT_TYPE, DIGEST)
OTHER_TYPE = attribute(oids.CONTENT_TYPE, object_identifier("1.2.3"))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (document(GOOD, outer=oids.CMS_DATA), "not SignedData"),
        (document(GOOD, version=2), "version"),
        (document(), "nobody"),
        (document(*(signer_info(CONTENT_TYPE, DIGEST),) * 17), "more than"),
        (document(signer_info()), "without signed attributes"),
        (document(signer_info(DIGEST)), "content type"),
        (document(signer_info(DIGEST, OTHER_TYPE)), "content type"),
        (document(GOOD, content_type="1.2.3"), "content type"),
        (document(signer_info(CONTENT_TYPE)), "message digest"),
        (document(signer_info(CONTENT_TYPE, CONTENT_TYPE, DIGEST)), "twice"),
        (
            document(signer_info(CONTENT_TYPE, attribute(oids.MESSAGE_DIGEST))),
            "0 values",
        ),
        (document(signer_info(CONTENT_TYPE, DIGEST, version=3)), "version"),
        (
            document(GOOD, rest=implicit(0, set_of([sequence()] * 65))),
            "more than",
        ),
    ],
)
def test_meaningless_signatures(raw: bytes, reason: str) -> None:
    """Readable DER that is no acceptable signature is a document error."""
    with pytest.raises(DocumentError, match=reason):
        parse_signed_data(raw)


def test_size_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """More octets than the limit are refused before they are read."""
    monkeypatch.setattr(signed_data, "MAX_SIGNED_DATA", len(SIGNED) - 1)
    with pytest.raises(DocumentError, match="octets"):
        parse_signed_data(SIGNED)


def test_damaged_signatures_are_our_errors() -> None:
    """Cutting or flipping any octet gives a changed reading or our own error."""
    for position in range(len(SIGNED)):
        flipped = bytearray(SIGNED)
        flipped[position] ^= 0x55
        for damaged in (SIGNED[:position], bytes(flipped)):
            try:
                for info in parse_signed_data(damaged).signers:
                    check_signer(info, CERTIFICATE, CONTENT)
            except JpkiError as error:
                assert isinstance(error, DocumentError | EncodingError)
