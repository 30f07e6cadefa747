"""How long the command and the library take to start.

The limit of the command is the interpreter that prints a line; that of the library is
an interpreter that loads the signature algorithms, without which nothing can be
verified.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from benchmarks.figures import Figure, Target
from benchmarks.timing import alternating, command

__all__ = ["run"]

_ALGORITHMS: Final = (
    "from cryptography.hazmat.primitives.asymmetric import ec, mldsa, padding, rsa\n"
    "from cryptography.hazmat.primitives.serialization import load_der_public_key"
)


def run(quick: bool) -> Sequence[Figure]:
    """Start each program several times, in turns."""
    scripts = Path(sys.executable).parent
    candidates = {
        "interpreter": _python("print()"),
        "algorithms": _python(_ALGORITHMS),
        "jpki --version": command(str(scripts / "jpki"), "--version"),
        "jpki.verify": _python("import jpki.verify"),
        "flask --version": command(str(scripts / "flask"), "--version"),
        "pyhanko": _python("import pyhanko.sign.validation"),
        **_tools(),
    }
    seconds = alternating(candidates, rounds=5 if quick else 25)
    took = {name: value * 1000 for name, value in seconds.items()}
    return [
        Figure(
            name="jpki --version",
            value=took["jpki --version"],
            unit="ms",
            limit=took["interpreter"],
            peers={name: took[name] for name in ("flask --version", *_tools())},
            target=Target("at most", 4, of_limit=True),
        ),
        Figure(
            name="import jpki.verify",
            value=took["jpki.verify"],
            unit="ms",
            limit=took["algorithms"],
            peers={"import pyhanko.sign.validation": took["pyhanko"]},
            target=Target("at most", 4, of_limit=True),
        ),
    ]


def _python(statement: str) -> Callable[[], object]:
    return command(sys.executable, "-c", statement)


def _tools() -> dict[str, Callable[[], object]]:
    """Peers written in C, where they are installed."""
    lines = ("openssl", "version"), ("certtool", "--version")
    return {" ".join(line): command(*line) for line in lines if shutil.which(line[0])}
