"""The project's own source files, for tests that read them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["PACKAGES", "ROOT", "Module", "modules"]

ROOT: Final = Path(__file__).parent.parent.parent
PACKAGES: Final = ("jpki", "ca_server", "ocsp_crl", "registry_stub", "examples")
"""What the wheel holds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Module:
    """One parsed source file."""

    path: Path
    """Relative to the root."""
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """The dotted name it is imported by."""
        parts = self.path.with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def calls(self) -> Iterator[tuple[int, str]]:
        """Line and dotted name of every call of a plain name or attribute of one."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                yield node.lineno, ast.unparse(node.func)

    def imports(self) -> Iterator[tuple[int, str]]:
        """Line and name of every absolute import, anywhere in the file."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield node.lineno, alias.name
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.lineno, node.module


def modules(*folders: str) -> list[Module]:
    """Every Python file under these folders, in order of path."""
    found = []
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            text = path.read_text("utf-8")
            relative = path.relative_to(ROOT)
            found.append(Module(path=relative, text=text, tree=ast.parse(text)))
    return found
