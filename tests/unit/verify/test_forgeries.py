"""What somebody might try with a document that was signed: the code of each."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import pytest
from asn1crypto import algos, cms

from jpki.documents.signature import Content
from jpki.documents.xml.sign import sign_enveloped
from jpki.verify import AtHand, Code, Invalid, Outcome, Valid, Verifier
from tests.support.pdfs import append, object_of, signed_page
from tests.support.reference_pki import ReferencePKI, reference_pki
from tests.support.verification import accepting, evidence, moment, signed

ERA: Final = "prefectural-sha256"
CONTENT: Final = b"One copy, please."
FORM: Final = b'<form xmlns="urn:example:form"><copies>1</copies></form>'


@pytest.fixture
def pki() -> ReferencePKI:
    """Two governors' authorities and a bridge."""
    return reference_pki(ERA)


def _judge(pki: ReferencePKI, document: bytes, content: Content = None) -> Outcome:
    verifier = Verifier(accepting(pki), AtHand(evidence(pki)))
    return verifier.verify(document, content, moment(pki))


def _refused(pki: ReferencePKI, document: bytes, content: Content = None) -> Code:
    verdict = _judge(pki, document, content)
    assert isinstance(verdict, Invalid)
    for language in ("ja", "en"):
        assert verdict.reason.text(language)
    return verdict.code


# -- CMS ------------------------------------------------------------------------------


def _digest_says_another(info: cms.CMSAttributes) -> None:
    info["digest_algorithm"] = algos.DigestAlgorithm({"algorithm": "sha512"})


def _signature_says_another(info: cms.CMSAttributes) -> None:
    info["signature_algorithm"] = algos.SignedDigestAlgorithm(
        {"algorithm": "sha512_rsa"}
    )


def _weaker(info: cms.CMSAttributes) -> None:
    info["signature_algorithm"] = algos.SignedDigestAlgorithm({"algorithm": "sha1_rsa"})


def _changed(pki: ReferencePKI, change: Callable[[cms.CMSAttributes], None]) -> bytes:
    parsed = cms.ContentInfo.load(signed(pki, CONTENT))
    (info,) = parsed["content"]["signer_infos"]
    change(info)
    octets = parsed.dump(force=True)
    assert isinstance(octets, bytes)
    return octets


@pytest.mark.parametrize(
    "change", [_digest_says_another, _signature_says_another, _weaker]
)
def test_a_cms_with_swapped_algorithms(
    pki: ReferencePKI, change: Callable[[cms.CMSAttributes], None]
) -> None:
    """Digest and signature algorithm are of one kind, or it is refused as such."""
    assert isinstance(_judge(pki, signed(pki, CONTENT), CONTENT), Valid)
    assert _refused(pki, _changed(pki, change), CONTENT) is Code.ALGORITHMS_DISAGREE


def test_a_cms_with_both_swapped(pki: ReferencePKI) -> None:
    """Two that agree with each other are still not what was signed."""

    def both(info: cms.CMSAttributes) -> None:
        _digest_says_another(info)
        _signature_says_another(info)

    assert _refused(pki, _changed(pki, both), CONTENT) is Code.DOCUMENT_ALTERED


def test_a_cms_of_another_kind_of_key(pki: ReferencePKI) -> None:
    """An RSA signature does not pass as one of an elliptic curve."""

    def ecdsa(info: cms.CMSAttributes) -> None:
        info["signature_algorithm"] = algos.SignedDigestAlgorithm(
            {"algorithm": "sha256_ecdsa"}
        )

    assert _refused(pki, _changed(pki, ecdsa), CONTENT) is Code.DOCUMENT_ALTERED


# -- PDF ------------------------------------------------------------------------------


def test_a_tampered_pdf(pki: ReferencePKI) -> None:
    """One letter of what is read on the page."""
    good = signed_page(pki)
    assert isinstance(_judge(pki, good), Valid)
    tampered = good.replace(b"1000 yen", b"9000 yen")
    assert tampered != good
    assert _refused(pki, tampered) is Code.DOCUMENT_ALTERED


def test_an_appended_pdf(pki: ReferencePKI) -> None:
    """An update after signing that shows another page; octets after the end."""
    good = signed_page(pki)
    page = object_of(good, 4)
    replaced = append(good, {4: page.replace(b"1000 yen", b"9000 yen")})
    assert _refused(pki, replaced) is Code.DOCUMENT_EXTENDED
    assert _refused(pki, good + b"more") is not Code.VALID


def test_a_shadowed_pdf(pki: ReferencePKI) -> None:
    """The signed catalog is left alone, and another one takes its place."""
    good = signed_page(pki)
    catalog = object_of(good, 1)
    shadowed = append(good, {1: catalog.replace(b"/Pages", b"/Shown true /Pages")})
    assert _refused(pki, shadowed) is Code.DOCUMENT_EXTENDED


# -- XML ------------------------------------------------------------------------------


def test_a_wrapped_xml_signature(pki: ReferencePKI) -> None:
    """What was signed moves into a corner, and something else is read in its place."""
    own, key = pki.certificates["signature"], pki.keys["signature"]
    good = sign_enveloped(FORM, own, key, moment(pki))
    assert isinstance(_judge(pki, good), Valid)
    signature = re.search(rb"(?s)<(?:\w+:)?Signature.*</(?:\w+:)?Signature>", good)
    assert signature is not None
    root = good[good.index(b"<form") :]
    wrapped = (
        b'<form xmlns="urn:example:form"><copies>1000</copies>'
        b"<corner>" + root + b"</corner></form>"
    )
    assert _refused(pki, wrapped) in {Code.NOT_COVERED, Code.DOCUMENT_ALTERED}
    moved = b"<all>" + FORM + signature.group() + b"</all>"
    assert _refused(pki, moved) in {Code.NOT_COVERED, Code.DOCUMENT_ALTERED}
    tampered = good.replace(b">1</copies>", b">9</copies>")
    assert tampered != good
    assert _refused(pki, tampered) is Code.DOCUMENT_ALTERED
