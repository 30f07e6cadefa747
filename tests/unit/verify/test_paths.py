"""Path building and validation on a toy PKI: what is accepted, and each refusal."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from jpki.der import oids
from jpki.der.oids import ANY_POLICY, KP_CLIENT_AUTH, KP_EMAIL_PROTECTION
from jpki.errors import RequestError
from jpki.model.profiles import KeyUsage
from jpki.verify.algorithms import AcceptAnyAlgorithm
from jpki.verify.anchors import TrustAnchor
from jpki.verify.jobs import PathJob, RevocationMode
from jpki.verify.outcomes import Indeterminate, Invalid, Outcome, Valid
from jpki.verify.paths import verify_path
from jpki.verify.pool import Pool
from jpki.verify.reasons import Code
from jpki.x509.extensions import (
    basic_constraints,
    certificate_policies,
    extended_key_usage,
    extension,
    inhibit_any_policy,
    key_usage,
    policy_constraints,
    policy_mappings,
)
from jpki.x509.general_names import DNSName, IPAddress, RFC822Name
from jpki.x509.parse import Certificate, parse_certificate
from tests.support.pki import (
    CA_EXTENSIONS,
    NOW,
    POLICIES,
    POLICY,
    T0,
    T1,
    USER_EXTENSIONS,
    Party,
    alternative_names,
    certificate,
    issue,
    key,
    name,
    name_constraints,
    root,
    unknown_extension,
    user,
)

ROOT = root("root")
SUB = issue(ROOT, "sub")
USER = user(SUB)


def judge(end: Party | Certificate, *pool: Party, **changes: Any) -> Outcome:
    """The verdict on `end` below ROOT without revocation."""
    job = PathJob(
        anchors=(ROOT.anchor,),
        end_entity=end.certificate if isinstance(end, Party) else end,
        at=NOW,
        algorithms=AcceptAnyAlgorithm(),
        pool=Pool([party.certificate for party in pool]),
        revocation=RevocationMode.NONE,
    )
    return verify_path(replace(job, **changes))


def _ca(*more: bytes, path_length: int | None = None) -> tuple[bytes, ...]:
    constraints = basic_constraints(True, path_length)
    return (
        extension(oids.BASIC_CONSTRAINTS, True, constraints),
        CA_EXTENSIONS[1],
        *more,
    )


def _policies(*wanted: str) -> bytes:
    value = certificate_policies([(oid, None) for oid in wanted])
    return extension(oids.CERTIFICATE_POLICIES, False, value)


def test_a_good_path_is_valid() -> None:
    """The verdict names the path from the top down, and what it cost."""
    verdict = judge(USER, SUB)
    assert isinstance(verdict, Valid)
    assert verdict.path == (SUB.certificate, USER.certificate)
    assert (verdict.work.signatures, verdict.work.paths) == (2, 1)
    assert verdict.to_json()["outcome"] == "valid"


def test_without_the_issuer_there_is_no_path() -> None:
    """Nothing at hand leads from the end entity to the anchor."""
    verdict = judge(USER)
    assert isinstance(verdict, Invalid)
    assert verdict.code is Code.NO_PATH


def test_a_wrong_signature_is_told_from_a_missing_issuer() -> None:
    """The issuer's name is at hand, but no key of that name signed."""
    impostor = issue(ROOT, "impostor", called="sub")
    assert judge(user(impostor), SUB).code is Code.BAD_SIGNATURE


def test_every_altered_octet_is_noticed() -> None:
    """Whatever bit of the end entity is changed, it is not valid any more."""
    raw = bytearray(USER.certificate.raw)
    for position in range(0, len(raw), 7):
        raw[position] ^= 0x10
        pool = Pool.from_der(certificates=[bytes(raw)])
        for candidate in pool.certificates(USER.name):
            assert not isinstance(judge(candidate, SUB), Valid), position
        raw[position] ^= 0x10


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (T0 - timedelta(seconds=1), Code.NOT_YET_VALID),
        (T0, Code.VALID),
        (T1, Code.VALID),
        (T1 + timedelta(milliseconds=5), Code.VALID),
        (T1 + timedelta(seconds=1), Code.EXPIRED),
        (T0 - timedelta(milliseconds=5), Code.NOT_YET_VALID),
    ],
)
def test_the_validity_period_includes_its_ends(at: datetime, code: Code) -> None:
    """Both notBefore and notAfter are inside, each a whole second (4.1.2.5)."""
    assert judge(USER, SUB, at=at).code is code


def test_the_instant_decides_for_every_certificate() -> None:
    """An authority's certificate that is not valid yet refuses the path."""
    late = issue(ROOT, "late", not_before=NOW + timedelta(days=1))
    verdict = judge(user(late), late)
    assert (verdict.code, verdict.reason.position) == (Code.NOT_YET_VALID, 1)


def test_who_is_no_authority_cannot_issue() -> None:
    """Neither a subscriber nor an authority by key usage alone may issue."""
    for extensions in (USER_EXTENSIONS, (CA_EXTENSIONS[1],), ()):
        middle = issue(ROOT, "middle", extensions)
        assert judge(user(middle), middle).code is Code.NOT_A_CA


def test_an_authority_needs_the_key_usage_if_there_is_one() -> None:
    """keyCertSign is asked of an authority that states a key usage."""
    signs_crls = extension(oids.KEY_USAGE, True, key_usage([KeyUsage.CRL_SIGN]))
    only_crls = issue(ROOT, "middle", (CA_EXTENSIONS[0], signs_crls))
    assert judge(user(only_crls), only_crls).code is Code.MAY_NOT_SIGN_CERTIFICATES
    silent = issue(ROOT, "middle", (CA_EXTENSIONS[0],))
    assert isinstance(judge(user(silent), silent), Valid)


def test_path_lengths_are_kept() -> None:
    """pathLenConstraint counts authorities below; the job's own limit counts too."""
    short = issue(ROOT, "short", _ca(path_length=0))
    below = issue(short, "below")
    assert isinstance(judge(user(short), short), Valid)
    assert judge(user(below), short, below).code is Code.TOO_LONG
    assert judge(USER, SUB, max_path_length=0).code is Code.TOO_LONG
    assert isinstance(judge(USER, SUB, max_path_length=1), Valid)


def test_self_issued_certificates_do_not_count() -> None:
    """A new key under the old name uses up no path length (key rollover)."""
    short = issue(ROOT, "short", _ca(path_length=0))
    renewed = issue(short, "renewed", called="short")
    verdict = judge(user(renewed), short, renewed)
    assert isinstance(verdict, Valid)
    assert len(verdict.path) == 3


def test_a_critical_extension_must_be_known() -> None:
    """Unknown and critical refuses, anywhere; unknown and not critical does not."""
    for critical, code in (
        (True, Code.UNKNOWN_CRITICAL_EXTENSION),
        (False, Code.VALID),
    ):
        strange = unknown_extension(critical=critical)
        assert judge(user(SUB, "user", strange), SUB).code is code
        middle = issue(ROOT, "middle", (*CA_EXTENSIONS, strange))
        assert judge(user(middle), middle).code is code


def test_a_malformed_extension_refuses() -> None:
    """An extension that is processed must be readable."""
    broken = extension(oids.POLICY_CONSTRAINTS, True, b"\x30\x00")
    verdict = judge(user(SUB, "user", broken), SUB)
    assert verdict.code is Code.MALFORMED_CERTIFICATE


def test_generations_of_one_authority_are_told_apart_by_key() -> None:
    """Three generations bear one name; the one that signed is found, in any order."""
    generations = [root(f"generation {n}", called="authority") for n in range(3)]
    for signer in generations:
        verdict = judge(
            user(signer), anchors=tuple(party.anchor for party in generations)
        )
        assert isinstance(verdict, Valid)
        other = next(party for party in generations if party is not signer)
        assert judge(user(signer), anchors=(other.anchor,)).code is Code.BAD_SIGNATURE


def _bridged() -> tuple[Party, list[Party], Party]:
    """The anchor, the cross certificates, and a subscriber of the other prefecture."""
    here, there = root("governor of here"), root("governor of there")
    bridge = root("bridge")
    crosses = []
    for governor in (here, there, *(root(f"governor {n}") for n in range(8))):
        crosses.append(
            replace(
                bridge,
                certificate=certificate(
                    bridge.name,
                    bridge.key.public_key,
                    governor.name,
                    governor.key,
                    CA_EXTENSIONS,
                ),
            )
        )
        crosses.append(
            replace(
                governor,
                certificate=certificate(
                    governor.name,
                    governor.key.public_key,
                    bridge.name,
                    bridge.key,
                    CA_EXTENSIONS,
                ),
            )
        )
        crosses.append(governor)
    return here, [bridge, *crosses], user(there)


def test_a_path_leads_through_the_bridge() -> None:
    """In a mesh full of loops the path from prefecture to prefecture is found."""
    here, mesh, citizen = _bridged()
    for pool in (mesh, mesh[::-1]):
        verdict = judge(citizen, *pool, anchors=(here.anchor,))
        assert isinstance(verdict, Valid)
        assert [c.issuer for c in verdict.path] == [
            here.name,
            name("bridge"),
            name("governor of there"),
        ]
        assert verdict.work.signatures < 40


def test_a_mesh_without_a_way_out_ends() -> None:
    """Where every authority certifies every other, the search is bounded."""
    members = [root(f"member {n}") for n in range(12)]
    mesh = [
        replace(
            subject,
            certificate=certificate(
                subject.name,
                subject.key.public_key,
                issuer.name,
                issuer.key,
                CA_EXTENSIONS,
            ),
        )
        for subject in members
        for issuer in members
    ]
    began = time.perf_counter()
    # The anchor bears a member's name but another key: every way there is in vain.
    anchor = root("another key", called="member 11").anchor
    verdict = judge(user(members[0]), *mesh, anchors=(anchor,))
    assert not isinstance(verdict, Valid)
    # One member demands what no path can fulfil: thousands of paths, all refused.
    job_end = user(members[0])
    refused = judge(
        job_end,
        *mesh,
        anchors=(members[11].anchor,),
        purpose="1.2.3.4",
        initial_policies=frozenset({"1.9.9"}),
        require_explicit_policy=True,
    )
    assert isinstance(refused, Indeterminate)
    assert refused.code is Code.TOO_MUCH_WORK
    assert time.perf_counter() - began < 5


def test_strangers_of_the_same_name_do_not_matter() -> None:
    """A hundred certificates in the issuer's name change neither verdict nor path."""
    strangers = [
        issue(root("stranger"), "stranger", called="sub", serial=n) for n in range(100)
    ]
    verdict = judge(USER, *strangers, SUB, *strangers)
    assert isinstance(verdict, Valid)
    assert verdict.path[0] == SUB.certificate


def test_an_anchor_certificate_binds() -> None:
    """Dates, path length and names of an anchor's own certificate are kept."""
    limited = root("limited", _ca(path_length=0))
    below = issue(limited, "below")
    found = judge(user(below), below, anchors=(limited.anchor,))
    assert found.code is Code.TOO_LONG

    bound = root("bound", _ca(name_constraints(permitted=[DNSName("example.jp")])))
    outside = user(bound, "user", alternative_names(DNSName("other.jp")))
    found = judge(outside, anchors=(bound.anchor,))
    assert found.code is Code.NAME_NOT_PERMITTED

    leaf = root("leaf", USER_EXTENSIONS)
    assert not isinstance(judge(user(leaf), anchors=(leaf.anchor,)), Valid)
    assert judge(USER, SUB, at=T1 + timedelta(days=1)).code is Code.EXPIRED


def test_a_bare_key_can_be_an_anchor() -> None:
    """A name and a key suffice (RFC 5280 6.1.1 (d))."""
    bare = TrustAnchor(name=ROOT.name, public_key=ROOT.key.public_key)
    assert isinstance(judge(USER, SUB, anchors=(bare,)), Valid)
    wrong = replace(bare, public_key=key("wrong").public_key)
    assert judge(USER, SUB, anchors=(wrong,)).code is Code.BAD_SIGNATURE


def test_an_explicit_policy_must_be_there() -> None:
    """Required policies must run through the whole path, in the anchor's terms."""
    wanted = frozenset({POLICY})
    demand: dict[str, Any] = {
        "initial_policies": wanted,
        "require_explicit_policy": True,
    }
    assert judge(USER, SUB, **demand).code is Code.POLICY_NOT_ACCEPTED
    asserting = issue(ROOT, "asserting", _ca(POLICIES))
    verdict = judge(user(asserting), asserting, **demand)
    assert isinstance(verdict, Valid)
    assert verdict.policies == wanted
    demand["initial_policies"] = frozenset({"1.9.9"})
    assert judge(user(asserting), asserting, **demand).code is Code.POLICY_NOT_ACCEPTED


def test_policies_are_mapped_across_the_bridge() -> None:
    """The verifier's own policy holds where each domain's is mapped to the next."""
    pairs = policy_mappings([("1.1", "1.2")])
    mapping = _ca(_policies("1.1"), extension(oids.POLICY_MAPPINGS, True, pairs))
    cross = issue(ROOT, "cross", mapping)
    leaf = issue(cross, "leaf", (USER_EXTENSIONS[0], _policies("1.2")))
    demand: dict[str, Any] = {
        "initial_policies": frozenset({"1.1"}),
        "require_explicit_policy": True,
    }
    assert isinstance(judge(leaf, cross, **demand), Valid)
    inhibited = judge(leaf, cross, inhibit_policy_mapping=True, **demand)
    assert inhibited.code is Code.POLICY_NOT_ACCEPTED


def test_any_policy_may_not_be_mapped() -> None:
    """6.1.4 (a), in both directions."""
    for pair in ((ANY_POLICY, "1.2"), ("1.2", ANY_POLICY)):
        value = policy_mappings([pair])
        cross = issue(
            ROOT, "cross", _ca(POLICIES, extension(oids.POLICY_MAPPINGS, True, value))
        )
        assert judge(user(cross), cross).code is Code.POLICY_MAPPED_FROM_ANY


def test_an_authority_can_demand_and_inhibit() -> None:
    """policyConstraints and inhibitAnyPolicy of an authority bind those below."""
    demand = extension(oids.POLICY_CONSTRAINTS, True, policy_constraints(0, None))
    strict = issue(ROOT, "strict", _ca(POLICIES, demand))
    without = issue(strict, "leaf", (USER_EXTENSIONS[0],))
    assert judge(without, strict).code is Code.POLICY_NOT_ACCEPTED
    assert isinstance(judge(user(strict), strict), Valid)

    inhibit = extension(oids.INHIBIT_ANY_POLICY, True, inhibit_any_policy(0))
    narrow = issue(ROOT, "narrow", _ca(POLICIES, inhibit, demand))
    anything = issue(narrow, "leaf", (USER_EXTENSIONS[0], _policies(ANY_POLICY)))
    assert judge(anything, narrow).code is Code.POLICY_NOT_ACCEPTED


def test_the_purpose_must_be_allowed() -> None:
    """An extended key usage must hold the purpose; without one, all is allowed."""
    login = extension(
        oids.EXTENDED_KEY_USAGE, False, extended_key_usage([KP_CLIENT_AUTH])
    )
    leaf = user(SUB, "user", login)
    assert isinstance(judge(leaf, SUB, purpose=KP_CLIENT_AUTH), Valid)
    assert judge(leaf, SUB, purpose=KP_EMAIL_PROTECTION).code is Code.WRONG_PURPOSE
    assert isinstance(judge(USER, SUB, purpose=KP_EMAIL_PROTECTION), Valid)
    bound = issue(ROOT, "bound", _ca(login))
    verdict = judge(user(bound), bound, purpose=KP_EMAIL_PROTECTION)
    assert verdict.code is Code.WRONG_PURPOSE


def test_the_name_must_be_borne() -> None:
    """Only alternative names count, with wildcards for one whole label."""
    names = alternative_names(
        DNSName("*.example.jp"), IPAddress(b"\x7f\0\0\1"), RFC822Name("a@EXAMPLE.jp")
    )
    leaf = user(SUB, "user", names)
    borne = (
        DNSName("WWW.example.jp"),
        IPAddress(b"\x7f\0\0\1"),
        RFC822Name("a@example.jp"),
    )
    for wanted in borne:
        assert isinstance(judge(leaf, SUB, name=wanted), Valid)
    for wanted in (
        DNSName("example.jp"),
        DNSName("a.b.example.jp"),
        DNSName("*.example.jp"),
        DNSName(""),
        IPAddress(b"\x7f\0\0\2"),
        RFC822Name("A@example.jp"),
        DNSName("user"),
    ):
        assert judge(leaf, SUB, name=wanted).code is Code.NAME_MISMATCH


def test_hosts_are_asked_for_as_certificates_write_them() -> None:
    """A-labels, no final period; what is no host name matches nothing (RFC 9525)."""
    held = (
        "xn--r8jz45g.jp",
        "*.xn--r8jz45g.jp",
        "192.0.2.1",
        "a_b.jp",
        "*.jp",
        "x..jp",
    )
    leaf = user(SUB, "user", alternative_names(*map(DNSName, held)))
    for wanted, code in (
        ("例え.jp", Code.VALID),
        ("WWW.例え.jp.", Code.VALID),
        ("xn--r8jz45g.jp.", Code.VALID),
        ("xn--r8jz45g.jp..", Code.NAME_MISMATCH),
        ("a.b.例え.jp", Code.NAME_MISMATCH),
        ("192.0.2.1", Code.NAME_MISMATCH),
        ("a_b.jp", Code.NAME_MISMATCH),
        ("other.jp", Code.NAME_MISMATCH),
        ("b..例え.jp", Code.NAME_MISMATCH),
        ("-.例え.jp", Code.NAME_MISMATCH),
        ("\ud800.例え.jp", Code.NAME_MISMATCH),
        ("x" * 64 + ".例え.jp", Code.NAME_MISMATCH),
        (".", Code.NAME_MISMATCH),
    ):
        assert judge(leaf, SUB, name=DNSName(wanted)).code is code, wanted


def test_a_host_in_other_letters_is_nobody_elses() -> None:
    """IDNA2008: `ß` is a letter of its own, full-width letters are the usual ones, and
    what no name may hold matches no wildcard."""
    held = ("fass.de", "xn--fa-hia.jp", "*.xn--wgv71a119e.jp", "xn--zckzah.jp")
    leaf = user(SUB, "user", alternative_names(*map(DNSName, held)))
    for wanted, code in (
        ("faß.de", Code.NAME_MISMATCH),
        ("faß.jp", Code.VALID),
        ("FASS。de", Code.VALID),
        ("ＦＡＳＳ.de", Code.VALID),
        ("ﾃｽﾄ.jp", Code.VALID),
        ("東京.日本語.jp", Code.VALID),
        ("☃.日本語.jp", Code.NAME_MISMATCH),
        ("a\u00ad.日本語.jp", Code.NAME_MISMATCH),
    ):
        assert judge(leaf, SUB, name=DNSName(wanted)).code is code, wanted


def test_mailboxes_are_compared_part_by_part() -> None:
    """The local part exactly, but for quotes; the host like a host. Half of a mailbox
    is none, whatever a certificate holds."""
    held = ("taro@xn--r8jz45g.jp", '"a b"@x.jp', "x.jp", "@x.jp", "taro@", "a@[::1]")
    leaf = user(SUB, "user", alternative_names(*map(RFC822Name, held)))
    for wanted, code in (
        ("taro@例え.JP", Code.VALID),
        ('"taro"@例え.jp', Code.VALID),
        ("Taro@例え.jp", Code.NAME_MISMATCH),
        ('"a b"@X.jp', Code.VALID),
        ('"a\\ b"@x.jp', Code.VALID),
        ("a@[::1]", Code.VALID),
        ("x.jp", Code.NAME_MISMATCH),
        ("@x.jp", Code.NAME_MISMATCH),
        ("taro@", Code.NAME_MISMATCH),
        ("太郎@x.jp", Code.NAME_MISMATCH),
    ):
        assert judge(leaf, SUB, name=RFC822Name(wanted)).code is code, wanted


def test_the_key_usage_must_be_consistent_with_the_purpose() -> None:
    """RFC 5280 4.2.1.12: with no usage that serves it, there is no such purpose."""
    for usage, purpose, code in (
        (KeyUsage.DIGITAL_SIGNATURE, KP_CLIENT_AUTH, Code.VALID),
        (KeyUsage.NON_REPUDIATION, KP_CLIENT_AUTH, Code.WRONG_PURPOSE),
        (KeyUsage.NON_REPUDIATION, KP_EMAIL_PROTECTION, Code.VALID),
        (KeyUsage.KEY_ENCIPHERMENT, KP_CLIENT_AUTH, Code.WRONG_PURPOSE),
        (KeyUsage.CRL_SIGN, KP_EMAIL_PROTECTION, Code.WRONG_PURPOSE),
        (KeyUsage.CRL_SIGN, "1.2.3.4", Code.VALID),
        (KeyUsage.CRL_SIGN, None, Code.VALID),
    ):
        only = extension(oids.KEY_USAGE, True, key_usage([usage]))
        leaf = issue(SUB, "leaf", (only,))
        assert judge(leaf, SUB, purpose=purpose).code is code, (usage, purpose)
    bare = issue(SUB, "bare", (POLICIES,))
    assert isinstance(judge(bare, SUB, purpose=KP_CLIENT_AUTH), Valid)


def test_an_authority_may_be_judged_below_itself() -> None:
    """Only an issuing certificate may not stand in a path twice (RFC 5280 6.1)."""
    other = issue(SUB, "other")
    again = issue(other, "again", called="sub")
    same_key = certificate(
        SUB.name, SUB.key.public_key, other.name, other.key, CA_EXTENSIONS
    )
    assert again.certificate.public_key != same_key.public_key
    verdict = judge(same_key, SUB, other)
    assert isinstance(verdict, Valid)
    assert len(verdict.path) == 3


def test_constraints_do_not_bind_who_states_them() -> None:
    """Name constraints bind the certificates below, the end entity included."""
    bound = issue(ROOT, "bound", _ca(name_constraints(excluded=[DNSName("evil.jp")])))
    good = user(bound, "user", alternative_names(DNSName("good.jp")))
    evil = user(bound, "user", alternative_names(DNSName("very.evil.jp")))
    assert isinstance(judge(good, bound), Valid)
    assert judge(evil, bound).code is Code.NAME_NOT_PERMITTED


def test_a_question_without_an_answer_is_refused() -> None:
    """No anchor, no policy, no zone, negative limits: the caller made a mistake."""
    mistakes: list[dict[str, Any]] = [
        {"anchors": ()},
        {"initial_policies": frozenset()},
        {"at": NOW.replace(tzinfo=None)},
        {"max_path_length": -1},
        {"max_revocation_age": timedelta(seconds=-1)},
    ]
    for change in mistakes:
        with pytest.raises(RequestError):
            judge(USER, SUB, **change)


def test_an_anchors_own_certificate_is_a_path_of_one() -> None:
    """RFC 5280 6.1 asks of the end entity only that the anchor's key signed it."""
    again = parse_certificate(ROOT.certificate.raw)
    verdict = judge(again)
    assert isinstance(verdict, Valid)
    assert verdict.path == (again,)
