"""PKIs that `jpki pki build` made: two prefectures, without keys, once for each era."""

from __future__ import annotations

import atexit
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from click.testing import CliRunner, Result

from jpki.cli import main
from jpki.cli.pki.manifest import Manifest, read_manifest
from tests.support.reference_pki import FOUNDED

__all__ = ["BUILT_AT", "SEED", "build", "built", "run"]

SEED = "7"

BUILT_AT: Final = {**FOUNDED, "jlis": datetime(2024, 4, 1, 1, 2, 3, tzinfo=UTC)}
"""When each PKI is built; for the national authorities, while three keys live."""


def run(*words: str) -> Result:
    """One call of `jpki pki`, in this process."""
    return CliRunner().invoke(main, ["pki", *words], catch_exceptions=False)


def build(era: str, out: Path, *more: str) -> Result:
    """Build Ibaraki's and Tokyo's PKI at a fixed instant."""
    words = ["--era", era, "--out", str(out), "--seed", SEED, "--jobs", "1"]
    words += ["--prefecture", "08", "--prefecture", "13"]
    if "--at" not in more:
        words += ["--at", BUILT_AT[era].isoformat()]
    return run("build", *words, *more)


@cache
def _folder(era: str) -> Path:
    parent = TemporaryDirectory(prefix="jpki-built-")
    atexit.register(parent.cleanup)
    out = Path(parent.name) / era
    result = build(era, out, "--no-keys")
    assert result.exit_code == 0, result.output
    return out


def built(era: str) -> tuple[Path, Manifest]:
    """The folder of this era, made once in a test run; nobody may change it."""
    folder = _folder(era)
    return folder, read_manifest(folder)
