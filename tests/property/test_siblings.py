"""What is quick comes to what is thorough: reading, and judging certificates alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache, lru_cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jpki.der import oids
from jpki.errors import EncodingError
from jpki.model.names import Name
from jpki.model.revocation import Revocation, RevocationReason
from jpki.verify.algorithms import AcceptAnyAlgorithm
from jpki.verify.jobs import PathJob, RevocationMode
from jpki.verify.memory import Memory
from jpki.verify.outcomes import Outcome, Valid
from jpki.verify.paths import verify_path
from jpki.verify.pool import Pool
from jpki.x509 import parse
from jpki.x509.extension_values import read_general_names_value
from jpki.x509.extensions import extension
from jpki.x509.general_names import (
    DirectoryName,
    DNSName,
    OtherName,
    RFC822Name,
    encode_general_names,
)
from jpki.x509.ocsp import Good
from jpki.x509.quick_reading import are_general_names, quick_certificate
from tests.support.mutations import Mutator
from tests.support.pki import (
    CA_EXTENSIONS,
    NOW,
    POLICIES,
    USER_EXTENSIONS,
    Party,
    certificate,
    crl,
    delta_indicator,
    distribution_point,
    entry,
    issue,
    issuing_point,
    key,
    name,
    name_constraints,
    ocsp,
    root,
)
from tests.support.pkits import whole_suite
from tests.support.reference_pki import FOUNDED, reference_pki

_FIELDS = (
    "tbs",
    "version",
    "serial",
    "signature_algorithm",
    "issuer",
    "issuer_der",
    "not_before",
    "not_after",
    "subject",
    "subject_der",
    "public_key",
    "extensions",
    "signature",
    "raw",
)


@lru_cache(maxsize=1)
def _samples() -> tuple[bytes, ...]:
    return (
        *(der for era in FOUNDED for der in reference_pki(era).certificates.values()),
        *whole_suite()[0],
    )


def _is_read_alike(der: bytes) -> None:
    try:
        thorough = parse._read_in_full(der)
    except EncodingError:
        thorough = None
    try:
        quick = parse.parse_certificate(der)
    except EncodingError:
        quick = None
    assert (quick is None) == (thorough is None)
    if quick is not None and thorough is not None:
        for field in _FIELDS:
            assert getattr(quick, field) == getattr(thorough, field), field


def test_every_certificate_at_hand_is_read_alike() -> None:
    """Both ways read the same fields; most are of the usual shape."""
    for der in _samples():
        _is_read_alike(der)
    usual = [der for der in _samples() if quick_certificate(der) is not None]
    assert len(usual) > len(_samples()) // 2


@given(st.integers(0, 2**64))
def test_damaged_certificates_are_read_alike(seed: int) -> None:
    """Whatever the damage, the quick way refuses what the thorough way refuses."""
    mutator = Mutator(_samples(), seed)
    for _ in range(20):
        _is_read_alike(mutator.next())


@given(st.integers(0, 2**64))
def test_names_that_pass_quickly_can_be_read(seed: int) -> None:
    """`are_general_names` is right where it says yes."""
    names = (
        OtherName("1.2.392.200149.8.5.5.1", b"\x0c\x03abc"),
        DNSName("example.jp"),
        RFC822Name("a@example.jp"),
        DirectoryName(name("x")),
    )
    samples = [encode_general_names(*names[:count]) for count in (1, 2, 3, 4)]
    assert [are_general_names(sample) for sample in samples] == [True] * 3 + [False]
    mutator = Mutator(samples, seed)
    for _ in range(50):
        value = mutator.next()
        if are_general_names(value):
            assert read_general_names_value(value)


# -- siblings -------------------------------------------------------------------------

ROOT = root("root")
SUB = issue(ROOT, "sub")
INDIRECT = issue(ROOT, "indirect", (CA_EXTENSIONS[1],))
LISTED, REMOVED, ANSWERED, FREE = 500, 501, 502, 503

_NAMES = encode_general_names(OtherName("1.2.3", b"\5\0"), DNSName("a.test"))
_ALTERNATIVES = st.sampled_from(
    [
        None,
        _NAMES,
        encode_general_names(DirectoryName(name("x"))),
        b"0\0",
        b"0\2\x82\0",
        b"0\3\x82\1\xff",
        _NAMES[:-1],
        _NAMES + b"\0",
    ]
)
_IDENTIFIERS = st.sampled_from([None, b"\4\x011", b"\4\0", b"\4\2x", b"\5\0", b""])
_SERIALS = st.sampled_from(
    [LISTED, REMOVED, ANSWERED, FREE, -7, 0, 2**158, 2**160, 2**167]
)
_SUBJECTS = st.sampled_from([name("u"), name("v"), name("sub"), Name(())])


_DAY = timedelta(days=1)
_LATER = NOW + 2 * _DAY
_KINDS = ("complete", "partition", "delta", "indirect", "later", "stale", "none")


@st.composite
def _siblings(draw: st.DrawFn) -> parse.Certificate:
    """Mostly right; now and then with one thing wrong or unusual."""
    own = []
    if (names := draw(_ALTERNATIVES)) is not None:
        critical = draw(st.booleans())
        own.append(extension(oids.SUBJECT_ALT_NAME, critical, names))
    if (identifier := draw(_IDENTIFIERS)) is not None:
        critical = draw(st.booleans())
        own.append(extension(oids.SUBJECT_KEY_IDENTIFIER, critical, identifier))
    kind = draw(
        st.sampled_from(
            [
                (),
                (distribution_point(DirectoryName(name("here"))),),
                (distribution_point(issuer=INDIRECT.name),),
            ]
        )
    )
    made = certificate(
        draw(_SUBJECTS),
        key(draw(st.sampled_from(["u", "v"]))).public_key,
        SUB.name,
        draw(st.sampled_from([SUB.key] * 5 + [key("u")])),
        (*USER_EXTENSIONS, *own, *kind),
        serial=draw(_SERIALS),
        not_before=NOW + timedelta(days=draw(st.sampled_from([-9, -8, -7, 1]))),
        not_after=NOW + timedelta(days=draw(st.sampled_from([1, 3, 4, -1]))),
    )
    if draw(st.integers(0, 9)) == 0:
        raw = bytearray(made.raw)
        raw[-draw(st.integers(1, 60))] ^= 1
        try:
            return parse.parse_certificate(bytes(raw))
        except EncodingError:
            return made
    return made


@cache
def _pool(kind: str) -> Pool:
    listed = [entry(LISTED), entry(REMOVED)]
    point = issuing_point(DirectoryName(name("here")))
    lists = {
        "complete": [crl(SUB, listed)],
        "partition": [crl(SUB, listed, extensions=[point])],
        "delta": [
            crl(SUB, [entry(LISTED)]),
            crl(
                SUB,
                [entry(REMOVED)],
                number=2,
                extensions=[delta_indicator(1)],
            ),
        ],
        "indirect": [
            crl(
                INDIRECT,
                [entry(LISTED, issuer=SUB.name), entry(REMOVED)],
                extensions=[issuing_point(indirect=True)],
            )
        ],
        "later": [crl(SUB, listed, this_update=_LATER, next_update=_LATER + _DAY)],
        "stale": [crl(SUB, next_update=NOW - timedelta(minutes=1))],
        "none": [],
    }
    about = Party(
        name=name("u"),
        key=key("u"),
        certificate=certificate(
            name("u"),
            key("u").public_key,
            SUB.name,
            SUB.key,
            (POLICIES,),
            serial=ANSWERED,
        ),
    )
    revoked = Revocation(
        serial=ANSWERED, at=NOW - timedelta(days=1), reason=RevocationReason.SUPERSEDED
    )
    answers = [ocsp(about, SUB, revoked if kind == "complete" else Good())]
    return Pool.from_der(
        certificates=[SUB.certificate.raw, INDIRECT.certificate.raw],
        crls=[crl(ROOT), *lists[kind]],
        ocsp_responses=answers,
    )


@given(
    st.sampled_from(_KINDS),
    st.sampled_from(RevocationMode),
    st.booleans(),
    st.sampled_from([None, _LATER]),
    st.lists(_siblings(), min_size=2, max_size=6),
)
def test_a_sibling_is_judged_like_the_first(
    kind: str,
    mode: RevocationMode,
    use_deltas: bool,
    known_at: datetime | None,
    certificates: list[parse.Certificate],
) -> None:
    """Whatever came before, the verdict is that of somebody who knows nothing."""
    memory = Memory()
    for one in certificates:
        job = PathJob(
            anchors=(ROOT.anchor,),
            end_entity=one,
            at=NOW,
            known_at=known_at,
            algorithms=AcceptAnyAlgorithm(),
            pool=Pool(beneath=(Pool([one]), _pool(kind))),
            revocation=mode,
            use_deltas=use_deltas,
        )
        knowing, ignorant = verify_path(job, memory), verify_path(job)
        assert _told(knowing) == _told(ignorant)


def _told(verdict: Outcome) -> tuple[object, ...]:
    return (
        verdict.outcome,
        verdict.reason,
        verdict.path,
        verdict.policies,
        verdict.evidence,
        verdict.anchor,
    )


@pytest.mark.parametrize(
    ("kind", "known_at", "expected"),
    [
        ("complete", None, ["valid", "invalid", "invalid", "valid", "valid"]),
        ("later", _LATER, ["valid", "invalid", "invalid", "valid", "indeterminate"]),
    ],
)
def test_each_sibling_is_valid_at_its_own_time(
    kind: str, known_at: datetime | None, expected: list[str]
) -> None:
    """Validity is no likeness: who is issued another day is a sibling all the same,
    but not who has expired, nor whom a later list need not tell of any more."""
    memory = Memory()
    periods = (-9, 3), (-9, -1), (1, 9), (-8, 4), (-9, 1)
    verdicts, known = [], []
    for number, (begin, end) in enumerate(periods):
        person = certificate(
            name("u"),
            key("u").public_key,
            SUB.name,
            SUB.key,
            USER_EXTENSIONS,
            serial=FREE + number,
            not_before=NOW + begin * _DAY,
            not_after=NOW + end * _DAY,
        )
        job = PathJob(
            anchors=(ROOT.anchor,),
            end_entity=person,
            at=NOW,
            known_at=known_at,
            algorithms=AcceptAnyAlgorithm(),
            pool=_pool(kind),
        )
        known.append(memory.siblings.kin_of(job) is not None)
        verdicts.append(verify_path(job, memory).outcome)
    assert verdicts == expected
    first = [False, *(verdict == "valid" for verdict in expected[1:])]
    assert known == first


def test_what_is_asked_otherwise_is_asked_anew() -> None:
    """Another instant, purpose, policy, pool or name is another question."""
    memory = Memory()
    first, second = (
        issue(SUB, label, USER_EXTENSIONS, serial=serial).certificate
        for label, serial in (("u", FREE), ("v", FREE + 1))
    )
    job = PathJob(
        anchors=(ROOT.anchor,),
        end_entity=first,
        at=NOW,
        algorithms=AcceptAnyAlgorithm(),
        pool=_pool("complete"),
    )
    assert isinstance(verify_path(job, memory), Valid)
    assert verify_path(replace(job, end_entity=second), memory).work.signatures == 1
    others = (
        {"at": NOW + timedelta(days=9)},
        {"pool": Pool([SUB.certificate])},
        {"anchors": (root("another").anchor,)},
        {"name": DNSName("a.test")},
        {"initial_policies": frozenset({"1.2.3"}), "require_explicit_policy": True},
        {"max_path_length": 0},
        {"max_revocation_age": timedelta(0)},
    )
    for changes in others:
        changed = replace(job, end_entity=second, **changes)
        assert not isinstance(verify_path(changed, memory), Valid), changes


def test_a_chain_that_is_at_hand_anyway_is_nothing_new() -> None:
    """Who encloses what is known is a sibling; who encloses anything else is not."""
    memory = Memory()
    people = [
        issue(SUB, label, USER_EXTENSIONS, serial=FREE + number).certificate
        for number, label in enumerate("uvwx")
    ]
    new = issue(ROOT, "new").certificate
    known = SUB.certificate, INDIRECT.certificate
    enclosed = (), known[:1], known, (SUB.certificate, new)
    found = []
    for person, chain in zip(people, enclosed, strict=True):
        pool = Pool(beneath=(Pool([person, *chain]), _pool("complete")))
        job = PathJob(
            anchors=(ROOT.anchor,),
            end_entity=person,
            at=NOW,
            algorithms=AcceptAnyAlgorithm(),
            pool=pool,
        )
        found.append(memory.siblings.kin_of(job) is not None)
        assert isinstance(verify_path(job, memory), Valid)
    assert found == [False, True, True, False]


def test_what_two_small_layers_share_is_not_lost() -> None:
    """Neither counts as the other's: what is at hand differs from nothing at hand."""
    person = issue(SUB, "u", USER_EXTENSIONS, serial=FREE).certificate
    twice = Pool(beneath=(Pool([SUB.certificate]), Pool([SUB.certificate])))
    assert len(twice.layers(person)) == 2


def test_constrained_names_are_looked_at_each_time() -> None:
    """Below an authority whose names are constrained nobody is taken for a sibling."""
    bound = issue(
        ROOT,
        "bound",
        (*CA_EXTENSIONS, name_constraints(permitted=[DNSName("good.test")])),
    )
    memory = Memory()
    for label, host, good in (("u", "good.test", True), ("v", "evil.test", False)):
        own = extension(
            oids.SUBJECT_ALT_NAME, False, encode_general_names(DNSName(host))
        )
        job = PathJob(
            anchors=(ROOT.anchor,),
            end_entity=issue(bound, label, (*USER_EXTENSIONS, own)).certificate,
            at=NOW,
            algorithms=AcceptAnyAlgorithm(),
            pool=Pool([bound.certificate]),
            revocation=RevocationMode.NONE,
        )
        assert isinstance(verify_path(job, memory), Valid) is good
