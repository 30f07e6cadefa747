"""Are the four items of a certificate those of an application? Fairly, and explained.

    compare_items(certified, claimed) -> Comparison

A certificate holds what the register holds, less the characters that it cannot hold;
an application holds what somebody typed. Writing the same thing in another form is no
difference: `forms` says which forms are taken for the same, and each comparison says
which of them it needed.
"""

from jpki.verify.matching.claims import Claim, read_claim
from jpki.verify.matching.items import Comparison, ItemComparison, compare_items

__all__ = ["Claim", "Comparison", "ItemComparison", "compare_items", "read_claim"]
