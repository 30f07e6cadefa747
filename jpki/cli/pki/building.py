"""Founding a PKI by the authorities' own procedures, and taking out what it made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from jpki.authority.applications import file_application
from jpki.authority.consent import Consent, agree
from jpki.authority.deeds import Deed, cross_certification, founding
from jpki.authority.establish import (
    cross_certify,
    found_bridge,
    found_governor,
    found_national,
)
from jpki.authority.identifiers import BRIDGE, governor_id, has_bridge, national_id
from jpki.authority.issuance import issue
from jpki.authority.office import Office
from jpki.authority.publication import SCOPES, publish
from jpki.cli.pki.keys import MadeKey
from jpki.cli.pki.persons import person_of
from jpki.cli.pki.plan import Plan
from jpki.errors import KeyNotFound
from jpki.model.codes import ResidentCode
from jpki.model.operators import Caller, Role
from jpki.model.places import Prefecture
from jpki.model.ports import Signer
from jpki.model.purposes import Purpose
from jpki.model.residents import Provided
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
    """`authority`, `cross`, `signature`, `authentication`, `crl` or `arl`."""
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
        self._people = {
            person.code: person for person in map(person_of, plan.prefectures)
        }
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
        """How many pieces there will be."""
        plan = self._plan
        places, purposes = len(plan.prefectures), len(plan.purposes)
        authorities = places + 1 if has_bridge(plan.era) else purposes
        crosses = 2 * places if has_bridge(plan.era) else 0
        lists = len(self._scopes())
        return authorities * (1 + lists) + crosses + places * purposes

    def _pieces(self) -> Iterator[Piece]:
        if has_bridge(self._plan.era):
            authorities = [BRIDGE, *map(governor_id, self._plan.prefectures)]
            yield from self._mesh()
        else:
            authorities = [national_id(purpose) for purpose in self._plan.purposes]
            yield from self._nation()
        for prefecture in self._plan.prefectures:
            for purpose in self._plan.purposes:
                yield self._certified(prefecture, purpose)
        for authority in authorities:
            for scope in self._scopes():
                yield self._published(authority, scope)

    def _mesh(self) -> Iterator[Piece]:
        at = self._plan.at
        consent = self._agreed(founding(BRIDGE, self._plan.era.id))
        bridge = found_bridge(self._desk(BRIDGE), at=at, by=consent)
        yield _piece(bridge, role="authority", name=BRIDGE, holder=BRIDGE)
        for prefecture in self._plan.prefectures:
            name = governor_id(prefecture)
            consent = self._agreed(founding(name, self._plan.era.id))
            governor = found_governor(self._desk(name), prefecture, at=at, by=consent)
            yield _piece(
                governor,
                role="authority",
                name=name,
                holder=name,
                prefecture=prefecture.code,
            )
            for issuer, subject in ((name, BRIDGE), (BRIDGE, name)):
                label = f"{issuer}-to-{subject}"
                consent = self._agreed(cross_certification(issuer, subject))
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

    def _nation(self) -> Iterator[Piece]:
        for purpose in self._plan.purposes:
            name = national_id(purpose)
            consent = self._agreed(founding(name, self._plan.era.id))
            founded = found_national(
                self._desk(name), purpose, at=self._plan.at, by=consent
            )
            yield _piece(founded, role="authority", name=name, holder=name)

    def _agreed(self, deed: Deed) -> Consent:
        return agree(
            self._office, deed, at=self._plan.at, requested_by=_OPERATOR, by=_APPROVER
        )

    def _certified(self, prefecture: Prefecture, purpose: Purpose) -> Piece:
        """What counter, card and authority do for one person."""
        person = person_of(prefecture)
        name = f"{prefecture.code}-{purpose.value}"
        desk, at = self._desk(name), self._plan.at
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
            prefecture=prefecture.code,
            generation=1,
            der=issued.certificate,
        )

    def _published(self, authority: str, scope: str) -> Piece:
        record = publish(
            self._office, authority, at=self._plan.at, by=_OPERATOR.id, scope=scope
        )
        assert record.crl is not None
        return Piece(
            role=scope,
            name=f"{authority}-{scope}",
            issuer=authority,
            holder=authority,
            prefecture=authority.partition("governor-")[2] or None,
            generation=record.generation,
            der=record.crl,
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
