"""Blocks of counted serial numbers: how the log names them, and what became of them.

A number is left over where a transaction commits without its certificate: one of a
group whose certificate broke a rule. It is never given again, and `unused_serials`
names it in the account of all numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from jpki.model.serials import LAST_COUNTED
from jpki.store.authority_records import SerialBlockRecord

__all__ = [
    "RESERVED",
    "UnusedSerials",
    "block_problems",
    "block_subject",
    "unused_serials",
]

RESERVED: Final = "serials.reserved"
"""The act under which the log records blocks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UnusedSerials:
    """A run of numbers that were reserved and stand in no certificate."""

    authority: str
    first: int
    last: int

    @property
    def count(self) -> int:
        """How many."""
        return self.last - self.first + 1


def block_subject(block: SerialBlockRecord) -> str:
    """How the audit log names a block: as certificates, from the first to the last."""
    return f"{block.authority}/{block.first:x}-{block.last:x}"


def block_problems(
    blocks: Iterable[SerialBlockRecord],
    logged: set[str],
    certified: Iterable[tuple[str, int]],
) -> Iterator[str]:
    """What does not agree: each counter runs from 1, as the log has it.

    Args:
        blocks: of the books, by authority and number.
        logged: blocks by their names in the audit log.
        certified: every serial number in the books.
    """
    ends: dict[str, int] = {}
    unknown = set(logged)
    for block in blocks:
        name = block_subject(block)
        expected = ends.get(block.authority, 0) + 1
        if block.first != expected:
            yield f"{name} is reserved, but {expected:x} should have been the next"
        if name not in logged:
            yield f"{name} is reserved, but the log does not have it"
        unknown.discard(name)
        ends[block.authority] = block.last
    yield from (
        f"{name} was reserved by the log, but the books do not have it"
        for name in sorted(unknown)
    )
    for authority, serial in certified:
        if ends.get(authority, 0) < serial <= LAST_COUNTED:
            yield f"{authority}/{serial:x} was never reserved"


def unused_serials(
    blocks: Iterable[SerialBlockRecord], certified: Iterable[tuple[str, int]]
) -> Iterator[UnusedSerials]:
    """The gaps: what was reserved and stands in no certificate, run by run."""
    used: dict[str, list[int]] = {}
    for authority, serial in certified:
        if serial <= LAST_COUNTED:
            used.setdefault(authority, []).append(serial)
    ends: dict[str, int] = {}
    for block in blocks:
        ends[block.authority] = max(block.last, ends.get(block.authority, 0))
    for authority, last in sorted(ends.items()):
        before = 0
        for serial in [*sorted(used.get(authority, [])), last + 1]:
            if serial > before + 1:
                yield UnusedSerials(
                    authority=authority, first=before + 1, last=serial - 1
                )
            before = serial
