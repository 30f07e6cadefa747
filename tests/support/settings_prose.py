"""The settings of every program as tables, for the documentation."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, get_type_hints

from examples.portal.config import PortalSettings
from examples.verifier.config import VerifierSettings
from jpki.agent.settings import AgentSettings
from jpki.cli.tsa.serving import serve_command
from jpki.service import settings, workstation

__all__ = [
    "agent_settings",
    "counter_settings",
    "first_paragraph",
    "portal_settings",
    "ports_table",
    "settings_tables",
    "verifier_settings",
]

_ALL: Final = "`jpki serve`"


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


def portal_settings() -> str:
    """The settings of the example portal."""
    return _settings_of(PortalSettings)


def verifier_settings() -> str:
    """The settings of the headless verifier."""
    return _settings_of(VerifierSettings)


def ports_table() -> str:
    """Every program that listens, how it is started, and where it listens."""
    (tsa_port,) = [
        option.default for option in serve_command.params if option.name == "port"
    ]
    found: list[tuple[str, str, object]] = [
        ("`ca_server`, the authorities", _ALL, _port(settings.AuthoritySettings)),
        ("`ocsp_crl`, CRLs and OCSP", _ALL, _port(settings.RevocationSettings)),
        ("`registry_stub`, the register", _ALL, _port(settings.RegistrySettings)),
        (
            "[portal](#a-portal-and-a-verifier), an example",
            "`python -m examples.portal --config FILE`",
            _port(PortalSettings),
        ),
        (
            "[counter](#a-counter), the operator's page",
            "`jpki counter serve`",
            _port(workstation.WorkstationSettings),
        ),
        (
            "[verifier](#a-portal-and-a-verifier), for programs",
            "`python -m examples.verifier --config FILE`",
            _port(VerifierSettings),
        ),
        ("time-stamp authority", "`jpki tsa serve DIRECTORY`", tsa_port),
        (
            "[agent](agent.md), beside the resident's card",
            "`jpki agent --allow-origin ORIGIN`",
            _port(AgentSettings),
        ),
    ]
    lines = ["| program | started by | port |", "|---|---|---|"]
    lines += [f"| {what} | {how} | {port} |" for what, how, port in found]
    return "\n".join(lines)


def _port(cls: Any) -> object:
    (found,) = [field for field in dataclasses.fields(cls) if field.name == "port"]
    return found.default


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
    """The text that stands under each field, its own or of a class above."""
    found: dict[str, str] = {}
    for base in cls.__bases__:
        if base is not object:
            found |= _field_docstrings(base)
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(node, ast.ClassDef)
    for before, after in zip(node.body, node.body[1:], strict=False):
        match before, after:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = " ".join(text.split())
    return found


def _after_colon(cls: type) -> str:
    sentence = first_paragraph(cls).partition(": ")[2]
    return f"{sentence[:1].upper()}{sentence[1:]}"


def first_paragraph(cls: type) -> str:
    """Of a class's docstring, on one line."""
    return " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())
