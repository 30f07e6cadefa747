"""How a check says no inside this package: it raises, so that no caller can forget."""

from __future__ import annotations

from collections.abc import Mapping

from jpki.verify.reasons import Code, Reason

__all__ = ["Refused", "Undecided"]


class Refused(Exception):
    """A check failed for certain. Becomes `Invalid`, never leaves `verify`."""

    def __init__(self, code: Code, clause: str | None = None, **data: str) -> None:
        super().__init__(code.value)
        self.code = code
        self.clause = clause
        self.data = data

    def reason(
        self, about: Mapping[str, str] | None = None, position: int | None = None
    ) -> Reason:
        """This finding, with what it is about and where it was made."""
        return Reason(
            code=self.code,
            clause=self.clause,
            position=position,
            data={**(about or {}), **self.data},
        )


class Undecided(Refused):
    """A check could not be carried out. Becomes `Indeterminate`."""
