"""An authorities' office for tests: real parts, small keys, a register in memory.

P-256 keys are made in microseconds, so every test founds its own authorities.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Final

from jpki import data
from jpki.authority import (
    BRIDGE,
    Consent,
    Issued,
    Keyring,
    MemoryKeyring,
    Office,
    agree,
    cross_certify,
    file_application,
    found_bridge,
    found_governor,
    found_national,
    issue,
)
from jpki.authority.agreeing.deeds import Deed, cross_certification, founding
from jpki.errors import UnknownResident
from jpki.keys.memory import generate_key
from jpki.model.codes import MunicipalityCode, ResidentCode
from jpki.model.eras import Era
from jpki.model.events import EventKind, RegistryEvent
from jpki.model.operators import Caller, Role
from jpki.model.ports import Signer
from jpki.model.purposes import Purpose
from jpki.model.residents import BasicInformation, Gender, Provided, Resident
from jpki.model.suites import SignatureSuite, suite
from jpki.store import AuthorityStore
from jpki.store.authority_records import ApplicationRecord, CertificateRecord
from jpki.x509.requests import assemble, request_info

__all__ = [
    "COUNTER",
    "FOUNDING",
    "GOVERNOR",
    "OPERATOR",
    "OTHER_OPERATOR",
    "P256",
    "TARO",
    "TSUKUBA",
    "Crash",
    "CrashAt",
    "Register",
    "agreed",
    "certified",
    "certify",
    "filed",
    "found",
    "new_key",
    "new_office",
    "request_for",
    "small_era",
]

FOUNDING: Final = datetime(2014, 10, 1, tzinfo=UTC)
GOVERNOR: Final = "governor-08"
P256: Final = suite("p256-sha256")

TSUKUBA: Final = MunicipalityCode("082201")
OPERATOR: Final = Caller(id="operator-1", role=Role.CA_OPERATOR, public_key=b"")
OTHER_OPERATOR: Final = Caller(
    id="operator-2", role=Role.CA_OPERATOR, public_key=b"another"
)
COUNTER: Final = Caller(
    id="counter-082201-1", role=Role.COUNTER, public_key=b"", municipality=TSUKUBA
)
TARO: Final = Resident(
    code=ResidentCode.from_ten("1234567890"),
    municipality=TSUKUBA,
    basic=BasicInformation(
        name="山田　太郎",
        address="茨城県つくば市研究学園一丁目１番地１",
        date_of_birth=date(1980, 2, 17),
        gender=Gender.MALE,
    ),
)


def small_era(of: SignatureSuite = P256) -> Era:
    """The era `prefectural-sha256`, with small keys everywhere."""
    era = data.era("prefectural-sha256")
    return replace(era, suites=dict.fromkeys(era.suites, of.id))


@dataclass
class Register:
    """A resident register: records, and the feed of their changes."""

    residents: dict[ResidentCode, Resident] = field(default_factory=dict)
    events: list[RegistryEvent] = field(default_factory=list)

    def add(self, *residents: Resident) -> None:
        """Register people without telling the feed."""
        self.residents |= {resident.code: resident for resident in residents}

    def provide(self, code: ResidentCode, _purpose: Purpose) -> Provided:
        """The record as it is now."""
        if code not in self.residents:
            raise UnknownResident
        return Provided(resident=self.residents[code], as_of=len(self.events))

    def change(
        self,
        kind: EventKind,
        resident: Resident,
        *,
        at: datetime = FOUNDING,
        succeeded_by: ResidentCode | None = None,
    ) -> RegistryEvent:
        """Put the record in place and tell the feed."""
        sequence = len(self.events) + 1
        event = RegistryEvent(
            sequence=sequence,
            event_id=f"00000000-0000-4000-8000-{sequence:012}",
            kind=kind,
            resident=resident.code,
            municipality=resident.municipality,
            effective_on=at.date(),
            recorded_at=at,
            succeeded_by=succeeded_by,
        )
        if succeeded_by is None:
            self.residents[resident.code] = resident
        else:
            del self.residents[resident.code]
            self.residents[succeeded_by] = replace(resident, code=succeeded_by)
        self.events.append(event)
        return event


class Crash(BaseException):
    """The process ends here, as far as the code under test can tell."""


@dataclass
class CrashAt:
    """A listener that crashes once at the named point, and counts all points."""

    point: str | None = None
    passed: list[str] = field(default_factory=list)

    def __call__(self, name: str) -> None:
        self.passed.append(name)
        if name == self.point:
            self.point = None
            raise Crash(name)


def new_office(
    store: AuthorityStore,
    register: Register | None = None,
    *,
    seed: int = 1,
    step: Callable[[str], None] = lambda _: None,
    founded: bool = True,
    keyring: Keyring | None = None,
    era: Era | None = None,
) -> Office:
    """An office; with one governor's authority and the bridge unless told otherwise."""
    office = Office(
        store=store,
        keyring=keyring or MemoryKeyring(),
        era=era or small_era(),
        random=random.Random(seed).randbytes,
        ocsp_url="http://ocsp.test/",
        provide=(register or Register()).provide,
        step=step,
    )
    if founded:
        found(office, GOVERNOR)
        found(office, BRIDGE)
        for issuer, subject in ((GOVERNOR, BRIDGE), (BRIDGE, GOVERNOR)):
            deed = cross_certification(issuer, subject)
            by = agreed(office, deed)
            cross_certify(office, issuer, subject, at=FOUNDING, by=by)
    return office


def agreed(office: Office, deed: Deed, *, at: datetime = FOUNDING) -> Consent:
    """Two CA operators agree to a deed."""
    return agree(office, deed, at=at, requested_by=OPERATOR, by=OTHER_OPERATOR)


def found(
    office: Office, authority: str, *, at: datetime = FOUNDING
) -> CertificateRecord:
    """Found an authority by its identifier."""
    consent = agreed(office, founding(authority, office.era.id), at=at)
    if authority == BRIDGE:
        return found_bridge(office, at=at, by=consent)
    if authority.startswith("national-"):
        purpose = Purpose(authority.removeprefix("national-"))
        return found_national(office, purpose, at=at, by=consent)
    prefecture = data.prefectures()[authority.removeprefix("governor-")]
    return found_governor(office, prefecture, at=at, by=consent)


def new_key() -> Signer:
    """A resident's key, as a card makes it."""
    return generate_key(P256)


def request_for(application: ApplicationRecord, signer: Signer) -> bytes:
    """The PKCS#10 request that the card signs for this application."""
    info = request_info(signer.public_key, application.challenge)
    return assemble(info, signer.suite, signer.sign(info))


def filed(
    office: Office,
    resident: Resident = TARO,
    *,
    key: str = "one",
    at: datetime = FOUNDING,
    by: Caller = COUNTER,
) -> ApplicationRecord:
    """An application at the counter."""
    return file_application(
        office, resident=resident.code, idempotency_key=key, at=at, by=by
    )


def certify(
    office: Office,
    application: ApplicationRecord,
    signer: Signer | None = None,
    *,
    at: datetime = FOUNDING,
    by: Caller = COUNTER,
) -> Issued:
    """The certificate for an application."""
    request = request_for(application, signer or new_key())
    return issue(office, application.id, request, at=at, by=by)


def certified(
    office: Office,
    resident: Resident = TARO,
    *,
    key: str = "one",
    at: datetime = FOUNDING,
    by: Caller = COUNTER,
) -> Issued:
    """Application and certificate in one go."""
    return certify(office, filed(office, resident, key=key, at=at, by=by), at=at, by=by)
