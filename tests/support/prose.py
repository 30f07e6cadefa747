"""The parts of the documentation that are made from code.

A part stands between `<!-- from code: NAME -->` and `<!-- end -->` in a Markdown file.
`python -m tests.support.prose` (`make docs`) writes them; `tests/test_docs.py` refuses
a tree in which they differ from the code.
"""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Final

import click
from click.testing import CliRunner

from jpki import errors
from jpki.cli import main as jpki
from jpki.errors import (
    agent,
    base,
    callers,
    inputs,
    issuing,
    keys,
    register,
    services,
    storage,
)
from jpki.errors import (
    documents as of_documents,
)
from tests.support.era_prose import (
    algorithm_table,
    era_sections,
    pki_picture,
    profile_tables,
)
from tests.support.settings_prose import (
    agent_settings,
    counter_settings,
    first_paragraph,
    portal_settings,
    ports_table,
    settings_tables,
    verifier_settings,
)
from tests.support.sources import ROOT
from tests.support.status_prose import status_table

__all__ = ["PARTS", "documents", "renewed"]

_ERRORS: Final = (
    base,
    inputs,
    issuing,
    callers,
    services,
    keys,
    agent,
    of_documents,
    storage,
    register,
)
"""In the order in which they are read."""

_PART: Final = re.compile(
    r"(<!-- from code: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL
)


def error_table() -> str:
    """Every error with its code, what it means and what it carries."""
    rows = ["| code | class | is a | means | carries |", "|---|---|---|---|---|"]
    for name in [name for module in _ERRORS for name in _own_classes(module)]:
        cls = getattr(errors, name)
        parents = ", ".join(f"`{base.__name__}`" for base in cls.__bases__)
        rows.append(
            f"| `{cls.code}` | `{name}` | {parents} | {first_paragraph(cls)} "
            f"| {', '.join(f'`{key}`' for key in _carried(cls)) or '–'} |"
        )
    return "\n".join(rows)


def _own_classes(module: ModuleType) -> list[str]:
    """Names of the errors that a module defines, in its order."""
    return [
        name
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, errors.JpkiError)
        and value.__module__ == module.__name__
    ]


def _carried(cls: type) -> Iterator[str]:
    """The attributes that an instance sets, read from its own constructor."""
    constructor = cls.__dict__.get("__init__")
    if constructor is None or cls is errors.JpkiError:
        return
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(constructor)))):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def command_help() -> str:
    """`jpki --help`, as printed."""
    return _printed()


def all_commands() -> str:
    """The help of every command and of what it contains, in their own order."""
    parts: list[str] = []
    waiting: list[tuple[str, ...]] = [(name,) for name in _contained(jpki)]
    while waiting:
        words = waiting.pop(0)
        parts += [f"## jpki {' '.join(words)}", "", _printed(*words), ""]
        command: click.Command | None = jpki
        for word in words:
            assert isinstance(command, click.Group)
            command = command.get_command(click.Context(command), word)
        waiting[:0] = [(*words, name) for name in _contained(command)]
    return "\n".join(parts).rstrip()


def _contained(command: click.Command | None) -> list[str]:
    if not isinstance(command, click.Group):
        return []
    return command.list_commands(click.Context(command))


def _printed(*words: str) -> str:
    """What `jpki … --help` prints on a terminal of the usual width."""
    result = CliRunner(env={"COLUMNS": "80"}).invoke(
        jpki, [*words, "--help"], prog_name="jpki"
    )
    assert result.exit_code == 0, result.output
    # What others write to standard error meanwhile, such as logs, is not of the help.
    return _block(result.stdout)


def make_help() -> str:
    """`make help`, as printed."""
    done = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return _block(done.stdout)


def _block(text: str) -> str:
    return f"```\n{text.rstrip()}\n```"


PARTS: Final[Mapping[str, Callable[[], str]]] = {
    "status-table": status_table,
    "agent-settings": agent_settings,
    "algorithms": algorithm_table,
    "all-commands": all_commands,
    "command-help": command_help,
    "counter-settings": counter_settings,
    "eras": era_sections,
    "errors": error_table,
    "make-help": make_help,
    "pki-picture": pki_picture,
    "portal-settings": portal_settings,
    "ports": ports_table,
    "profiles": profile_tables,
    "settings": settings_tables,
    "verifier-settings": verifier_settings,
}


def documents() -> list[Path]:
    """Every Markdown file of the project."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def renewed(text: str) -> str:
    """The document with its parts made again."""

    def part(match: re.Match[str]) -> str:
        return f"{match[1]}{PARTS[match['name']]()}\n{match[3]}"

    return _PART.sub(part, text)


if __name__ == "__main__":
    for document in documents():
        before = document.read_text("utf-8")
        if (after := renewed(before)) != before:
            document.write_text(after, "utf-8")
            print(f"wrote {document.relative_to(ROOT)}")
