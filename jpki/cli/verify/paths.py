"""`jpki verify path --batch`: many path validations, one line of JSON each."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import click

from jpki import data
from jpki.errors import RequestError
from jpki.service.pool_folder import read_pool
from jpki.verify import AlgorithmPolicy, EraAlgorithms, Memory, Pool
from jpki.verify.batch import judge_line

__all__ = ["path"]

_MAX_LINE: Final = 256 * 1024 * 1024


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

    \b
    jpki verify path --batch jobs.jsonl --pool certificates/ > verdicts.jsonl

    A job names trust_anchors, end_entity, at and id, and may name intermediates, crls,
    ocsp_responses, revocation (require, if-present or none), use_deltas,
    initial_policies, require_explicit_policy, inhibit_policy_mapping,
    inhibit_any_policy, max_path_length, purpose, name, algorithms (any or an era) and
    max_revocation_age. Certificates and the like are DER in base64.

    A line that cannot be judged gets the outcome `error`; the others go on. Blank lines
    get no verdict. Exits with 0 once every line is answered, whatever the verdicts;
    with 2 if JOBS or DIR cannot be read.
    """
    shelf = Pool() if pool is None else read_pool(pool, "--pool")
    memory = Memory()
    for line in _lines(jobs):
        if len(line) > _MAX_LINE:
            verdict = _too_long()
        else:
            verdict = judge_line(line, shelf, _algorithms, memory)
        # ASCII, whatever is in an id: half of a surrogate pair could not be written.
        click.echo(json.dumps(verdict))


def _lines(jobs: BinaryIO) -> Iterator[bytes]:
    """The lines that are not blank. One that is too long comes without its end."""
    # Programs on Windows begin their texts with it; RFC 8259 8.1 lets it be ignored.
    begin = codecs.BOM_UTF8
    while line := jobs.readline(_MAX_LINE + 1):
        rest = line
        while len(rest) > _MAX_LINE and not rest.endswith(b"\n"):
            rest = jobs.readline(_MAX_LINE + 1)
        line, begin = line.removeprefix(begin), b""
        if line.strip():
            yield line


def _too_long() -> dict[str, object]:
    error = RequestError(f"a line of more than {_MAX_LINE} octets")
    return {
        "id": None,
        "outcome": "error",
        "code": error.code,
        "reason": error.message,
    }


def _algorithms(name: str) -> AlgorithmPolicy:
    return EraAlgorithms(data.era(name))
