"""An office at work: residents of two cities, revocations, and lists hour by hour."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from jpki.authority import Issued, Office, publish_due, revoke
from jpki.model.codes import MunicipalityCode, ResidentCode
from jpki.model.operators import Caller, Role
from jpki.model.residents import Resident
from jpki.model.revocation import RevocationReason
from jpki.store import AuthorityStore
from jpki.store.authority_records import CRLRecord, ListName
from jpki.x509.certificate_lists import CertificateList, parse_crl
from tests.support.offices import (
    COUNTER,
    FOUNDING,
    GOVERNOR,
    OPERATOR,
    TARO,
    TSUKUBA,
    Register,
    certified,
    new_office,
)

__all__ = ["HERE", "HOUR", "MITO", "MITO_COUNTER", "THERE", "Desk", "resident_of"]

HOUR = timedelta(hours=1)
MITO = MunicipalityCode("082015")
MITO_COUNTER = Caller(
    id="counter-082015-1", role=Role.COUNTER, public_key=b"", municipality=MITO
)
HERE, THERE = f"crl-{TSUKUBA.five}", f"crl-{MITO.five}"


def resident_of(number: int, place: MunicipalityCode) -> Resident:
    """Somebody who lives there."""
    return replace(
        TARO,
        code=ResidentCode.from_ten(f"{3_000_000_000 + number}"),
        municipality=place,
    )


class Desk:
    """An office, and residents of two cities."""

    def __init__(self, store: AuthorityStore) -> None:
        self.register = Register()
        self.office: Office = new_office(store, self.register, founded=False)
        self._number = 0

    def issue(
        self, place: MunicipalityCode = TSUKUBA, office: Office | None = None
    ) -> Issued:
        """To somebody new there."""
        self._number += 1
        resident = resident_of(self._number, place)
        self.register.add(resident)
        by = COUNTER if place == TSUKUBA else MITO_COUNTER
        key = f"key-{self._number}"
        return certified(office or self.office, resident, key=key, by=by)

    def revoke(self, issued: Issued, hours: int = 1) -> None:
        """By an operator."""
        revoke(
            self.office,
            GOVERNOR,
            issued.serial,
            RevocationReason.KEY_COMPROMISE,
            ground="lost",
            at=FOUNDING + hours * HOUR,
            by=OPERATOR,
        )

    def due(self, hours: int) -> dict[str, CRLRecord]:
        """What is published then of the governor's lists, by scope."""
        found = publish_due(self.office, at=FOUNDING + hours * HOUR)
        return {crl.scope: crl for crl in found if crl.authority == GOVERNOR}

    def octets(self, scope: str) -> bytes:
        """The list in force."""
        with self.office.store.read() as uow:
            current = uow.crls.standing(ListName(GOVERNOR, 1, scope))
            assert current is not None
            return uow.crls.bytes_of(current)

    def list(self, scope: str) -> CertificateList:
        """The same, parsed."""
        return parse_crl(self.octets(scope))

    def serials(self, scope: str) -> set[int]:
        """What stands in it."""
        return {entry.serial for entry in self.list(scope).entries()}
