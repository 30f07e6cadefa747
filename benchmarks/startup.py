"""How long the command and the library take to start.

The limit is an interpreter that loads only the cryptographic library, without which
nothing here could work.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.figures import Figure, Target
from benchmarks.timing import alternating, command

__all__ = ["run"]

_INTERPRETER = "python: cryptography only"


def run(quick: bool) -> Sequence[Figure]:
    """Start each program several times, in turns."""
    scripts = Path(sys.executable).parent
    candidates = {
        _INTERPRETER: _python("import cryptography.hazmat.primitives.hashes"),
        "jpki": command(str(scripts / "jpki"), "--version"),
        "verify": _python("import jpki.verify"),
        "flask --version": command(str(scripts / "flask"), "--version"),
        "python: pyhanko": _python("import pyhanko.sign.validation"),
    }
    for program in ("openssl", "certtool"):
        if path := shutil.which(program):
            candidates[f"{program} version"] = command(
                path, "version" if program == "openssl" else "--version"
            )
    seconds = alternating(candidates, rounds=5 if quick else 25)
    milliseconds = {name: value * 1000 for name, value in seconds.items()}
    limit = milliseconds.pop(_INTERPRETER)
    ours, library = milliseconds.pop("jpki"), milliseconds.pop("verify")
    pyhanko = milliseconds.pop("python: pyhanko")
    return [
        Figure(
            name="jpki --version",
            value=ours,
            unit="ms",
            limit=limit,
            peers=milliseconds,
            target=Target("at most", 3, of_limit=True),
        ),
        Figure(
            name="import jpki.verify",
            value=library,
            unit="ms",
            limit=limit,
            peers={"import pyhanko.sign.validation": pyhanko},
            target=Target("at most", 4, of_limit=True),
        ),
    ]


def _python(statement: str) -> Callable[[], object]:
    return command(sys.executable, "-c", statement)
