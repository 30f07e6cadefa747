"""Founding a PKI by the authorities' own procedures, and taking out what it made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from jpki.authority.agreeing.consent import Consent, agree
from jpki.authority.agreeing.deeds import Deed, cross_certification, founding, rollover
from jpki.authority.counter.applications import file_application
from jpki.authority.founding.establish import (
    cross_certify,
    found_bridge,
    found_governor,
    found_national,
)
from jpki.authority.founding.rollover import roll_over
from jpki.authority.issuing.issuance import Issued, issue
from jpki.authority.office import Office
from jpki.authority.office.identifiers import (
    BRIDGE,
    governor_id,
    has_bridge,
    national_id,
)
from jpki.authority.publication import SCOPES, publish
from jpki.cli.pki.keys import MadeKey
from jpki.cli.pki.persons import person_of
from jpki.cli.pki.plan import Plan
from jpki.errors import KeyNotFound
from jpki.model.codes import ResidentCode
from jpki.model.operators import Caller, Role
from jpki.model.ports import Signer
from jpki.model.purposes import Purpose
from jpki.model.residents import Provided, Resident
from jpki.model.suites import SignatureSuite
from jpki.store import AuthorityStore
from jpki.store.authority_records import CertificateRecord
from jpki.x509.issuers import assemble
from jpki.x509.requests import request_info

__all__ = ["Builder", "Piece"]

OCSP_URL: Final = "http://ocsp.jpki.example/"
"""Nobody answers there (RFC 6761); certificates name it as those of the service do."""

_OPERATOR: Final = Caller(id="ca-operator-1", role=Role.CA_OPERATOR, public_key=b"1")
_APPROVER: Final = Caller(id="ca-operator-2", role=Role.CA_OPERATOR, public_key=b"2")
"""Two people in name: nobody is asked about a PKI for tests."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """One certificate or list."""

    role: str
    """`authority`, `cross`, `link`, `signature`, `authentication`, `crl` or `arl`."""
    name: str
    """Of its file, such as `governor-13-to-bridge`."""
    issuer: str
    """The authority that signed it."""
    holder: str
    """The authority or test person that it is about."""
    prefecture: str | None
    generation: int
    """Of the key that signed it."""
    der: bytes

    @property
    def is_list(self) -> bool:
        """Whether this is a CRL, not a certificate."""
        return self.role in SCOPES


class Builder:
    """Goes through a plan once, in an order that a reader can follow."""

    def __init__(
        self, plan: Plan, store: AuthorityStore, keys: Mapping[str, MadeKey]
    ) -> None:
        self._plan = plan
        self._keys = keys
        people = [
            *map(person_of, plan.prefectures),
            *(earlier.person for earlier in plan.earlier),
        ]
        self._people = {person.code: person for person in people}
        self._living: list[tuple[str, int]] = []
        """Authorities and the numbers of their keys that hold in the end."""
        self._office = Office(
            store=store,
            keyring=_MadeKeys(keys, ""),
            era=plan.era,
            random=plan.random(""),
            ocsp_url=OCSP_URL,
            provide=self._provide,
        )

    def build(self, made: Callable[[], None]) -> tuple[Piece, ...]:
        """Everything, in order; `made` is told of each piece."""
        pieces = []
        for piece in self._pieces():
            pieces.append(piece)
            made()
        return tuple(pieces)

    def size(self) -> int:
        """About how many pieces there will be."""
        plan = self._plan
        places, purposes = len(plan.prefectures), len(plan.purposes)
        persons = places * purposes + len(plan.earlier)
        if has_bridge(plan.era):
            authorities, others = places + 1, 2 * places
        else:
            authorities = purposes * len(plan.periods)
            others = 2 * (authorities - purposes)
        return authorities * (1 + len(self._scopes())) + others + persons

    def _pieces(self) -> Iterator[Piece]:
        plan, earlier = self._plan, list[Piece]()
        yield from self._mesh() if has_bridge(plan.era) else self._nation(earlier)
        for prefecture in plan.prefectures:
            for purpose in plan.purposes:
                name = f"{prefecture.code}-{purpose.value}"
                yield self._certified(name, person_of(prefecture), purpose, plan.at)
        yield from earlier
        for authority, number in self._living:
            for scope in self._scopes():
                yield self._published(authority, number, scope)

    def _mesh(self) -> Iterator[Piece]:
        at = self._plan.at
        consent = self._agreed(founding(BRIDGE, self._plan.era.id), at)
        bridge = found_bridge(self._desk(BRIDGE), at=at, by=consent)
        yield self._own(bridge)
        for prefecture in self._plan.prefectures:
            name = governor_id(prefecture)
            consent = self._agreed(founding(name, self._plan.era.id), at)
            governor = found_governor(self._desk(name), prefecture, at=at, by=consent)
            yield self._own(governor)
            for issuer, subject in ((name, BRIDGE), (BRIDGE, name)):
                label = f"{issuer}-to-{subject}"
                consent = self._agreed(cross_certification(issuer, subject), at)
                cross = cross_certify(
                    self._desk(label), issuer, subject, at=at, by=consent
                )
                yield _piece(
                    cross,
                    role="cross",
                    name=label,
                    holder=subject,
                    prefecture=prefecture.code,
                )

    def _nation(self, earlier: list[Piece]) -> Iterator[Piece]:
        """Key after key; who applied in the time of each, but the last, is put by."""
        plan = self._plan
        for number, at in enumerate(plan.periods, 1):
            for purpose in plan.purposes:
                name = national_id(purpose)
                desk = self._desk(plan.key_name(name, number))
                if number == 1:
                    consent = self._agreed(founding(name, plan.era.id), at)
                    yield self._own(found_national(desk, purpose, at=at, by=consent))
                else:
                    yield from self._rolled_over(desk, name, number, at)
            for person in plan.earlier:
                if person.key == number:
                    earlier.append(
                        self._certified(
                            person.name, person.person, person.purpose, person.at
                        )
                    )

    def _rolled_over(
        self, desk: Office, name: str, number: int, at: datetime
    ) -> Iterator[Piece]:
        deed = rollover(name, self._plan.era.id, issues_from=at, cross_certify=False)
        rolled = roll_over(
            desk,
            name,
            issues_from=at,
            cross_certify=False,
            at=at,
            by=self._agreed(deed, at),
        )
        yield self._own(rolled.own)
        for link in rolled.links:
            certified = {number, number - 1} - {link.generation}
            label = f"{name}-key{certified.pop()}-by-key{link.generation}"
            yield _piece(link, role="link", name=label, holder=name)

    def _own(self, record: CertificateRecord) -> Piece:
        """A self-signed certificate, and a key that has lists as long as it lives."""
        authority, number = record.authority, record.generation
        if record.not_after >= self._plan.at:
            self._living.append((authority, number))
        return _piece(
            record,
            role="authority",
            name=self._plan.key_name(authority, number),
            holder=authority,
            prefecture=_prefecture(authority),
        )

    def _agreed(self, deed: Deed, at: datetime) -> Consent:
        return agree(self._office, deed, at=at, requested_by=_OPERATOR, by=_APPROVER)

    def _certified(
        self, name: str, person: Resident, purpose: Purpose, at: datetime
    ) -> Piece:
        """What counter, card and authority do for one person."""
        desk = self._desk(name)
        counter = Caller(
            id=f"counter-{person.municipality}-1",
            role=Role.COUNTER,
            public_key=b"",
            municipality=person.municipality,
        )
        application = file_application(
            desk,
            resident=person.code,
            idempotency_key=name,
            at=at,
            by=counter,
            purpose=purpose,
        )
        signer = self._keys[name].signer
        info = request_info(signer.public_key, application.challenge)
        request = assemble(info, signer.suite, signer.sign(info))
        issued = issue(desk, application.id, request, at=at, by=counter)
        return Piece(
            role=purpose.value,
            name=name,
            issuer=issued.authority,
            holder=name,
            prefecture=person.municipality.prefecture,
            generation=self._generation(issued),
            der=issued.certificate,
        )

    def _generation(self, issued: Issued) -> int:
        with self._office.store.read() as uow:
            return uow.certificates.get(issued.authority, issued.serial).generation

    def _published(self, authority: str, number: int, scope: str) -> Piece:
        record = publish(
            self._office,
            authority,
            at=self._plan.at,
            by=_OPERATOR.id,
            scope=scope,
            generation=number,
        )
        with self._office.store.read() as uow:
            der = uow.crls.bytes_of(record)
        return Piece(
            role=scope,
            name=f"{self._plan.key_name(authority, number)}-{scope}",
            issuer=authority,
            holder=authority,
            prefecture=_prefecture(authority),
            generation=record.generation,
            der=der,
        )

    def _scopes(self) -> list[str]:
        return [scope for scope in SCOPES if scope in self._plan.era.profiles]

    def _desk(self, name: str) -> Office:
        """The office with chance of its own for this procedure, and this new key."""
        return replace(
            self._office,
            keyring=_MadeKeys(self._keys, name),
            random=self._plan.random(name),
        )

    def _provide(self, code: ResidentCode, _purpose: Purpose) -> Provided:
        return Provided(resident=self._people[code], as_of=0)


def _prefecture(authority: str) -> str | None:
    return authority.partition("governor-")[2] or None


def _piece(
    record: CertificateRecord,
    *,
    role: str,
    name: str,
    holder: str,
    prefecture: str | None = None,
) -> Piece:
    assert record.certificate is not None
    return Piece(
        role=role,
        name=name,
        issuer=record.authority,
        holder=holder,
        prefecture=prefecture,
        generation=record.generation,
        der=record.certificate,
    )


class _MadeKeys:
    """A keyring whose keys were all made before; the next founder gets `name`'s."""

    def __init__(self, keys: Mapping[str, MadeKey], name: str) -> None:
        self._keys = keys
        self._name = name

    def generate(self, suite: SignatureSuite, label: str) -> tuple[str, Signer]:
        """The key that was made for this authority."""
        signer = self.open(self._name)
        if signer.suite != suite:
            raise KeyNotFound(f"the key made for {label} is not of suite {suite.id}")
        return self._name, signer

    def open(self, uri: str) -> Signer:
        """The key of this name.

        Raises:
            KeyNotFound: none was made.
        """
        if uri not in self._keys:
            raise KeyNotFound(f"no key was made for {uri}")
        return self._keys[uri].signer

    def opened(self, uri: str) -> Signer | None:
        """The key of this name, if it was made."""
        made = self._keys.get(uri)
        return None if made is None else made.signer
