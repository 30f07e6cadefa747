"""Two hundred thousand damaged jobs: a verdict or an error line for each, and soon.

Where an octet that a signature covers was changed, the verdict is not `valid`.
"""

from __future__ import annotations

import base64
import json
import random
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

import pytest

from jpki.model.revocation import Revocation, RevocationReason
from jpki.verify.algorithms import AcceptAnyAlgorithm, AlgorithmPolicy
from jpki.verify.batch import judge_line
from jpki.verify.memory import Memory
from jpki.verify.pool import Pool
from jpki.x509.general_names import DNSName
from jpki.x509.ocsp import Good, parse_response
from tests.support.fuzzing import run
from tests.support.mutations import Mutator
from tests.support.pki import (
    CA_EXTENSIONS,
    NOW,
    alternative_names,
    crl,
    entry,
    issue,
    name_constraints,
    ocsp,
    root,
    user,
)

pytestmark = pytest.mark.slow

_SEED: Final = 20260401
_CERTIFICATES: Final = 90_000
_LISTS: Final = 60_000
_ANSWERS: Final = 40_000
_LINES: Final = 20_000
assert _CERTIFICATES + _LISTS + _ANSWERS + _LINES > 200_000

ROOT = root("root")
SUB = issue(
    ROOT, "sub", (*CA_EXTENSIONS, name_constraints(permitted=[DNSName("example.jp")]))
)
USER = user(SUB, "user", alternative_names(DNSName("www.example.jp")))
_MEMORY: Final = Memory()
_NOTHING: Final = Pool()


def _text(der: bytes) -> str:
    return base64.b64encode(der).decode("ascii")


@lru_cache(maxsize=1)
def _job() -> Mapping[str, Any]:
    return {
        "id": "1",
        "trust_anchors": [_text(ROOT.certificate.raw)],
        "intermediates": [_text(SUB.certificate.raw)],
        "end_entity": _text(USER.certificate.raw),
        "crls": [_text(crl(ROOT)), _text(crl(SUB, [entry(1), entry(2, reason=1)]))],
        "ocsp_responses": [],
        "at": NOW.isoformat(),
        "name": {"dns": "www.example.jp"},
    }


def _algorithms(name: str) -> AlgorithmPolicy:
    return AcceptAnyAlgorithm()


def _judged(**changes: Any) -> str:
    line = json.dumps({**_job(), **changes}).encode()
    verdict = judge_line(line, _NOTHING, _algorithms, _MEMORY)
    json.dumps(verdict)
    assert verdict["outcome"] in ("valid", "invalid", "indeterminate", "error")
    return str(verdict["outcome"])


def _one_of(member: str, original: bytes, others: list[bytes]) -> Any:
    """A judge of octets in the place of one thing of a job."""

    def judge(octets: bytes) -> str:
        if member == "end_entity":
            outcome = _judged(end_entity=_text(octets))
        else:
            outcome = _judged(**{member: list(map(_text, [octets, *others]))})
        assert outcome != "valid" or octets == original
        return outcome

    return judge


def test_the_jobs_are_good_before() -> None:
    """What follows is damage to what is valid."""
    assert _judged() == "valid"


@pytest.mark.parametrize("member", ["end_entity", "intermediates"])
def test_damaged_certificates(member: str) -> None:
    """The end entity's and its authority's: valid only if not an octet is changed."""
    original = (USER if member == "end_entity" else SUB).certificate.raw
    outcomes = run(
        _one_of(member, original, []),
        [original],
        count=_CERTIFICATES // 2,
        seed=_SEED,
    )
    assert outcomes["invalid"] > _CERTIFICATES // 4
    assert not outcomes["error"]


def test_damaged_lists() -> None:
    """A damaged list is no list; a good one beside it is."""
    good = [crl(ROOT), crl(SUB)]
    outcomes = run(
        _one_of("crls", good[1], [good[0]]), [good[1]], count=_LISTS // 2, seed=_SEED
    )
    assert outcomes["indeterminate"] > _LISTS // 4

    def beside(octets: bytes) -> str:
        return _judged(crls=list(map(_text, [octets, *good])))

    listed = crl(SUB, [entry(USER.certificate.serial)], number=9)
    outcomes = run(beside, [listed], count=_LISTS // 2, seed=_SEED)
    whole = outcomes["invalid"]
    assert outcomes["valid"] == sum(outcomes.values()) - whole
    assert whole < _LISTS // 10


def test_damaged_answers() -> None:
    """An OCSP response that was damaged says nothing, neither good nor revoked."""
    good = [crl(ROOT)]
    original = ocsp(USER, SUB, Good())
    revoked = ocsp(
        USER,
        SUB,
        Revocation(
            serial=USER.certificate.serial,
            at=NOW - timedelta(days=1),
            reason=RevocationReason.KEY_COMPROMISE,
        ),
    )

    def judge(octets: bytes) -> str:
        answers = [_text(octets)]
        outcome = _judged(crls=list(map(_text, good)), ocsp_responses=answers)
        assert outcome != "valid" or _signed(octets) == _signed(original)
        return outcome

    outcomes = run(judge, [original, revoked], count=_ANSWERS, seed=_SEED)
    assert outcomes["indeterminate"] > _ANSWERS // 2


def _signed(response: bytes) -> bytes | None:
    """What the signature of a response covers."""
    basic = parse_response(response).basic
    return None if basic is None else basic.tbs


def test_damaged_lines() -> None:
    """Octets of JSON turned over, members lost, doubled and of other types."""
    chance = random.Random(_SEED)
    odd: list[Any] = [None, [], {}, "", "MA==", -1, 1e400, True, [None], ["MA=="], "𝄞"]
    outcomes: Counter[str] = Counter()
    mutator = Mutator([json.dumps(_job()).encode()], _SEED)
    for number in range(_LINES):
        if number % 2:
            line = mutator.next()
        else:
            job = dict(_job())
            member = chance.choice([*job, "purpose", "max_path_length"])
            job[member] = chance.choice(odd)
            line = json.dumps(job).encode()
        verdict = judge_line(line, _NOTHING, _algorithms, _MEMORY)
        outcomes[str(verdict["outcome"])] += 1
        json.dumps(verdict)
    assert outcomes["error"] > _LINES // 4
