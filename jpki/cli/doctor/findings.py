"""One line of a diagnosis: how bad it is, what it is, and the next step."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from jpki.errors import JpkiError

__all__ = ["Finding", "Level", "Words", "from_error", "ok", "problem", "warning"]


class Level(Enum):
    """How bad."""

    OK = "ok"
    WARNING = "warning"
    """Works now, and will not always."""
    PROBLEM = "problem"


class Words(NamedTuple):
    """One sentence in both languages."""

    ja: str
    en: str

    def text(self, language: str) -> str:
        """In `ja` or `en`."""
        return self.en if language == "en" else self.ja


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What one check found."""

    check: str
    """Stable, such as `database.schema`; programs match on it."""
    level: Level
    message: Words
    step: Words | None = None
    """What to do next; every warning and problem has one."""


def ok(check: str, ja: str, en: str) -> Finding:
    """All is well."""
    return Finding(check=check, level=Level.OK, message=Words(ja, en))


def warning(check: str, message: Words, step: Words) -> Finding:
    """Something that will not always work."""
    return Finding(check=check, level=Level.WARNING, message=message, step=step)


def problem(check: str, message: Words, step: Words) -> Finding:
    """Something that does not work."""
    return Finding(check=check, level=Level.PROBLEM, message=message, step=step)


def from_error(check: str, ja: str, error: JpkiError) -> Finding:
    """What the library itself says is wrong; its sentences are English."""
    hint = error.hint
    return problem(
        check,
        Words(f"{ja}（{error.message}）", error.message),
        Words("設定とファイルを確かめる", "examine the setting and the file it names")
        if hint is None
        else Words(hint, hint),
    )
