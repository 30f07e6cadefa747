"""How long the command and the library take to start.

The limit of the command is the interpreter that prints a line; that of the library is
an interpreter that loads the signature algorithms, without which nothing can be
verified. `jpki verify` is timed to its verdict, with its evidence in files, by what it
computes.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.figures import Figure, Target
from benchmarks.issue_work import NOT_BEFORE, Work
from benchmarks.timing import alternating, command, cpu_seconds
from benchmarks.verify_work import crl_of
from jpki.documents.cms import sign_detached
from jpki.keys.memory import generate_key
from jpki.model.suites import suite

__all__ = ["run"]

_ALGORITHMS: Final = (
    "from cryptography.hazmat.primitives.asymmetric import ec, mldsa, padding, rsa\n"
    "from cryptography.hazmat.primitives.serialization import load_der_public_key"
)

_VERDICT: Final = 250
"""Milliseconds; agreed."""
_REVOKED: Final = 100
_SEED: Final = 1


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
        _verdict(scripts / "jpki", rounds=5 if quick else 25),
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


def _verdict(program: Path, rounds: int) -> Figure:
    """A citizen's detached signature, with the authority and its CRL at hand."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        options = _document(folder)
        told = command(str(program), "verify", *options, "--offline")
        candidates = {"algorithms": _python(_ALGORITHMS), "verdict": told}
        seconds = alternating(candidates, rounds, cpu_seconds)
    return Figure(
        name="jpki verify, a CMS signature",
        value=seconds["verdict"] * 1000,
        unit="ms",
        limit=seconds["algorithms"] * 1000,
        target=Target("at most", _VERDICT),
    )


def _document(folder: Path) -> list[str]:
    """Everything as files there, and how they are named to the command."""
    key = generate_key(suite("rsa2048-sha256"))
    work = Work("rsa2048-sha256", 1, Random(_SEED), [key.public_key])
    (certificate,) = work.issue_all()
    at = NOT_BEFORE + timedelta(days=2)
    content = "転居届".encode()
    files = {
        "application.txt": content,
        "application.p7s": sign_detached(content, certificate, key, at),
        "authority.der": work.authority(),
        "list.crl": crl_of(work, _REVOKED),
    }
    for name, octets in files.items():
        (folder / name).write_bytes(octets)
    paths = [str(folder / name) for name in files]
    instant = f"{at:%Y-%m-%dT%H:%M:%SZ}"
    return [*paths[:2], "--anchor", paths[2], "--crl", paths[3], "--at", instant]


def _python(statement: str) -> Callable[[], object]:
    return command(sys.executable, "-c", statement)


def _tools() -> dict[str, Callable[[], object]]:
    """Peers written in C, where they are installed."""
    lines = ("openssl", "version"), ("certtool", "--version")
    return {" ".join(line): command(*line) for line in lines if shutil.which(line[0])}
