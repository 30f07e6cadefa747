"""Time: a signature of 2008 with SHA-1, judged in 2030.

SHA-1 may be relied on until March 2020, and the resident's certificate ended in 2011.
Who has a timestamp of before that has the proof; who has none, has an open question.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from jpki import data
from jpki.der import oids
from jpki.der.reader import read_one
from jpki.documents.cades_levels import add_timestamp
from jpki.documents.cms_check import check_cms
from jpki.documents.envelopes import rebuilt
from jpki.documents.signed_data import parse_signed_data
from jpki.documents.timestamp_info import TimestampInfo, imprint_of
from jpki.documents.timestamps import make_token
from jpki.errors import DocumentError
from jpki.keys.memory import generate_key
from jpki.keys.software import SoftwareSigner
from jpki.model.eras import Judgement
from jpki.model.revocation import Revocation, RevocationReason
from jpki.model.suites import Digest, suite
from jpki.verify import (
    AlgorithmPolicy,
    AtHand,
    Code,
    Indeterminate,
    Invalid,
    Outcome,
    Pool,
    Reason,
    TrustAnchor,
    Valid,
    Verifier,
    Work,
)
from jpki.verify.existence import proven_existence
from jpki.x509.certificates import IssuerView, assemble, prepare_certificate
from jpki.x509.keys import key_identifier
from tests.support.long_term import (
    CONTENT,
    FIRST,
    HOUR,
    IN_2017,
    IN_2027,
    IN_2030,
    SECOND,
    SERIAL,
    SIGNED_AT,
    STAMPED_AT,
    THIRD,
    archived,
    authorities_crls,
    long_lived,
    pki_of_2008,
    signed_in_2008,
    stamped,
    token_over,
    tsa,
)
from tests.support.time_authority import TimeAuthority, time_authority
from tests.support.verification import accepting


def _judge(
    document: bytes,
    at: datetime,
    *crls: bytes,
    trusted: Sequence[TimeAuthority] = (FIRST, SECOND, THIRD),
) -> Outcome:
    pki = pki_of_2008()
    policy = replace(
        accepting(pki),
        time_anchors=tuple(TrustAnchor.of(each.parsed_root) for each in trusted),
    )
    pool = Pool.from_der(certificates=pki.certificates.values(), crls=crls)
    return Verifier(policy, AtHand(pool)).verify(document, CONTENT, at)


def _preserved() -> bytes:
    """Stamped in 2008, and kept alive in 2017 and 2027 before its authorities ended."""
    first = stamped(signed_in_2008(), FIRST, STAMPED_AT)
    with_data = long_lived(
        first, *authorities_crls(SIGNED_AT), FIRST.crl(IN_2017 - HOUR)
    )
    second = archived(with_data, SECOND, IN_2017)
    again = long_lived(second, SECOND.crl(IN_2027 - HOUR))
    return archived(again, THIRD, IN_2027)


def test_it_is_valid_in_2030() -> None:
    """Each timestamp holds as of the next one, and the first is of 2008."""
    verdict = _judge(_preserved(), IN_2030, THIRD.crl(IN_2030 - HOUR))
    assert isinstance(verdict, Valid), (verdict.reason, verdict.notes)
    assert verdict.existed_at == STAMPED_AT + timedelta(seconds=1)
    assert [proof.at for proof in verdict.proofs] == [
        IN_2027,
        IN_2017,
        STAMPED_AT,
    ]
    assert verdict.at == IN_2030
    assert {item.status for item in verdict.evidence} == {"good"}


def test_without_a_timestamp_it_is_left_open() -> None:
    """Indeterminate, with the day on which it stopped."""
    bare = long_lived(signed_in_2008(), *authorities_crls(SIGNED_AT))
    soon = _judge(bare, STAMPED_AT)
    assert isinstance(soon, Valid), soon.reason
    late = _judge(bare, IN_2030)
    assert isinstance(late, Indeterminate)
    # The anchor is the first on the path that ended.
    assert late.code is Code.EXPIRED
    assert "expired on 2014-01-28" in late.reason.text("en")


def test_sha1_alone_leaves_it_open_with_the_date() -> None:
    """What held otherwise stops with the algorithm, whose last day is told."""
    verdict = _with_early_sunset(signed_in_2008(), datetime(2008, 6, 1, tzinfo=UTC))
    assert isinstance(verdict, Indeterminate)
    assert verdict.code is Code.ALGORITHM_EXPIRED
    assert "2008-06-01" in verdict.reason.text("en")
    first = long_lived(stamped(signed_in_2008(), FIRST, STAMPED_AT))
    after = STAMPED_AT + timedelta(minutes=5)
    assert isinstance(_with_early_sunset(first, after), Valid)


@dataclass(frozen=True)
class _Sunset:
    """As the era has it, but that SHA-1 ends at once."""

    usual: AlgorithmPolicy
    until: datetime

    def judge(self, algorithm: bytes, public_key: bytes, at: datetime) -> Judgement:
        """By the era, where the algorithm is not one with SHA-1."""
        usual = self.usual.judge(algorithm, public_key, at)
        weak = read_one(algorithm).enter().next().object_identifier()
        return self._cut(usual, weak == oids.SHA1_WITH_RSA, at)

    def judge_digest(self, digest: str, at: datetime) -> Judgement:
        """By the era, where it is not SHA-1."""
        usual = self.usual.judge_digest(digest, at)
        return self._cut(usual, digest == oids.SHA1, at)

    def _cut(self, usual: Judgement, weak: bool, at: datetime) -> Judgement:
        if not weak:
            return usual
        return replace(usual, allowed=at <= self.until, until=self.until)


def _with_early_sunset(document: bytes, until: datetime) -> Outcome:
    """Judged a day after signing, when SHA-1 has ended already."""
    at = SIGNED_AT + timedelta(days=1)
    pki = pki_of_2008()
    usual = accepting(pki)
    policy = replace(
        usual,
        time_anchors=(TrustAnchor.of(FIRST.parsed_root),),
        algorithms=_Sunset(usual.algorithms, until),
    )
    pool = Pool.from_der(
        certificates=pki.certificates.values(),
        crls=[*authorities_crls(SIGNED_AT), FIRST.crl(SIGNED_AT)],
    )
    return Verifier(policy, AtHand(pool)).verify(document, CONTENT, at)


def _only(by: TimeAuthority, at: datetime, crl: bytes) -> bytes:
    """The signature with one timestamp, and its list."""
    first = stamped(signed_in_2008(), by, at)
    return long_lived(first, *authorities_crls(SIGNED_AT), crl)


def test_an_untrusted_authority_proves_nothing() -> None:
    """Neither a stranger's timestamp nor, without time anchors, anybody's."""
    stranger = tsa(2008, "stranger")
    document = _only(stranger, STAMPED_AT, stranger.crl(STAMPED_AT))
    at = datetime(2012, 1, 1, tzinfo=UTC)
    verdict = _judge(document, at)
    assert isinstance(verdict, Indeterminate)
    assert (verdict.proofs, verdict.existed_at) == ((), at)
    assert any("timestamp of 2008-06-02" in note for note in verdict.notes)
    trusted = _judge(document, at, stranger.crl(at - HOUR), trusted=[stranger])
    assert isinstance(trusted, Valid), (trusted.reason, trusted.notes)
    nobody = _judge(document, at, stranger.crl(at - HOUR), trusted=[])
    assert isinstance(nobody, Indeterminate)


def test_a_timestamp_of_another_signature_proves_nothing() -> None:
    """It is refused when put in, and a note where somebody forced it in."""
    token = token_over(b"another signature", FIRST, STAMPED_AT)
    with pytest.raises(DocumentError, match="something else"):
        add_timestamp(signed_in_2008(), token)
    forced = rebuilt(signed_in_2008(), unsigned={oids.SIGNATURE_TIMESTAMP: (token,)})
    verdict = _judge(
        long_lived(forced, *authorities_crls(SIGNED_AT)),
        datetime(2012, 1, 1, tzinfo=UTC),
    )
    assert isinstance(verdict, Indeterminate)
    assert verdict.notes[0].startswith("signature timestamp: the timestamp is over")


def test_a_timestamp_of_after_the_sunset_proves_nothing_of_sha1() -> None:
    """That it was there in 2021 does not say that SHA-1 was not broken by then."""
    late = datetime(2021, 5, 1, tzinfo=UTC)
    document = _only(SECOND, late, SECOND.crl(late))
    at = datetime(2022, 1, 1, tzinfo=UTC)
    verdict = _judge(document, at, SECOND.crl(at - HOUR))
    assert isinstance(verdict, Indeterminate)
    assert verdict.existed_at == late + timedelta(seconds=1)
    assert len(verdict.proofs) == 1


def test_an_expired_authority_needs_an_archive_timestamp() -> None:
    """The timestamp of 2008 alone ends with its authority's certificate, in 2018."""
    document = _only(FIRST, STAMPED_AT, FIRST.crl(IN_2017))
    good = _judge(document, IN_2017)
    assert isinstance(good, Valid), (good.reason, good.notes)
    after = _judge(document, datetime(2019, 6, 1, tzinfo=UTC))
    assert isinstance(after, Indeterminate)
    assert any("expired" in note for note in after.notes)


def test_an_archive_timestamp_that_came_too_late_saves_nothing() -> None:
    """Put around after the authority's end, it shows the signature as of then only."""
    first = stamped(signed_in_2008(), FIRST, STAMPED_AT)
    with_data = long_lived(
        first, *authorities_crls(SIGNED_AT), FIRST.crl(IN_2017 - HOUR)
    )
    late = datetime(2020, 1, 1, tzinfo=UTC)
    document = archived(with_data, SECOND, late)
    verdict = _judge(document, late + HOUR, SECOND.crl(late))
    assert isinstance(verdict, Indeterminate)
    assert [proof.at for proof in verdict.proofs] == [late]


def _revoked(
    at: datetime,
    reason: RevocationReason = RevocationReason.AFFILIATION_CHANGED,
    since: datetime | None = None,
) -> Revocation:
    return Revocation(serial=SERIAL, at=at, reason=reason, invalidity_date=since)


DAY = timedelta(days=1)


def _with_later_list(entry: Revocation, stamped_at: datetime = STAMPED_AT) -> Outcome:
    """Judged a month later, when the list of that day says what was found out."""
    later = SIGNED_AT + 30 * DAY
    first = stamped(signed_in_2008(), FIRST, stamped_at)
    lists = authorities_crls(later - HOUR, entry)
    return _judge(long_lived(first, *lists), later, FIRST.crl(later - HOUR))


def test_a_revocation_after_the_timestamp_changes_nothing() -> None:
    """The resident moved house a week after signing; the list says so."""
    verdict = _with_later_list(_revoked(SIGNED_AT + 7 * DAY))
    assert isinstance(verdict, Valid), verdict.reason
    assert "revoked" in {item.status for item in verdict.evidence}


def test_a_revocation_a_minute_after_the_timestamp_changes_nothing() -> None:
    """Also when the list is of that very minute, and judged at once."""
    at = STAMPED_AT + timedelta(minutes=1)
    first = stamped(signed_in_2008(), FIRST, STAMPED_AT)
    for second, expected in ((timedelta(seconds=2), Valid), (timedelta(0), Invalid)):
        lists = authorities_crls(at, _revoked(STAMPED_AT + second))
        verdict = _judge(long_lived(first, *lists), at, FIRST.crl(at))
        assert isinstance(verdict, expected), verdict.reason


def test_a_revocation_before_the_timestamp_makes_it_invalid() -> None:
    """Whoever stamps after the revocation has proven nothing."""
    verdict = _with_later_list(_revoked(SIGNED_AT + DAY), SIGNED_AT + 2 * DAY)
    assert isinstance(verdict, Invalid)
    assert verdict.code is Code.REVOKED
    assert verdict.existed_at == SIGNED_AT + 2 * DAY + timedelta(seconds=1)


def test_without_a_timestamp_every_revocation_counts() -> None:
    """Then nothing shows that the signature is older."""
    later = SIGNED_AT + 30 * DAY
    lists = authorities_crls(later - HOUR, _revoked(SIGNED_AT + 7 * DAY))
    verdict = _judge(long_lived(signed_in_2008(), *lists), later)
    assert isinstance(verdict, Invalid)
    assert verdict.code is Code.REVOKED


def test_a_compromise_before_the_timestamp_makes_it_invalid() -> None:
    """The key was in other hands by then, whenever that was found out."""
    stolen = _revoked(
        SIGNED_AT + 7 * DAY, RevocationReason.KEY_COMPROMISE, SIGNED_AT - DAY
    )
    verdict = _with_later_list(stolen)
    assert isinstance(verdict, Invalid)
    assert verdict.code is Code.REVOKED
    after = replace(stolen, invalidity_date=SIGNED_AT + 3 * DAY)
    assert isinstance(_with_later_list(after), Valid)


def test_a_revoked_authority_proves_nothing() -> None:
    """A time-stamp authority that is revoked by now proves what is around it only."""
    later = SIGNED_AT + 30 * DAY
    first = stamped(signed_in_2008(), FIRST, STAMPED_AT)
    entry = Revocation(
        serial=FIRST.parsed.serial,
        at=SIGNED_AT + 10 * DAY,
        reason=RevocationReason.KEY_COMPROMISE,
    )
    document = long_lived(first, *authorities_crls(later - HOUR))
    verdict = _judge(document, later, FIRST.crl(later - HOUR, entry))
    assert verdict.proofs == ()
    assert verdict.existed_at == later
    # An archive timestamp of another authority, of before the revocation, keeps it.
    kept = archived(document, (other := tsa(2008, "other")), SIGNED_AT + 5 * DAY)
    verdict = _judge(
        long_lived(kept, *authorities_crls(SIGNED_AT + HOUR)),
        later,
        FIRST.crl(later - HOUR, entry),
        other.crl(later - HOUR),
        trusted=[FIRST, other],
    )
    assert isinstance(verdict, Valid), (verdict.reason, verdict.notes)
    assert [proof.at for proof in verdict.proofs] == [SIGNED_AT + 5 * DAY, STAMPED_AT]


def test_timestamps_beside_one_another_do_not_vouch_for_each_other() -> None:
    """Two authorities stamped the same signature: neither keeps the other alive."""
    late = datetime(2010, 5, 1, tzinfo=UTC)
    other = tsa(2008, "other")
    both = stamped(stamped(signed_in_2008(), FIRST, STAMPED_AT), other, late)
    checked = check_cms(both, CONTENT)
    assert [stamp.beside for stamp in checked.timestamps] == [False, True]
    # The first's key was compromised after the other's timestamp: what it says of
    # earlier times may have been made at any time since.
    at = datetime(2010, 9, 1, tzinfo=UTC)
    entry = Revocation(
        serial=FIRST.parsed.serial, at=at - DAY, reason=RevocationReason.KEY_COMPROMISE
    )
    verdict = _judge(
        long_lived(both, *authorities_crls(late)),
        at,
        FIRST.crl(at - HOUR, entry),
        other.crl(at - HOUR),
        trusted=[FIRST, other],
    )
    assert isinstance(verdict, Valid), (verdict.reason, verdict.notes)
    assert [proof.at for proof in verdict.proofs] == [late]
    assert verdict.existed_at == late + timedelta(seconds=1)


def test_a_stranger_cannot_break_the_chain() -> None:
    """An archive timestamp that somebody adds is a note; the rest holds as before."""
    stranger = tsa(2008, "stranger")
    whole = _preserved()
    spoiled = archived(whole, stranger, datetime(2016, 5, 1, tzinfo=UTC))
    verdict = _judge(spoiled, IN_2030, THIRD.crl(IN_2030 - HOUR))
    assert isinstance(verdict, Valid), (verdict.reason, verdict.notes)
    assert verdict.existed_at == STAMPED_AT + timedelta(seconds=1)
    (note,) = verdict.notes
    assert "timestamp of 2016-05-01" in note


def test_a_timestamp_of_the_future_proves_nothing() -> None:
    """An authority cannot attest tomorrow."""
    tomorrow = SIGNED_AT + DAY
    document = _only(FIRST, tomorrow, FIRST.crl(SIGNED_AT))
    verdict = _judge(document, STAMPED_AT)
    assert verdict.proofs == ()
    assert any("later than what is around it" in note for note in verdict.notes)


def test_a_certificate_for_other_things_stamps_nothing() -> None:
    """A timestamp by a signature key, even of a trusted root, is no timestamp."""
    wrong = replace(FIRST, certificate=FIRST.root, key=FIRST.root_key)
    document = _only(wrong, STAMPED_AT, FIRST.crl(STAMPED_AT))
    verdict = _judge(document, SIGNED_AT + 2 * HOUR)
    assert verdict.proofs == ()
    assert any("certificate for timestamps" in note for note in verdict.notes)


def test_weak_timestamps_count_while_they_held() -> None:
    """A SHA-1 authority of 2008 proves in 2012, not in 2021 on its own."""
    weak = time_authority(datetime(2012, 1, 1, tzinfo=UTC), "rsa2048-sha1", "weak")
    at = datetime(2012, 6, 1, tzinfo=UTC)
    token = token_over(
        parse_signed_data(signed_in_2008()).signers[0].signature, weak, at
    )
    document = add_timestamp(signed_in_2008(), token)
    good = _judge(document, at + HOUR, weak.crl(at), trusted=[weak])
    assert [proof.at for proof in good.proofs] == [at]
    late = datetime(2021, 6, 1, tzinfo=UTC)
    open_ = _judge(document, late, weak.crl(late), trusted=[weak])
    assert open_.proofs == ()


@dataclass(frozen=True)
class _WithoutKey:
    """As the era has it, but that one key is too weak."""

    usual: AlgorithmPolicy
    weak: bytes

    def judge(self, algorithm: bytes, public_key: bytes, at: datetime) -> Judgement:
        """No, where it is that key."""
        usual = self.usual.judge(algorithm, public_key, at)
        if public_key != self.weak:
            return usual
        return replace(usual, allowed=False, until=None, reason="too short a key")

    def judge_digest(self, digest: str, at: datetime) -> Judgement:
        """By the era."""
        return self.usual.judge_digest(digest, at)


def test_an_authority_with_a_weak_key_proves_nothing() -> None:
    """Its certificate is signed well, but whoever broke its key stamps at will."""
    document = _only(FIRST, STAMPED_AT, FIRST.crl(SIGNED_AT))
    pki = pki_of_2008()
    usual = accepting(pki)
    policy = replace(
        usual,
        time_anchors=(TrustAnchor.of(FIRST.parsed_root),),
        algorithms=_WithoutKey(usual.algorithms, FIRST.key.public_key),
    )
    pool = Pool.from_der(certificates=pki.certificates.values())
    verdict = Verifier(policy, AtHand(pool)).verify(
        document, CONTENT, STAMPED_AT + HOUR
    )
    assert verdict.proofs == ()
    assert any("its signature: too short a key" in note for note in verdict.notes)


def test_a_time_of_before_the_authority_is_not_believed() -> None:
    """Whoever was not certified yet cannot have stamped anything."""
    value = parse_signed_data(signed_in_2008()).signers[0].signature
    info = TimestampInfo(
        policy="2.999.1",
        imprint=imprint_of(value, Digest.SHA256),
        serial=1,
        at=STAMPED_AT,
    )
    token = make_token(
        info, SECOND.certificate, SECOND.key, certificates=[SECOND.certificate]
    )
    document = long_lived(
        add_timestamp(signed_in_2008(), token), *authorities_crls(SIGNED_AT)
    )
    verdict = _judge(document, IN_2017, SECOND.crl(IN_2017))
    assert verdict.proofs == ()
    assert any("outside the validity" in note for note in verdict.notes)


def test_a_mesh_around_timestamps_wins_nothing() -> None:
    """Sixteen by an authority in a mesh where all certify all: none proves anything."""
    document = _in_a_mesh()
    began = time.perf_counter()
    verdict = _judge(document, datetime(2012, 1, 1, tzinfo=UTC))
    assert time.perf_counter() - began < 10
    assert isinstance(verdict, Indeterminate)
    assert verdict.proofs == ()
    assert 2 <= len(verdict.notes) <= 16


def test_hostile_timestamps_are_given_up() -> None:
    """Once they have cost as much as anybody may, those further in are left."""
    stamps = check_cms(_in_a_mesh(), CONTENT).timestamps
    assert len(stamps) == 16
    asked: list[datetime] = []

    def judge(_authority: object, _stamp: object, instant: datetime) -> Invalid:
        asked.append(instant)
        reason = Reason(code=Code.NO_PATH)
        return Invalid(at=instant, reason=reason, work=Work(signatures=150))

    algorithms = accepting(pki_of_2008()).algorithms
    now = datetime(2012, 1, 1, tzinfo=UTC)
    found = proven_existence(stamps, now, algorithms, judge)
    assert (found.at, found.proofs, len(asked)) == (now, (), 3)
    assert found.notes[-1].endswith("not looked at: too much work")


def _in_a_mesh() -> bytes:
    """The signature of 2008 with timestamps of an authority that has many paths."""
    name, begins = FIRST.parsed.issuer, pki_of_2008().at
    keys = [generate_key(suite("p256-sha256")) for _ in range(8)]

    def issued(profile: str, by: SoftwareSigner, public_key: bytes) -> bytes:
        link = profile == "link"
        prepared = prepare_certificate(
            data.certificate_profile(profile),
            issuer=IssuerView(
                name=name,
                alternative_name=name,
                key_identifier=key_identifier(by.public_key),
                certificate_issuer=name,
                certificate_serial=1,
                suite=by.suite,
            ),
            values={},
            public_key=public_key,
            serial=int.from_bytes(key_identifier(public_key)[:8], "big") | 1,
            not_before=begins,
            subject=name if link else None,
            subject_alternative=name if link else None,
        )
        return assemble(prepared.tbs, by.suite, by.sign(prepared.tbs))

    mesh = [
        issued("link", one, other.public_key)
        for one in keys
        for other in keys
        if one is not other
    ]
    own = issued("time-stamping", keys[0], FIRST.key.public_key)
    value = parse_signed_data(signed_in_2008()).signers[0].signature
    tokens = tuple(
        make_token(
            TimestampInfo(
                policy="2.999.1",
                imprint=imprint_of(value, Digest.SHA256),
                serial=number,
                at=STAMPED_AT + timedelta(seconds=number),
            ),
            own,
            FIRST.key,
            certificates=[own, *mesh],
        )
        for number in range(16)
    )
    return rebuilt(signed_in_2008(), unsigned={oids.SIGNATURE_TIMESTAMP: tokens})
