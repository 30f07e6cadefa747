"""What a citizen's key pair and certificate are for."""

from __future__ import annotations

from enum import Enum

__all__ = ["Purpose"]


class Purpose(Enum):
    """One of the two kinds of citizen certificate; the value names its era role."""

    SIGNATURE = "signature"
    """署名用: signs applications; its certificate carries the four items."""
    AUTHENTICATION = "authentication"
    """利用者証明用: proves being the same person; carries no personal data."""
