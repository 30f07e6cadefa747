"""How a check says no inside this package: it raises, so that no caller can forget."""

from __future__ import annotations

from jpki.verify.reasons import Code, Reason

__all__ = ["Refused", "Undecided"]


class Refused(Exception):
    """A check failed for certain. Becomes `Invalid`, never leaves `verify`."""

    def __init__(self, code: Code, clause: str | None = None, **data: str) -> None:
        super().__init__(code.value)
        self.code = code
        self.clause = clause
        self.data = data

    def reason(self, position: int | None = None, **data: str) -> Reason:
        """This finding, with where it was made."""
        return Reason(
            code=self.code,
            clause=self.clause,
            position=position,
            data={**data, **self.data},
        )


class Undecided(Refused):
    """A check could not be carried out. Becomes `Indeterminate`."""
