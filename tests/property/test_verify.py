"""What holds for any input: hostile bytes, any order, any pool."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jpki.der.oids import ANY_POLICY
from jpki.errors import EncodingError
from jpki.model.revocation import Revocation, RevocationReason
from jpki.verify import AtHand, Outcome, Pool, Valid, Verifier, verify_path
from jpki.verify.policies import PolicyGraph
from jpki.x509.extensions import extension
from jpki.x509.ocsp import Good
from jpki.x509.parse import parse_certificate
from tests.support.pki import (
    CA_EXTENSIONS,
    Party,
    certificate,
    crl,
    delta_indicator,
    entry,
    issuing_point,
    ocsp,
    root,
)
from tests.support.pkits import (
    AT,
    CASES,
    case_files,
    judged_job,
    whole_suite,
)
from tests.support.reference_pki import reference_pki
from tests.support.verification import accepting, evidence, moment, signed

CONTENT = b"application"
OIDS = st.sampled_from([ANY_POLICY, "1.1", "1.2", "1.3"])


@lru_cache(maxsize=1)
def _document() -> bytes:
    return signed(reference_pki("next-gen"), CONTENT)


@lru_cache(maxsize=1)
def _verifier() -> Verifier:
    pki = reference_pki("next-gen")
    return Verifier(accepting(pki), AtHand(evidence(pki)))


def _judge(document: bytes) -> Outcome:
    at = moment(reference_pki("next-gen"))
    return _verifier().verify(document, CONTENT, at)


@given(st.binary(max_size=400))
def test_junk_is_never_a_signature(junk: bytes) -> None:
    """Any octets in place of a document end in a verdict that is not valid."""
    assert not isinstance(_judge(junk), Valid)


@given(st.data())
def test_an_altered_document_raises_nothing(data: st.DataObject) -> None:
    """Flip, cut, repeat: a verdict comes, and it is valid only where the signer is."""
    document = bytearray(_document())
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(document) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "repeat"])):
            case "flip":
                document[position] ^= 1 << data.draw(st.integers(0, 7))
            case "cut":
                del document[position]
            case _:
                document[position:position] = document[position : position + 9]
        if not document:
            break
    verdict = _judge(bytes(document))
    if isinstance(verdict, Valid):
        genuine = _judge(_document())
        assert verdict.signer == genuine.signer
        assert verdict.path == genuine.path


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_junk_in_a_pool_is_not_there(junk: list[bytes]) -> None:
    """What cannot be parsed neither raises nor counts."""
    pki = reference_pki("next-gen")
    pool = Pool.from_der(certificates=junk, crls=junk, ocsp_responses=junk)
    both = Pool(beneath=(pool, evidence(pki)))
    verifier = Verifier(accepting(pki), AtHand(both))
    assert isinstance(verifier.verify(_document(), CONTENT, moment(pki)), Valid)


@given(st.sampled_from(CASES), st.integers(0, 2**32))
def test_no_part_of_a_pool_makes_the_invalid_valid(case: Any, seed: int) -> None:
    """With any part of the NIST suite at hand, what is invalid is not accepted."""
    job = judged_job(case)
    if job is None:
        return
    certificates, crls = whole_suite()
    chance = random.Random(seed)
    part = Pool.from_der(
        certificates=chance.sample(certificates, chance.randrange(60)),
        crls=chance.sample(crls, chance.randrange(60)),
    )
    verdict = verify_path(replace(job, pool=Pool(beneath=(job.pool, part))))
    assert isinstance(verdict, Valid) == case["valid"]


@lru_cache(maxsize=1)
def _noise() -> tuple[list[bytes], list[bytes], list[bytes]]:
    """Certificates, CRLs and OCSP responses in the names of NIST's authorities.

    Each bears a name, a key or an identifier of the suite's, and none an authority's
    signature: what a stranger can make.
    """
    chance = random.Random("noise")
    strangers = [root(f"stranger {number}") for number in range(4)]
    originals = []
    for der in whole_suite()[0]:
        try:
            originals.append(parse_certificate(der))
        except EncodingError:
            continue
    certificates, crls, answers = [], [], []
    for original in originals:
        by, other = chance.sample(strangers, 2)
        own_key = chance.choice([original.public_key, other.key.public_key])
        extensions = [
            extension(found.oid, found.critical, found.value)
            for found in original.extensions.values()
        ] or CA_EXTENSIONS
        issuer = chance.choice([original.issuer, original.subject, by.name])
        certificates.append(
            certificate(
                original.subject,
                own_key,
                issuer,
                by.key,
                extensions,
                serial=original.serial,
                not_before=original.not_before,
                not_after=original.not_after,
            ).raw
        )
        as_if = Party(name=original.subject, key=other.key, certificate=original)
        listed = [entry(one.serial) for one in chance.sample(originals, 9)]
        kinds: list[list[bytes]] = [
            [],
            [delta_indicator(1)],
            [issuing_point(indirect=True)],
            [issuing_point(reasons=[1, 2])],
        ]
        crls.append(
            crl(
                as_if,
                chance.choice([[], listed]),
                number=chance.randrange(9),
                this_update=AT - timedelta(hours=chance.randrange(-2, 40)),
                next_update=AT + timedelta(days=1),
                extensions=chance.choice(kinds),
            )
        )
        answers.append(
            ocsp(
                Party(name=original.subject, key=by.key, certificate=original),
                Party(name=original.issuer, key=other.key, certificate=original),
                _revoked(original.serial, AT) if chance.random() < 0.5 else Good(),
                this_update=AT - timedelta(minutes=5),
                next_update=AT + timedelta(days=1),
                responder=chance.choice([None, by]),
            )
        )
    return certificates, crls, answers


@given(st.sampled_from(CASES), st.integers(0, 2**32), st.booleans())
def test_noise_changes_no_verdict(case: Any, seed: int, whole: bool) -> None:
    """Strangers' things at hand change neither path nor policies nor evidence."""
    job = judged_job(case)
    if job is None:
        return
    chance = random.Random(seed)
    parts = [
        part if whole else chance.sample(part, chance.randrange(len(part)))
        for part in _noise()
    ]
    noise = Pool.from_der(certificates=parts[0], crls=parts[1], ocsp_responses=parts[2])
    pool = [job.pool, noise]
    chance.shuffle(pool)
    quiet = verify_path(job)
    noisy = verify_path(replace(job, pool=Pool(beneath=pool)))
    assert noisy.outcome == quiet.outcome
    if isinstance(quiet, Valid):
        assert noisy.path == quiet.path
        assert noisy.policies == quiet.policies
        assert noisy.evidence == quiet.evidence


def _revoked(serial: int, at: datetime) -> Revocation:
    reason = RevocationReason.KEY_COMPROMISE
    return Revocation(serial=serial, at=at - timedelta(days=1), reason=reason)


@given(st.sampled_from([case for case in CASES if not case["valid"]]), st.data())
def test_no_alteration_makes_the_invalid_valid(case: Any, data: st.DataObject) -> None:
    """Whichever octet of whichever file is altered, NIST's invalid stays not valid."""
    files = case_files(case)
    which = data.draw(st.integers(0, len(files.certificates + files.crls) - 1))
    altered = bytearray((files.certificates + files.crls)[which])
    altered[data.draw(st.integers(0, len(altered) - 1))] ^= data.draw(
        st.integers(1, 255)
    )
    job = judged_job(case, files.with_file(which, bytes(altered)))
    assert job is None or not isinstance(verify_path(job), Valid)


@given(
    st.lists(
        st.tuples(
            st.none() | st.lists(OIDS, unique=True, min_size=1, max_size=3),
            st.dictionaries(
                OIDS.filter(lambda oid: oid != ANY_POLICY),
                st.frozensets(OIDS.filter(lambda oid: oid != ANY_POLICY), min_size=1),
                max_size=2,
            ),
            st.booleans(),
            st.booleans(),
        ),
        max_size=6,
    ),
    st.frozensets(OIDS, min_size=1),
)
def test_the_graph_grants_what_the_tree_grants(
    path: list[tuple[list[str] | None, dict[str, frozenset[str]], bool, bool]],
    initial: frozenset[str],
) -> None:
    """RFC 9618's graph has the result of RFC 5280's tree, computed in full here."""
    graph = PolicyGraph()
    tree = _Tree()
    for policies, mappings, any_counts, mapping_allowed in path:
        graph.add_certificate(policies, any_policy_counts=any_counts)
        tree.add(policies, any_counts)
        assert graph.is_null == tree.is_null
        graph.map_policies(mappings, mapping_allowed=mapping_allowed)
        tree.map(mappings, mapping_allowed)
        assert graph.is_null == tree.is_null
    assert graph.constrained_to(initial) == tree.granted(initial)


class _Tree:
    """The valid policy tree as branches from the root, after RFC 5280 6.1."""

    def __init__(self) -> None:
        # Each branch: the valid policies from depth 0 on, and the last expected set.
        self.branches: list[tuple[tuple[str, ...], frozenset[str]]] = [
            ((ANY_POLICY,), frozenset({ANY_POLICY}))
        ]

    @property
    def is_null(self) -> bool:
        return not self.branches

    def add(self, policies: list[str] | None, any_counts: bool) -> None:
        above, self.branches = self.branches, []
        for policy in policies or ():
            if policy == ANY_POLICY:
                continue
            matching = [branch for branch, expected in above if policy in expected]
            if not matching:
                matching = [branch for branch, _ in above if branch[-1] == ANY_POLICY]
            for branch in matching:
                self.branches.append(((*branch, policy), frozenset({policy})))
        if policies is not None and ANY_POLICY in policies and any_counts:
            for branch, expected in above:
                for policy in expected:
                    child = (*branch, policy)
                    if child not in [known for known, _ in self.branches]:
                        self.branches.append((child, frozenset({policy})))

    def map(self, mappings: dict[str, frozenset[str]], allowed: bool) -> None:
        for issuer, subjects in mappings.items():
            if not allowed:
                self.branches = [
                    (branch, expected)
                    for branch, expected in self.branches
                    if branch[-1] != issuer
                ]
                continue
            found = any(branch[-1] == issuer for branch, _ in self.branches)
            if found:
                self.branches = [
                    (branch, subjects if branch[-1] == issuer else expected)
                    for branch, expected in self.branches
                ]
                continue
            for branch, _ in tuple(self.branches):
                if branch[-1] == ANY_POLICY and len(branch) > 1:
                    self.branches.append(((*branch[:-1], issuer), subjects))

    def granted(self, initial: frozenset[str]) -> frozenset[str]:
        found: set[str] = set()
        any_granted = False
        for branch, _ in self.branches:
            below = [policy for policy in branch if policy != ANY_POLICY]
            if below:
                found.add(below[0])
            else:
                any_granted = True
        if ANY_POLICY in initial:
            return frozenset(found | {ANY_POLICY} if any_granted else found)
        return initial if any_granted else initial & found
