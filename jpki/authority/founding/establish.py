"""Founding authorities and certifying each other: key, self-signed, cross certificates.

Every act here needs two CA operators, and doing it again finds what was done before, so
that a founding that was interrupted is simply repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from jpki.authority.agreeing.consent import Consent, check, redeem, settle
from jpki.authority.agreeing.deeds import cross_certification, founding
from jpki.authority.auditing.journaling import subject_of
from jpki.authority.certifying.making import (
    established_generation,
    finish,
    issuer_view,
    pending_record,
    record,
    signing_generation,
)
from jpki.authority.certifying.serials import serials_for
from jpki.authority.office import Office, whole_second
from jpki.authority.office.addresses import list_addresses
from jpki.authority.office.identifiers import (
    BRIDGE,
    governor_id,
    has_bridge,
    key_digest,
    key_label,
    national_id,
)
from jpki.errors import IssuanceError, OutsideSigningWindow
from jpki.model.eras import Act
from jpki.model.names import Name
from jpki.model.places import Prefecture
from jpki.model.profiles import CertificateProfile
from jpki.model.purposes import Purpose
from jpki.model.suites import suite
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import (
    AuthorityKind,
    AuthorityRecord,
    CertificateKind,
    CertificateRecord,
    CertificateState,
    KeyGenerationRecord,
)
from jpki.x509.certificates import prepare_certificate
from jpki.x509.issuers import IssuerView
from jpki.x509.keys import key_identifier
from jpki.x509.names import encode_name, parse_name

__all__ = [
    "cross_certify",
    "found_bridge",
    "found_governor",
    "found_national",
    "live_cross_certificate",
    "record_cross",
]

_FIRST = 1


def found_governor(
    office: Office, prefecture: Prefecture, *, at: datetime, by: Consent
) -> CertificateRecord:
    """Found a governor's authority; the answer is its self-signed certificate.

    Raises:
        ConsentError: two people have not agreed to this.
        IssuanceError: the era has national authorities instead.
        AlgorithmError: the era's suite may not issue at this time.
        KeyProviderError: no key can be made.
    """
    _require_bridge(office)
    plan = _Plan(
        authority=governor_id(prefecture),
        kind=AuthorityKind.GOVERNOR,
        role=CertificateKind.AUTHORITY,
        name=office.topology.governor_name(prefecture),
        alternative=office.topology.governor_alternative_name(prefecture),
        prefecture=prefecture.code,
    )
    return _found(office, plan, at=at, by=by)


def found_bridge(office: Office, *, at: datetime, by: Consent) -> CertificateRecord:
    """Found the bridge authority; the answer is its self-signed certificate.

    Raises:
        ConsentError, IssuanceError, AlgorithmError, KeyProviderError: as for a
            governor's.
    """
    _require_bridge(office)
    plan = _Plan(
        authority=BRIDGE,
        kind=AuthorityKind.BRIDGE,
        role=CertificateKind.BRIDGE,
        name=office.topology.bridge_name,
        alternative=office.topology.bridge_alternative_name,
        prefecture=None,
    )
    return _found(office, plan, at=at, by=by)


def found_national(
    office: Office, purpose: Purpose, *, at: datetime, by: Consent
) -> CertificateRecord:
    """Found the national authority for signatures, or that for user authentication.

    Raises:
        ConsentError, AlgorithmError, KeyProviderError: as for a governor's.
        IssuanceError: the era has governors' authorities and a bridge instead.
    """
    if has_bridge(office.era):
        raise IssuanceError(
            f"era {office.era.id} has no national authorities",
            hint="found governors' authorities and their bridge",
        )
    topology = office.topology
    names = {
        Purpose.SIGNATURE: topology.national_signature_names,
        Purpose.AUTHENTICATION: topology.national_authentication_names,
    }
    name, alternative = names[purpose]
    plan = _Plan(
        authority=national_id(purpose),
        kind=AuthorityKind.NATIONAL,
        role=CertificateKind.AUTHORITY,
        name=name,
        alternative=alternative,
        prefecture=None,
    )
    return _found(office, plan, at=at, by=by)


def _require_bridge(office: Office) -> None:
    if not has_bridge(office.era):
        raise IssuanceError(
            f"era {office.era.id} has neither governors' authorities nor a bridge",
            hint="found the national authorities",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    """An authority that is to be founded."""

    authority: str
    kind: AuthorityKind
    role: CertificateKind
    name: Name
    alternative: Name
    prefecture: str | None


def _found(
    office: Office, plan: _Plan, *, at: datetime, by: Consent
) -> CertificateRecord:
    moment = whole_second(at)
    by.require(founding(plan.authority, office.era.id))
    with office.store.read() as uow:
        serial = _first_serial(uow, plan.authority)
        if serial is None:
            check(uow, by, moment)
    if serial is None:
        serial = _record_founding(office, plan, at=moment, by=by)
        office.step("establish.recorded")
    else:
        settle(office, by, outcome=subject_of(plan.authority, serial), at=moment)
    return finish(office, plan.authority, serial, at=moment, by=by.id)


def _record_founding(office: Office, plan: _Plan, *, at: datetime, by: Consent) -> int:
    wanted = suite(office.era.suites[plan.role.value])
    office.era.require(wanted.id, Act.ISSUE, at)
    profile = office.certificate_profile(office.era.profiles[plan.role.value])
    uri, signer = office.keyring.generate(wanted, key_label(office, plan.authority))
    identifier = key_identifier(signer.public_key)
    with office.store.write() as uow:
        # Another process may have been faster: its key is the authority's then, and
        # ours signs nothing.
        before = _first_serial(uow, plan.authority)
        if before is not None:
            return before
        (serial,) = serials_for(office, uow, plan.authority, 1, at=at, by=by.id)
        prepared = prepare_certificate(
            profile,
            issuer=IssuerView(
                name=plan.name,
                alternative_name=plan.alternative,
                key_identifier=identifier,
                certificate_issuer=plan.name,
                certificate_serial=serial,
                suite=wanted,
            ),
            values=list_addresses(office, plan.authority, _FIRST),
            public_key=signer.public_key,
            serial=serial,
            not_before=at,
            subject=plan.name,
            subject_alternative=plan.alternative,
        )
        redeem(uow, by, outcome=subject_of(plan.authority, serial), at=at)
        uow.authorities.add(
            AuthorityRecord(
                id=plan.authority,
                kind=plan.kind,
                prefecture=plan.prefecture,
                era=office.era.id,
                name=encode_name(plan.name),
                alternative_name=encode_name(plan.alternative),
                founded_at=at,
            )
        )
        record(
            uow,
            pending_record(
                prepared,
                authority=plan.authority,
                generation=_FIRST,
                kind=plan.role,
                profile=profile.id,
                public_key=signer.public_key,
                at=at,
                by=by.id,
            ),
            len(prepared.findings),
        )
        uow.authorities.add_generation(
            KeyGenerationRecord(
                authority=plan.authority,
                number=_FIRST,
                suite=wanted.id,
                key_uri=uri,
                public_key=signer.public_key,
                key_identifier=identifier,
                serial=serial,
                signs_from=prepared.not_before,
                signs_until=prepared.not_after,
                issues_from=prepared.not_before,
            )
        )
        uow.audit.append(
            at=at,
            by=by.id,
            act="authority.founded",
            subject=plan.authority,
            details={"era": office.era.id, "suite": wanted.id},
        )
        uow.commit()
    return serial


def _first_serial(uow: AuthorityUnitOfWork, authority: str) -> int | None:
    if uow.authorities.find(authority) is None:
        return None
    return uow.authorities.generation(authority, _FIRST).serial


def cross_certify(
    office: Office, issuer: str, subject: str, *, at: datetime, by: Consent
) -> CertificateRecord:
    """Certify another authority's newest key; a live cross certificate is returned.

    The issuer's policy is mapped to the subject's. The certificate ends with the
    earlier of both authorities' own. Mutual certification (相互認証) is two of them.

    Raises:
        ConsentError: two people have not agreed to this.
        NotFound: one of them is not founded.
        OutsideSigningWindow, AlgorithmError: a key may not sign, or be certified, now.
    """
    moment = whole_second(at)
    by.require(cross_certification(issuer, subject))
    with office.store.write() as uow:
        signing = signing_generation(office, uow, issuer, moment)
        certified = established_generation(office, uow, subject, moment)
        serial = live_cross_certificate(uow, signing, certified, moment)
        if serial is None:
            serial = record_cross(office, uow, signing, certified, moment, by.id)
        redeem(uow, by, outcome=subject_of(issuer, serial), at=moment)
        uow.commit()
    office.step("establish.recorded")
    return finish(office, issuer, serial, at=moment, by=by.id)


def record_cross(
    office: Office,
    uow: AuthorityUnitOfWork,
    signing: KeyGenerationRecord,
    certified: KeyGenerationRecord,
    at: datetime,
    by: str,
) -> int:
    """Record a cross certificate from one key to another authority's, not yet signed.

    The answer is its serial number; the caller commits, and finishes it.
    """
    issuing = uow.authorities.get(signing.authority)
    other = uow.authorities.get(certified.authority)
    profile = _cross_profile(office, issuing)
    (serial,) = serials_for(office, uow, issuing.id, 1, at=at, by=by)
    prepared = prepare_certificate(
        profile,
        issuer=issuer_view(uow, signing),
        values={
            **list_addresses(office, issuing.id, signing.number),
            "issuer_policy": _policy(office, issuing),
            "subject_policy": _policy(office, other),
        },
        public_key=certified.public_key,
        serial=serial,
        not_before=at,
        not_after=min(
            profile.validity.ends(at), signing.signs_until, certified.signs_until
        ),
        subject=parse_name(other.name),
        subject_alternative=None
        if other.alternative_name is None
        else parse_name(other.alternative_name),
    )
    record(
        uow,
        pending_record(
            prepared,
            authority=issuing.id,
            generation=signing.number,
            kind=CertificateKind.CROSS,
            profile=profile.id,
            public_key=certified.public_key,
            at=at,
            by=by,
        ),
        len(prepared.findings),
    )
    return serial


def live_cross_certificate(
    uow: AuthorityUnitOfWork,
    signing: KeyGenerationRecord,
    certified: KeyGenerationRecord,
    at: datetime,
) -> int | None:
    """The serial number of the live cross certificate from one key to the other."""
    if signing.authority == certified.authority:
        raise OutsideSigningWindow(
            f"{signing.authority} cannot cross-certify itself",
            hint="a new key of the same authority is certified by rollover",
        )
    digest = key_digest(certified.public_key)
    for known in uow.certificates.own(signing.authority, [CertificateKind.CROSS]):
        if (
            known.subject_key == digest
            and known.generation == signing.number
            and known.state is not CertificateState.ABANDONED
            and at <= known.not_after
            and uow.journal.find(known.authority, known.serial) is None
        ):
            return known.serial
    return None


def _cross_profile(office: Office, issuer: AuthorityRecord) -> CertificateProfile:
    """The bridge binds a governor's authority tighter than that binds the bridge."""
    narrow = f"{CertificateKind.CROSS.value}-{AuthorityKind.GOVERNOR.value}"
    if issuer.kind is AuthorityKind.BRIDGE and narrow in office.era.profiles:
        return office.certificate_profile(office.era.profiles[narrow])
    return office.certificate_profile(office.era.profiles[CertificateKind.CROSS.value])


def _policy(office: Office, authority: AuthorityRecord) -> str:
    if authority.kind is AuthorityKind.BRIDGE:
        return office.topology.bridge_policy
    return office.topology.governor_policy
