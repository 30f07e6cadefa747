"""An installation that could not be finished leaves nothing behind.

It cannot be made under another name and renamed: the books hold the keys' places.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from jpki.errors import ConfigurationError, JpkiError

__all__ = ["whole_or_nothing"]

_NEXT = "nothing is left behind: when that is settled, run the same command again"


@contextmanager
def whole_or_nothing(directory: Path) -> Iterator[None]:
    """Remove what was made in the folder if the block does not end well.

    What was there before stays; the error says what to do next.

    Raises:
        ConfigurationError: the folder holds an installation, or part of one.
    """
    ours = [directory / "jpki.toml", directory / "data"]
    for path in ours:
        if path.exists():
            raise ConfigurationError(
                str(directory),
                "DIR",
                f"{path.name} is there already",
                hint="choose an empty folder; an installation is never overwritten",
            )
    made = [path for path in (directory, *directory.parents) if not path.exists()]
    try:
        yield
    except BaseException as error:
        shutil.rmtree(directory / "data", ignore_errors=True)
        (directory / "jpki.toml").unlink(missing_ok=True)
        for folder in made:
            with suppress(OSError):  # it was not made, or somebody put something there
                folder.rmdir()
        if isinstance(error, JpkiError):
            error.hint = f"{error.hint}; {_NEXT}" if error.hint else _NEXT
        raise
