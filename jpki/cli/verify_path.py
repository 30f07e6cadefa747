"""`jpki verify path --batch`: many path validations, one line of JSON each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

import click

from jpki import data
from jpki.errors import ConfigurationError, EncodingError
from jpki.verify import AlgorithmPolicy, EraAlgorithms, Pool
from jpki.verify.batch import judge_line
from jpki.x509.pem import ders

__all__ = ["path"]

_MAX_LINE: Final = 256 * 1024 * 1024
_LABELS: Final = ("CERTIFICATE", "X509 CRL")


@click.command()
@click.option(
    "--batch",
    "jobs",
    type=click.File("rb"),
    required=True,
    metavar="JOBS",
    help="File of jobs, one JSON object a line; - reads standard input.",
)
@click.option(
    "--pool",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="DIR",
    help="Certificates, CRLs and OCSP responses at hand for every job.",
)
def path(jobs: BinaryIO, pool: Path | None) -> None:
    """Validate certification paths (RFC 5280 section 6), one verdict a line, in order.

    A job names trust_anchors, end_entity, at and id, and may name intermediates, crls,
    ocsp_responses, revocation (require, if-present or none), use_deltas,
    initial_policies, require_explicit_policy, inhibit_policy_mapping,
    inhibit_any_policy, max_path_length, purpose, name, algorithms (any or an era) and
    max_revocation_age. Certificates and the like are DER in base64.

    A line that cannot be judged gets the outcome `error`; the others go on.
    """
    shelf = Pool() if pool is None else _shelf(pool)
    for line in _lines(jobs):
        verdict = judge_line(line, shelf, _algorithms)
        click.echo(json.dumps(verdict, ensure_ascii=False))


def _lines(jobs: BinaryIO) -> Iterator[bytes]:
    while line := jobs.readline(_MAX_LINE):
        if line.strip():
            yield line


def _algorithms(name: str) -> AlgorithmPolicy:
    return EraAlgorithms(data.era(name))


def _shelf(folder: Path) -> Pool:
    """Everything in the folder and below that is one of the three kinds."""
    contents = list(_contents(folder))
    return Pool.from_der(certificates=contents, crls=contents, ocsp_responses=contents)


def _contents(folder: Path) -> Iterable[bytes]:
    for file in sorted(folder.rglob("*")):
        if not file.is_file():
            continue
        try:
            content = file.read_bytes()
            for label in _LABELS:
                yield from ders(content, label)
                if content[:1] == b"\x30":
                    break
        except OSError as error:
            reason = error.strerror or "cannot be read"
            raise ConfigurationError(str(file), "--pool", reason) from None
        except EncodingError:
            continue
