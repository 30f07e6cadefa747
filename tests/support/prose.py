"""The parts of the documentation that are made from code.

A part stands between `<!-- from code: NAME -->` and `<!-- end -->` in a Markdown file.
`python -m tests.support.prose` (`make docs`) writes them; `tests/test_docs.py` refuses
a tree in which they differ from the code.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import subprocess
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final, get_type_hints

import click
from click.testing import CliRunner

from jpki import errors
from jpki.agent.settings import AgentSettings
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
from jpki.service import settings, workstation
from tests.support.era_prose import (
    algorithm_table,
    era_sections,
    pki_picture,
    profile_tables,
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
            f"| `{cls.code}` | `{name}` | {parents} | {_first_paragraph(cls)} "
            f"| {', '.join(f'`{key}`' for key in _carried(cls)) or '–'} |"
        )
    return "\n".join(rows)


def _own_classes(module: ModuleType) -> list[str]:
    """Names of the classes that a module defines, in its order."""
    return [
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__
    ]


def _carried(cls: type) -> Iterator[str]:
    """The attributes that an instance sets, read from its own constructor."""
    constructor = cls.__dict__.get("__init__")
    if constructor is None or cls is errors.JpkiError:
        return
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(constructor)))):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def settings_tables() -> str:
    """Every setting of every table, with default and environment variable."""
    parts = []
    for table in dataclasses.fields(settings.Settings):
        cls = get_type_hints(settings.Settings)[table.name]
        parts += [f"### [{table.name}]", "", _after_colon(cls), ""]
        parts += [_settings_of(cls), ""]
    return "\n".join(parts).rstrip()


def counter_settings() -> str:
    """The settings of a workstation."""
    return f"[counter]\n\n{_settings_of(workstation.WorkstationSettings)}"


def agent_settings() -> str:
    """Every setting of the signing agent."""
    return _settings_of(AgentSettings)


def _settings_of(cls: Any) -> str:
    parts = ["| key | default | admits | meaning |", "|---|---|---|---|"]
    meanings = _field_docstrings(cls)
    for key in dataclasses.fields(cls):
        parts.append(
            f"| `{key.name}` | {_toml(key.default)} | {_admits(key, cls)} "
            f"| {meanings.get(key.name, '')} |"
        )
    return "\n".join(parts)


def _toml(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str | Path):
        return f'`"{value}"`'
    if isinstance(value, tuple):
        return f"`[{', '.join(repr(str(item)) for item in value)}]`"
    return f"`{value}`"


def _admits(field: dataclasses.Field[object], cls: type) -> str:
    if choices := field.metadata.get("choices"):
        return ", ".join(f"`{choice}`" for choice in choices)
    if limits := field.metadata.get("limits"):
        return f"{limits[0]} to {limits[1]}"
    kind = get_type_hints(cls)[field.name]
    names = {str: "text", Path: "a path", int: "a whole number", bool: "true or false"}
    return names.get(kind, "a list of texts" if "tuple" in str(kind) else "text")


def _field_docstrings(cls: type) -> Mapping[str, str]:
    """The text that stands under each field."""
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(node, ast.ClassDef)
    found = {}
    for before, after in zip(node.body, node.body[1:], strict=False):
        match before, after:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = " ".join(text.split())
    return found


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


def _first_paragraph(cls: type) -> str:
    return " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())


def _after_colon(cls: type) -> str:
    sentence = _first_paragraph(cls).partition(": ")[2]
    return f"{sentence[:1].upper()}{sentence[1:]}"


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
    "profiles": profile_tables,
    "settings": settings_tables,
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
