"""The root of the tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

__all__ = [
    "JpkiError",
]


class JpkiError(Exception):
    """The root. `code` is stable; `data` is what the message was built from."""

    code: ClassVar[str] = "jpki"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        """What the reader can do next, when there is something."""

    @property
    def data(self) -> Mapping[str, object]:
        """The public attributes of this instance, for logs and problem documents."""
        hidden = {"message", "hint"}
        return {
            key: value
            for key, value in vars(self).items()
            if not key.startswith("_") and key not in hidden and value is not None
        }
