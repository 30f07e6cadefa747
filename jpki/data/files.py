"""Where the packaged files are."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from jpki.data.tables import Table, load_table

__all__ = ["FOLDER", "packaged", "packaged_ids"]

FOLDER: Final = Path(__file__).parent


def packaged(name: str) -> Table:
    """One of the packaged TOML files."""
    return load_table(FOLDER / name)


def packaged_ids(folder: str) -> tuple[str, ...]:
    """The names of the files in a packaged folder, without `.toml`."""
    return tuple(sorted(path.stem for path in (FOLDER / folder).glob("*.toml")))
