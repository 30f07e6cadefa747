"""How the story is told: lines for a person as they happen, one document for a program.

The words stand in `story.toml`, in Japanese and English; this module only fills them
in, prints them and remembers them.
"""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files

import click

__all__ = ["Artefact", "Step", "Teller"]


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """Something the story made."""

    kind: str
    """Such as `certificate`, `crl`, `document`."""
    name: str
    file: str | None = None
    serial: str | None = None
    fingerprint: str | None = None
    """SHA-256 of the bytes, hexadecimal."""

    def as_json(self) -> dict[str, str]:
        """What is known of it."""
        fields = {
            "kind": self.kind,
            "name": self.name,
            "file": self.file,
            "serial": self.serial,
            "fingerprint": self.fingerprint,
        }
        return {key: value for key, value in fields.items() if value is not None}


@dataclass(kw_only=True)
class Step:
    """One chapter while it is being told."""

    number: int
    id: str
    title: str
    lines: list[str] = field(default_factory=list)
    artefacts: list[Artefact] = field(default_factory=list)
    facts: dict[str, object] = field(default_factory=dict)
    verdicts: list[object] = field(default_factory=list)
    seconds: float = 0.0
    ok: bool = False

    def as_json(self) -> dict[str, object]:
        """The step as `jpki demo --json` shows it."""
        return {
            "step": self.number,
            "id": self.id,
            "title": self.title,
            "ok": self.ok,
            "seconds": round(self.seconds, 3),
            "told": self.lines,
            "facts": self.facts,
            "artefacts": [artefact.as_json() for artefact in self.artefacts],
            "verdicts": self.verdicts,
        }


class Teller:
    """Tells steps in one language, to a terminal or to nobody."""

    def __init__(self, language: str, show: Callable[[str], None] | None) -> None:
        """Prepare to tell.

        Args:
            language: `ja` or `en`.
            show: takes each finished line; None keeps quiet.
        """
        self.language = language
        self._words = _story(language)
        self._show = show or (lambda _line: None)
        self.steps: list[Step] = []

    @contextmanager
    def step(self, step_id: str) -> Iterator[Step]:
        """Tell one step; it is ok when its block ends without an exception."""
        step = Step(
            number=len(self.steps) + 1,
            id=step_id,
            title=self.words(f"{step_id}.title"),
        )
        self.steps.append(step)
        heading = f"{step.number}  {step.title}"
        self._show("\n" + click.style(heading, bold=True))
        started = time.perf_counter()
        try:
            yield step
            step.ok = True
        finally:
            step.seconds = time.perf_counter() - started
            mark = (
                click.style("✓", fg="green") if step.ok else click.style("✗", fg="red")
            )
            self._show(f"   {mark} {step.seconds:.2f} s")

    def words(self, key: str, **values: object) -> str:
        """The text of `key`, filled in."""
        return self._words[key].format_map(values)

    def say(self, key: str, **values: object) -> None:
        """Add one line to the current step."""
        step = self.steps[-1]
        line = self.words(f"{step.id}.{key}", **values)
        step.lines.append(line)
        self._show(f"   {line}")

    def made(self, artefact: Artefact) -> None:
        """Show what the current step made."""
        self.steps[-1].artefacts.append(artefact)
        parts = [artefact.name]
        if artefact.serial:
            parts.append(f"serial {artefact.serial}")
        if artefact.fingerprint:
            parts.append(f"SHA-256 {artefact.fingerprint[:16]}…")
        if artefact.file:
            parts.append(artefact.file)
        self._show(click.style(f"     · {'  '.join(parts)}", dim=True))

    def heading(self, key: str, **values: object) -> None:
        """Show a line outside the steps."""
        self._show(click.style(self.words(key, **values), bold=True))

    def note(self, text: str) -> None:
        """Show a line as it is."""
        self._show(text)


def _story(language: str) -> Mapping[str, str]:
    source = files("jpki.cli.demo").joinpath("story.toml").read_text(encoding="utf-8")
    return {
        f"{section}.{key}": text[language]
        for section, entries in tomllib.loads(source).items()
        for key, text in entries.items()
    }
