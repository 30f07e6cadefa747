"""What no command foresaw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import click
import pytest
from click.testing import CliRunner, Result

from jpki.cli import main
from jpki.errors import PINBlocked

_RAISED: Final[Mapping[str, BaseException]] = {
    "fault": IndexError("list index out of range"),
    "ours": PINBlocked(),
    "usage": click.UsageError("no"),
    "abort": click.Abort(),
    "exit": SystemExit(3),
}


@click.command()
@click.argument("kind")
def broken(kind: str) -> None:
    """Raise what is asked for."""
    raise _RAISED[kind]


def _ended(kind: str) -> Result:
    program = type(main)("jpki", targets={"break": f"{__name__}:broken"})
    return CliRunner().invoke(program, ["break", kind])


def test_a_fault_of_ours_is_no_verdict() -> None:
    """Its exit code is that of no outcome, and the traceback is there to report."""
    fault = _ended("fault")
    assert fault.exit_code == 70
    assert "IndexError: list index out of range" in fault.stderr
    assert "please report it" in fault.stderr


@pytest.mark.parametrize(
    ("kind", "code"), [("ours", 2), ("usage", 2), ("abort", 1), ("exit", 3)]
)
def test_what_is_foreseen_ends_as_before(kind: str, code: int) -> None:
    """Errors of ours and of usage, Ctrl-C, and exit codes of commands."""
    ended = _ended(kind)
    assert ended.exit_code == code
    assert "Traceback" not in ended.stderr
