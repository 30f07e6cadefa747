"""How long the lists in force are, against what an installation allows them.

A verifier fetches the whole list for one certificate. A list that has outgrown its
budget is published all the same, since a missing one is worse; whoever runs the
authority is told in time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import ListName

__all__ = ["ListSize", "list_sizes"]

_NARROW: Final = 0.8


@dataclass(frozen=True, kw_only=True, slots=True)
class ListSize:
    """One list in force."""

    name: ListName
    number: int
    octets: int
    """Of its DER encoding."""
    budget: int
    """Octets."""

    @property
    def share(self) -> float:
        """Of the budget that is used; above 1 it is exceeded."""
        return self.octets / self.budget

    @property
    def exceeded(self) -> bool:
        """Whether the list is longer than is allowed."""
        return self.octets > self.budget

    @property
    def narrow(self) -> bool:
        """Whether the list will soon be too long, or is."""
        return self.share > _NARROW


def list_sizes(uow: AuthorityUnitOfWork, budget: int) -> Sequence[ListSize]:
    """Every list in force, by name; the lists themselves are not read.

    Args:
        uow: the books.
        budget: octets that each list may have.
    """
    return [
        ListSize(name=name, number=number, octets=octets, budget=budget)
        for name, (number, octets) in sorted(uow.crls.sizes().items())
    ]
