"""XML signatures: read without following anything, checked, made."""

from __future__ import annotations

import subprocess
import sys
from base64 import b64encode
from dataclasses import replace
from datetime import datetime

import pytest
from lxml import etree

from jpki.documents.kinds import check_document
from jpki.documents.signature import Content, Kind
from jpki.documents.xml import reading
from jpki.documents.xml.building import EXCLUSIVE, Part, Signing, build, put_value
from jpki.documents.xml.canonical import (
    C14N,
    EXCLUSIVE_C14N,
    Canonicalization,
    canonical,
)
from jpki.documents.xml.check import check_xml, examine_xml
from jpki.documents.xml.reading import Element, parse_xml, written
from jpki.documents.xml.references import names_outside
from jpki.documents.xml.sign import (
    sign_application,
    sign_detached,
    sign_enveloped,
    sign_enveloping,
)
from jpki.documents.xml.signed_info import DS, ENVELOPED
from jpki.errors import DocumentError, DocumentFault
from jpki.keys.memory import generate_key
from jpki.model.suites import suite
from tests.support.cards import NOW, certificate
from tests.support.xml_documents import (
    DOCUMENT,
    FILES,
    FORM,
    SUITES,
    fault,
    octets,
    xml_signer,
)

SIGNER = xml_signer()
SIGNING = Signing(certificate=SIGNER.certificate, signer=SIGNER.key)
SIGNED = sign_enveloped(DOCUMENT, SIGNER.certificate, SIGNER.key, NOW)
INCLUSIVE = Canonicalization(algorithm=C14N)
MORE = "http://www.w3.org/2001/04/xmldsig-more#"


# -- what is made is right -------------------------------------------------------------


@pytest.mark.parametrize("suite_id", SUITES)
def test_each_form_in_each_suite(suite_id: str) -> None:
    """Whose key, with which algorithm and digests, when by their own word."""
    signer = xml_signer(suite_id)
    own, key = signer.certificate, signer.key
    assert key.suite.digest is not None
    made: dict[str, tuple[bytes, Content]] = {
        "enveloped": (sign_enveloped(DOCUMENT, own, key, NOW), None),
        "enveloping": (sign_enveloping(b"\0\r\n", own, key, NOW), None),
        "with XML": (
            sign_enveloping(DOCUMENT, own, key, NOW, media_type="text/xml"),
            None,
        ),
        "detached": (sign_detached(FILES, own, key, NOW), FILES),
        "application": (sign_application(FORM, FILES, own, key), FILES),
    }
    for form, (document, content) in made.items():
        checked = check_document(document, content)
        assert checked.kind is Kind.XML, form
        assert checked.certificate == own
        assert checked.algorithm == key.suite.algorithm_identifier
        assert checked.digests == {key.suite.digest.oid}
        assert checked.claimed_at == (None if form == "application" else NOW)
        assert checked.enclosed.certificates == (own,)


def test_making_is_repeatable() -> None:
    """With a key whose signatures are, the octets are the same."""
    signer = xml_signer("rsa2048-sha256")
    for make in (sign_enveloped, sign_enveloping):
        once, again = (
            make(DOCUMENT, signer.certificate, signer.key, NOW) for _ in range(2)
        )
        assert once == again


def test_what_was_signed_is_told() -> None:
    """The parts are the octets that the signature is over."""
    checked = examine_xml(SIGNED)
    document, properties = checked.parts
    assert document.uri == ""
    assert document.octets == canonical(parse_xml(DOCUMENT), INCLUSIVE)
    assert b"SigningTime" in properties.octets
    detached = sign_detached(FILES, SIGNER.certificate, SIGNER.key, NOW)
    parts = examine_xml(detached, FILES).parts
    assert [part.octets for part in parts[:2]] == list(FILES.values())
    assert parts[1].uri == "%E5%A7%94%E4%BB%BB%E7%8A%B6%201.pdf"


def test_what_goes_along_is_told() -> None:
    """Whoever collects files for a verdict can ask which."""
    detached = sign_detached(FILES, SIGNER.certificate, SIGNER.key, NOW)
    application = sign_application(FORM, FILES, SIGNER.certificate, SIGNER.key)
    for document in (detached, application):
        assert names_outside(document) == tuple(FILES)
    assert names_outside(SIGNED) == ()
    with pytest.raises(DocumentError):
        names_outside(DOCUMENT)


def test_without_the_library_it_is_said() -> None:
    """XML is judged where the extra is installed; elsewhere it is told how."""
    script = (
        "import sys; sys.modules['lxml'] = None\n"
        "from jpki.documents.kinds import check_document\n"
        "from jpki.errors import DocumentError\n"
        "try: check_document(b'<a/>')\n"
        "except DocumentError as error: print(error, error.hint, error.fault)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout == (
        "xml cannot be judged here: lxml is not installed "
        "pip install 'jpki[xml]' unsupported\n"
    )


def test_one_file_needs_no_name() -> None:
    """What a detached signature is over may be handed in as it is."""
    detached = sign_detached({"a": b"1"}, SIGNER.certificate, SIGNER.key, NOW)
    check_xml(detached, b"1")
    assert fault(detached, b"2") is DocumentFault.ALTERED
    without = parse_xml(detached)
    for reference in without.iter(f"{DS}Reference"):
        if reference.get("URI") == "a":
            del reference.attrib["URI"]
    info = without.getroot()
    put_value(info, SIGNING, EXCLUSIVE)
    check_xml(written(without), b"1")
    assert fault(written(without), {"a": b"1"}) is DocumentFault.NO_CONTENT


def test_what_is_inside_and_handed_in_is_the_same() -> None:
    """As with CMS; another document beside an enveloping signature is refused."""
    made = sign_enveloping(b"1", SIGNER.certificate, SIGNER.key, NOW)
    check_xml(made, b"1")
    for other in (b"2", b""):
        assert fault(made, other) is DocumentFault.NOT_COVERED
    assert fault(SIGNED, DOCUMENT) is DocumentFault.NOT_COVERED
    assert fault(made, {"a": b"1"}) is DocumentFault.NOT_COVERED


def test_other_encodings() -> None:
    """Japanese documents in Shift_JIS and EUC-JP are signed; the answer is UTF-8."""
    for encoding in ("Shift_JIS", "EUC-JP"):
        text = f"<?xml version='1.0' encoding='{encoding}'?><申請>氏名</申請>"
        made = sign_enveloped(
            text.encode(encoding), SIGNER.certificate, SIGNER.key, NOW
        )
        assert examine_xml(made).parts[0].octets.decode() == "<申請>氏名</申請>"
    check_xml(b"\xef\xbb\xbf" + SIGNED)


def test_namespaces_that_only_values_refer_to_are_signed() -> None:
    """`xsi:type="p:Permit"` means what the prefix is bound to: that is signed too."""
    document = b"<a xmlns:p='urn:p' type='p:Permit'><b xmlns:q='urn:q'>q:name</b></a>"
    for made in (
        sign_enveloped(document, SIGNER.certificate, SIGNER.key, NOW),
        sign_enveloping(
            document, SIGNER.certificate, SIGNER.key, NOW, media_type="text/xml"
        ),
    ):
        check_xml(made)
        for name in (b"urn:p", b"urn:q"):
            changed = made.replace(name, b"urn:evil")
            assert changed != made
            assert fault(changed) is DocumentFault.ALTERED


def test_what_is_too_long_for_xml() -> None:
    """It is told before anything is signed that could not be read again."""
    with pytest.raises(DocumentError, match="too long"):
        sign_enveloping(bytes(8_000_000), SIGNER.certificate, SIGNER.key, NOW)
    half = b"<b>" + b"x" * ((reading.MAX_XML - 1000) // 2) + b"</b>"
    with pytest.raises(DocumentError, match="too long"):
        sign_enveloped(
            b"<a>" + half + half + b"</a>", SIGNER.certificate, SIGNER.key, NOW
        )
    longest = bytes(7_499_999)
    made = sign_enveloping(longest, SIGNER.certificate, SIGNER.key, NOW)
    check_xml(made, longest)


def test_who_cannot_sign() -> None:
    """ML-DSA has no name in XML; a key and another's certificate; signed already."""
    key = generate_key(suite("mldsa65"))
    own = certificate(key.public_key, key, "Signer")
    with pytest.raises(DocumentError, match="no identifier") as refused:
        sign_enveloped(DOCUMENT, own, key, NOW)
    assert refused.value.fault is DocumentFault.UNSUPPORTED
    assert refused.value.hint is not None
    with pytest.raises(DocumentError, match="not the one in its certificate"):
        sign_enveloped(DOCUMENT, own, SIGNER.key, NOW)
    with pytest.raises(DocumentError, match="signed already"):
        sign_enveloped(SIGNED, SIGNER.certificate, SIGNER.key, NOW)
    with pytest.raises(DocumentError, match="time zone"):
        sign_enveloped(DOCUMENT, SIGNER.certificate, SIGNER.key, datetime(2014, 10, 1))
    own = SIGNER.certificate
    with pytest.raises(DocumentError, match="certificates"):
        sign_enveloped(DOCUMENT, own, SIGNER.key, NOW, [own] * 64)
    for files in (
        {},
        {"": b""},
        {"\udc80": b""},
        dict.fromkeys(map(str, range(128)), b""),
    ):
        with pytest.raises(DocumentError):
            sign_detached(files, own, SIGNER.key, NOW)
    for form in (DOCUMENT, b"<DataRoot/>", "<DataRoot><構成情報/></DataRoot>".encode()):
        with pytest.raises(DocumentError):
            sign_application(form, FILES, own, SIGNER.key)


# -- what is changed is noticed --------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("花子", "太郎", DocumentFault.ALTERED),
        ("2014-10-01T", "2001-10-01T", DocumentFault.ALTERED),
        ("<ds:DigestValue>", "<ds:DigestValue>AAAA", DocumentFault.ALTERED),
        ("<ds:SignatureValue>", "<ds:SignatureValue>AAAA", DocumentFault.ALTERED),
        ("<ds:SignatureValue>", "<ds:SignatureValue>!", DocumentFault.MALFORMED),
        (f"{MORE}ecdsa-sha256", f"{MORE}ecdsa-sha384", DocumentFault.ALTERED),
        (f"{MORE}ecdsa-sha256", f"{MORE}rsa-sha256", DocumentFault.ALTERED),
        (f"{MORE}ecdsa-sha256", f"{MORE}hmac-sha256", DocumentFault.UNSUPPORTED),
        (f"{MORE}ecdsa-sha256", "urn:other", DocumentFault.UNSUPPORTED),
        (
            "http://www.w3.org/2001/04/xmlenc#sha256",
            "urn:md5",
            DocumentFault.UNSUPPORTED,
        ),
        (EXCLUSIVE_C14N, "http://www.w3.org/2010/xml-c14n2", DocumentFault.UNSUPPORTED),
        ("urn:example:other", "urn:example:evil", DocumentFault.ALTERED),
        (
            "ds:X509Certificate",
            "ds:X509SubjectName",
            DocumentFault.NO_SIGNER_CERTIFICATE,
        ),
        ("ds:KeyInfo", "ds:Info", DocumentFault.MALFORMED),
        ("ds:SignedInfo", "ds:Info", DocumentFault.MALFORMED),
        ("ds:Reference", "ds:Other", DocumentFault.MALFORMED),
        ("ds:DigestMethod", "ds:Other", DocumentFault.MALFORMED),
        ("ds:Transform ", "ds:Other ", DocumentFault.MALFORMED),
        ("xades:Cert>", "xades:Other>", DocumentFault.ALTERED),
        (
            "http://uri.etsi.org/01903/v1.3.2#",
            "http://uri.etsi.org/01903/v1.2.2#",
            None,
        ),
    ],
)
def test_changes(before: str, after: str, expected: DocumentFault | None) -> None:
    """Each change has the code that says what it is."""
    changed = SIGNED.replace(before.encode(), after.encode())
    assert changed != SIGNED
    assert fault(changed) in ([expected] if expected else list(DocumentFault))


def test_a_key_without_certificate_is_nobodys() -> None:
    """KeyValue alone would let anyone sign as anyone."""
    root = parse_xml(SIGNED).getroot()
    info = next(root.iter(f"{DS}KeyInfo"))
    info.remove(info[0])
    etree.SubElement(info, f"{DS}KeyValue")
    assert fault(octets(root)) is DocumentFault.NO_SIGNER_CERTIFICATE
    data = etree.SubElement(info, f"{DS}X509Data")
    etree.SubElement(data, f"{DS}X509Certificate").text = "AAAA"
    assert fault(octets(root)) is DocumentFault.NO_SIGNER_CERTIFICATE


def signature_over(*parts: Part, at: datetime | None = NOW) -> Element:
    signature = build(SIGNING, parts, at)
    put_value(signature, SIGNING, EXCLUSIVE)
    return signature


@pytest.mark.parametrize(
    "transform",
    [
        "http://www.w3.org/TR/1999/REC-xslt-19991116",
        "http://www.w3.org/TR/1999/REC-xpath-19991116",
        "http://www.w3.org/2002/06/xmldsig-filter2",
        "http://www.w3.org/2000/09/xmldsig#base64",
        "http://www.w3.org/2002/07/decrypt#XML",
        "urn:other",
    ],
)
def test_transforms_that_change_what_is_signed(transform: str) -> None:
    """XSLT, XPath and whatever else computes are refused before that."""
    for transforms in ((transform,), (ENVELOPED, transform), (C14N, transform)):
        part = Part(uri="a", octets=b"1", transforms=transforms, media_type="text/xml")
        signature = signature_over(part)
        element = next(signature.iter(f"{DS}Transform"))
        element.set("Algorithm", element.get("Algorithm"))
        etree.SubElement(element, "xpath").text = "//*"
        document = octets(signature)
        assert fault(document, {"a": b"1"}) in {
            DocumentFault.UNSUPPORTED,
            DocumentFault.MALFORMED,
        }
        assert fault(octets(signature_over(part)), {"a": b"1"}) is (
            DocumentFault.UNSUPPORTED
        )


def test_a_signature_value_is_as_long_as_the_field() -> None:
    """A nought between r and s makes the same numbers, and another signature."""
    value = check_xml(SIGNED).value
    assert len(value) == 64
    longer = value[:32] + b"\0" + value[32:]
    for wrong in (longer, b"\0" + value + b"\0", value[:-1], b"", value + b"\0"):
        changed = SIGNED.replace(b64encode(value), b64encode(wrong))
        assert fault(changed) is DocumentFault.ALTERED


def test_references_that_are_not_followed() -> None:
    """Nothing is fetched, from the network or from files; XPointer is not evaluated."""
    for uri in ("http://127.0.0.1:1/a", "file:///etc/hostname", "/etc/hostname", "a"):
        part = Part(uri=uri, octets=b"1", media_type="text/plain")
        assert fault(octets(signature_over(part))) is DocumentFault.NO_CONTENT
        check_xml(octets(signature_over(part)), {uri: b"1"})
    pointer = Part(uri="#xpointer(/)", octets=b"1", media_type="text/plain")
    assert fault(octets(signature_over(pointer))) is DocumentFault.UNSUPPORTED
    nowhere = Part(uri="#x", octets=b"1", media_type="text/plain")
    assert fault(octets(signature_over(nowhere))) is DocumentFault.NOT_COVERED
    twice = [Part(uri=uri, octets=b"1", media_type="") for uri in ("a", "%61")]
    assert fault(octets(signature_over(*twice)), {"a": b"1"}) is DocumentFault.MALFORMED
    enveloped = Part(uri="a", octets=b"1", transforms=(ENVELOPED,), media_type="")
    assert fault(octets(signature_over(enveloped)), {"a": b"1"}) is (
        DocumentFault.MALFORMED
    )
    told = SIGNED.replace(
        f'Algorithm="{ENVELOPED}"/>'.encode(),
        f'Algorithm="{ENVELOPED}"><a/></ds:Transform>'.encode(),
    )
    assert told != SIGNED
    assert fault(told) is DocumentFault.MALFORMED


def test_files_that_are_canonicalized() -> None:
    """A file may be signed as XML: another way to write the same is the same."""
    one, other = b"<a  b='1'/>", b'<?xml version="1.0"?><a b="1"></a>'
    part = Part(
        uri="a",
        octets=canonical(parse_xml(one), EXCLUSIVE),
        transforms=(EXCLUSIVE_C14N,),
        media_type="text/xml",
    )
    document = octets(signature_over(part))
    check_xml(document, {"a": one})
    check_xml(document, {"a": other})
    assert fault(document, {"a": b"<a b='2'/>"}) is DocumentFault.ALTERED
    assert fault(document, {"a": b"%PDF-"}) is DocumentFault.MALFORMED
    parts = [replace(part, uri=f"{n}") for n in range(20)]
    many = octets(signature_over(*parts))
    assert fault(many, {f"{n}": one for n in range(20)}) is DocumentFault.MALFORMED
    split = b"<a b='1'>x<!-- -->y</a>"
    assert fault(document, {"a": split}) is DocumentFault.NOT_COVERED


def test_manifests_are_not_judged() -> None:
    """What a Manifest lists may be anything: core validation does not look."""
    held = etree.Element(f"{DS}Object", Id="m", nsmap={"ds": DS[1:-1]})
    etree.SubElement(held, f"{DS}Manifest")
    part = Part(
        uri="#m",
        octets=canonical(held, EXCLUSIVE),
        transforms=(EXCLUSIVE_C14N,),
        media_type="",
    )
    signature = build(SIGNING, [part], None)
    signature.append(held)
    put_value(signature, SIGNING, EXCLUSIVE)
    assert fault(octets(signature)) is DocumentFault.UNSUPPORTED
