"""A citizen's certificate as it is about to be signed: profile, place, four items."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final, NamedTuple

from jpki import data
from jpki.authority.certifying.making import Signing, pending_record
from jpki.authority.issuing.sharding import Part, part_of, spread
from jpki.authority.office import Office
from jpki.authority.office.addresses import list_addresses
from jpki.authority.publication.indirect import bridge_name, naming
from jpki.errors import OutsideSigningWindow
from jpki.model.calendar import JST
from jpki.model.codes import MunicipalityCode
from jpki.model.names import Name
from jpki.model.operators import Caller
from jpki.model.ports import Random
from jpki.model.profiles import Validity
from jpki.model.purposes import Purpose
from jpki.model.residents import Provided
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import (
    ApplicationRecord,
    CertificateKind,
    CertificateRecord,
    KeyGenerationRecord,
)
from jpki.x509.certificates import PreparedCertificate, Series, series_of

__all__ = ["Draft", "Drafting", "Wanted"]

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_OPAQUE_LENGTH: Final = 14
_KINDS: Final = {purpose: CertificateKind(purpose.value) for purpose in Purpose}


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A certificate that may be made, as far as its caller and the register know."""

    office: Office
    application: ApplicationRecord
    public_key: bytes
    """SubjectPublicKeyInfo, DER; its possession was proven, and it is strong."""
    provided: Provided
    at: datetime
    by: Caller


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A linted certificate, on its way into the books and to its signature."""

    wanted: Wanted
    signing: Signing
    pending: CertificateRecord
    findings: int


class _Shared(NamedTuple):
    series: Series
    values: Mapping[str, str]
    shard: str | None


class Drafting:
    """Drafts for one transaction: what many of them share is put together once."""

    def __init__(self, uow: AuthorityUnitOfWork) -> None:
        self._uow = uow
        self._shared: dict[Hashable, _Shared] = {}

    @cached_property
    def _bridge(self) -> Name | None:
        return bridge_name(self._uow)

    def draft(self, wanted: Wanted, signing: Signing, serial: int) -> Draft:
        """Fill the profile and lint the exact bytes.

        Raises:
            RuleViolation: the certificate would break a rule.
            OutsideSigningWindow: it would outlive its issuer.
        """
        office, application = wanted.office, wanted.application
        role = application.purpose.value
        profile = office.certificate_profile(office.era.profiles[role])
        if office.crl_indirect and self._bridge is not None:
            profile = naming(profile, self._bridge)
        end = _end(profile.validity, wanted)
        spread_by = spread(profile, office.crl_shards, serial)
        name = (
            *spread_by.values(),
            *(id(office), id(signing), profile.id),
            *(application.municipality, wanted.at, end),
        )
        shared = self._shared.get(name)
        if shared is None:
            values: Mapping[str, str] = {
                **_values(office, application.municipality, wanted.at, signing.key),
                **spread_by,
            }
            series = series_of(
                profile,
                issuer=signing.issuer,
                values=values,
                not_before=wanted.at,
                not_after=end,
            )
            shard = self._shard(
                signing, part_of(profile, signing.issuer, values), wanted.at
            )
            shared = self._shared[name] = _Shared(series, values, shard)
        series, shard = shared.series, shared.shard
        resident = wanted.provided.resident
        signature = application.purpose is Purpose.SIGNATURE
        prepared = series.prepare(
            serial=serial,
            public_key=wanted.public_key,
            values={**shared.values, "opaque": _opaque(office.random)},
            basic=resident.basic if signature else None,
            japanese=resident.japanese,
        )
        return _drafted(wanted, signing, profile.id, prepared, shard)

    def _shard(self, signing: Signing, part: Part | None, at: datetime) -> str | None:
        if part is None:
            return None
        key = signing.key
        return self._uow.shards.enter(
            key.authority, key.number, part.name, part.point, at
        )


def _drafted(
    wanted: Wanted,
    signing: Signing,
    profile: str,
    prepared: PreparedCertificate,
    shard: str | None,
) -> Draft:
    application = wanted.application
    key = signing.key
    if prepared.not_after > key.signs_until:
        raise OutsideSigningWindow(
            f"the certificate would outlive key {key.number} of {key.authority}",
            hint="renew the authority's key first",
        )
    pending = pending_record(
        prepared,
        authority=application.authority,
        generation=key.number,
        kind=_KINDS[application.purpose],
        profile=profile,
        public_key=wanted.public_key,
        at=wanted.at,
        by=wanted.by.id,
        application=application.id,
        resident=application.resident,
        as_of=wanted.provided.as_of,
        shard=shard,
    )
    return Draft(
        wanted=wanted,
        signing=signing,
        pending=pending,
        findings=len(prepared.findings),
    )


def _end(validity: Validity, wanted: Wanted) -> datetime | None:
    """The last second of validity, where the holder's birthday decides it."""
    if not validity.birthdays:
        return None
    born = wanted.provided.resident.basic.date_of_birth
    renewal = wanted.application.renews is not None
    return validity.ends(wanted.at, born, renewal=renewal)


def _values(
    office: Office,
    municipality: MunicipalityCode,
    at: datetime,
    key: KeyGenerationRecord,
) -> Mapping[str, str]:
    place = data.municipalities()[municipality]
    return {
        "prefecture": place.prefecture.romaji,
        "municipality": place.romaji,
        "municipality_code": place.code.five,
        "issued_at": f"{at.astimezone(JST):%Y%m%d%H%M%S}",
        "ocsp_url": office.ocsp_url,
        **list_addresses(office, key.authority, key.number),
    }


def _opaque(random: Random) -> str:
    """Characters that say nothing about the person."""
    number = int.from_bytes(random(16), "big")
    characters = []
    for _ in range(_OPAQUE_LENGTH):
        number, index = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[index])
    return "".join(characters)
