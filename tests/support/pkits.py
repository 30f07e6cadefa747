"""NIST's Public Key Interoperability Test Suite: its table, its files, its jobs.

`tests/vectors/pkits.toml` is the table; the certificates and CRLs are those of the
package `cryptography-vectors`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Final

from jpki.der.oids import ANY_POLICY
from jpki.errors import EncodingError
from jpki.verify.algorithms import AcceptAnyAlgorithm
from jpki.verify.anchors import TrustAnchor
from jpki.verify.jobs import PathJob
from jpki.verify.pool import Pool
from jpki.x509.parse import parse_certificate
from tests.support.sources import ROOT

__all__ = [
    "AT",
    "CASES",
    "TABLE",
    "CaseFiles",
    "case_files",
    "certificate",
    "judged_job",
    "policies",
    "whole_pool",
    "whole_suite",
]

TABLE: Final = tomllib.loads(
    (ROOT / "tests" / "vectors" / "pkits.toml").read_text("utf-8")
)
CASES: Final[list[Mapping[str, Any]]] = TABLE["case"]
AT: Final[datetime] = TABLE["at"]


def _folder(kind: str) -> Traversable:
    return resources.files("cryptography_vectors") / "x509" / "PKITS_data" / kind


def certificate(name: str) -> bytes:
    """A certificate of the suite, DER."""
    return (_folder("certs") / f"{name}.crt").read_bytes()


def _crl(name: str) -> bytes:
    return (_folder("crls") / f"{name}.crl").read_bytes()


def _everything(kind: str) -> list[bytes]:
    files = sorted(_folder(kind).iterdir(), key=lambda file: file.name)
    return [file.read_bytes() for file in files if file.name.endswith((".crt", ".crl"))]


@lru_cache(maxsize=1)
def _anchor() -> TrustAnchor:
    return TrustAnchor.of(parse_certificate(certificate(TABLE["anchor"])))


@lru_cache(maxsize=1)
def whole_suite() -> tuple[list[bytes], list[bytes]]:
    """All certificates and all CRLs."""
    return _everything("certs"), _everything("crls")


@lru_cache(maxsize=1)
def whole_pool() -> Pool:
    """The same, parsed."""
    certificates, crls = whole_suite()
    return Pool.from_der(certificates=certificates, crls=crls)


def policies(short: list[str]) -> frozenset[str]:
    """Policies of the table by their identifiers."""
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
        [certificate(name) for name in case["path"]],
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
        initial_policies=policies(case.get("initial", ["any"])),
        require_explicit_policy=case.get("explicit", False),
        inhibit_policy_mapping=case.get("inhibit_mapping", False),
        inhibit_any_policy=case.get("inhibit_any", False),
    )
