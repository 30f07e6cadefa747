"""Read JSON objects strictly: every member typed, none twice, none left over."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeVar

from jpki.errors import EncodingError, RequestError

__all__ = ["Fields", "parse_object"]

T = TypeVar("T")
V = TypeVar("V")


def parse_object(body: bytes) -> dict[str, object]:
    """Read one JSON object (RFC 8259, UTF-8).

    Raises:
        RequestError: it is none, or a name stands twice in an object.
    """
    try:
        value = json.loads(
            body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise RequestError("the body is not a JSON object")
    return value


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


class Fields:
    """The members of an object, taken one by one."""

    def __init__(self, value: object, what: str) -> None:
        if not isinstance(value, dict):
            raise RequestError(f"{what} is not an object")
        self._left = dict(value)
        self._what = what

    def take(self, name: str, kind: type[V], read: Callable[[V], T]) -> T | None:
        """The member as `read` makes it; None where it is absent or null.

        Raises:
            RequestError: another type, or `read` refuses the value.
        """
        value = self._left.pop(name, None)
        if value is None:
            return None
        # Not isinstance: to Python a bool is an int, to JSON it is not.
        if type(value) is not kind:
            raise RequestError(f"{self._what}: {name} has the wrong type")
        try:
            return read(value)
        except (ValueError, OverflowError, EncodingError):
            raise RequestError(f"{self._what}: {name} has an unusable value") from None

    def need(self, name: str, kind: type[V], read: Callable[[V], T]) -> T:
        """The member, which must be there."""
        value = self.take(name, kind, read)
        if value is None:
            raise RequestError(f"{self._what}: {name} is missing")
        return value

    def done(self) -> None:
        """Refuse members that nobody took."""
        if self._left:
            raise RequestError(f"{self._what} has no member {min(self._left)[:40]!r}")
