"""Read one TOML table into one frozen class; every complaint names file and key."""

from __future__ import annotations

import dataclasses
import tomllib
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar, Union, get_args, get_origin
from typing import get_type_hints as hints_of

from jpki.errors import ConfigurationError

__all__ = ["Document", "read_document", "read_table", "setting"]

_PREFIX: Final = "JPKI_"
_SEPARATOR: Final = "__"
_MAX_FILE: Final = 1024 * 1024
"""No settings file needs more; a mistaken path to a large file is refused."""
_TYPE_NAMES: Final = {str: "text", int: "a whole number", bool: "true or false"}

T = TypeVar("T")


class Document(NamedTuple):
    """The file's tables and the overrides, before anything is checked."""

    file: str
    tables: Mapping[str, Mapping[str, object]]
    overrides: Mapping[tuple[str, str], str]
    """By table and key, both in lower case."""


def setting(
    default: Any,
    *,
    choices: tuple[str, ...] | None = None,
    limits: tuple[int, int] | None = None,
) -> Any:
    """Declare a field of a settings class with the values it admits."""
    metadata = {"choices": choices, "limits": limits}
    return dataclasses.field(default=default, metadata=metadata)


def read_document(
    file: Path, environment: Mapping[str, str], *, tables: frozenset[str]
) -> Document:
    """Read the file and collect the overrides; unknown tables are refused.

    Raises:
        ConfigurationError: not readable, not TOML, or an unknown table.
    """
    name = str(file)
    try:
        with file.open("rb") as stream:
            raw = stream.read(_MAX_FILE + 1)
        if len(raw) > _MAX_FILE:
            raise ConfigurationError(name, "(file)", f"larger than {_MAX_FILE} octets")
        content = tomllib.loads(raw.decode("utf-8"))
    except OSError as error:
        raise ConfigurationError(
            name, "(file)", error.strerror or "cannot be read"
        ) from None
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(name, "(syntax)", str(error)) from None
    found: dict[str, Mapping[str, object]] = {}
    for table, value in content.items():
        if table not in tables or not isinstance(value, dict):
            raise ConfigurationError(
                name, table, "unknown table", hint=f"one of {', '.join(sorted(tables))}"
            )
        found[table] = value
    return Document(name, found, _overrides(environment, tables))


def _overrides(
    environment: Mapping[str, str], tables: frozenset[str]
) -> Mapping[tuple[str, str], str]:
    found = {}
    for variable, value in environment.items():
        if not variable.startswith(_PREFIX) or _SEPARATOR not in variable:
            continue
        table, key = variable[len(_PREFIX) :].lower().split(_SEPARATOR, 1)
        if table not in tables:
            raise ConfigurationError("environment", variable, "unknown table")
        found[table, key] = value
    return found


def read_table(
    cls: type[T], table: str, document: Document, *, base: Path, data: Path | None
) -> T:
    """Make `cls` from its table, its overrides and its defaults.

    Args:
        cls: a frozen dataclass whose fields all have defaults.
        table: its name in the file.
        document: what was read.
        base: the folder that relative paths start from.
        data: what `{data}` stands for; None while that itself is being read.

    Raises:
        ConfigurationError: an unknown key or a bad value.
    """
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    types_of = hints_of(cls)
    given: dict[str, tuple[str, str, object]] = {}
    for key, value in document.tables.get(table, {}).items():
        given[key] = (document.file, f"{table}.{key}", value)
    for (its_table, key), text in document.overrides.items():
        if its_table == table:
            variable = f"{_PREFIX}{table}{_SEPARATOR}{key}".upper()
            value = _from_text(text, types_of.get(key, str), variable)
            given[key] = ("environment", variable, value)

    values: dict[str, object] = {}
    for key, (file, where, value) in given.items():
        if key not in fields:
            hint = f"known keys: {', '.join(fields)}"
            raise ConfigurationError(file, where, "unknown key", hint=hint)
        reason = _complaint(value, types_of[key], fields[key].metadata)
        if reason is not None:
            raise ConfigurationError(file, where, reason)
        values[key] = value
    for key, declared in fields.items():
        value = values.get(key, declared.default)
        values[key] = _settled(value, types_of[key], base, data)
    return cls(**values)


def _from_text(text: str, kind: object, variable: str) -> object:
    kind = _inner(kind)
    if kind is bool:
        known = {"true": True, "1": True, "false": False, "0": False}
        if text.lower() not in known:
            raise ConfigurationError("environment", variable, "must be true or false")
        return known[text.lower()]
    if kind is int:
        try:
            return int(text)
        except ValueError:
            reason = "must be a whole number"
            raise ConfigurationError("environment", variable, reason) from None
    if get_origin(kind) is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _inner(kind: object) -> object:
    """`X | None` is read as X: leaving the key out is how None is written."""
    if get_origin(kind) in (Union, types.UnionType):
        return next(part for part in get_args(kind) if part is not type(None))
    return kind


def _complaint(value: object, kind: object, metadata: Mapping[str, Any]) -> str | None:
    kind = _inner(kind)
    if get_origin(kind) is tuple:
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            return "must be a list of texts"
        return None
    expected = str if kind is Path else kind
    assert isinstance(expected, type)
    if type(value) is not expected:
        return f"must be {_TYPE_NAMES[expected]}"
    if isinstance(value, str) and (not value.strip() or "\0" in value):
        return "must not be empty"
    choices = metadata.get("choices")
    if choices is not None and value not in choices:
        return f"must be one of {', '.join(choices)}"
    limits = metadata.get("limits")
    if limits is not None and isinstance(value, int):
        low, high = limits
        return None if low <= value <= high else f"must be from {low} to {high}"
    return None


def _settled(value: object, kind: object, base: Path, data: Path | None) -> object:
    """Fill in `{data}` and make paths absolute."""
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, str | Path):
        text = str(value) if data is None else str(value).replace("{data}", str(data))
        return base / Path(text).expanduser() if _inner(kind) is Path else text
    return value
