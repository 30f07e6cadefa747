"""NIST's Public Key Interoperability Test Suite, case by case and from one pool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from jpki.verify.jobs import PathJob, RevocationMode
from jpki.verify.outcomes import Outcome, Valid
from jpki.verify.paths import verify_path
from jpki.verify.pool import Pool
from tests.support.pkits import CASES, certificate, judged_job, policies, whole_pool


def _judge(case: Mapping[str, Any], beneath: tuple[Pool, ...] = ()) -> Outcome | None:
    job = judged_job(case)
    if job is None:
        return None
    return verify_path(replace(job, pool=Pool(beneath=(job.pool, *beneath))))


def _check(case: Mapping[str, Any], outcome: Outcome | None) -> None:
    if case["valid"]:
        assert isinstance(outcome, Valid), outcome and outcome.reason
        assert outcome.policies == policies(case["output"])
        assert len(outcome.evidence) >= len(outcome.path)
    else:
        assert not isinstance(outcome, Valid)


def _by_id(case: Mapping[str, Any]) -> str:
    return str(case["id"])


@pytest.mark.parametrize("case", CASES, ids=_by_id)
def test_each_case_by_itself(case: Mapping[str, Any]) -> None:
    """With just what the case names at hand, verdict and policies are NIST's."""
    _check(case, _judge(case))


@pytest.mark.parametrize("case", CASES, ids=_by_id)
def test_each_case_with_the_whole_suite_at_hand(case: Mapping[str, Any]) -> None:
    """All certificates and CRLs of the suite in the pool change no verdict."""
    _check(case, _judge(case, (whole_pool(),)))


@pytest.mark.parametrize("case", CASES, ids=_by_id)
def test_nothing_is_valid_without_revocation_data(case: Mapping[str, Any]) -> None:
    """Without any CRL at hand no path is valid, whatever the certificates name."""
    job = judged_job(case)
    if job is not None:
        certificates = Pool.from_der(certificates=map(certificate, case["path"]))
        assert not isinstance(verify_path(replace(job, pool=certificates)), Valid)


def test_the_suite_is_complete() -> None:
    """The table holds all 224 numbered tests and asks for revocation in each."""
    numbers = {tuple(case["id"].split(".")[:3]) for case in CASES}
    assert (len(CASES), len(numbers)) == (249, 224)
    assert PathJob.__dataclass_fields__["revocation"].default is RevocationMode.REQUIRE
