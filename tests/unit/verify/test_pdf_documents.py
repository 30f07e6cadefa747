"""PDFs from end to end: signed with a resident's key, judged by the verifier."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from jpki.documents.pdf.sign import add_timestamp, add_validation_data, sign_pdf
from jpki.documents.signature import Enclosed
from jpki.model.revocation import Revocation, RevocationReason
from jpki.verify import (
    AtHand,
    Code,
    Indeterminate,
    Invalid,
    Outcome,
    Pool,
    TrustAnchor,
    Valid,
    Verifier,
)
from jpki.x509.parse import parse_certificate
from tests.support.long_term import (
    FIRST,
    HOUR,
    IN_2017,
    IN_2027,
    IN_2030,
    SECOND,
    SIGNED_AT,
    STAMPED_AT,
    THIRD,
    authorities_crls,
    pki_of_2008,
    signers_certificate,
)
from tests.support.pdfs import append, build, object_of, signed_page, stamping, stream
from tests.support.reference_pki import FOUNDED, RESIDENT, ReferencePKI, reference_pki
from tests.support.verification import accepting, evidence, moment


@pytest.fixture(params=FOUNDED)
def pki(request: pytest.FixtureRequest) -> ReferencePKI:
    """The PKI of each era."""
    return reference_pki(request.param)


def _judge(pki: ReferencePKI, pdf: bytes, *revoked: Revocation) -> Outcome:
    verifier = Verifier(accepting(pki), AtHand(evidence(pki, *revoked)))
    return verifier.verify(pdf, None, moment(pki))


def test_a_citizens_pdf_is_valid(pki: ReferencePKI) -> None:
    """In every era; the four items are read, and when it is said to be signed."""
    verdict = _judge(pki, signed_page(pki))
    assert isinstance(verdict, Valid), verdict.reason
    assert verdict.kind == "pdf"
    assert verdict.claimed_at == moment(pki)
    assert verdict.signer is not None
    assert verdict.signer.attributes is not None
    assert verdict.signer.attributes.address == RESIDENT.address


def test_a_revoked_signer_is_refused(pki: ReferencePKI) -> None:
    """As with any other document."""
    revoked = Revocation(
        serial=parse_certificate(pki.certificates["signature"]).serial,
        at=pki.at + timedelta(minutes=30),
        reason=RevocationReason.AFFILIATION_CHANGED,
    )
    verdict = _judge(pki, signed_page(pki), revoked)
    assert isinstance(verdict, Invalid)
    assert verdict.code is Code.REVOKED


def test_tampered_shadowed_and_appended_pdfs_are_refused(pki: ReferencePKI) -> None:
    """Each with the code that says what was done."""
    pdf = signed_page(pki)
    tampered = pdf.replace(b"1000 yen", b"9000 yen")
    shadowed = append(pdf, {4: stream(b"BT (Transfer 9000 yen) Tj ET")})
    appended = append(pdf, {40: b"<< /Anything true >>"})
    moved = pdf.replace(b"/ByteRange [0 ", b"/ByteRange [1 ")
    for document, code in (
        (tampered, Code.DOCUMENT_ALTERED),
        (shadowed, Code.DOCUMENT_EXTENDED),
        (appended, Code.DOCUMENT_EXTENDED),
        (moved, Code.NOT_COVERED),
        (build(), Code.NO_SIGNER),
        (pdf[:200], Code.MALFORMED_DOCUMENT),
    ):
        verdict = _judge(pki, document)
        assert isinstance(verdict, Invalid)
        assert verdict.code is code


def test_what_the_verifier_needs_may_be_inside() -> None:
    """B-LT: nothing is at hand but the PDF. Then it must be fresh, as of now."""
    pki = reference_pki("prefectural-sha256")
    assert pki.bridge is not None
    bare = signed_page(pki)
    inside = Enclosed(
        certificates=tuple(pki.certificates.values()),
        crls=tuple(pki.crl(each) for each in (pki.a, pki.b, pki.bridge)),
    )
    verifier = Verifier(accepting(pki), AtHand(Pool.from_der()))
    assert isinstance(verifier.verify(bare, None, moment(pki)), Invalid)
    full = add_validation_data(bare, inside)
    assert isinstance(verifier.verify(full, None, moment(pki)), Valid)


def _kept() -> bytes:
    """Signed in 2008 with SHA-1; stamped then, in 2017 and in 2027."""
    pki = pki_of_2008()
    pdf = sign_pdf(
        build(),
        signers_certificate(),
        pki.keys["signature"],
        SIGNED_AT,
        stamp=stamping(FIRST, STAMPED_AT),
    )
    then = Enclosed(
        certificates=tuple(pki.certificates.values()),
        crls=(*authorities_crls(SIGNED_AT), FIRST.crl(IN_2017 - HOUR)),
    )
    pdf = add_timestamp(add_validation_data(pdf, then), stamping(SECOND, IN_2017))
    later = Enclosed(crls=(SECOND.crl(IN_2027 - HOUR),))
    return add_timestamp(add_validation_data(pdf, later), stamping(THIRD, IN_2027))


def _in_2030(pdf: bytes) -> Outcome:
    policy = replace(
        accepting(pki_of_2008()),
        time_anchors=tuple(
            TrustAnchor.of(each.parsed_root) for each in (FIRST, SECOND, THIRD)
        ),
    )
    pool = Pool.from_der(
        certificates=pki_of_2008().certificates.values(),
        crls=[THIRD.crl(IN_2030 - HOUR)],
    )
    return Verifier(policy, AtHand(pool)).verify(pdf, None, IN_2030)


def test_an_archived_pdf_of_2008_is_valid_in_2030() -> None:
    """B-LTA, renewed twice: the signature was there while SHA-1 was relied on."""
    verdict = _in_2030(_kept())
    assert isinstance(verdict, Valid), (verdict.reason, verdict.notes)
    assert [proof.at for proof in verdict.proofs] == [IN_2027, IN_2017, STAMPED_AT]
    assert verdict.existed_at == STAMPED_AT + timedelta(seconds=1)
    assert verdict.notes == ()


def test_without_its_last_timestamps_it_is_left_open() -> None:
    """Cut back to 2008: what held then is no longer proven."""
    pdf = _kept()
    first = pdf[: pdf.index(b"%%EOF", pdf.index(b"/ETSI.CAdES")) + 6]
    verdict = _in_2030(first)
    assert isinstance(verdict, Indeterminate)


def test_an_archived_pdf_takes_no_more_pages() -> None:
    """Timestamps make nothing good that was added after signing."""
    pdf = _kept()
    page = object_of(pdf, 3).replace(b"595 842", b"842 595")
    assert _in_2030(append(pdf, {3: page})).code is Code.DOCUMENT_EXTENDED
    stamped = add_timestamp(_kept(), stamping(THIRD, IN_2027))
    assert isinstance(_in_2030(stamped), Valid)
