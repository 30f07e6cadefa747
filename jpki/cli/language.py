"""Which language a person at this terminal reads."""

from __future__ import annotations

import os

__all__ = ["language_of"]


def language_of() -> str:
    """`ja` or `en`, by the environment's locale."""
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(variable):
            return "ja" if value.startswith("ja") else "en"
    return "en"
