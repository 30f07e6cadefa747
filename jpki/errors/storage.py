"""Databases."""

from __future__ import annotations

from jpki.errors.base import JpkiError

__all__ = [
    "Conflict",
    "NotFound",
    "StoreError",
]


class StoreError(JpkiError):
    """The database refused or cannot be used."""

    code = "store"


class NotFound(StoreError):
    """There is no such thing."""

    code = "not-found"

    def __init__(self, kind: str, identifier: object) -> None:
        super().__init__(f"no {kind} {identifier}")
        self.kind = kind
        self.identifier = str(identifier)


class Conflict(StoreError):
    """Another writer was first, or the thing exists already."""

    code = "conflict"
