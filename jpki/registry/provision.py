"""本人確認情報の提供: the four items of one resident, for one certificate."""

from __future__ import annotations

from datetime import datetime

from jpki.model.calendar import day_in_japan
from jpki.model.codes import ResidentCode
from jpki.model.eligibility import require_eligible
from jpki.model.purposes import Purpose
from jpki.model.residents import Provided
from jpki.store.registry_store import RegistryStore

__all__ = ["Provided", "provide"]


def provide(
    store: RegistryStore, code: ResidentCode, purpose: Purpose, *, at: datetime
) -> Provided:
    """Give the items, if the resident may hold a certificate of this purpose.

    Who may not hold one has no items given away.

    Raises:
        UnknownResident: nobody has this code.
        NotEligible: erased, or too young.
    """
    with store.read() as uow:
        resident = uow.residents.get(code)
        as_of = uow.events.position()
    require_eligible(resident, purpose, day_in_japan(at))
    return Provided(resident=resident, as_of=as_of)
