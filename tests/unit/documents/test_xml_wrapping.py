"""Signature wrapping: what was signed is moved, something else is shown. Refused."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace

import pytest
from lxml import etree

from jpki.documents.xml.building import EXCLUSIVE, Part, Signing, build, put_value
from jpki.documents.xml.canonical import (
    C14N,
    EXCLUSIVE_C14N,
    Canonicalization,
    canonical,
)
from jpki.documents.xml.check import check_xml, examine_xml
from jpki.documents.xml.reading import Element, parse_xml
from jpki.documents.xml.sign import (
    sign_application,
    sign_detached,
    sign_enveloped,
    sign_enveloping,
)
from jpki.documents.xml.signed_info import DS, ENVELOPED
from jpki.errors import DocumentError, DocumentFault
from tests.support.cards import NOW, certificate
from tests.support.xml_documents import DOCUMENT, FILES, FORM, fault, octets, xml_signer

SIGNER = xml_signer()
SIGNING = Signing(certificate=SIGNER.certificate, signer=SIGNER.key)
ENVELOPED_DOCUMENT = sign_enveloped(DOCUMENT, SIGNER.certificate, SIGNER.key, NOW)
APPLICATION = sign_application(FORM, FILES, SIGNER.certificate, SIGNER.key)
XADES = "{http://uri.etsi.org/01903/v1.3.2#}"


def signed_part(document: str, identifier: str, *transforms: str) -> Element:
    """A document whose root bears a signature over one element, by its ID."""
    tree = parse_xml(document.encode())
    (target,) = tree.xpath(f"//*[@Id='{identifier}' or @ID='{identifier}']")
    part = Part(
        uri=f"#{identifier}",
        octets=canonical(target, EXCLUSIVE),
        transforms=(*transforms, EXCLUSIVE_C14N),
        media_type="text/xml",
    )
    signature = build(SIGNING, [part], NOW)
    tree.getroot().append(signature)
    put_value(signature, SIGNING, EXCLUSIVE)
    return tree.getroot()


def test_the_root_by_its_identifier_is_the_document() -> None:
    """A reference to the root's ID does as well as one to the whole document."""
    root = signed_part("<a ID='x'><b>1</b></a>", "x", ENVELOPED)
    checked = examine_xml(octets(root))
    assert checked.parts[0].octets == b'<a ID="x"><b>1</b></a>'


def test_instructions_around_a_root_by_its_identifier_are_not_signed() -> None:
    """A style sheet put before it would change what is seen, and is refused."""
    root = signed_part("<a ID='x'><b>1</b></a>", "x", ENVELOPED)
    styled = b"<?xml-stylesheet href='evil.xsl'?>" + etree.tostring(root)
    assert fault(styled) is DocumentFault.NOT_COVERED
    whole = re.sub(
        rb"^.*\?>", b"<?xml-stylesheet href='evil.xsl'?>", ENVELOPED_DOCUMENT
    )
    assert fault(whole) is DocumentFault.ALTERED


def test_the_signed_element_moved_into_another_document() -> None:
    """The classic: the digest is right, the root is another."""
    signed = signed_part("<order ID='x'><to>A</to></order>", "x", ENVELOPED)
    signature = signed.find(f"{DS}Signature")
    signed.remove(signature)
    evil = etree.fromstring("<order><to>B</to></order>")
    holder = etree.SubElement(evil, "aside")
    holder.append(signed)
    evil.append(signature)
    assert fault(octets(evil)) is DocumentFault.NOT_COVERED


def test_the_signed_element_hidden_in_the_signature() -> None:
    """Moved into an Object, where the enveloped transform does not look."""
    signed = signed_part("<order ID='x'><to>A</to></order>", "x", ENVELOPED)
    signature = signed.find(f"{DS}Signature")
    signed.remove(signature)
    etree.SubElement(signature, f"{DS}Object").append(signed)
    evil = etree.fromstring("<order><to>B</to></order>")
    evil.append(signature)
    assert fault(octets(evil)) is DocumentFault.NOT_COVERED


def test_a_part_of_a_document_is_not_the_document() -> None:
    """Only the body is signed: whoever reads the head is deceived."""
    root = signed_part("<m><head>A</head><body Id='b'>1</body></m>", "b")
    assert fault(octets(root)) is DocumentFault.NOT_COVERED


@pytest.mark.parametrize("attribute", ["ID", "Id", "id", "xml:id", "w:Id"])
def test_two_elements_of_one_name(attribute: str) -> None:
    """Whichever attribute bears the name: it is not clear what was signed."""
    root = signed_part("<order ID='x'><to>A</to></order>", "x", ENVELOPED)
    text = (
        octets(root)
        .replace(b"<order ", b'<order xmlns:w="urn:w" ID="y"><order ', 1)
        .replace(b"</order>", f"</order><order {attribute}='x'/></order>".encode())
    )
    assert fault(text) is DocumentFault.NOT_COVERED


def test_two_signatures() -> None:
    """Which one is meant is for nobody to guess; not even the same twice."""
    root = parse_xml(ENVELOPED_DOCUMENT).getroot()
    again = parse_xml(ENVELOPED_DOCUMENT).getroot().find(f"{DS}Signature")
    root.append(again)
    assert fault(octets(root)) is DocumentFault.SEVERAL_SIGNERS
    outer = etree.Element(f"{DS}Signature")
    etree.SubElement(outer, f"{DS}Object").append(
        parse_xml(ENVELOPED_DOCUMENT).getroot()
    )
    assert fault(octets(outer)) is DocumentFault.SEVERAL_SIGNERS


def test_an_enveloping_signature_inside_a_document() -> None:
    """It is over its own Object; the document around it is not signed."""
    made = sign_enveloping(b"1", SIGNER.certificate, SIGNER.key, NOW)
    evil = etree.fromstring("<order><to>B</to></order>")
    evil.append(parse_xml(made).getroot())
    assert fault(octets(evil)) is DocumentFault.NOT_COVERED


def test_a_second_object_is_not_signed() -> None:
    """Put beside the signed one, before or behind, with and without elements."""
    made = sign_enveloping(b"1", SIGNER.certificate, SIGNER.key, NOW)
    for evil in (f"<o xmlns='{DS[1:-1]}'>x</o>", "<evil/>"):
        root = parse_xml(made).getroot()
        held = etree.SubElement(root, f"{DS}Object")
        held.append(etree.fromstring(evil))
        assert fault(octets(root)) is DocumentFault.NOT_COVERED
    root = parse_xml(made).getroot()
    etree.SubElement(root, f"{DS}Object").text = "evil"
    assert fault(octets(root)) is DocumentFault.NOT_COVERED
    root = parse_xml(made).getroot()
    root.find(f"{DS}Object").append(etree.Element("evil"))
    assert fault(octets(root)) is DocumentFault.NOT_COVERED


def test_the_child_of_an_object_may_be_what_is_signed() -> None:
    """But then it is alone in there."""
    held = etree.Element(f"{DS}Object", nsmap={"ds": DS[1:-1]})
    child = etree.SubElement(held, "message", Id="m")
    child.text = "A"
    part = Part(
        uri="#m",
        octets=canonical(child, EXCLUSIVE),
        transforms=(EXCLUSIVE_C14N,),
        media_type="text/xml",
    )
    signature = build(SIGNING, [part], NOW)
    signature.append(held)
    put_value(signature, SIGNING, EXCLUSIVE)
    assert (
        examine_xml(octets(signature)).parts[0].octets == b'<message Id="m">A</message>'
    )
    child.tail = "evil"
    assert fault(octets(signature)) is DocumentFault.NOT_COVERED


def test_a_signature_over_nothing_but_its_properties() -> None:
    """Nothing is signed: what would be believed?"""
    signature = build(SIGNING, [], NOW)
    put_value(signature, SIGNING, EXCLUSIVE)
    assert fault(octets(signature)) is DocumentFault.NOT_COVERED


@pytest.mark.parametrize(
    "evil", ["髙橋<!-- -->　花子", "<!---->髙橋　花子", "髙橋　花子<!-- -->"]
)
def test_a_comment_in_a_signed_text(evil: str) -> None:
    """Canonical XML leaves comments out: the signature holds, many readers see half."""
    changed = ENVELOPED_DOCUMENT.replace("髙橋　花子".encode(), evil.encode())
    assert changed != ENVELOPED_DOCUMENT
    assert fault(changed) is DocumentFault.NOT_COVERED


def test_comments_between_elements_do_no_harm() -> None:
    """They are no part of what is read; and a document that has them can be signed."""
    assert b"<!-- " in ENVELOPED_DOCUMENT
    check_xml(ENVELOPED_DOCUMENT)
    check_xml(ENVELOPED_DOCUMENT.replace(b"<!--", b"<!-- and more "))
    with pytest.raises(DocumentError):
        sign_enveloped(b"<a>b<!-- -->c</a>", SIGNER.certificate, SIGNER.key, NOW)


@pytest.mark.parametrize("place", ["SignedInfo", "KeyInfo", "X509Data", "Reference"])
def test_a_comment_between_the_parts_of_a_signature(place: str) -> None:
    """It holds values only; what else stands there somebody put in."""
    changed = ENVELOPED_DOCUMENT.replace(
        f"</ds:{place}>".encode(), f"<!-- --></ds:{place}>".encode(), 1
    )
    assert changed != ENVELOPED_DOCUMENT
    assert fault(changed) is DocumentFault.MALFORMED


@pytest.mark.parametrize("tag", ["DigestValue", "SignatureValue", "X509Certificate"])
def test_a_comment_in_the_signature(tag: str) -> None:
    """Nor may values of the signature itself be read in half."""
    changed = re.sub(
        f"(<ds:{tag}>....)".encode(), rb"\1<!-- -->", ENVELOPED_DOCUMENT, count=1
    )
    assert changed != ENVELOPED_DOCUMENT
    assert fault(changed) is DocumentFault.MALFORMED


# -- properties -----------------------------------------------------------------------


def _properties(change: Callable[[Element], None]) -> bytes:
    root = parse_xml(ENVELOPED_DOCUMENT).getroot()
    change(root.find(f"{DS}Signature"))
    return octets(root)


def test_other_properties_than_the_signed() -> None:
    """The signed ones are moved aside, and others stand in their place."""

    def aside(signature: Element) -> None:
        qualifying = signature.find(f"{DS}Object/{XADES}QualifyingProperties")
        signed = qualifying[0]
        evil = parse_xml(etree.tostring(signed, encoding="UTF-8")).getroot()
        evil.set("Id", "other")
        for time in evil.iter(f"{XADES}SigningTime"):
            time.text = "2001-01-01T00:00:00Z"
        qualifying.replace(signed, evil)
        unsigned = etree.SubElement(qualifying, f"{XADES}UnsignedProperties")
        unsigned.append(signed)

    assert fault(_properties(aside)) is DocumentFault.NOT_COVERED


def test_properties_of_another_signature() -> None:
    """Target says whose they are."""

    def retarget(signature: Element) -> None:
        found = signature.find(f"{DS}Object/{XADES}QualifyingProperties")
        found.set("Target", "#other")

    assert fault(_properties(retarget)) is DocumentFault.NOT_COVERED


def test_what_is_called_properties_and_is_none() -> None:
    """A reference of that type to something else is refused."""
    part = Part(uri="f", octets=b"1", media_type="text/plain")
    signature = build(SIGNING, [part], NOW)
    signature.remove(signature.find(f"{DS}Object"))
    etree.SubElement(signature, f"{DS}Object", Id="o")
    reference = list(signature.iter(f"{DS}Reference"))[-1]
    reference.set("URI", "#o")
    digest = hashlib.sha256(canonical(signature[-1], EXCLUSIVE)).digest()
    reference[-1].text = b64encode(digest).decode()
    put_value(signature, SIGNING, EXCLUSIVE)
    assert fault(octets(signature), {"f": b"1"}) is DocumentFault.NOT_COVERED


def test_properties_that_nothing_signs() -> None:
    """A plain signature cannot be given a time afterwards."""
    root = parse_xml(APPLICATION).getroot()
    signature = next(root.iter(f"{DS}Signature"))
    signature.set("Id", "s")
    held = etree.SubElement(signature, f"{DS}Object")
    text = (
        f'<QualifyingProperties xmlns="{XADES[1:-1]}" Target="#s"><SignedProperties>'
        "<SignedSignatureProperties><SigningTime>2001-01-01T00:00:00Z</SigningTime>"
        "</SignedSignatureProperties></SignedProperties></QualifyingProperties>"
    )
    held.append(etree.fromstring(text))
    assert fault(octets(root), FILES) is DocumentFault.NOT_COVERED


def test_another_certificate_of_the_same_key() -> None:
    """The signature is bound to the one certificate that the signer meant."""
    other = certificate(SIGNER.key.public_key, SIGNER.key, "Somebody else")

    def swap(signature: Element) -> None:
        found = next(signature.iter(f"{DS}X509Certificate"))
        found.text = b64encode(other).decode()

    assert fault(_properties(swap)) is DocumentFault.ALTERED
    # With both there, the one that it is bound to is taken, whichever stands first.
    both = replace(SIGNING, certificate=SIGNER.certificate, chain=(other,))
    signature = build(both, [Part(uri="f", octets=b"1", media_type="text/plain")], NOW)
    data = next(signature.iter(f"{DS}X509Data"))
    data.append(data[0])
    put_value(signature, both, EXCLUSIVE)
    assert data[-1] is not data[0]
    checked = check_xml(octets(signature), b"1")
    assert checked.certificate == SIGNER.certificate


# -- applications ---------------------------------------------------------------------


def test_another_form_in_an_application() -> None:
    """The signed 構成情報 is moved to where nobody looks, and another stands there."""
    root = parse_xml(APPLICATION).getroot()
    signed = root.find("構成情報")
    evil = parse_xml(
        etree.tostring(signed, encoding="UTF-8", with_tail=False)
    ).getroot()
    del evil.attrib["ID"]
    next(evil.iter("氏名")).text = "別人"
    root.replace(signed, evil)
    for place in ("その他", "署名情報", "様式ID"):
        copy = parse_xml(octets(root)).getroot()
        copy.find(place).append(signed)
        assert fault(octets(copy), FILES) is DocumentFault.NOT_COVERED
        signed = copy.find(place)[-1]
    root.append(signed)
    assert fault(octets(root), FILES) is DocumentFault.NOT_COVERED


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<DataRoot>", "<DataRoot 申請種別='取下げ'>"),
        ("<その他/>", "<その他/><その他/>"),
        ("<その他/>", "<その他><申請種別>取下げ</申請種別></その他>"),
        ("<その他/>", "<その他 a='b'/>"),
        ("<その他/>", f"<その他>{'x' * 200}</その他>"),
        ("<その他/>", "<申請種別>取下げ</申請種別>"),
        ("<その他/>", "<その他/>取下げ"),
        ("<署名情報>", "<署名情報>取下げ"),
        ("<署名情報>", "<署名情報><a/>"),
        ("DataRoot>", "OtherRoot>"),
    ],
)
def test_what_stands_around_the_form(before: str, after: str) -> None:
    """Nothing but what the published form has there, and no more than a word of it."""
    changed = APPLICATION.replace(before.encode(), after.encode())
    assert changed != APPLICATION
    assert fault(changed, FILES) is DocumentFault.NOT_COVERED


def test_requests_to_the_service() -> None:
    """ApplData and its signature, and nothing else, stand in the root."""
    request = (
        b"<DataRoot><ApplData Id='ApplData'><UserID>u</UserID></ApplData></DataRoot>"
    )
    made = sign_application(request, {}, SIGNER.certificate, SIGNER.key)
    checked = examine_xml(made)
    assert [part.uri for part in checked.parts] == ["#ApplData"]
    assert checked.signature.notes == ()
    for before, after in (
        (b"</DataRoot>", b"<UserID>v</UserID></DataRoot>"),
        (b"</DataRoot>", "<その他/></DataRoot>".encode()),
        (b"</DataRoot>", b"<ApplData/></DataRoot>"),
        (b"<DataRoot>", b"<DataRoot UserID='v'>"),
    ):
        assert fault(made.replace(before, after)) is DocumentFault.NOT_COVERED
    for form in (
        request.replace(b" Id='ApplData'", b""),
        request.replace(b"</D", b"<a/></D"),
    ):
        with pytest.raises(DocumentError):
            sign_application(form, {}, SIGNER.certificate, SIGNER.key)


def test_where_the_signature_stands() -> None:
    """In 署名情報, as published; beside it there is no place."""
    tree = parse_xml(APPLICATION)
    holder = tree.getroot().find("署名情報")
    holder.addnext(holder[0])
    assert fault(octets(tree.getroot()), FILES) is DocumentFault.NOT_COVERED
    tree.getroot().remove(holder)
    assert fault(octets(tree.getroot()), FILES) is DocumentFault.NOT_COVERED


def test_what_is_not_signed_is_told() -> None:
    """The style sheet is not signed; the verdict's notes say so."""
    checked = check_xml(APPLICATION.replace(b"<STYLESHEET>9", b"<STYLESHEET>1"), FILES)
    assert any("STYLESHEET" in note for note in checked.notes)


def test_the_form_must_be_what_is_signed() -> None:
    """Files that are signed say nothing about the form beside them."""
    inclusive = Canonicalization(algorithm=C14N)
    root = parse_xml(FORM).getroot()
    part = Part(uri="f", octets=b"1", media_type="text/plain")
    signature = build(SIGNING, [part], None, method=inclusive)
    holder = etree.SubElement(root, "署名情報")
    holder.append(signature)
    put_value(signature, SIGNING, inclusive)
    assert fault(octets(root), {"f": b"1"}) is DocumentFault.NOT_COVERED


def test_attachments() -> None:
    """Each is what was signed, all are there, and none is there that was not signed."""
    tampered = {**FILES, "form_01.xml": FILES["form_01.xml"] + b"\n"}
    assert fault(APPLICATION, tampered) is DocumentFault.ALTERED
    missing = {"form_01.xml": FILES["form_01.xml"]}
    assert fault(APPLICATION, missing) is DocumentFault.NO_CONTENT
    assert fault(APPLICATION) is DocumentFault.NO_CONTENT
    added = {**FILES, "evil.pdf": b"%PDF-"}
    assert fault(APPLICATION, added) is DocumentFault.NOT_COVERED
    swapped = dict(zip(FILES, reversed(FILES.values()), strict=True))
    assert fault(APPLICATION, swapped) is DocumentFault.ALTERED
    detached = sign_detached(FILES, SIGNER.certificate, SIGNER.key, NOW)
    for content in (tampered, swapped):
        assert fault(detached, content) is DocumentFault.ALTERED
    assert fault(detached, added) is DocumentFault.NOT_COVERED
    assert fault(detached, b"one") is DocumentFault.NO_CONTENT
