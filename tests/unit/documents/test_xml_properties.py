"""XAdES: what a signature says of itself, and what was added to it later."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree

from jpki.der import oids
from jpki.documents.xml.building import EXCLUSIVE, Part, Signing, build, put_value
from jpki.documents.xml.canonical import (
    EXCLUSIVE_C14N,
    canonical,
)
from jpki.documents.xml.check import check_xml
from jpki.documents.xml.levels import add_timestamp, add_values, octets_to_timestamp
from jpki.documents.xml.reading import parse_xml, written
from jpki.documents.xml.sign import (
    sign_application,
    sign_enveloped,
    sign_enveloping,
)
from jpki.documents.xml.signed_info import DS, ENVELOPED
from jpki.errors import DocumentError, DocumentFault
from tests.support.cards import NOW
from tests.support.long_term import token_over
from tests.support.time_authority import time_authority
from tests.support.xml_documents import DOCUMENT, FORM, fault, xml_signer

SIGNER = xml_signer()
SIGNING = Signing(certificate=SIGNER.certificate, signer=SIGNER.key)
SIGNED = sign_enveloped(DOCUMENT, SIGNER.certificate, SIGNER.key, NOW)
XADES = "{http://uri.etsi.org/01903/v1.3.2#}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2014-10-01T12:00:00+09:00", NOW),
        ("2014-10-01T03:00:00.123Z", NOW),
        ("2014-10-01T03:00:00", None),
        ("2014-10-01", None),
    ],
)
def test_signing_times(text: str, expected: datetime | None) -> None:
    """In UTC, whole seconds; a time without zone is no instant."""
    checked = check_xml(_claiming(text))
    assert checked.claimed_at == expected
    assert any("time zone" in note for note in checked.notes) == (expected is None)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2014-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00"]
)
def test_signing_times_that_are_none(text: str) -> None:
    """They are malformed, whoever signed them."""
    assert fault(_claiming(text)) is DocumentFault.MALFORMED


def _claiming(text: str) -> bytes:
    """A signed document whose signed properties claim this time."""
    tree = parse_xml(DOCUMENT)
    part = Part(
        uri="",
        octets=canonical(tree, EXCLUSIVE),
        transforms=(ENVELOPED, EXCLUSIVE_C14N),
        media_type="text/xml",
    )
    signature = build(SIGNING, [part], NOW)
    next(signature.iter(f"{XADES}SigningTime")).text = text
    tree.getroot().append(signature)
    put_value(signature, SIGNING, EXCLUSIVE)
    return written(tree)


def test_a_document_that_has_prefixes_of_its_own() -> None:
    """Its own prefix for the namespace of signatures, or for another one theirs."""
    for names in (
        f"xmlns:sig='{DS[1:-1]}' xmlns:x='{XADES[1:-1]}'",
        "xmlns:ds='urn:other' xmlns:xades='urn:another'",
        f"xmlns='{DS[1:-1]}'",
    ):
        document = f"<a {names}><b/></a>".encode()
        check_xml(sign_enveloped(document, SIGNER.certificate, SIGNER.key, NOW))
        made = sign_enveloping(
            document, SIGNER.certificate, SIGNER.key, NOW, media_type="text/xml"
        )
        check_xml(made)


def test_timestamps_and_values() -> None:
    """B-T and B-LT: a token over the signature's value, and what a verifier needs."""
    authority = time_authority(datetime(2014, 1, 1, tzinfo=UTC))
    later = NOW + timedelta(minutes=3)
    token = token_over(octets_to_timestamp(SIGNED), authority, later)
    stamped = add_timestamp(SIGNED, token)
    (stamp,) = check_xml(stamped).timestamps
    assert stamp.at == later
    assert stamp.imprint_digest == oids.SHA256
    assert stamp.signature.certificate == authority.certificate
    with pytest.raises(DocumentError, match="something else"):
        add_timestamp(
            sign_enveloped(b"<a/>", SIGNER.certificate, SIGNER.key, NOW), token
        )
    plain = sign_application(FORM, {}, SIGNER.certificate, SIGNER.key)
    bare = token_over(octets_to_timestamp(plain), authority, later)
    with pytest.raises(DocumentError, match="properties"):
        add_timestamp(plain, bare)

    crl = authority.crl(later)
    full = add_values(
        stamped, certificates=[authority.root], crls=[crl], ocsp_responses=[b"0"]
    )
    checked = check_xml(full)
    assert checked.enclosed.certificates == (SIGNER.certificate, authority.root)
    assert checked.enclosed.crls == (crl,)
    assert checked.enclosed.ocsp_responses == (b"0",)
    assert checked.timestamps == check_xml(stamped).timestamps

    # One that is over something else proves nothing, and says so; the others count.
    other = token_over(b"something else", authority, later)
    tree = parse_xml(stamped)
    held = next(tree.iter(f"{XADES}SignatureTimeStamp"))
    copy = parse_xml(etree.tostring(held, encoding="UTF-8", with_tail=False)).getroot()
    copy[-1].text = b64encode(other).decode()
    held.addprevious(copy)
    checked = check_xml(written(tree))
    assert [found.at for found in checked.timestamps] == [later]
    assert any("something else" in note for note in checked.notes)
    twice = check_xml(add_timestamp(stamped, token)).timestamps
    assert [found.beside for found in twice] == [False, True]
