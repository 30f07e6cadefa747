"""Who may hold which certificate, by what the register says on the day."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from jpki.errors import NotEligible, WrongMunicipality
from jpki.model.calendar import day_in_japan
from jpki.model.codes import MunicipalityCode
from jpki.model.purposes import Purpose
from jpki.model.residents import Resident, age_on

__all__ = ["SIGNATURE_AGE", "check_eligible"]

SIGNATURE_AGE: Final = 15
"""署名用電子証明書 are not issued to persons under 15 (事務処理要領)."""


def check_eligible(
    resident: Resident,
    purpose: Purpose,
    *,
    counter: MunicipalityCode,
    at: datetime,
) -> None:
    """Refuse what the law does not allow this counter to issue.

    Raises:
        NotEligible: erased from the register, or too young.
        WrongMunicipality: registered somewhere else.
    """
    if not resident.registered:
        raise NotEligible("not-resident", "the resident's record is erased")
    if resident.municipality != counter:
        raise WrongMunicipality(str(counter))
    age = age_on(day_in_japan(at), resident.basic.date_of_birth)
    if purpose is Purpose.SIGNATURE and age < SIGNATURE_AGE:
        raise NotEligible(
            "under-15",
            f"a signature certificate needs the age of {SIGNATURE_AGE}",
        )
