"""EF 0008: which certificates are on the card, one octet each."""

from __future__ import annotations

from typing import Final

from jpki.model.purposes import Purpose

__all__ = ["PRESENCE_ORDER", "PRESENT"]

PRESENCE_ORDER: Final = (Purpose.SIGNATURE, Purpose.AUTHENTICATION)
PRESENT: Final = 0x8F
"""00 where there is none, as on the cards of children."""
