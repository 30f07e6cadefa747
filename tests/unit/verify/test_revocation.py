"""Revocation on a toy PKI: which CRLs and OCSP responses count, and what they say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from jpki.der import oids
from jpki.der.times import time_choice
from jpki.der.writer import explicit, integer, sequence, tlv
from jpki.model.profiles import KeyUsage
from jpki.model.revocation import Revocation, RevocationReason
from jpki.model.suites import Digest
from jpki.verify.algorithms import AcceptAnyAlgorithm
from jpki.verify.budget import MAX_EFFORT, Budget, WorkExceeded
from jpki.verify.crls import RevocationList
from jpki.verify.jobs import PathJob, RevocationMode
from jpki.verify.memory import Memory
from jpki.verify.outcomes import Indeterminate, Invalid, Outcome, Valid
from jpki.verify.paths import verify_path
from jpki.verify.pool import Pool
from jpki.verify.reasons import Code
from jpki.x509.certificate_lists import parse_crl
from jpki.x509.extensions import extended_key_usage, extension, key_usage
from jpki.x509.general_names import DirectoryName, encode_general_name
from jpki.x509.keys import key_identifier
from jpki.x509.names import encode_name
from jpki.x509.ocsp import Good, Unknown, error_response
from tests.support.pki import (
    CA_EXTENSIONS,
    NOW,
    T0,
    USER_EXTENSIONS,
    Party,
    crl,
    delta_indicator,
    distribution_point,
    entry,
    issue,
    issuing_point,
    key,
    name,
    ocsp,
    root,
    signed,
    unknown_extension,
    user,
)

ROOT = root("root")
SUB = issue(ROOT, "sub")
USER = user(SUB)
SERIAL = USER.certificate.serial
ROOT_CRL = crl(ROOT)
GOOD_CRL = crl(SUB)
REVOKED_CRL = crl(SUB, [entry(SERIAL, at=NOW - timedelta(days=1), reason=3)], number=2)
REVOKED: Final = Revocation(
    serial=SERIAL,
    at=NOW - timedelta(minutes=7),
    reason=RevocationReason.AFFILIATION_CHANGED,
)
RESPONDER_EXTENSIONS = (
    extension(
        oids.EXTENDED_KEY_USAGE, False, extended_key_usage([oids.KP_OCSP_SIGNING])
    ),
    extension(oids.OCSP_NOCHECK, False, b"\x05\x00"),
)
RESPONDER = issue(SUB, "responder", RESPONDER_EXTENSIONS)


def judge(
    *crls: bytes,
    answers: tuple[bytes, ...] = (),
    parties: tuple[Party, ...] = (SUB,),
    end: Party = USER,
    **changes: Any,
) -> Outcome:
    """The verdict on `end` below ROOT, whose own CRL is always at hand."""
    job = PathJob(
        anchors=(ROOT.anchor,),
        end_entity=end.certificate,
        at=NOW,
        algorithms=AcceptAnyAlgorithm(),
        pool=Pool.from_der(
            certificates=[party.certificate.raw for party in parties],
            crls=(ROOT_CRL, *crls),
            ocsp_responses=answers,
        ),
    )
    return verify_path(replace(job, **changes))


# -- CRLs -----------------------------------------------------------------------------


def test_a_current_crl_shows_that_nothing_is_revoked() -> None:
    """Every certificate below the anchor is covered; the verdict names the CRLs."""
    verdict = judge(GOOD_CRL)
    assert isinstance(verdict, Valid)
    assert [(found.kind, found.status) for found in verdict.evidence] == [
        ("crl", "good"),
        ("crl", "good"),
    ]


def test_a_listed_certificate_is_revoked() -> None:
    """The reason and the date are the CRL's."""
    verdict = judge(REVOKED_CRL)
    assert isinstance(verdict, Invalid)
    assert verdict.code is Code.REVOKED
    assert verdict.reason.position == 2
    assert verdict.reason.data["revocation_reason"] == "affiliationChanged"
    assert verdict.reason.data["revoked_at"] == "2014-04-30T00:00:00Z"


def test_without_data_nothing_is_valid() -> None:
    """No CRL, no OCSP: indeterminate, although the certificate names neither."""
    verdict = judge()
    assert isinstance(verdict, Indeterminate)
    assert verdict.code is Code.NO_REVOCATION_DATA


def test_an_authority_must_not_be_revoked_either() -> None:
    """A revoked authority refuses the path; one without data leaves it open."""
    listed = crl(ROOT, [entry(SUB.certificate.serial, reason=2)], number=2)
    verdict = judge(GOOD_CRL, listed)
    assert (verdict.code, verdict.reason.position) == (Code.REVOKED, 1)


@pytest.mark.parametrize("order", [1, -1])
def test_the_newest_crl_of_a_scope_speaks(order: int) -> None:
    """Both are current; the one issued last counts, wherever it stands."""
    older = crl(SUB, this_update=NOW - timedelta(hours=3), number=1)
    newer = crl(SUB, [entry(SERIAL)], this_update=NOW - timedelta(hours=2), number=2)
    assert judge(*(older, newer)[::order]).code is Code.REVOKED
    released = crl(SUB, this_update=NOW - timedelta(hours=1), number=3)
    assert isinstance(judge(*(older, newer, released)[::order]), Valid)


def test_a_stale_crl_is_told_from_none() -> None:
    """After nextUpdate a CRL says nothing, and the verdict says until when it did."""
    stale = crl(SUB, next_update=NOW - timedelta(seconds=1))
    verdict = judge(stale)
    assert isinstance(verdict, Indeterminate)
    assert verdict.code is Code.STALE_REVOCATION_DATA
    assert verdict.reason.data["next_update"] == "2014-04-30T23:59:59Z"
    assert isinstance(judge(stale, GOOD_CRL), Valid)


def test_a_crl_without_an_end_says_nothing() -> None:
    """RFC 5280 5.1.2.5: nextUpdate must be there."""
    assert judge(crl(SUB, next_update=None)).code is Code.UNUSABLE_REVOCATION_DATA


def test_a_crl_of_the_future_was_not_known() -> None:
    """What was issued after the instant does not count, but clocks may differ a bit."""
    late = crl(SUB, this_update=NOW + timedelta(minutes=6))
    assert judge(late).code is Code.NO_REVOCATION_DATA
    assert isinstance(judge(crl(SUB, this_update=NOW + timedelta(minutes=4))), Valid)


def test_data_may_be_held_to_an_age() -> None:
    """`max_revocation_age` counts from thisUpdate, whatever nextUpdate promises."""
    young, old = timedelta(hours=2), timedelta(minutes=30)
    assert isinstance(judge(GOOD_CRL, max_revocation_age=young), Valid)
    assert judge(GOOD_CRL, max_revocation_age=old).code is Code.STALE_REVOCATION_DATA


def test_a_crl_signed_by_a_stranger_does_not_count() -> None:
    """Neither for good nor for bad: a forged CRL at hand changes nothing."""
    stranger = key("stranger")
    assert judge(crl(SUB, signer=stranger)).code is Code.NO_REVOCATION_DATA
    forged = crl(SUB, [entry(SERIAL)], number=9, this_update=NOW, signer=stranger)
    assert isinstance(judge(GOOD_CRL, forged), Valid)


def test_an_authority_without_crl_sign_may_not() -> None:
    """cRLSign is asked of an authority that states a key usage."""
    only = extension(oids.KEY_USAGE, True, key_usage([KeyUsage.KEY_CERT_SIGN]))
    mute = issue(ROOT, "mute", (CA_EXTENSIONS[0], only))
    verdict = judge(crl(mute), parties=(mute,), end=user(mute))
    assert verdict.code is Code.NO_REVOCATION_DATA


def test_unknown_critical_extensions_spoil_a_crl() -> None:
    """Of the list or of any entry, also another's; uncritical ones do not matter."""
    for critical, code in ((True, Code.UNUSABLE_REVOCATION_DATA), (False, Code.VALID)):
        strange = unknown_extension(critical=critical)
        other = entry(1, extensions=[strange])
        for spoilt in (crl(SUB, extensions=[strange]), crl(SUB, [other])):
            for mode in (RevocationMode.REQUIRE, RevocationMode.IF_PRESENT):
                verdict = judge(spoilt, revocation=mode)
                assert verdict.code is code
                assert verdict.evidence[-1].status == "unusable" or not critical


def test_octets_of_a_serial_number_are_no_extension() -> None:
    """Chance puts those of BOOLEAN TRUE into long lists; no entry is read for that."""
    listed = RevocationList(parse_crl(crl(SUB, [entry(0x0101FF), entry(7)])))
    assert listed.problem is None
    assert "_index" not in vars(listed)
    strange = unknown_extension(critical=True)
    listed = RevocationList(parse_crl(crl(SUB, [entry(7, extensions=[strange])])))
    assert listed.problem == "critical entry extension 1.2.392.200149.8.5.99"


def test_the_number_is_there_and_not_critical() -> None:
    """5.2.3. Lists that have no extension at all are older than the rule, and count."""
    number = extension(oids.CRL_NUMBER, True, integer(1))
    assert judge(_bare_crl(number)).code is Code.UNUSABLE_REVOCATION_DATA
    identifier = sequence(tlv(0x80, key_identifier(SUB.key.public_key)))
    named = extension(oids.AUTHORITY_KEY_IDENTIFIER, False, identifier)
    assert judge(_bare_crl(named)).code is Code.UNUSABLE_REVOCATION_DATA
    assert isinstance(judge(_bare_crl()), Valid)


def _bare_crl(*extensions: bytes) -> bytes:
    tbs = sequence(
        integer(1),
        SUB.key.suite.algorithm_identifier,
        encode_name(SUB.name),
        time_choice(NOW),
        time_choice(NOW + timedelta(days=1)),
        *((explicit(0, sequence(*extensions)),) if extensions else ()),
    )
    return signed(tbs, SUB.key)


def test_an_answer_without_an_end_is_held_to_an_age() -> None:
    """RFC 6960 4.2.2.1: there always was newer news; how old may it be?"""
    answers = (ocsp(USER, SUB, Good(), next_update=None),)
    assert judge(answers=answers).code is Code.STALE_REVOCATION_DATA
    old = timedelta(minutes=4)
    assert not isinstance(judge(answers=answers, max_revocation_age=old), Valid)
    day = timedelta(days=1)
    assert isinstance(judge(answers=answers, max_revocation_age=day), Valid)


def test_a_responder_at_hand_need_not_be_enclosed() -> None:
    """The response names it; the certificate may come from elsewhere."""
    by_name = ocsp(USER, SUB, Good(), responder=RESPONDER, enclosed=[], by_name=True)
    parties = (SUB, RESPONDER)
    assert isinstance(judge(answers=(by_name,), parties=parties), Valid)
    assert not isinstance(judge(answers=(by_name,)), Valid)


def test_strangers_answers_cost_one_check_each() -> None:
    """Whoever encloses a responder's certificate of their own making is not heard."""
    false = root("stranger", called="sub")
    responder = issue(false, "false responder", RESPONDER_EXTENSIONS)
    about = issue(SUB, "about", USER_EXTENSIONS, serial=SERIAL)
    forged = [
        ocsp(
            about,
            SUB,
            Good(),
            responder=responder,
            this_update=NOW - timedelta(seconds=n),
        )
        for n in range(300)
    ]
    good = ocsp(USER, SUB, Good(), responder=RESPONDER)
    assert judge(answers=tuple(forged)).code is Code.NO_REVOCATION_DATA
    assert isinstance(judge(answers=(*forged, good)), Valid)


def test_the_end_of_all_time_is_an_instant() -> None:
    """No arithmetic of dates goes over the edge of the calendar."""
    for at in (datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)):
        assert not isinstance(judge(GOOD_CRL, at=at), Valid)


def test_scope_is_respected() -> None:
    """A CRL about authorities, or about another point, says nothing about a user."""
    here, there = DirectoryName(name("here")), DirectoryName(name("there"))
    covered = user(SUB, "user", distribution_point(here))
    assert judge(crl(SUB, extensions=[issuing_point(only="authorities")])).code is (
        Code.NO_REVOCATION_DATA
    )
    assert isinstance(judge(crl(SUB, extensions=[issuing_point(only="users")])), Valid)
    for point, code in ((here, Code.VALID), (there, Code.NO_REVOCATION_DATA)):
        partition = crl(SUB, extensions=[issuing_point(point)])
        assert judge(partition, end=covered).code is code
    # A complete CRL of the issuer counts whatever the certificate names.
    assert isinstance(judge(GOOD_CRL, end=covered), Valid)


def test_all_reasons_must_be_covered() -> None:
    """Two CRLs that cover the reasons between them do; one of them does not."""
    first = crl(SUB, extensions=[issuing_point(reasons=[1, 2])])
    rest = crl(SUB, extensions=[issuing_point(reasons=[3, 4, 5, 6, 7, 8])])
    assert judge(first).code is Code.NO_REVOCATION_DATA
    assert isinstance(judge(first, rest), Valid)


def test_an_indirect_crl_counts_where_the_certificate_says_so() -> None:
    """Entries name their issuer; only a certificate that points there is covered."""
    lister = issue(ROOT, "lister", (CA_EXTENSIONS[1],))
    pointing = user(SUB, "user", distribution_point(issuer=lister.name))
    indirect = [issuing_point(indirect=True)]
    good = crl(lister, extensions=indirect)
    parties = (SUB, lister)
    assert isinstance(judge(good, end=pointing, parties=parties), Valid)
    assert judge(good, parties=parties).code is Code.NO_REVOCATION_DATA

    serial = pointing.certificate.serial
    listed = crl(lister, [entry(serial, issuer=SUB.name)], extensions=indirect)
    assert judge(listed, end=pointing, parties=parties).code is Code.REVOKED
    homonym = crl(lister, [entry(serial, issuer=name("other"))], extensions=indirect)
    assert isinstance(judge(homonym, end=pointing, parties=parties), Valid)
    direct = crl(lister)
    assert not isinstance(judge(direct, end=pointing, parties=parties), Valid)


def test_a_crl_key_of_its_own_must_be_certified_above() -> None:
    """The same authority's other key, certified by the root, may sign its CRLs."""
    signer = issue(ROOT, "crl key", (CA_EXTENSIONS[1],), called="sub")
    assert isinstance(judge(crl(signer), parties=(SUB, signer)), Valid)
    homonym = issue(issue(ROOT, "far"), "crl key", CA_EXTENSIONS, called="sub")
    far = issue(ROOT, "far")
    verdict = judge(crl(homonym), parties=(SUB, far, homonym))
    assert verdict.code is Code.NO_REVOCATION_DATA


def test_a_revoked_crl_key_counts_no_more() -> None:
    """Whoever signs CRLs for an authority must not be revoked."""
    signer = issue(ROOT, "crl key", (CA_EXTENSIONS[1],), called="sub")
    listed = crl(ROOT, [entry(signer.certificate.serial, reason=1)], number=2)
    verdict = judge(crl(signer), listed, parties=(SUB, signer))
    assert verdict.code is Code.NO_REVOCATION_DATA


def test_nobody_vouches_for_themselves() -> None:
    """Two CRL keys that declare each other good convince nobody."""
    one = issue(SUB, "one", (CA_EXTENSIONS[1],), called="sub")
    two = issue(SUB, "two", (CA_EXTENSIONS[1],), called="sub")
    verdict = judge(crl(one), crl(two), parties=(SUB, one, two))
    assert verdict.code is Code.NO_REVOCATION_DATA


def test_deltas_count_only_when_asked_for() -> None:
    """A delta adds to its base; alone it says nothing; a removal takes a hold back."""
    base = crl(SUB, number=1)
    delta = crl(SUB, [entry(SERIAL)], number=2, extensions=[delta_indicator(1)])
    assert isinstance(judge(base, delta), Valid)
    assert judge(base, delta, use_deltas=True).code is Code.REVOKED
    assert judge(delta, use_deltas=True).code is Code.NO_REVOCATION_DATA
    held = crl(SUB, [entry(SERIAL, reason=6)], number=1)
    released = crl(
        SUB, [entry(SERIAL, reason=8)], number=2, extensions=[delta_indicator(1)]
    )
    assert isinstance(judge(held, released, use_deltas=True), Valid)
    gap = crl(SUB, [entry(SERIAL)], number=9, extensions=[delta_indicator(5)])
    assert isinstance(judge(base, gap, use_deltas=True), Valid)


def test_a_withheld_delta_hides_nothing() -> None:
    """Where deltas are announced and asked for, the complete CRL does not do alone."""
    point = sequence(tlv(0xA0, tlv(0xA0, encode_general_name(DirectoryName(SUB.name)))))
    announcing = crl(
        SUB, extensions=[extension(oids.FRESHEST_CRL, False, sequence(point))]
    )
    assert isinstance(judge(announcing), Valid)
    verdict = judge(announcing, use_deltas=True)
    assert verdict.code is Code.STALE_REVOCATION_DATA
    silent = crl(SUB, number=1, extensions=[delta_indicator(1)])
    assert isinstance(judge(announcing, silent, use_deltas=True), Valid)


def test_an_unreadable_entry_still_lists() -> None:
    """The certificate is in the newest CRL; that its reason makes no sense is no way
    back to an older one."""
    broken = extension(oids.REASON_CODE, False, b"\x0a\x00")
    listed = crl(SUB, [entry(SERIAL, extensions=[broken])], number=2, this_update=NOW)
    assert judge(GOOD_CRL, listed).code is Code.REVOKED


def test_a_removal_in_a_complete_crl_is_refused() -> None:
    """removeFromCRL has no meaning there, so the CRL is not believed."""
    verdict = judge(crl(SUB, [entry(SERIAL, reason=8)]))
    assert not isinstance(verdict, Valid)


# -- OCSP -----------------------------------------------------------------------------


@pytest.mark.parametrize("digest", [Digest.SHA1, Digest.SHA256])
@pytest.mark.parametrize("responder", [None, RESPONDER])
def test_an_ocsp_response_counts(responder: Party | None, digest: Digest) -> None:
    """The issuer itself or a responder it certified, by either hash."""
    good = ocsp(USER, SUB, Good(), responder=responder, digest=digest)
    verdict = judge(answers=(good,))
    assert isinstance(verdict, Valid)
    assert {found.kind for found in verdict.evidence} == {"ocsp", "crl"}
    revoked = ocsp(USER, SUB, REVOKED, responder=responder, digest=digest)
    verdict = judge(answers=(revoked,))
    assert verdict.code is Code.REVOKED
    assert verdict.reason.clause == "RFC 6960 2.2"


def test_revoked_outweighs_good() -> None:
    """Yesterday's CRL does not know yet what OCSP knows, or the other way round."""
    good, revoked = ocsp(USER, SUB, Good()), ocsp(USER, SUB, REVOKED)
    assert judge(GOOD_CRL, answers=(revoked,)).code is Code.REVOKED
    assert judge(REVOKED_CRL, answers=(good,)).code is Code.REVOKED


def test_the_newest_response_speaks() -> None:
    """An older response that is still current is no way around a revocation."""
    older = ocsp(USER, SUB, Good(), this_update=NOW - timedelta(minutes=9))
    newer = ocsp(USER, SUB, REVOKED)
    for answers in ((older, newer), (newer, older)):
        assert judge(answers=answers).code is Code.REVOKED


def test_unknown_and_errors_say_nothing() -> None:
    """A responder that does not know, or does not answer, proves nothing."""
    for answer in (ocsp(USER, SUB, Unknown()), error_response(3), b"junk"):
        assert judge(answers=(answer,)).code is Code.NO_REVOCATION_DATA


def test_stale_and_endless_responses_do_not_count() -> None:
    """After nextUpdate, or without one, a response says nothing."""
    for next_update in (NOW - timedelta(seconds=1), None):
        answer = ocsp(USER, SUB, Good(), next_update=next_update)
        assert judge(answers=(answer,)).code is Code.STALE_REVOCATION_DATA
    early = ocsp(USER, SUB, Good(), this_update=NOW + timedelta(minutes=6))
    assert judge(answers=(early,)).code is Code.NO_REVOCATION_DATA


def test_a_response_is_about_one_certificate() -> None:
    """The same serial number of another issuer is another certificate."""
    other = issue(ROOT, "other")
    homonym = issue(other, "user", USER_EXTENSIONS, serial=SERIAL)
    answer = ocsp(homonym, other, Good())
    assert judge(answers=(answer,)).code is Code.NO_REVOCATION_DATA


def test_only_a_certified_responder_may_answer() -> None:
    """Purpose, issuer, dates and signature of a responder must be right."""
    purpose = RESPONDER_EXTENSIONS[0]
    anything = extension(
        oids.EXTENDED_KEY_USAGE,
        False,
        extended_key_usage([oids.ANY_EXTENDED_KEY_USAGE]),
    )
    wrong = [
        issue(SUB, "responder", (RESPONDER_EXTENSIONS[1],)),
        issue(SUB, "responder", (anything, RESPONDER_EXTENSIONS[1])),
        issue(ROOT, "responder", RESPONDER_EXTENSIONS),
        issue(SUB, "responder", RESPONDER_EXTENSIONS, not_after=T0),
        issue(SUB, "responder", (purpose,)),
        USER,
    ]
    for responder in wrong:
        answer = ocsp(USER, SUB, Good(), responder=responder)
        assert judge(answers=(answer,)).code is Code.NO_REVOCATION_DATA
    for broken in (
        ocsp(USER, SUB, Good(), responder=RESPONDER, enclosed=[]),
        ocsp(USER, SUB, Good(), responder=RESPONDER, signer=key("stranger")),
        ocsp(USER, SUB, Good(), signer=key("stranger")),
    ):
        assert judge(answers=(broken,)).code is Code.NO_REVOCATION_DATA


def test_a_responder_without_nocheck_is_checked() -> None:
    """Its own status comes from the CRL; it cannot answer for itself."""
    checked = issue(SUB, "responder", (RESPONDER_EXTENSIONS[0],))
    answer = ocsp(USER, SUB, Good(), responder=checked)
    itself = ocsp(checked, SUB, Good(), responder=checked)
    assert judge(answers=(answer, itself)).code is Code.NO_REVOCATION_DATA
    assert isinstance(judge(GOOD_CRL, answers=(answer,)), Valid)
    listed = crl(SUB, [entry(checked.certificate.serial, reason=1)])
    verdict = judge(listed, answers=(answer,))
    assert isinstance(verdict, Valid)
    assert "ocsp" not in {found.kind for found in verdict.evidence}


# -- modes ----------------------------------------------------------------------------


def test_if_present_believes_what_is_there() -> None:
    """Nothing at hand is no objection; what is at hand counts in full."""
    mode = RevocationMode.IF_PRESENT
    assert isinstance(judge(revocation=mode), Valid)
    assert judge(REVOKED_CRL, revocation=mode).code is Code.REVOKED
    stale = crl(SUB, next_update=NOW - timedelta(seconds=1))
    assert judge(stale, revocation=mode).code is Code.STALE_REVOCATION_DATA
    forged = crl(SUB, [entry(SERIAL)], signer=key("stranger"))
    assert isinstance(judge(forged, revocation=mode), Valid)


def test_none_does_not_look() -> None:
    """Without revocation even a revoked certificate's path is valid."""
    verdict = judge(REVOKED_CRL, revocation=RevocationMode.NONE)
    assert isinstance(verdict, Valid)
    assert verdict.evidence == ()


def test_a_hostile_pool_is_bounded() -> None:
    """Forged CRLs cost one check each, and neither hide nor replace the genuine one."""
    stranger = key("stranger")
    forged = [crl(SUB, number=n, signer=stranger) for n in range(450)]
    verdict = judge(*forged)
    assert isinstance(verdict, Indeterminate)
    assert verdict.code is Code.NO_REVOCATION_DATA
    assert verdict.work.signatures <= 455
    assert isinstance(judge(*forged, GOOD_CRL), Valid)
    assert judge(*forged, REVOKED_CRL).code is Code.REVOKED


def test_no_work_without_end() -> None:
    """The budget of signature checks ends a verdict, which then is not valid."""
    budget = Budget()
    with pytest.raises(WorkExceeded):
        for _ in range(MAX_EFFORT):
            budget.signature(25)
    assert budget.signatures == MAX_EFFORT // 25 + 1


# -- news that is outdated, and older news that is not ---------------------------------


_BEFORE: Final = NOW - timedelta(hours=3)
_ENDED: Final = NOW - timedelta(seconds=1)


@pytest.mark.parametrize(
    ("spoilt", "code"),
    [
        ({"next_update": _ENDED}, Code.REVOKED),
        ({"next_update": None}, Code.UNUSABLE_REVOCATION_DATA),
        (
            {"extensions": [unknown_extension(critical=True)]},
            Code.UNUSABLE_REVOCATION_DATA,
        ),
    ],
)
def test_older_news_is_no_way_around_a_revocation(
    spoilt: dict[str, Any], code: Code
) -> None:
    """An authentic list that is newer lists the certificate, and has expired, or does
    not say when, or cannot be relied on: the older one that is still current does not
    make it good."""
    older = crl(SUB, this_update=_BEFORE, number=1)
    newer = crl(SUB, [entry(SERIAL, reason=1)], number=2, **spoilt)
    for crls in ((older, newer), (newer, older)):
        verdict = judge(*crls)
        assert verdict.code is code
        statuses = {found.status for found in verdict.evidence}
        assert ("revoked" if code is Code.REVOKED else "unusable") in statuses
    harmless = crl(SUB, [entry(SERIAL + 1)], number=2, **spoilt)
    assert isinstance(judge(older, harmless), Valid)
    assert isinstance(judge(newer, crl(SUB, number=3, this_update=NOW)), Valid)


def test_a_revocation_outlives_its_list() -> None:
    """Revocation is for good: believed from a list that has expired or is too old."""
    expired = crl(SUB, [entry(SERIAL, reason=4)], next_update=_ENDED)
    assert judge(expired).code is Code.REVOKED
    age = timedelta(minutes=30)
    assert judge(REVOKED_CRL, max_revocation_age=age).code is Code.REVOKED


def test_a_hold_does_not_outlive_its_list() -> None:
    """It may have been lifted since: nobody knows, and nothing is valid."""
    held = crl(SUB, [entry(SERIAL, reason=6)], number=2, next_update=_ENDED)
    for crls in ((held,), (held, crl(SUB, this_update=_BEFORE))):
        assert judge(*crls).code is Code.STALE_REVOCATION_DATA


def test_an_outdated_answer_of_ocsp_is_no_good_news_either() -> None:
    """A newer response that has expired says revoked; an older one, or an older list,
    says good."""
    revoked = ocsp(USER, SUB, REVOKED, next_update=_ENDED)
    good = ocsp(USER, SUB, Good(), this_update=NOW - timedelta(minutes=9))
    older = crl(SUB, this_update=_BEFORE)
    assert judge(answers=(revoked, good)).code is Code.REVOKED
    assert judge(older, answers=(revoked,)).code is Code.REVOKED
    assert isinstance(judge(crl(SUB, this_update=NOW), answers=(revoked,)), Valid)


def test_an_outdated_delta_still_lists() -> None:
    """It vouches for nobody, but whom it lists is revoked."""
    base = crl(SUB, number=5)
    listing = [entry(SERIAL, reason=1)]
    point = [delta_indicator(5)]
    delta = crl(SUB, listing, number=6, extensions=point, next_update=_ENDED)
    assert judge(base, delta, use_deltas=True).code is Code.REVOKED
    silent = crl(SUB, number=6, extensions=point, next_update=_ENDED)
    assert isinstance(judge(base, silent, use_deltas=True), Valid)
    lifted = crl(SUB, [entry(SERIAL, reason=8)], number=7, extensions=point)
    assert isinstance(judge(base, delta, lifted, use_deltas=True), Valid)


def test_an_outdated_delta_does_not_stand_for_the_current_one() -> None:
    """Whether it lists the certificate or not, and however old it is."""
    point = sequence(tlv(0xA0, tlv(0xA0, encode_general_name(DirectoryName(SUB.name)))))
    freshest = extension(oids.FRESHEST_CRL, False, sequence(point))
    announcing = crl(SUB, number=5, extensions=[freshest])
    for number, listing, code in (
        (6, [], Code.STALE_REVOCATION_DATA),
        (4, [entry(SERIAL, reason=1)], Code.STALE_REVOCATION_DATA),
        (6, [entry(SERIAL, reason=6)], Code.STALE_REVOCATION_DATA),
        (6, [entry(SERIAL, reason=1)], Code.REVOKED),
    ):
        delta = crl(
            SUB,
            listing,
            number=number,
            extensions=[delta_indicator(4)],
            next_update=_ENDED,
        )
        assert judge(announcing, delta, use_deltas=True).code is code


@pytest.mark.parametrize("delta", [False, True])
def test_a_sibling_is_asked_of_newer_lists_too(delta: bool) -> None:
    """One certificate is valid beside a newer list that is outdated; its sibling stands
    in that list."""
    memory = Memory()
    newer = crl(
        SUB,
        [entry(SERIAL, reason=1)],
        number=2,
        next_update=_ENDED,
        extensions=[delta_indicator(1)] if delta else [],
    )
    lists = [ROOT_CRL, crl(SUB, this_update=_BEFORE), newer]
    pool = Pool.from_der(certificates=[SUB.certificate.raw], crls=lists)
    verdicts = [
        verify_path(
            PathJob(
                anchors=(ROOT.anchor,),
                end_entity=end.certificate,
                at=NOW,
                algorithms=AcceptAnyAlgorithm(),
                pool=pool,
                use_deltas=delta,
            ),
            memory,
        )
        for end in (user(SUB, "sibling"), USER)
    ]
    assert [one.code for one in verdicts] == [Code.VALID, Code.REVOKED]
