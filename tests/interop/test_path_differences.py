"""Other programs and we judge the same PKIs drawn by chance, right and wrong in detail.

Where two do not agree, a rule of `tests.support.known_differences` says why and who is
right, or it is a fault. OpenSSL judges every kind of case; the others what they know.
Ours is what `jpki verify path --batch` answers.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from jpki.verify import AlgorithmPolicy, Memory, Pool
from jpki.verify.batch import judge_line
from tests.support.chance_algorithms import algorithms
from tests.support.chance_chains import authorities, policies
from tests.support.chance_lists import lists
from tests.support.chance_meshes import meshes
from tests.support.chance_names import asked_names, constrained_names
from tests.support.chance_pki import Case, Chance
from tests.support.known_differences import KNOWN, Difference, explanation
from tests.support.openssl_paths import openssl_verdict, openssl_with_evidence
from tests.support.other_judges import certvalidator, gnutls, java, pyca

pytestmark = pytest.mark.slow

_SEED: Final = 20260401
_KINDS: Final = (
    policies,
    authorities,
    constrained_names,
    asked_names,
    meshes,
    lists,
    algorithms,
)
_MEMORY: Final = Memory()
_NOTHING: Final = Pool()

_Kind = Callable[[Chance], Case]


def _cases(kind: _Kind, count: int, **changes: Any) -> list[Case]:
    """The first so many of a kind; the same in each run."""
    drawn = [kind(Chance(_SEED * 1_000_003 + number)) for number in range(count)]
    return [replace(case, **changes) for case in drawn]


def _ours(case: Case) -> dict[str, Any]:
    line = json.dumps(case.job()).encode()
    return judge_line(line, _NOTHING, _any_algorithm, _MEMORY)


def _any_algorithm(name: str) -> AlgorithmPolicy:
    raise AssertionError(name)


def _openssl(case: Case, ours: dict[str, Any]) -> str:
    found = openssl_verdict(case)
    if ours["outcome"] == "valid" and not found.good:
        found = openssl_with_evidence(case, ours)
    return "valid" if found.good else str(found)


def _compare(judge: str, cases: Sequence[Case], theirs: Sequence[str]) -> None:
    """Every difference has its rule, and neither verdict is rare."""
    outcomes: Counter[bool] = Counter()
    for case, said in zip(cases, theirs, strict=True):
        ours = _ours(case)
        assert ours["outcome"] != "error", ours
        outcomes[ours["outcome"] == "valid"] += 1
        if (ours["outcome"] == "valid") != (said == "valid"):
            found = Difference(judge=judge, case=case, ours=ours, theirs=said)
            assert explanation(found) is not None, (
                ours["code"],
                said,
                sorted(case.notes),
                json.dumps(case.job()),
            )
    assert len(outcomes) == 2
    assert min(outcomes.values()) > len(cases) // 10


def _name_of_kind(kind: _Kind) -> str:
    return kind.__name__


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("kind", _KINDS, ids=_name_of_kind)
def test_openssl(kind: _Kind) -> None:
    """X509_verify_cert; where it refuses what we accept, with our evidence alone."""
    cases = _cases(kind, 400)
    _compare("openssl", cases, [_openssl(case, _ours(case)) for case in cases])


@pytest.mark.parametrize("kind", [policies, authorities], ids=_name_of_kind)
def test_certvalidator(kind: _Kind) -> None:
    """pyhanko-certvalidator, which is not asked about purposes."""
    cases = _cases(kind, 150, purpose=None)
    _compare("certvalidator", cases, list(map(certvalidator, cases)))


@pytest.mark.needs("java")
def test_java(tmp_path: Path) -> None:
    """Java's PKIX validator, which is not asked about purposes either."""
    cases = [*_cases(policies, 250), *_cases(authorities, 150, purpose=None)]
    _compare("java", cases, java(cases, tmp_path))


@pytest.mark.parametrize(
    "kind", [meshes, authorities, constrained_names, algorithms], ids=_name_of_kind
)
def test_pyca(kind: _Kind) -> None:
    """pyca/cryptography's verifier, which builds paths as we do."""
    cases = _cases(kind, 250, purpose=None)
    _compare("pyca", cases, list(map(pyca, cases)))


@pytest.mark.needs("gnutls")
@pytest.mark.needs("faketime")
def test_gnutls(tmp_path: Path) -> None:
    """`certtool --verify`, in the time of the certificates."""
    cases = _cases(authorities, 60, purpose=None)
    _compare("gnutls", cases, [gnutls(case, tmp_path) for case in cases])


def test_rules_are_told_apart() -> None:
    """Each known difference has a name of its own, a clause and a ground."""
    names = [known.name for known in KNOWN]
    assert len(set(names)) == len(names)
    assert all(known.clause and known.why.endswith(".") for known in KNOWN)
