"""What verdicts leave for those that come after: facts, and what siblings share."""

from __future__ import annotations

from jpki.verify.siblings import Siblings
from jpki.verify.signatures import SignatureFacts

__all__ = ["Memory"]


class Memory:
    """Saves work, and can change no verdict.

    Bounded by forgetting the oldest. One instance may serve many verdicts and threads.
    """

    def __init__(self, capacity: int = 50_000) -> None:
        """Remember that many signature checks."""
        self.facts = SignatureFacts(capacity)
        self.siblings = Siblings()
