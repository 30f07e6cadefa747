"""Other people's programs judge our XML signatures, and we judge theirs."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import pytest
from cryptography import x509
from lxml import etree
from signxml.algorithms import (
    CanonicalizationMethod,
    DigestAlgorithm,
    SignatureConstructionMethod,
    SignatureMethod,
)
from signxml.exceptions import SignXMLException
from signxml.signer import XMLSigner
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier
from signxml.xades.xades import (
    XAdESSignatureConfiguration,
    XAdESSigner,
    XAdESVerifier,
)

from jpki.documents.signature import Content
from jpki.documents.timestamps import parse_token
from jpki.documents.xml.building import EXCLUSIVE, Part, Signing, build, put_value
from jpki.documents.xml.canonical import Canonicalization, canonical
from jpki.documents.xml.check import check_xml, examine_xml
from jpki.documents.xml.levels import (
    add_archive_timestamp,
    add_timestamp,
    add_values,
    octets_to_timestamp,
)
from jpki.documents.xml.properties import ARCHIVE_TIMESTAMP
from jpki.documents.xml.reading import octets_of, parse_xml, written
from jpki.documents.xml.sign import (
    sign_application,
    sign_detached,
    sign_enveloped,
    sign_enveloping,
)
from jpki.documents.xml.signed_info import ENVELOPED
from jpki.errors import DocumentError, DocumentFault
from jpki.keys.card import CardSigner
from tests.support.cards import NOW, PASSWORD, SIGNATURE, issued_image, session_on
from tests.support.long_term import token_over
from tests.support.time_authority import time_authority
from tests.support.xml_documents import DOCUMENT, FILES, FORM, SUITES, xml_signer
from tests.support.xml_documents import XMLSigner as Signer

_DS: Final = "http://www.w3.org/2000/09/xmldsig#"
_MORE: Final = "http://www.w3.org/2001/04/xmldsig-more#"
_ENC: Final = "http://www.w3.org/2001/04/xmlenc#"
_METHODS: Final = {
    "rsa1024-sha1": (f"{_DS}rsa-sha1", f"{_DS}sha1", "RSA"),
    "rsa2048-sha256": (f"{_MORE}rsa-sha256", f"{_ENC}sha256", "RSA"),
    "p256-sha256": (f"{_MORE}ecdsa-sha256", f"{_ENC}sha256", "EC"),
    "p384-sha384": (f"{_MORE}ecdsa-sha384", f"{_MORE}sha384", "EC"),
}
_C14N: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
_CANONICAL: Final = (
    _C14N,
    f"{_C14N}#WithComments",
    "http://www.w3.org/2006/12/xml-c14n11",
    "http://www.w3.org/2001/10/xml-exc-c14n#",
)
_ASCII_FORM: Final = FORM.replace('ID="構成情報"'.encode(), b'ID="kousei"')
"""The judges take a fragment as it stands, and do not know it percent-encoded."""


def made(signer: Signer) -> dict[str, tuple[bytes, Content]]:
    """One document of each form, with what goes along."""
    own, key = signer.certificate, signer.key
    as_xml = sign_enveloping(DOCUMENT, own, key, NOW, media_type="text/xml")
    return {
        "enveloped": (sign_enveloped(DOCUMENT, own, key, NOW), None),
        "enveloping": (sign_enveloping(b"\0\r\n", own, key, NOW), None),
        "enveloping-xml": (as_xml, None),
        "detached": (sign_detached(FILES, own, key, NOW), FILES),
        "application": (sign_application(_ASCII_FORM, FILES, own, key), FILES),
    }


def laid_out(folder: Path, signer: Signer) -> dict[str, tuple[Path, Content]]:
    """The same as files, tampered copies beside them, and the signer's certificate."""
    (folder / "own.der").write_bytes(signer.certificate)
    (folder / "key.der").write_bytes(signer.pkcs8)
    (folder / "form.xml").write_bytes(DOCUMENT)
    for name, octets in FILES.items():
        (folder / name).write_bytes(octets)
    documents: dict[str, tuple[Path, Content]] = {}
    for form, (document, content) in made(signer).items():
        documents[form] = (folder / f"{form}.xml", content)
        documents[form][0].write_bytes(document)
        (folder / f"{form}.bad").write_bytes(tampered(document))
    return documents


def tampered(document: bytes) -> bytes:
    """One character of what is signed is another."""
    changes = (("花子", "太郎"), ("AA0K", "AA0L"), ("2014-10-01", "2014-10-02"))
    for before, after in changes:
        changed = document.replace(before.encode(), after.encode(), 1)
        if changed != document:
            return changed
    raise AssertionError("nothing to change")


# -- xmlsec ---------------------------------------------------------------------------


def xmlsec_accepts(document: Path) -> bool:
    """Whether `xmlsec1 --verify` finds it good; whom to trust is not its business."""
    command = ["xmlsec1", "--verify", "--insecure"]
    for name in ("http://uri.etsi.org/01903/v1.3.2#:SignedProperties",):
        command += ["--id-attr:Id", name]
    command += ["--id-attr:ID", "構成情報", str(document)]
    done = subprocess.run(command, cwd=document.parent, capture_output=True)
    return done.returncode == 0


@pytest.mark.needs("xmlsec1")
@pytest.mark.parametrize("suite_id", SUITES)
def test_xmlsec_accepts_what_we_sign(tmp_path: Path, suite_id: str) -> None:
    """Every form, with files found by their names; and it notices every change."""
    for form, (document, _) in laid_out(tmp_path, xml_signer(suite_id)).items():
        assert xmlsec_accepts(document), form
        assert not xmlsec_accepts(document.with_suffix(".bad")), form
    (tmp_path / "form_01.xml").write_bytes(b"other")
    for form in ("detached", "application"):
        assert not xmlsec_accepts(tmp_path / f"{form}.xml")


_TEMPLATE: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<書類 xmlns:p="urn:p" xml:lang="ja" xmlns="urn:d"><氏名 p:a="1">髙橋　花子</氏名>
<Signature xmlns="{ds}"><SignedInfo><CanonicalizationMethod Algorithm="{c14n}"/>
<SignatureMethod Algorithm="{signing}"/><Reference URI=""><Transforms>
<Transform Algorithm="{ds}enveloped-signature"/><Transform Algorithm="{c14n}"/>
</Transforms><DigestMethod Algorithm="{digest}"/><DigestValue/></Reference>
</SignedInfo><SignatureValue/><KeyInfo><X509Data/></KeyInfo></Signature>
</書類>
"""


@pytest.mark.needs("xmlsec1")
@pytest.mark.parametrize("suite_id", SUITES)
def test_we_accept_what_xmlsec_signs(tmp_path: Path, suite_id: str) -> None:
    """In each canonical form, inside a document with namespaces and languages."""
    signer = xml_signer(suite_id)
    laid_out(tmp_path, signer)
    for method in _CANONICAL:
        signing, digest, _ = _METHODS[suite_id]
        text = _TEMPLATE.format(ds=_DS, c14n=method, signing=signing, digest=digest)
        (tmp_path / "template.xml").write_text(text)
        command = ["xmlsec1", "--sign", "--output", "signed.xml"]
        command += ["--privkey-der", "key.der,own.der", "template.xml"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        signed = (tmp_path / "signed.xml").read_bytes()
        assert check_xml(signed).certificate == signer.certificate
        with pytest.raises(DocumentError):
            check_xml(tampered(signed))


# -- Java -----------------------------------------------------------------------------


def java(*tasks: tuple[object, ...]) -> list[str]:
    """What Java's javax.xml.crypto.dsig answers to each task."""
    program = Path(__file__).parent / "java" / "JudgeXML.java"
    lines = "\n".join("\t".join(map(str, task)) for task in tasks)
    done = subprocess.run(
        [
            *("java", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8"),
            # Where the canonicalizer is that javax.xml.crypto.dsig works with.
            "--add-exports",
            "java.xml.crypto/com.sun.org.apache.xml.internal.security.c14n=ALL-UNNAMED",
            str(program),
        ],
        input=lines,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.slow
@pytest.mark.needs("java")
def test_java_accepts_what_we_sign(tmp_path: Path) -> None:
    """Every form in every suite; and it notices every change."""
    good: list[tuple[object, ...]] = []
    bad: list[tuple[object, ...]] = []
    for suite_id in SUITES:
        folder = tmp_path / suite_id
        folder.mkdir()
        for document, _ in laid_out(folder, xml_signer(suite_id)).values():
            good.append(("verify", folder / "own.der", document))
            bad.append(("verify", folder / "own.der", document.with_suffix(".bad")))
    answers = java(*good, *bad)
    assert answers == ["true"] * len(good) + ["false"] * len(bad)


@pytest.mark.slow
@pytest.mark.needs("java")
def test_we_accept_what_java_signs(tmp_path: Path) -> None:
    """Its three forms, in each suite and canonical form; changed, we refuse them."""
    tasks: list[tuple[object, ...]] = []
    for suite_id in SUITES:
        folder = tmp_path / suite_id
        folder.mkdir()
        laid_out(folder, xml_signer(suite_id))
        signing, digest, kind = _METHODS[suite_id]
        keys = (folder / "key.der", folder / "own.der", folder / "form.xml")
        for form in ("enveloped", "enveloping", "detached"):
            for number, method in enumerate(_CANONICAL):
                out = folder / f"{form}-{number}"
                tasks.append(("sign", form, signing, digest, method, kind, *keys, out))
    assert java(*tasks) == ["signed"] * len(tasks)
    for task in tasks:
        signed = Path(str(task[-1])).read_bytes()
        detached = task[1] == "detached"
        suite_id = Path(str(task[-1])).parent.name
        checked = check_xml(signed, DOCUMENT if detached else None)
        assert checked.certificate == xml_signer(suite_id).certificate
        with pytest.raises(DocumentError) as refused:
            if detached:
                check_xml(signed, tampered(DOCUMENT))
            else:
                check_xml(tampered(signed))
        assert refused.value.fault is DocumentFault.ALTERED


def _archived(name: str, document: bytes, content: Content) -> bytes:
    """Stamped, and archived by two authorities with what the first is judged by."""
    authority = time_authority(datetime(2014, 1, 1, tzinfo=UTC))
    later = NOW + timedelta(minutes=3)
    if name.startswith("enveloping"):
        # Twice over: by its reference, and as an Object.
        assert document.count(b"Object") >= 4
    made = add_timestamp(
        document, token_over(octets_to_timestamp(document), authority, later)
    )
    made = add_values(made, certificates=[authority.root], crls=[authority.crl(later)])
    for _ in range(2):
        made = add_archive_timestamp(
            made, lambda covered: token_over(covered, authority, later), content
        )
        made = add_values(made, crls=[authority.crl(later)])
    return made


@pytest.mark.slow
@pytest.mark.needs("java")
def test_java_finds_the_imprint_of_archive_timestamps(tmp_path: Path) -> None:
    """Built of what Java canonicalizes and dereferences, it is what the tokens say."""
    signer = xml_signer()
    documents = laid_out(tmp_path, signer)
    # Nothing says how what is signed is canonicalized: the timestamp does.
    bare = made_without_canonicalization(signer)
    documents["bare"] = (tmp_path / "bare.xml", None)
    documents["bare"][0].write_bytes(bare)
    del documents["application"]
    tasks: list[tuple[object, ...]] = []
    stated: list[str] = []
    for form, (file, content) in documents.items():
        made = _archived(form, file.read_bytes(), content)
        file.write_bytes(made)
        assert len(check_xml(made, content).timestamps) == 3
        imprints = [
            parse_token(octets_of(item[-1])).info.imprint.value.hex()
            for item in parse_xml(made).iter(ARCHIVE_TIMESTAMP)
        ]
        tasks.append(("imprints", tmp_path / "own.der", file))
        stated.append(" ".join(imprints))
    assert java(*tasks) == stated


def made_without_canonicalization(signer: Signer) -> bytes:
    """An enveloped signature whose reference ends in nodes."""
    tree = parse_xml(DOCUMENT)
    part = Part(
        uri="",
        octets=canonical(tree, Canonicalization(algorithm=_C14N)),
        transforms=(ENVELOPED,),
        media_type="text/xml",
    )
    signing = Signing(certificate=signer.certificate, signer=signer.key)
    signature = build(signing, [part], NOW)
    tree.getroot().append(signature)
    put_value(signature, signing, EXCLUSIVE)
    return written(tree)


@pytest.mark.needs("xmlsec1")
def test_xmlsec_accepts_what_was_archived(tmp_path: Path) -> None:
    """What is added leaves the signature as it was."""
    for form, (file, content) in laid_out(tmp_path, xml_signer()).items():
        if form != "application":
            file.write_bytes(_archived(form, file.read_bytes(), content))
            assert xmlsec_accepts(file), form


# -- signxml --------------------------------------------------------------------------


class _Unicode:
    """signxml 5.2 writes ASCII, which is no XML where elements have Japanese names."""

    def _tostring(self, xml_node: Any, **kwargs: Any) -> Any:
        return etree.tostring(xml_node, encoding="UTF-8", **kwargs)


class _XAdES(_Unicode, XAdESVerifier):
    pass


class _Plain(_Unicode, XMLVerifier):
    pass


def signxml_verifies(
    document: bytes, content: Content, signer: Signer
) -> list[VerifyResult]:
    """What signxml found signed; raises if it finds anything wrong."""
    xades = b"QualifyingProperties" in document
    kind = XAdESSignatureConfiguration if xades else SignatureConfiguration
    files = content if isinstance(content, Mapping) else {}
    found = (_XAdES() if xades else _Plain()).verify(
        document,
        x509_cert=x509.load_der_x509_certificate(signer.certificate),
        expect_config=kind(
            verification_time=NOW,
            expect_references=True,
            signature_methods=frozenset(SignatureMethod),
            digest_algorithms=frozenset(DigestAlgorithm),
        ),
        uri_resolver=lambda uri: files[unquote(uri)],
    )
    return found if isinstance(found, list) else [found]


@pytest.mark.parametrize("suite_id", SUITES)
def test_signxml_accepts_what_we_sign(suite_id: str) -> None:
    """By the schemas of XAdES and with its own checks; it finds the same parts."""
    signer = xml_signer(suite_id)
    for form, (document, content) in made(signer).items():
        if form == "application":
            continue
        theirs = signxml_verifies(document, content, signer)
        ours = examine_xml(document, content).parts
        assert [found.signed_data for found in theirs] == [part.octets for part in ours]
        with pytest.raises((SignXMLException, etree.LxmlError)):
            signxml_verifies(tampered(document), content, signer)


def test_signxml_does_not_know_default_namespaces() -> None:
    """The one disagreement: a default namespace, in inclusive canonical XML.

    Given a part of a document, lxml's canonicalization takes such a namespace back
    where it is in force, and signxml believes it. xmlsec and Java agree with us.
    """
    signer = xml_signer()
    document, content = made(signer)["application"]
    check_xml(document, content)
    with pytest.raises(SignXMLException, match="verification failed"):
        signxml_verifies(document, content, signer)


_KEYS: Final = [
    *(
        (suite_id, f"RSA_{digest}")
        for suite_id, digest in (
            ("rsa2048-sha256", "SHA1"),
            ("rsa2048-sha256", "SHA256"),
            ("rsa2048-sha256", "SHA384"),
            ("rsa2048-sha256", "SHA512"),
        )
    ),
    *(("p384-sha384", f"ECDSA_{digest}") for digest in ("SHA1", "SHA256", "SHA512")),
    *(("rsa2048-sha256", f"{digest}_RSA_MGF1") for digest in ("SHA256", "SHA384")),
]


class _Legacy(_Unicode, XMLSigner):
    def check_deprecated_methods(self) -> None:
        """SHA-1 was what there was."""


@pytest.mark.parametrize(("suite_id", "method"), _KEYS)
def test_we_accept_what_signxml_signs(suite_id: str, method: str) -> None:
    """Every algorithm that XML and we have a name for, PSS among them."""
    signer = xml_signer(suite_id)
    certificate = x509.load_der_x509_certificate(signer.certificate)
    for construction in (
        SignatureConstructionMethod.enveloped,
        SignatureConstructionMethod.enveloping,
    ):
        signed = _Legacy(
            method=construction,
            signature_algorithm=SignatureMethod[method],
            digest_algorithm=DigestAlgorithm.SHA512,
            c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
        ).sign(
            etree.fromstring("<a Id='x'><b>髙橋　花子</b></a>"),
            key=signer.pkcs8_pem,
            cert=[certificate],
        )
        document = etree.tostring(signed, encoding="UTF-8")
        assert check_xml(document).certificate == signer.certificate
        with pytest.raises(DocumentError):
            check_xml(tampered(document))


def test_we_accept_signxmls_xades() -> None:
    """With its key beside the certificate, and its own choice of what to cover."""
    signer = xml_signer()
    certificate = x509.load_der_x509_certificate(signer.certificate)
    signed = XAdESSigner(
        signature_algorithm=SignatureMethod.ECDSA_SHA256,
        digest_algorithm=DigestAlgorithm.SHA256,
        claimed_roles=["applicant"],
    ).sign(
        etree.fromstring("<a><b>1</b></a>"), key=signer.pkcs8_pem, cert=[certificate]
    )
    checked = check_xml(etree.tostring(signed))
    assert checked.certificate == signer.certificate
    assert checked.claimed_at is not None
    assert checked.claimed_at - NOW > timedelta(days=365)


def test_a_shared_secret_is_no_signature() -> None:
    """HMAC keyed with the public key, as one who confuses keys would check it."""
    signer = xml_signer("rsa2048-sha256")
    signed = XMLSigner(
        signature_algorithm=SignatureMethod.HMAC_SHA256,
        digest_algorithm=DigestAlgorithm.SHA256,
    ).sign(etree.fromstring("<a/>"), key=signer.key.public_key)
    with pytest.raises(DocumentError) as refused:
        check_xml(etree.tostring(signed))
    assert refused.value.fault is DocumentFault.UNSUPPORTED


# -- cards ----------------------------------------------------------------------------


@pytest.mark.needs("xmlsec1")
@pytest.mark.parametrize(
    ("type_id", "suite_id"), [("juki", "rsa1024-sha1"), ("my-number", "rsa2048-sha256")]
)
def test_xmlsec_accepts_what_a_card_signed(
    tmp_path: Path, type_id: str, suite_id: str
) -> None:
    """The key stays on the card."""
    session = session_on(issued_image(type_id, suite_id))
    card = CardSigner(session, SIGNATURE, lambda: PASSWORD)
    document = tmp_path / "signed.xml"
    document.write_bytes(sign_enveloped(DOCUMENT, card.certificate, card, NOW))
    assert xmlsec_accepts(document)
    document.write_bytes(tampered(document.read_bytes()))
    assert not xmlsec_accepts(document)
