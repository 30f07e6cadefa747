"""Documents under a policy, in every era: accepted, refused, left open."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from jpki.der import oids
from jpki.der.reader import read_one
from jpki.der.writer import explicit, integer, object_identifier, sequence, set_of
from jpki.documents.cms import sign_detached
from jpki.errors import RequestError
from jpki.keys.memory import generate_key
from jpki.model.eras import Judgement
from jpki.model.profiles import KeyUsage
from jpki.model.revocation import Revocation, RevocationReason
from jpki.model.suites import suite
from jpki.verify import (
    AtHand,
    Code,
    Gathered,
    Indeterminate,
    Invalid,
    Issued,
    Outcome,
    Pool,
    RevocationMode,
    TrustAnchor,
    Valid,
    Verifier,
)
from jpki.x509.parse import parse_certificate
from tests.support.reference_pki import (
    FOUNDED,
    RESIDENT,
    ReferencePKI,
    reference_pki,
)
from tests.support.verification import accepting, anchor_of, evidence, moment, signed

CONTENT = "住民票の写しの交付を申請します。".encode()


@pytest.fixture(params=FOUNDED)
def pki(request: pytest.FixtureRequest) -> ReferencePKI:
    """The PKI of each era."""
    return reference_pki(request.param)


def _revocation(pki: ReferencePKI) -> Revocation:
    return Revocation(
        serial=parse_certificate(pki.certificates["signature"]).serial,
        at=pki.at + timedelta(minutes=30),
        reason=RevocationReason.AFFILIATION_CHANGED,
    )


def _judge(
    pki: ReferencePKI,
    document: bytes | None = None,
    content: bytes | None = CONTENT,
    pool: Pool | None = None,
    at: datetime | None = None,
) -> Outcome:
    held = evidence(pki) if pool is None else pool
    verifier = Verifier(accepting(pki), AtHand(held))
    given = signed(pki, CONTENT) if document is None else document
    return verifier.verify(given, content, moment(pki) if at is None else at)


def test_a_citizens_signature_is_valid(pki: ReferencePKI) -> None:
    """Signature, path, policy and revocation hold; the four items are read."""
    verdict = _judge(pki)
    assert isinstance(verdict, Valid), verdict.reason
    assert verdict.signer is not None
    items = verdict.signer.attributes
    assert items is not None
    assert (items.address, items.date_of_birth) == (
        RESIDENT.address,
        RESIDENT.date_of_birth,
    )
    assert {found.kind for found in verdict.evidence} == {"crl", "ocsp"}
    assert len(verdict.path) == (1 if pki.bridge is None else 3)
    document = json.loads(json.dumps(verdict.to_json()))
    assert document["outcome"] == "valid"
    assert document["signer"]["basic_information"]["gender"] == "2"
    assert document["signer"]["purpose"] == "signature"


def test_a_question_asked_before_is_asked_at_its_own_instant(pki: ReferencePKI) -> None:
    """One verifier's verdicts are of the instants and zones that were given."""
    verifier = Verifier(accepting(pki), AtHand(evidence(pki)))
    document, at = signed(pki, CONTENT), moment(pki)
    japan = at.astimezone(timezone(timedelta(hours=9)))
    late = at + timedelta(days=3650)
    told = [
        (verdict.outcome, verdict.at, verdict.at.utcoffset(), verdict.existed_at)
        for given in (at, at, japan, late, at)
        for verdict in [verifier.verify(document, CONTENT, given)]
    ]
    assert told == [
        ("valid", at, timedelta(), at),
        ("valid", at, timedelta(), at),
        ("valid", at, timedelta(hours=9), at),
        ("indeterminate", late, timedelta(), late),
        ("valid", at, timedelta(), at),
    ]


def test_a_revoked_signer_is_refused(pki: ReferencePKI) -> None:
    """By the CRL alone and with OCSP: reason and date are shown."""
    for ocsp in (True, False):
        pool = evidence(pki, _revocation(pki), ocsp=ocsp)
        verdict = _judge(pki, pool=pool)
        assert isinstance(verdict, Invalid)
        assert verdict.code is Code.REVOKED
        assert verdict.signer is not None
        assert "affiliationChanged" in verdict.reason.text("en")


def test_without_evidence_it_is_left_open(pki: ReferencePKI) -> None:
    """Certificates without CRLs and OCSP do not make a verdict."""
    pool = Pool.from_der(certificates=pki.certificates.values())
    verdict = _judge(pki, pool=pool)
    assert isinstance(verdict, Indeterminate)
    assert verdict.code is Code.NO_REVOCATION_DATA


def test_the_content_must_be_the_one_signed(pki: ReferencePKI) -> None:
    """One octet more, none at all, or another document: refused."""
    assert _judge(pki, content=CONTENT + b"\n").code is Code.DOCUMENT_ALTERED
    assert _judge(pki, content=b"").code is Code.DOCUMENT_ALTERED
    assert _judge(pki, content=None).code is Code.NO_CONTENT


def test_another_anchor_is_not_trusted(pki: ReferencePKI) -> None:
    """A portal that trusts an authority outside has no path."""
    other = reference_pki("next-gen" if pki.bridge else "prefectural-sha256")
    policy = replace(accepting(pki), anchors=(TrustAnchor.of(anchor_of(other).parsed),))
    verdict = Verifier(policy, AtHand(evidence(pki))).verify(
        signed(pki, CONTENT), CONTENT, moment(pki)
    )
    assert isinstance(verdict, Invalid)
    assert verdict.code is Code.NO_PATH


def test_an_unaccepted_policy_is_refused(pki: ReferencePKI) -> None:
    """The signer's policy, mapped across the bridge, must be one of the accepted."""
    policy = replace(accepting(pki), policies=frozenset({"1.2.392.9.9"}))
    verdict = Verifier(policy, AtHand(evidence(pki))).verify(
        signed(pki, CONTENT), CONTENT, moment(pki)
    )
    assert verdict.code is Code.POLICY_NOT_ACCEPTED


def test_the_instant_decides(pki: ReferencePKI) -> None:
    """Before and after the certificate's validity it is refused."""
    leaf = parse_certificate(pki.certificates["signature"])
    early = _judge(pki, at=pki.at - timedelta(seconds=1))
    assert early.code is Code.NOT_YET_VALID
    assert isinstance(early, Invalid)
    late = _judge(pki, at=leaf.not_after + timedelta(seconds=1))
    assert late.code is Code.EXPIRED
    # Nothing proves that it was not signed in time.
    assert isinstance(late, Indeterminate)
    with pytest.raises(RequestError):
        _judge(pki, at=datetime(2014, 10, 1))


def test_an_authentication_certificate_signs_no_documents() -> None:
    """利用者証明用 has neither nonRepudiation nor the four items."""
    pki = reference_pki("jlis")
    policy = replace(
        accepting(pki),
        anchors=(TrustAnchor.of(pki.b.parsed),),
        policies=frozenset({oids.ANY_POLICY}),
        revocation=RevocationMode.NONE,
    )
    login = signed(pki, CONTENT, "authentication")

    def judge(chosen: frozenset[KeyUsage]) -> Outcome:
        verifier = Verifier(replace(policy, key_usage=chosen), AtHand(evidence(pki)))
        return verifier.verify(login, CONTENT, moment(pki))

    assert judge(policy.key_usage).code is Code.KEY_USAGE_MISSING
    assert judge(frozenset({KeyUsage.DIGITAL_SIGNATURE})).code is Code.NOT_A_CITIZEN


@dataclass(frozen=True)
class Sunset:
    """Accepts no algorithm any more, since `until`, or never did."""

    until: datetime | None

    def judge(self, algorithm: bytes, public_key: bytes, at: datetime) -> Judgement:
        """No."""
        return Judgement(allowed=False, until=self.until, reason="sunset")

    def judge_digest(self, digest: str, at: datetime) -> Judgement:
        """No."""
        return Judgement(allowed=False, until=self.until, reason="sunset")


def test_algorithms_past_their_time_leave_it_open(pki: ReferencePKI) -> None:
    """With proof of existence it might be valid: indeterminate, with the last day."""
    day = datetime(2003, 3, 31, tzinfo=UTC)
    for until, expected in ((day, Indeterminate), (None, Invalid)):
        policy = replace(accepting(pki), algorithms=Sunset(until))
        verdict = Verifier(policy, AtHand(evidence(pki))).verify(
            signed(pki, CONTENT), CONTENT, moment(pki)
        )
        assert isinstance(verdict, expected)
        expired = verdict.code is Code.ALGORITHM_EXPIRED
        assert expired == ("2003-03-31" in verdict.reason.text("en"))


def test_sha1_ends_with_fiscal_year_2019() -> None:
    """The last moment at which SHA-1 may be relied on is told."""
    pki = reference_pki("prefectural-sha1")
    leaf = parse_certificate(pki.certificates["signature"])
    judge = accepting(pki).algorithms.judge
    last = datetime(2020, 3, 31, 14, 59, 59, tzinfo=UTC)
    for at, allowed in ((last, True), (last + timedelta(seconds=1), False)):
        found = judge(leaf.signature_algorithm, pki.a.parsed.public_key, at)
        assert (found.allowed, found.until) == (allowed, last)


def test_a_stranger_key_does_not_sign_for_another(pki: ReferencePKI) -> None:
    """A signature under the resident's certificate needs the resident's key."""
    own = pki.keys["signature"]
    stranger = generate_key(own.suite)

    class Impostor:
        suite = own.suite
        public_key = own.public_key

        def sign(self, message: bytes | memoryview) -> bytes:
            return stranger.sign(message)

    forged = sign_detached(
        CONTENT, pki.certificates["signature"], Impostor(), moment(pki)
    )
    assert _judge(pki, forged).code is Code.DOCUMENT_ALTERED


def test_hostile_documents_are_refused(pki: ReferencePKI) -> None:
    """Junk, truncation, another CMS type, two signers, no certificate."""
    good = signed(pki, CONTENT)
    enveloped = sequence(
        object_identifier("1.2.840.113549.1.7.3"), explicit(0, sequence(integer(0)))
    )
    for document in (b"", b"junk", good[:-1], good + b"\0", enveloped):
        assert _judge(pki, document).code is Code.MALFORMED_DOCUMENT
    without = _joined([part for part in _parts(good) if part[0] != 0xA0])
    assert _judge(pki, without).code is Code.NO_SIGNER_CERTIFICATE


def _parts(document: bytes) -> Sequence[bytes]:
    info = read_one(document).enter()
    info.next()
    fields = info.next().inside().enter()
    found = []
    while fields:
        found.append(fields.next().raw)
    return found


def _joined(parts: Sequence[bytes]) -> bytes:
    return sequence(
        object_identifier(oids.CMS_SIGNED_DATA), explicit(0, sequence(*parts))
    )


def test_two_signers_are_one_too_many(pki: ReferencePKI) -> None:
    """A portal knows what to do with one applicant, not with several."""
    first, second = _parts(signed(pki, CONTENT)), _parts(signed(pki, b"other"))
    infos = [read_one(parts[-1]).enter().next().raw for parts in (first, second)]
    both = _joined([*first[:-1], set_of(infos)])
    assert _judge(pki, both).code is Code.SEVERAL_SIGNERS


def test_an_empty_policy_is_refused(pki: ReferencePKI) -> None:
    """A check cannot be forgotten by leaving it out."""
    policy = accepting(pki)
    with pytest.raises(RequestError, match="policies"):
        replace(policy, policies=frozenset())
    with pytest.raises(RequestError, match="key_usage"):
        replace(policy, key_usage=frozenset())
    with pytest.raises(RequestError, match="anchors"):
        replace(policy, anchors=())


def test_only_certificates_on_a_good_path_are_asked_about(pki: ReferencePKI) -> None:
    """Nobody is sent to an address that an untrusted certificate names."""
    held = evidence(pki)

    class Watched:
        def __init__(self) -> None:
            self.asked: list[str] = []

        def certificates(self) -> Gathered:
            return Gathered(pool=held, notes=("one note",))

        def revocation(self, wanted: Sequence[Issued]) -> Gathered:
            self.asked += [issued.certificate.fingerprint for issued in wanted]
            return Gathered(notes=("another note",))

    source = Watched()
    good = Verifier(accepting(pki), source).verify(
        signed(pki, CONTENT), CONTENT, moment(pki)
    )
    assert isinstance(good, Valid)
    assert source.asked == [certificate.fingerprint for certificate in good.path]
    assert good.notes == ("one note", "another note")

    source = Watched()
    distrusting = replace(accepting(pki), policies=frozenset({"1.2.392.9.9"}))
    Verifier(distrusting, source).verify(signed(pki, CONTENT), CONTENT, moment(pki))
    assert source.asked == []


def test_a_key_of_no_suite_is_not_accepted() -> None:
    """What the era does not know is refused, not left open."""
    pki = reference_pki("next-gen")
    policy = accepting(pki)
    unknown = suite("rsa1024-sha1")
    judgement = policy.algorithms.judge(
        unknown.algorithm_identifier, generate_key(unknown).public_key, moment(pki)
    )
    assert not judgement.allowed
    assert judgement.until is None
