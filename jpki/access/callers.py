"""The file in which a server keeps who may call it: `[[caller]]` tables in TOML."""

from __future__ import annotations

import base64
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from jpki.access.credentials import check_caller_id
from jpki.access.keys import public_key_of
from jpki.durable import create_file
from jpki.errors import ConfigurationError, CredentialError, EncodingError
from jpki.model.codes import MunicipalityCode
from jpki.model.operators import Caller, Role

__all__ = ["load_callers", "save_callers"]

_KEYS: Final = frozenset({"id", "role", "municipality", "public_key"})
_MAX_FILE: Final = 16 * 1024 * 1024
_BOUND_ROLES: Final = frozenset({Role.COUNTER, Role.REGISTRAR})
"""Roles that act for one municipality only."""


def load_callers(path: Path) -> Mapping[str, Caller]:
    """Everybody in the file, by identifier.

    Raises:
        ConfigurationError: names the file, the caller and the reason.
    """
    file = str(path)
    try:
        with path.open("rb") as stream:
            raw = stream.read(_MAX_FILE)
        content = tomllib.loads(raw.decode("utf-8"))
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise ConfigurationError(file, "(file)", reason) from None
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(file, "(syntax)", str(error)) from None
    entries = content.pop("caller", [])
    if content or not isinstance(entries, list):
        unknown = next(iter(content), "caller")
        raise ConfigurationError(file, unknown, "only [[caller]] tables stand here")
    callers: dict[str, Caller] = {}
    for number, entry in enumerate(entries, 1):
        try:
            caller = _caller(entry)
        except (CredentialError, EncodingError, ValueError) as error:
            raise ConfigurationError(file, f"caller {number}", str(error)) from None
        if caller.id in callers:
            raise ConfigurationError(file, f"caller {number}", f"{caller.id} again")
        callers[caller.id] = caller
    return callers


def _caller(entry: object) -> Caller:
    if not isinstance(entry, dict) or not all(
        isinstance(value, str) for value in entry.values()
    ):
        raise ValueError("all values must be text")
    unknown = set(entry) - _KEYS
    missing = _KEYS - {"municipality"} - set(entry)
    if unknown or missing:
        problem, keys = ("unknown", unknown) if unknown else ("missing", missing)
        raise ValueError(f"{problem} key {min(keys)}")
    check_caller_id(entry["id"])
    role = Role(entry["role"])
    code = entry.get("municipality")
    if (role in _BOUND_ROLES) != (code is not None):
        word = "needs" if role in _BOUND_ROLES else "has no"
        raise ValueError(f"the role {role.value} {word} municipality")
    public_key = base64.b64decode(entry["public_key"], validate=True)
    public_key_of(public_key)
    return Caller(
        id=entry["id"],
        role=role,
        public_key=public_key,
        municipality=None if code is None else MunicipalityCode(code),
    )


def save_callers(path: Path, callers: Iterable[Caller]) -> None:
    """Write the file anew.

    Raises:
        CredentialError: it cannot be written.
    """
    lines = []
    for caller in sorted(callers, key=lambda caller: caller.id):
        check_caller_id(caller.id)
        key = base64.b64encode(caller.public_key).decode("ascii")
        lines += ["[[caller]]", f'id = "{caller.id}"', f'role = "{caller.role.value}"']
        if caller.municipality is not None:
            lines.append(f'municipality = "{caller.municipality}"')
        lines += [f'public_key = "{key}"', ""]
    draft = path.with_name(f".{path.name}.new")
    try:
        draft.unlink(missing_ok=True)
        create_file(draft, "\n".join(lines).encode("ascii"))
        draft.replace(path)
    except OSError as error:
        raise CredentialError(f"{path}: {error.strerror}") from None
