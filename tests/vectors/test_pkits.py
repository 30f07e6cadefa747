"""NIST's Public Key Interoperability Test Suite, case by case and from one pool.

`pkits.toml` is the table; the certificates and CRLs are those of the package
`cryptography-vectors`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

import pytest

from jpki.der.oids import ANY_POLICY
from jpki.errors import EncodingError
from jpki.verify.algorithms import AcceptAnyAlgorithm
from jpki.verify.anchors import TrustAnchor
from jpki.verify.jobs import PathJob, RevocationMode
from jpki.verify.outcomes import Outcome, Valid
from jpki.verify.paths import verify_path
from jpki.verify.pool import Pool
from jpki.x509.parse import parse_certificate

TABLE: Final = tomllib.loads(Path(__file__).with_name("pkits.toml").read_text("utf-8"))
CASES: Final[list[Mapping[str, Any]]] = TABLE["case"]
AT: Final[datetime] = TABLE["at"]


def _folder(kind: str) -> Traversable:
    return resources.files("cryptography_vectors") / "x509" / "PKITS_data" / kind


def _certificate(name: str) -> bytes:
    return (_folder("certs") / f"{name}.crt").read_bytes()


def _crl(name: str) -> bytes:
    return (_folder("crls") / f"{name}.crl").read_bytes()


def _everything(kind: str) -> list[bytes]:
    files = sorted(_folder(kind).iterdir(), key=lambda file: file.name)
    return [file.read_bytes() for file in files if file.name.endswith((".crt", ".crl"))]


@lru_cache(maxsize=1)
def _anchor() -> TrustAnchor:
    return TrustAnchor.of(parse_certificate(_certificate(TABLE["anchor"])))


@lru_cache(maxsize=1)
def whole_suite() -> tuple[list[bytes], list[bytes]]:
    """All certificates and all CRLs."""
    return _everything("certs"), _everything("crls")


@lru_cache(maxsize=1)
def _whole_pool() -> Pool:
    certificates, crls = whole_suite()
    return Pool.from_der(certificates=certificates, crls=crls)


def _policies(short: list[str]) -> frozenset[str]:
    return frozenset(
        ANY_POLICY if item == "any" else f"{TABLE['policy_arc']}.{item}"
        for item in short
    )


@dataclass(frozen=True, slots=True)
class CaseFiles:
    """What a case has at hand; the end entity is the last certificate."""

    certificates: list[bytes]
    crls: list[bytes]

    def with_file(self, index: int, content: bytes) -> CaseFiles:
        """The same with one file replaced, counted through both lists."""
        both = [*self.certificates, *self.crls]
        both[index] = content
        count = len(self.certificates)
        return CaseFiles(both[:count], both[count:])


def case_files(case: Mapping[str, Any]) -> CaseFiles:
    """The files that the case names."""
    return CaseFiles(
        [_certificate(name) for name in case["path"]],
        [_crl(name) for name in case["crls"]],
    )


def judged_job(
    case: Mapping[str, Any], files: CaseFiles | None = None
) -> PathJob | None:
    """The case as a job; None where its end entity cannot even be parsed."""
    files = files or case_files(case)
    try:
        end_entity = parse_certificate(files.certificates[-1])
    except EncodingError:
        return None
    return PathJob(
        anchors=(_anchor(),),
        end_entity=end_entity,
        at=AT,
        algorithms=AcceptAnyAlgorithm(),
        pool=Pool.from_der(certificates=files.certificates[:-1], crls=files.crls),
        use_deltas=True,
        initial_policies=_policies(case.get("initial", ["any"])),
        require_explicit_policy=case.get("explicit", False),
        inhibit_policy_mapping=case.get("inhibit_mapping", False),
        inhibit_any_policy=case.get("inhibit_any", False),
    )


def _judge(case: Mapping[str, Any], beneath: tuple[Pool, ...] = ()) -> Outcome | None:
    job = judged_job(case)
    if job is None:
        return None
    return verify_path(replace(job, pool=Pool(beneath=(job.pool, *beneath))))


def _check(case: Mapping[str, Any], outcome: Outcome | None) -> None:
    if case["valid"]:
        assert isinstance(outcome, Valid), outcome and outcome.reason
        assert outcome.policies == _policies(case["output"])
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
    _check(case, _judge(case, (_whole_pool(),)))


@pytest.mark.parametrize("case", CASES, ids=_by_id)
def test_nothing_is_valid_without_revocation_data(case: Mapping[str, Any]) -> None:
    """Without any CRL at hand no path is valid, whatever the certificates name."""
    job = judged_job(case)
    if job is not None:
        certificates = Pool.from_der(certificates=map(_certificate, case["path"]))
        assert not isinstance(verify_path(replace(job, pool=certificates)), Valid)


def test_the_suite_is_complete() -> None:
    """The table holds all 224 numbered tests and asks for revocation in each."""
    numbers = {tuple(case["id"].split(".")[:3]) for case in CASES}
    assert (len(CASES), len(numbers)) == (249, 224)
    assert PathJob.__dataclass_fields__["revocation"].default is RevocationMode.REQUIRE
