"""Key rollover: two keys of one authority, one after the other and side by side."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jpki import data
from jpki.authority import (
    BRIDGE,
    Consent,
    Office,
    RolledOver,
    account_for_serials,
    certify_responder,
    current_responder,
    issues_until,
    publish_due,
    recover,
    revoke,
    roll_over,
    verify_audit,
)
from jpki.authority.agreeing.deeds import revocation, rollover
from jpki.authority.answering.responder import Responder
from jpki.authority.publication.directory import authority_certificates
from jpki.errors import (
    Conflict,
    ConsentMismatch,
    ConsentUsed,
    NotFound,
    OutsideSigningWindow,
)
from jpki.model.revocation import Revocation, RevocationReason
from jpki.model.suites import Digest, suite
from jpki.store import AuthorityStore
from jpki.store.authority_records import CertificateState, KeyGenerationRecord
from jpki.verify import (
    Code,
    EraAlgorithms,
    Outcome,
    PathJob,
    Pool,
    TrustAnchor,
    verify_path,
)
from jpki.x509.ocsp import build_request, cert_id, parse_response
from jpki.x509.parse import Certificate, parse_certificate
from jpki.x509.signatures import verify_signature
from tests.support.offices import (
    GOVERNOR,
    OPERATOR,
    TARO,
    TSUKUBA,
    Crash,
    CrashAt,
    Register,
    agreed,
    certified,
    found,
    new_office,
)

ROLLOVER = datetime(2018, 7, 1, tzinfo=UTC)
SWITCH = datetime(2018, 10, 1, tzinfo=UTC)
HANAKO = replace(TARO, code=TARO.code.from_ten("2234567890"))
JIRO = replace(TARO, code=TARO.code.from_ten("3234567890"))


@pytest.fixture
def office(founded_store: AuthorityStore) -> Office:
    """A prefecture's authority and the bridge, and a few residents."""
    register = Register()
    register.add(TARO, HANAKO, JIRO)
    return new_office(founded_store, register)


def _consent(
    office: Office,
    authority: str = GOVERNOR,
    *,
    at: datetime = ROLLOVER,
    switch: datetime = SWITCH,
    cross: bool = False,
) -> Consent:
    deed = rollover(authority, office.era.id, issues_from=switch, cross_certify=cross)
    return agreed(office, deed, at=at)


def _rolled(
    office: Office,
    authority: str = GOVERNOR,
    *,
    at: datetime = ROLLOVER,
    switch: datetime = SWITCH,
    cross: bool = False,
) -> RolledOver:
    return roll_over(
        office,
        authority,
        issues_from=switch,
        cross_certify=cross,
        at=at,
        by=_consent(office, authority, at=at, switch=switch, cross=cross),
    )


def _parsed(raw: bytes | None) -> Certificate:
    assert raw is not None
    return parse_certificate(raw)


def _generations(
    office: Office, authority: str = GOVERNOR
) -> tuple[KeyGenerationRecord, ...]:
    with office.store.read() as uow:
        return uow.authorities.generations(authority)


def _own(office: Office, number: int, authority: str = GOVERNOR) -> Certificate:
    key = _generations(office, authority)[number - 1]
    with office.store.read() as uow:
        return _parsed(uow.certificates.get(authority, key.serial).certificate)


def _signed_by(certificate: Certificate, key: KeyGenerationRecord) -> bool:
    return verify_signature(
        key.public_key,
        certificate.signature_algorithm,
        certificate.signature,
        certificate.tbs,
    )


def _judged(
    office: Office, certificate: bytes, anchor: Certificate, at: datetime
) -> Outcome:
    """A verifier with one anchor, and everything that the authorities publish."""
    publish_due(office, at=at)
    with office.store.read() as uow:
        lists = [uow.crls.bytes_of(record) for record in uow.crls.in_force()]
    pool = Pool.from_der(
        certificates=[entry.certificate for entry in authority_certificates(office)],
        crls=lists,
        ocsp_responses=[],
    )
    return verify_path(
        PathJob(
            end_entity=parse_certificate(certificate),
            anchors=(TrustAnchor.of(anchor),),
            pool=pool,
            at=at,
            algorithms=EraAlgorithms(office.era),
            initial_policies=frozenset({office.topology.governor_policy}),
            require_explicit_policy=True,
        )
    )


def _settled(office: Office) -> None:
    with office.store.read() as uow:
        verify_audit(uow)
        assert account_for_serials(uow).problems == ()
        assert uow.certificates.pending() == ()


def test_a_new_key_comes_with_its_links(office: Office) -> None:
    """Self-signed under the same name; each key certifies the other."""
    rolled = _rolled(office)
    old, new = _generations(office)
    assert rolled.generation == new
    own = _parsed(rolled.own.certificate)
    first = _own(office, 1)
    assert own.subject == own.issuer == first.subject
    assert own.public_key == new.public_key != old.public_key
    assert _signed_by(own, new)
    old_with_new, new_with_old = (_parsed(link.certificate) for link in rolled.links)
    assert old_with_new.public_key == old.public_key
    assert _signed_by(old_with_new, new)
    assert new_with_old.public_key == new.public_key
    assert _signed_by(new_with_old, old)
    # RFC 4210 4.4.1: the days of the key that is certified, as far as both live.
    assert old_with_new.not_before == first.not_before
    assert new_with_old.not_before == ROLLOVER
    assert old_with_new.not_after == new_with_old.not_after == first.not_after
    for link in (old_with_new, new_with_old):
        assert link.subject == link.issuer == first.subject
    _settled(office)


def test_the_clock_tells_which_key_certifies(office: Office) -> None:
    """The old key until the second before the switch, the new one from then on."""
    _rolled(office)
    keys = _generations(office)
    second = timedelta(seconds=1)
    moments = (
        (ROLLOVER, TARO, 0),
        (SWITCH - second, HANAKO, 0),
        (SWITCH, JIRO, 1),
    )
    for at, resident, index in moments:
        issued = certified(office, resident, key=str(at), at=at)
        assert _signed_by(parse_certificate(issued.certificate), keys[index])
        assert parse_certificate(issued.authority_certificate) == _own(
            office, index + 1
        )
    _settled(office)


def test_a_key_stops_before_a_certificate_could_outlive_it(office: Office) -> None:
    """The last second is known beforehand, and issuance agrees with it."""
    (key,) = _generations(office)
    last = issues_until(office, key)
    # Three years before 2024-09-30 23:59:59 JST.
    assert last == datetime(2021, 10, 1, 14, 59, 59, tzinfo=UTC)
    certified(office, TARO, at=last)
    late = last + timedelta(seconds=1)
    with pytest.raises(OutsideSigningWindow, match="outlive"):
        certified(office, HANAKO, key="late", at=late)
    # A rollover that would leave a gap is refused, one that ends the gap is not.
    with pytest.raises(OutsideSigningWindow, match="until 2021-10-01"):
        _rolled(office, at=last, switch=late)
    rolled = _rolled(office, at=late + timedelta(days=9), switch=late + timedelta(9))
    assert rolled.generation.number == 2
    certified(office, JIRO, key="later", at=late + timedelta(days=10))


def test_rollovers_do_not_overlap_nor_reach_back(office: Office) -> None:
    """One at a time; what is past cannot have been certified by a new key."""
    with pytest.raises(OutsideSigningWindow, match="cannot have certified"):
        _rolled(office, switch=ROLLOVER - timedelta(seconds=1))
    _rolled(office)
    with pytest.raises(Conflict, match="takes over on 2018-10-01"):
        _rolled(office, at=SWITCH - timedelta(days=1), switch=SWITCH)
    assert _rolled(office, at=SWITCH, switch=SWITCH).generation.number == 3
    with pytest.raises(NotFound):
        _rolled(office, "governor-13")


def test_both_anchors_reach_what_either_key_signed(office: Office) -> None:
    """OldWithNew and NewWithOld carry verifiers across, with revocation checked."""
    before = certified(office, TARO, at=ROLLOVER - timedelta(days=1)).certificate
    _rolled(office)
    after = certified(office, HANAKO, key="b", at=SWITCH).certificate
    at = SWITCH + timedelta(hours=1)
    for certificate in (before, after):
        for anchor in (1, 2):
            outcome = _judged(office, certificate, _own(office, anchor), at)
            assert outcome.reason.code is Code.VALID, outcome.to_json()
            expected = 1 if (certificate is before) == (anchor == 1) else 2
            assert len(outcome.path) == expected


def test_a_revoked_link_carries_nobody(office: Office) -> None:
    """The authority list of the key that signed a link says when it holds no more."""
    before = certified(office, TARO, at=ROLLOVER - timedelta(days=1))
    rolled = _rolled(office)
    link = rolled.links[0]
    reason = RevocationReason.SUPERSEDED
    deed = revocation(GOVERNOR, link.serial, reason, ground="test")
    revoke(
        office,
        GOVERNOR,
        link.serial,
        reason,
        ground="test",
        at=SWITCH,
        by=agreed(office, deed, at=SWITCH),
    )
    at = SWITCH + timedelta(hours=1)
    outcome = _judged(office, before.certificate, _own(office, 2), at)
    assert outcome.reason.code is Code.REVOKED
    outcome = _judged(office, before.certificate, _own(office, 1), at)
    assert outcome.reason.code is Code.VALID


def test_both_keys_publish_and_answer_while_they_live(office: Office) -> None:
    """Each key lists what it signed, and has a responder of its own."""
    _rolled(office)
    first = certified(office, TARO, at=SWITCH - timedelta(seconds=1))
    second = certified(office, HANAKO, key="b", at=SWITCH)
    for issued in (first, second):
        revoke(
            office,
            GOVERNOR,
            issued.serial,
            RevocationReason.KEY_COMPROMISE,
            ground="lost card",
            at=SWITCH,
            by=OPERATOR,
        )
    lists = {
        (crl.generation, crl.scope)
        for crl in publish_due(office, at=SWITCH)
        if crl.authority == GOVERNOR
    }
    shard = f"crl-{TSUKUBA.five}"
    assert lists == {
        (number, scope) for number in (1, 2) for scope in ("crl", "arl", shard)
    }
    with office.store.read() as uow:
        for number, issued in ((1, first), (2, second)):
            entries = uow.journal.listed(
                GOVERNOR,
                number,
                [uow.certificates.get(GOVERNOR, issued.serial).kind],
                alive_at=None,
            )
            assert [entry.serial for entry in entries.rows()] == [issued.serial]
    old, new = _generations(office)
    for key in (old, new):
        certify_responder(
            office, GOVERNOR, at=SWITCH, by=OPERATOR, generation=key.number
        )
        assert current_responder(office, GOVERNOR, at=SWITCH, generation=key.number), (
            key.number
        )
    responder = Responder(office, timedelta(minutes=15))
    for key, issued in ((old, first), (new, second)):
        name = _own(office, key.number).subject_der
        request = build_request(
            [cert_id(name, key.public_key, issued.serial, Digest.SHA256)]
        )
        answer = parse_response(responder.answer(request, SWITCH).body)
        assert answer.basic is not None
        assert isinstance(answer.basic.responses[0].status, Revocation)
    # The old key is silent when its own certificate has ended; the new one goes on.
    ended = old.signs_until + timedelta(days=1)
    keys = {crl.generation for crl in publish_due(office, at=ended)}
    assert keys == {2}
    with pytest.raises(OutsideSigningWindow):
        certify_responder(office, GOVERNOR, at=ended, by=OPERATOR, generation=1)


def test_the_new_key_publishes_from_its_first_day(office: Office) -> None:
    """Its link can be checked before it certifies subscribers."""
    _rolled(office)
    generations = {
        crl.generation
        for crl in publish_due(office, at=ROLLOVER)
        if crl.authority == GOVERNOR
    }
    assert generations == {1, 2}


@pytest.mark.parametrize("authority", [GOVERNOR, BRIDGE])
def test_cross_certificates_are_renewed_with_the_key(
    office: Office, authority: str
) -> None:
    """In both directions, for the new key, in the same act."""
    rolled = _rolled(office, authority, cross=True)
    issuers = {cross.authority for cross in rolled.crosses}
    assert issuers == {GOVERNOR, BRIDGE}
    new = rolled.generation
    other = BRIDGE if authority == GOVERNOR else GOVERNOR
    for cross in rolled.crosses:
        parsed = _parsed(cross.certificate)
        if cross.authority == authority:
            assert _signed_by(parsed, new)
            assert parsed.public_key == _own(office, 1, other).public_key
        else:
            assert parsed.public_key == new.public_key
    # A subscriber of the new key is accepted under the bridge as anchor.
    if authority == GOVERNOR:
        issued = certified(office, TARO, at=SWITCH)
        at = SWITCH + timedelta(hours=1)
        outcome = _judged(office, issued.certificate, _own(office, 2), at)
        assert outcome.reason.code is Code.VALID
    _settled(office)


POINTS = ["rollover.key-made", "rollover.recorded", "issuance.signed"]


@pytest.mark.parametrize("point", [*POINTS, "issuance.completed", "rollover.certified"])
def test_recovery_finishes_an_interrupted_rollover(office: Office, point: str) -> None:
    """Killed anywhere: nothing has happened, or recovery alone completes it all."""
    consent = _consent(office, cross=True)

    def act(office: Office) -> RolledOver:
        return roll_over(
            office,
            GOVERNOR,
            issues_from=SWITCH,
            cross_certify=True,
            at=ROLLOVER,
            by=consent,
        )

    with pytest.raises(Crash):
        act(replace(office, step=CrashAt(point)))
    assert recover(office, at=ROLLOVER).failed == ()
    if point == "rollover.key-made":
        assert len(_generations(office)) == 1
        act(office)
    else:
        with pytest.raises(ConsentUsed, match=GOVERNOR):
            act(office)
    assert len(_generations(office)) == 2
    with office.store.read() as uow:
        made = [
            record
            for record in uow.certificates.walk()
            if record.prepared_at == ROLLOVER
        ]
    assert len(made) == 5
    assert {record.state for record in made} == {CertificateState.ISSUED}
    _settled(office)


def test_the_old_key_signs_until_the_new_one_is_certain(office: Office) -> None:
    """A key without its own certificate takes no turn, whatever the clock says."""
    with pytest.raises(Crash):
        _rolled(replace(office, step=CrashAt("rollover.recorded")))
    old, new = _generations(office)
    issued = certified(office, TARO, at=SWITCH)
    assert _signed_by(parse_certificate(issued.certificate), old)
    recover(office, at=SWITCH)
    issued = certified(office, HANAKO, key="b", at=SWITCH)
    assert _signed_by(parse_certificate(issued.certificate), new)


def test_nothing_but_what_was_agreed(office: Office) -> None:
    """Another instant, authority or era than two people agreed to is refused."""
    consent = _consent(office)
    other = replace(office, era=replace(office.era, id="another"))
    for place, authority, switch, cross in (
        (office, GOVERNOR, SWITCH + timedelta(seconds=1), False),
        (office, BRIDGE, SWITCH, False),
        (office, GOVERNOR, SWITCH, True),
        (other, GOVERNOR, SWITCH, False),
    ):
        with pytest.raises(ConsentMismatch):
            roll_over(
                place,
                authority,
                issues_from=switch,
                cross_certify=cross,
                at=ROLLOVER,
                by=consent,
            )


def test_a_revoked_key_is_followed_without_links(office: Office) -> None:
    """After a leak the new key vouches for nothing the old one signed."""
    serial = _generations(office)[0].serial
    reason = RevocationReason.CA_COMPROMISE
    deed = revocation(GOVERNOR, serial, reason, ground="leak")
    by = agreed(office, deed, at=ROLLOVER)
    revoke(office, GOVERNOR, serial, reason, ground="leak", at=ROLLOVER, by=by)
    with pytest.raises(OutsideSigningWindow):
        certified(office, TARO, at=ROLLOVER)
    rolled = _rolled(office, switch=ROLLOVER)
    assert rolled.links == ()
    certified(office, HANAKO, key="b", at=ROLLOVER)


@pytest.mark.parametrize(
    ("at", "links"),
    [(datetime(2014, 9, 1, tzinfo=UTC), 2), (datetime(2014, 10, 1, tzinfo=UTC), 1)],
)
def test_a_rollover_changes_the_algorithm(
    authority_store: AuthorityStore, at: datetime, links: int
) -> None:
    """SHA-1 gives way to SHA-256; once it may not certify, there is no NewWithOld."""
    office = new_office(authority_store, founded=False)
    office = replace(office, era=data.era("prefectural-sha1"))
    found(office, GOVERNOR, at=datetime(2009, 1, 5, tzinfo=UTC))
    office = replace(office, era=data.era("prefectural-sha256"))
    rolled = _rolled(office, at=at, switch=at)
    assert len(rolled.links) == links
    old, new = _generations(office)
    assert (old.suite, new.suite) == ("rsa2048-sha1", "rsa2048-sha256")
    assert _parsed(rolled.links[0].certificate).signature_algorithm == (
        suite("rsa2048-sha256").algorithm_identifier
    )
    _settled(office)
