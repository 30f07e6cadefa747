"""Reading TOML strictly: every key is asked for, or is an error with its line.

A `Table` hands out values by type and remembers what was asked; `finish` refuses what
is left. Nothing here knows what the values mean.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

from jpki.errors import ProfileError

__all__ = ["Table", "load_table"]

T = TypeVar("T")
E = TypeVar("E")


def load_table(path: Path) -> Table:
    """The whole file as a table.

    Raises:
        ProfileError: it cannot be read, or is not TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(str(path), "(file)", f"cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(str(path), "(file)", f"not TOML: {error}") from None
    return Table(content, file=str(path), text=text)


class Table:
    """One table of a TOML file."""

    def __init__(
        self,
        content: Mapping[str, Any],
        *,
        file: str,
        text: str,
        path: tuple[str | int, ...] = (),
    ) -> None:
        self._content = content
        self._file = file
        self._text = text
        self._path = path
        self._asked: set[str] = set()

    def error(self, key: str, reason: str) -> ProfileError:
        """An error about this key, with its place in the file."""
        dotted = ".".join(str(part) for part in (*self._path, key))
        line = _line_of(self._text, (*self._path, key))
        where = dotted if line is None else f"{dotted} (line {line})"
        return ProfileError(self._file, where, reason)

    def finish(self) -> None:
        """Refuse keys that nobody asked for.

        Raises:
            ProfileError: a key is unknown.
        """
        for key in self._content:
            if key not in self._asked:
                raise self.error(key, "unknown key")

    def __contains__(self, key: str) -> bool:
        return key in self._content

    def __iter__(self) -> Iterator[str]:
        """The keys, for tables whose keys are data."""
        return iter(self._content)

    def _value(self, key: str, kind: type[T], name: str, default: T | None) -> T:
        self._asked.add(key)
        if key not in self._content:
            if default is None:
                raise self.error(key, "missing")
            return default
        value = self._content[key]
        if not isinstance(value, kind) or (
            isinstance(value, bool) and kind is not bool
        ):
            raise self.error(key, f"must be {name}")
        return value

    def string(self, key: str, default: str | None = None) -> str:
        """A text, not empty."""
        value = self._value(key, str, "a string", default)
        if not value.strip():
            raise self.error(key, "is empty")
        return value

    def optional_string(self, key: str) -> str | None:
        """A text, or None where the key is absent."""
        return self.string(key) if key in self._content else None

    def boolean(self, key: str, default: bool | None = None) -> bool:
        """true or false."""
        return self._value(key, bool, "true or false", default)

    def count(self, key: str, default: int | None = None) -> int:
        """A whole number of at least zero."""
        value = self._value(key, int, "a whole number", default)
        if value < 0:
            raise self.error(key, "is negative")
        return value

    def optional_count(self, key: str) -> int | None:
        """A whole number, or None where the key is absent."""
        return self.count(key) if key in self._content else None

    def day(self, key: str) -> date:
        """A calendar day."""
        value = self._value(key, date, "a date", None)
        if isinstance(value, datetime):
            raise self.error(key, "must be a date without time")
        return value

    def optional_day(self, key: str) -> date | None:
        """A calendar day, or None where the key is absent."""
        return self.day(key) if key in self._content else None

    def optional_instant(self, key: str) -> datetime | None:
        """A moment with its offset from UTC, or None where the key is absent."""
        if key not in self._content:
            return None
        value = self._value(key, datetime, "a date and time", None)
        if value.tzinfo is None:
            raise self.error(key, "needs an offset from UTC")
        return value

    def instants(self, key: str) -> tuple[datetime, ...]:
        """A list of moments with their offsets from UTC, at least one."""
        values = self._value(key, list, "a list", None)
        if not values or not all(
            isinstance(value, datetime) and value.tzinfo is not None for value in values
        ):
            raise self.error(
                key, "must be a list of times with offset from UTC, at least one"
            )
        return tuple(values)

    def strings(self, key: str) -> tuple[str, ...]:
        """A list of texts, at least one."""
        values = self._value(key, list, "a list", None)
        if not values or not all(isinstance(value, str) and value for value in values):
            raise self.error(key, "must be a list of strings, at least one")
        return tuple(values)

    def counts(self, key: str) -> tuple[int, ...]:
        """A list of whole numbers, at least one."""
        values = self._value(key, list, "a list", None)
        if not values or not all(type(value) is int for value in values):
            raise self.error(key, "must be a list of whole numbers, at least one")
        return tuple(values)

    def choice(self, key: str, options: Mapping[str, E]) -> E:
        """One of these words."""
        return self._option(key, self.string(key), options)

    def choices(self, key: str, options: Mapping[str, E]) -> tuple[E, ...]:
        """Some of these words, at least one, none twice."""
        words = self.strings(key)
        if len(set(words)) < len(words):
            raise self.error(key, "the same word twice")
        return tuple(self._option(key, word, options) for word in words)

    def _option(self, key: str, word: str, options: Mapping[str, E]) -> E:
        if word not in options:
            raise self.error(key, f"{word!r} is not one of {', '.join(options)}")
        return options[word]

    def remark(self, key: str) -> None:
        """true, a list of texts, or nothing: a note to readers."""
        self._asked.add(key)
        if self._content.get(key, True) is not True:
            self.strings(key)

    def table(self, key: str) -> Table:
        """A table in this one."""
        content = self._value(key, dict, "a table", None)
        return self._inside(content, key)

    def tables(self, key: str) -> tuple[Table, ...]:
        """A list of tables, at least one."""
        values = self._value(key, list, "a list of tables", None)
        if not values or not all(isinstance(value, dict) for value in values):
            raise self.error(key, "must be a list of tables, at least one")
        return tuple(
            self._inside(value, key, index) for index, value in enumerate(values)
        )

    def all_tables(self) -> dict[str, Table]:
        """Every key as a table, for files whose keys are data."""
        return {key: self.table(key) for key in self._content}

    def mapping(self, key: str) -> dict[str, str]:
        """A table of texts whose keys are data."""
        inner = self.table(key)
        return {name: inner.string(name) for name in inner}

    def _inside(self, content: Mapping[str, Any], *path: str | int) -> Table:
        return Table(
            content, file=self._file, text=self._text, path=(*self._path, *path)
        )


def _line_of(text: str, path: tuple[str | int, ...]) -> int | None:
    """The line of a key, found by walking from header to header.

    tomllib keeps no positions. Headers come before their keys, so that each step
    searches on from the one before; None when a step finds nothing.
    """
    position = 0
    for index, part in enumerate(path):
        if isinstance(part, int):
            continue
        following = path[index + 1] if index + 1 < len(path) else None
        word = re.escape(part)
        header = re.compile(rf"^\s*\[\[?[^\]\n]*\b{word}\]", re.M)
        key = re.compile(rf"(^|[\s,{{]){word}\s*=", re.M)
        wanted = following if isinstance(following, int) else 0
        match = None
        for pattern in (header, key):
            found = list(pattern.finditer(text, position))
            if found:
                match = found[min(wanted, len(found) - 1)]
                break
        if match is None:
            return None
        position = match.end()
    return text.count("\n", 0, position) + 1
