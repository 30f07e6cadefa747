"""Applications that came as files: what a forger could do to them, and the verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest
from lxml import etree

from jpki.documents.applications import find_application
from jpki.documents.archives import packed, unpacked
from jpki.documents.xml.building import EXCLUSIVE, Part, Signing, build, put_value
from jpki.documents.xml.reading import parse_xml, written
from jpki.documents.xml.sign import sign_application, sign_detached, sign_enveloped
from jpki.documents.xml.signed_info import DS
from jpki.errors import DocumentError, DocumentFault
from jpki.verify import AtHand, Code, Invalid, Outcome, Valid, Verifier
from jpki.verify.applications import verify_application
from jpki.verify.records import confirms, judge_again, make_record, read_record
from jpki.verify.watching import Seen
from tests.support.cards import NOW
from tests.support.reference_pki import reference_pki
from tests.support.verification import accepting, evidence, moment
from tests.support.xml_documents import DOCUMENT, FILES, FORM, xml_signer

PKI = reference_pki("jlis")
OWN, KEY = PKI.certificates["signature"], PKI.keys["signature"]
FORM_NAME, ATTACHMENT = FILES
Files = dict[str, bytes]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One form of application: its files, and which of them is the signature."""

    files: Files
    signature: str


def _detached() -> Case:
    made = sign_detached(FILES, OWN, KEY, moment(PKI))
    return Case(files={**FILES, "signature.xml": made}, signature="signature.xml")


def _egov() -> Case:
    made = sign_application(FORM, FILES, OWN, KEY)
    return Case(files={**FILES, "kousei.xml": made}, signature="kousei.xml")


CASES = {"detached": _detached(), "e-gov": _egov()}
BOTH = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def _verify(files: Mapping[str, bytes]) -> Outcome:
    verifier = Verifier(accepting(PKI), AtHand(evidence(PKI)))
    return verify_application(verifier, files, moment(PKI))


def _refused(files: Mapping[str, bytes]) -> Code:
    verdict = _verify(files)
    assert isinstance(verdict, Invalid), verdict.reason
    # Nothing passes for signed that was not shown to be.
    assert verdict.covered == ()
    return verdict.code


@BOTH
def test_an_application_is_valid(case: Case) -> None:
    """All files are covered; in a folder of an archive too."""
    for files in (case.files, unpacked(packed(case.files))):
        verdict = _verify(files)
        assert isinstance(verdict, Valid), verdict.reason
        assert verdict.covered == tuple(sorted(FILES))
        assert verdict.not_covered == ()
        told = verdict.to_json()["files"]
        assert told == {
            "signature": case.signature,
            "covered": sorted(FILES),
            "not_covered": [],
        }
    below = {f"申請/{name}": octets for name, octets in case.files.items()}
    verdict = _verify(below)
    assert isinstance(verdict, Valid)
    assert verdict.covered == tuple(sorted(f"申請/{name}" for name in FILES))


@BOTH
def test_what_is_not_covered_is_told(case: Case) -> None:
    """A file that came along changes no verdict, and stands there by name."""
    others = {"追加.pdf": b"%PDF-1.7", "below/form_01.xml": DOCUMENT}
    verdict = _verify({**case.files, **others})
    assert isinstance(verdict, Valid)
    assert verdict.not_covered == tuple(sorted(others))
    assert verdict.covered == tuple(sorted(FILES))


@BOTH
def test_an_attachment_is_altered(case: Case) -> None:
    """One octet is enough, in any of them."""
    for name in FILES:
        changed = {**case.files, name: case.files[name] + b" "}
        assert _refused(changed) is Code.DOCUMENT_ALTERED
    # Two that changed their names.
    swapped = {
        **case.files,
        FORM_NAME: FILES[ATTACHMENT],
        ATTACHMENT: FILES[FORM_NAME],
    }
    assert _refused(swapped) is Code.DOCUMENT_ALTERED


@BOTH
def test_an_attachment_is_missing(case: Case) -> None:
    """Also if it lies in another folder, where a reader might find it."""
    for name in FILES:
        rest = {other: o for other, o in case.files.items() if other != name}
        assert _refused(rest) is Code.NO_CONTENT
        assert _refused({**rest, f"other/{name}": case.files[name]}) is Code.NO_CONTENT
    (alone,) = [{case.signature: case.files[case.signature]}]
    assert _refused(alone) is Code.NO_CONTENT


def _change(case: Case, change: Callable[[etree._Element], None]) -> Files:
    tree = parse_xml(case.files[case.signature])
    change(next(tree.iter(f"{DS}SignedInfo")))
    return {**case.files, case.signature: written(tree)}


@BOTH
def test_a_reference_is_swapped(case: Case) -> None:
    """To another file, or the digest with it: then the signature is wrong."""

    def to_another(info: etree._Element) -> None:
        one, other = [
            item for item in info.iter(f"{DS}Reference") if item.get("URI")[0] != "#"
        ]
        one.set("URI", "evil.pdf")
        one[-1].text = other[-1].text

    files = {**_change(case, to_another), "evil.pdf": FILES[ATTACHMENT]}
    assert _refused(files) is Code.DOCUMENT_ALTERED

    def left_out(info: etree._Element) -> None:
        info.remove(next(i for i in info if i.get("URI", "#")[0] != "#"))

    assert _refused(_change(case, left_out)) is Code.DOCUMENT_ALTERED


def _signed_over(*uris: str) -> bytes:
    """A signature that its signer made over these, whatever they are."""
    signing = Signing(certificate=OWN, signer=KEY)
    parts = [
        Part(uri=uri, octets=FILES.get(uri, b"%PDF"), media_type="x") for uri in uris
    ]
    signature = build(signing, parts, NOW)
    put_value(signature, signing, EXCLUSIVE)
    return written(signature.getroottree())


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:9/evil.pdf",
        "https://example.test/evil.pdf",
        "file:///etc/hostname",
        "file:evil.pdf",
        "/etc/hostname",
        "../evil.pdf",
        "%2e%2e/evil.pdf",
        "..%2Fevil.pdf",
        "./../evil.pdf",
        "below/../evil.pdf",
        "below\\evil.pdf",
        "//host/evil.pdf",
        "data:,x",
        "cid:evil.pdf",
        "signature.xml",
    ],
)
def test_a_reference_leads_elsewhere(uri: str) -> None:
    """To the network, above the folder, from the root: nothing is fetched or found,
    though the signature itself is right; and the folder's own files help nobody."""
    files = {
        FORM_NAME: FILES[FORM_NAME],
        "evil.pdf": b"%PDF",
        "below/signature.xml": _signed_over(FORM_NAME, uri),
        f"below/{FORM_NAME}": FILES[FORM_NAME],
    }
    assert _refused(files) is Code.NO_CONTENT


@BOTH
def test_the_signed_part_is_wrapped(case: Case) -> None:
    """Put where nobody reads it, another in its place; or all of it in another root."""
    tree = parse_xml(case.files[case.signature])
    outer = etree.Element("envelope")
    outer.append(tree.getroot())
    wrapped = {**case.files, case.signature: etree.tostring(outer, encoding="UTF-8")}
    assert _refused(wrapped) is Code.NOT_COVERED
    if case.signature == "kousei.xml":
        tree = parse_xml(case.files[case.signature])
        part = tree.getroot().find("構成情報")
        forged = etree.fromstring(etree.tostring(part, encoding="UTF-8"))
        forged.set("ID", "other")
        part.addprevious(forged)
        wrapped = {**case.files, case.signature: written(tree)}
        assert _refused(wrapped) is Code.NOT_COVERED


@BOTH
def test_a_second_signature_slips_in(case: Case) -> None:
    """Somebody else's over the same files: which one counts is not guessed."""
    stranger = xml_signer()
    second = sign_detached(FILES, stranger.certificate, stranger.key, NOW)
    assert _refused({**case.files, "a.xml": second}) is Code.SEVERAL_SIGNERS
    with pytest.raises(DocumentError) as refused:
        find_application({**case.files, "a.xml": second})
    assert refused.value.hint is not None
    # Instead of the first: then it is theirs, who leads to no anchor here.
    replaced = {**case.files, case.signature: second}
    verdict = _verify(replaced)
    assert isinstance(verdict, Invalid)
    assert verdict.code is Code.NO_PATH


def test_names_that_a_system_took_apart() -> None:
    """が as two characters is the file of that name; which of them is told as it is."""
    files = {"\u304c.xml": DOCUMENT}
    made = sign_detached(files, OWN, KEY, moment(PKI))
    verdict = _verify({"\u304b\u3099.xml": DOCUMENT, "signature.xml": made})
    assert isinstance(verdict, Valid), verdict.reason
    assert verdict.covered == ("\u304b\u3099.xml",)
    altered = {"\u304b\u3099.xml": DOCUMENT + b" ", "signature.xml": made}
    assert _refused(altered) is Code.DOCUMENT_ALTERED


def test_an_attachment_may_be_signed_itself() -> None:
    """A form with its own signature inside is content of the one that names it."""
    inside = sign_enveloped(DOCUMENT, OWN, KEY, moment(PKI))
    files = {"form.xml": inside, "b.pdf": b"%PDF"}
    made = sign_detached(files, OWN, KEY, moment(PKI))
    verdict = _verify({**files, "signature.xml": made})
    assert isinstance(verdict, Valid)
    assert verdict.covered == ("b.pdf", "form.xml")
    # Where it is the only one, nothing but itself is signed.
    verdict = _verify(files)
    assert isinstance(verdict, Valid)
    assert (verdict.covered, verdict.not_covered) == ((), ("b.pdf",))
    assert verdict.signature_file == "form.xml"
    both = {"a.xml": inside, "b.xml": inside}
    assert _refused(both) is Code.SEVERAL_SIGNERS


def test_nobody_reads_signatures_without_end() -> None:
    """33 files that could be the signature are not even looked into."""
    inside = sign_enveloped(b"<a/>", OWN, KEY, moment(PKI))
    assert _refused({f"{n}.xml": inside for n in range(33)}) is Code.SEVERAL_SIGNERS
    deep = (
        b'<a xmlns="http://www.w3.org/2000/09/xmldsig#">' + b"<b/>" * 99_000 + b"</a>"
    )
    began = time.perf_counter()
    assert _refused({f"{n}.xml": deep for n in range(32)}) is Code.NO_SIGNER
    assert time.perf_counter() - began < 15


def test_no_signature_at_all() -> None:
    """No files, none that is XML, none that is signed, one that cannot be read."""
    for files in ({}, {"a.pdf": b"%PDF"}, FILES):
        assert _refused(files) is Code.NO_SIGNER
        assert _verify(files).not_covered == tuple(sorted(files))
    broken = b'<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/>'
    with pytest.raises(DocumentError) as refused:
        find_application({**FILES, "signature.xml": broken})
    assert refused.value.message.startswith("signature.xml: ")
    assert refused.value.fault is DocumentFault.MALFORMED


def test_names_are_looked_at_here_too() -> None:
    """Whoever hands files in by themselves hands in safe names, or none."""
    for name in ("../a.xml", "/a.xml", "FORM_01.xml"):
        assert _refused({**CASES["detached"].files, name: b""}) is (
            Code.MALFORMED_DOCUMENT
        )


def test_a_verdict_can_be_kept() -> None:
    """The record holds what is covered, and confirms the verdict."""
    files = {**CASES["e-gov"].files, "more.pdf": b"%PDF"}
    seen = Seen()
    policy = accepting(PKI)
    verifier = Verifier(policy, AtHand(evidence(PKI)))
    verdict = verify_application(verifier, files, moment(PKI), seen=seen)
    found = find_application(files)
    made = make_record(policy, found.document, found.content, verdict, seen)
    kept = read_record(made.to_bytes())
    assert isinstance(kept.content, dict)
    assert kept.content.keys() == FILES.keys()
    again = judge_again(kept)
    assert confirms(kept, again)
    assert again.covered == verdict.covered
