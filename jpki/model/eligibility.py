"""Who may hold a citizen's certificate."""

from __future__ import annotations

from datetime import date
from typing import Final

from jpki.errors import NotEligible
from jpki.model.purposes import Purpose
from jpki.model.residents import Resident, age_on

__all__ = ["SIGNATURE_AGE", "require_eligible"]

SIGNATURE_AGE: Final = 15
"""署名用電子証明書 are not issued below it, as municipalities' guidance says."""


def require_eligible(resident: Resident, purpose: Purpose, on: date) -> None:
    """Let residents pass who may hold a certificate of this purpose on this day.

    Raises:
        NotEligible: no longer registered, or too young.
    """
    if not resident.registered:
        raise NotEligible("not-resident", "the resident's record is erased")
    if purpose is Purpose.SIGNATURE:
        age = age_on(on, resident.basic.date_of_birth)
        if age < SIGNATURE_AGE:
            raise NotEligible(
                "under-15",
                f"a signature certificate needs the age of {SIGNATURE_AGE}",
            )
