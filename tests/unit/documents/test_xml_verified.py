"""XML signatures under a policy, in every era whose keys XML has a name for."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from jpki.documents.signature import Content
from jpki.documents.xml.levels import add_timestamp, add_values, octets_to_timestamp
from jpki.documents.xml.reading import parse_xml, written
from jpki.documents.xml.sign import (
    sign_application,
    sign_detached,
    sign_enveloped,
    sign_enveloping,
)
from jpki.errors import DocumentError, DocumentFault
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
from tests.support.long_term import token_over
from tests.support.reference_pki import FOUNDED, RESIDENT, ReferencePKI, reference_pki
from tests.support.time_authority import time_authority
from tests.support.verification import accepting, evidence, moment
from tests.support.xml_documents import DOCUMENT, FILES, FORM

ERAS = [era for era in FOUNDED if era != "post-quantum"]


@pytest.fixture(params=ERAS)
def pki(request: pytest.FixtureRequest) -> ReferencePKI:
    """The PKI of each era."""
    return reference_pki(request.param)


def _judge(
    pki: ReferencePKI,
    document: bytes,
    content: Content = None,
    pool: Pool | None = None,
) -> Outcome:
    held = evidence(pki) if pool is None else pool
    return Verifier(accepting(pki), AtHand(held)).verify(document, content, moment(pki))


def _made(pki: ReferencePKI) -> dict[str, tuple[bytes, Content]]:
    own, key = pki.certificates["signature"], pki.keys["signature"]
    at = moment(pki)
    return {
        "enveloped": (sign_enveloped(DOCUMENT, own, key, at), None),
        "enveloping": (sign_enveloping(DOCUMENT, own, key, at), None),
        "detached": (sign_detached(FILES, own, key, at), FILES),
        "application": (sign_application(FORM, FILES, own, key), FILES),
    }


def test_a_citizens_signature_is_valid(pki: ReferencePKI) -> None:
    """In every form: signature, path, policy and revocation hold."""
    for form, (document, content) in _made(pki).items():
        verdict = _judge(pki, document, content)
        assert isinstance(verdict, Valid), (form, verdict.reason)
        assert verdict.kind == "xml"
        assert verdict.claimed_at == (None if form == "application" else moment(pki))
        assert verdict.signer is not None
        items = verdict.signer.attributes
        assert items is not None
        assert items.date_of_birth == RESIDENT.date_of_birth


def test_a_revoked_signer_is_refused(pki: ReferencePKI) -> None:
    """In every form, by the list and by the responder."""
    revoked = Revocation(
        serial=parse_certificate(pki.certificates["signature"]).serial,
        at=pki.at + timedelta(minutes=30),
        reason=RevocationReason.KEY_COMPROMISE,
    )
    for document, content in _made(pki).values():
        verdict = _judge(pki, document, content, evidence(pki, revoked))
        assert isinstance(verdict, Invalid)
        assert verdict.code is Code.REVOKED


def test_without_evidence_it_is_left_open(pki: ReferencePKI) -> None:
    """Nothing says that the certificate is good, though the signature is."""
    pool = Pool.from_der(certificates=pki.certificates.values())
    verdict = _judge(pki, _made(pki)["enveloped"][0], pool=pool)
    assert isinstance(verdict, Indeterminate)
    assert verdict.code is Code.NO_REVOCATION_DATA


def test_what_was_tampered_with_is_refused(pki: ReferencePKI) -> None:
    """A changed attachment, a missing one, one more; a changed form; a wrapped one."""
    application = _made(pki)["application"][0]

    def code(document: bytes, content: Content) -> Code:
        verdict = _judge(pki, document, content)
        assert isinstance(verdict, Invalid)
        return verdict.code

    changed = {**FILES, "form_01.xml": b"other"}
    assert code(application, changed) is Code.DOCUMENT_ALTERED
    assert code(application, None) is Code.NO_CONTENT
    assert code(application, {**FILES, "more": b""}) is Code.NOT_COVERED
    renamed = application.replace("花子".encode(), "太郎".encode())
    assert code(renamed, FILES) is Code.DOCUMENT_ALTERED
    tree = parse_xml(application)
    signed = tree.getroot().find("構成情報")
    tree.getroot().find("その他").append(signed)
    assert code(written(tree), FILES) is Code.NOT_COVERED
    assert code(b"<a/>", None) is Code.NO_SIGNER
    assert code(b"<!DOCTYPE a><a/>", None) is Code.UNSUPPORTED_DOCUMENT
    assert code(b"<a>", None) is Code.MALFORMED_DOCUMENT


def test_another_resident_is_not_the_signer(pki: ReferencePKI) -> None:
    """A certificate put in place of the signer's does not make it their signature."""
    other = reference_pki("jlis" if pki.era.id != "jlis" else "next-gen")
    document = sign_enveloped(
        DOCUMENT, other.certificates["signature"], other.keys["signature"], moment(pki)
    )
    verdict = _judge(pki, document)
    assert isinstance(verdict, Invalid)
    # Where both authorities bear one name, it is the certificate that is wrong.
    assert verdict.code in {
        Code.NO_PATH,
        Code.ALGORITHM_NOT_ALLOWED,
        Code.BAD_SIGNATURE,
    }


def test_it_outlives_its_certificate() -> None:
    """With a timestamp and what was known then it is valid years after; without, open.

    The certificate of 2004 is long expired in 2014, while the era still lets SHA-1 be
    verified.
    """
    pki = reference_pki("prefectural-sha1")
    signed_at = moment(pki)
    authority = time_authority(signed_at.replace(month=1, day=1))
    later = datetime(2014, 1, 10, tzinfo=signed_at.tzinfo)
    signed = sign_enveloped(
        DOCUMENT, pki.certificates["signature"], pki.keys["signature"], signed_at
    )
    stamp = token_over(octets_to_timestamp(signed), authority, signed_at)
    crls = [pki.crl(pki.a), pki.crl(pki.b)]
    assert pki.bridge is not None
    crls += [pki.crl(pki.bridge), authority.crl(later, lifetime=timedelta(days=30))]
    certificates = [*pki.certificates.values(), authority.root]
    stamped = add_values(
        add_timestamp(signed, stamp), certificates=certificates, crls=crls
    )
    policy = replace(
        accepting(pki), time_anchors=(TrustAnchor.of(authority.parsed_root),)
    )
    nothing = AtHand(Pool.from_der())
    verdict = Verifier(policy, nothing).verify(stamped, None, later)
    assert isinstance(verdict, Valid), verdict.reason
    assert verdict.existed_at == signed_at + timedelta(seconds=1)
    assert [proof.at for proof in verdict.proofs] == [signed_at]

    unstamped = add_values(signed, certificates=certificates, crls=crls)
    open_still = Verifier(policy, nothing).verify(unstamped, None, later)
    assert isinstance(open_still, Indeterminate)
    assert open_still.code is Code.EXPIRED


def test_ml_dsa_has_no_name_in_xml() -> None:
    """Such a key signs CMS and PDF; it is told before the key is asked."""
    pki = reference_pki("post-quantum")
    with pytest.raises(DocumentError) as refused:
        sign_enveloped(
            DOCUMENT, pki.certificates["signature"], pki.keys["signature"], moment(pki)
        )
    assert refused.value.fault is DocumentFault.UNSUPPORTED
