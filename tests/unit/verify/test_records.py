"""Records of verdicts: judged again from themselves alone, whatever lay where."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from jpki.documents.cades_levels import add_validation_data
from jpki.verify import AtHand, Code, Indeterminate, Outcome, Pool, Verifier
from jpki.verify.client import OnlineEvidence
from jpki.verify.records import confirms, judge_again, make_record, read_record
from jpki.verify.watching import Seen
from tests.support.reference_pki import ReferencePKI, reference_pki
from tests.support.verification import accepting, moment, signed

CONTENT = "住民票の写しの交付を申請します。".encode()


@pytest.fixture
def pki() -> ReferencePKI:
    """Two governors' authorities and a bridge."""
    return reference_pki("prefectural-sha256")


def _lists(pki: ReferencePKI) -> list[bytes]:
    """The complete list of each authority, and beside it that about authorities."""
    assert pki.bridge is not None
    return [
        pki.crl(authority, role=role)
        for authority in (pki.a, pki.b, pki.bridge)
        for role in ("crl", "arl")
    ]


def _kept(
    pki: ReferencePKI, document: bytes, crls: Sequence[bytes]
) -> tuple[Outcome, bytes]:
    """The verdict with these lists at hand, and the octets of its record."""
    policy, seen = accepting(pki), Seen()
    pool = Pool.from_der(
        certificates=pki.certificates.values(),
        crls=crls,
        ocsp_responses=[pki.ocsp()],
    )
    verifier = Verifier(policy, AtHand(pool))
    outcome = verifier.verify(document, CONTENT, moment(pki), seen=seen)
    record = make_record(policy, document, CONTENT, outcome, seen)
    return outcome, record.to_bytes()


def test_a_record_confirms_itself_in_whatever_order_lists_came(
    pki: ReferencePKI,
) -> None:
    """Several lists of one authority, first to last and last to first."""
    document, lists = signed(pki, CONTENT), _lists(pki)
    for crls in (lists, lists[::-1]):
        outcome, octets = _kept(pki, document, crls)
        assert outcome.outcome == "valid"
        record = read_record(octets)
        again = judge_again(record)
        assert confirms(record, again)
        assert again.evidence == outcome.evidence
    about = [found.certificate for found in outcome.evidence]
    assert len(about) > len(set(about))


def test_a_record_of_a_document_with_evidence_inside(pki: ReferencePKI) -> None:
    """What the document brings is met first from the record, last from the network."""
    lists = _lists(pki)
    document = add_validation_data(
        signed(pki, CONTENT),
        certificates=tuple(pki.certificates.values()),
        crls=tuple(lists[::2]),
        ocsp_responses=(),
    )
    for crls in (lists[1::2], lists[::-1]):
        outcome, octets = _kept(pki, document, crls)
        record = read_record(octets)
        assert outcome.outcome == "valid"
        assert confirms(record, judge_again(record))


def test_a_record_of_a_path_that_could_not_be_looked_for(pki: ReferencePKI) -> None:
    """With the network away: indeterminate, also years later from the record."""
    policy, seen = accepting(pki), Seen()
    unanswered = OnlineEvidence(certificates_url="http://127.0.0.1:9/certificates")
    document, at = signed(pki, CONTENT), moment(pki)
    outcome = Verifier(policy, unanswered).verify(document, CONTENT, at, seen=seen)
    assert isinstance(outcome, Indeterminate)
    assert outcome.code is Code.NO_PATH
    assert "127.0.0.1:9" in outcome.notes[0]
    record = read_record(
        make_record(policy, document, CONTENT, outcome, seen).to_bytes()
    )
    assert confirms(record, judge_again(record))


def test_records_of_earlier_years_are_confirmed(pki: ReferencePKI) -> None:
    """A verdict may tell more by then, in other words; never something else."""
    outcome, octets = _kept(pki, signed(pki, CONTENT), _lists(pki))
    record = read_record(octets)
    older = json.loads(json.dumps(record.verdict))
    older["text"]["en"] = "Good."
    del older["existed_at"], older["signer"]["purpose"]
    assert confirms(replace(record, verdict=older), outcome)
    older["signer"]["basic_information"]["name"] = "別人"
    assert not confirms(replace(record, verdict=older), outcome)
    assert not confirms(replace(record, verdict={}), outcome)


def test_another_revocation_is_another_verdict(pki: ReferencePKI) -> None:
    """The order of what was found does not matter; what was found does."""
    outcome, octets = _kept(pki, signed(pki, CONTENT), _lists(pki))
    _, fewer = _kept(pki, signed(pki, CONTENT), _lists(pki)[1::2])
    assert not confirms(read_record(fewer), outcome)
    assert confirms(read_record(octets), outcome)
