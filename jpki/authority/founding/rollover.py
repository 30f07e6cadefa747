"""Key rollover: an authority outlives its keys (RFC 4210 section 4.4, RFC 9810).

A new key comes with three certificates, all recorded in one transaction with the
consent that is used up for them, so that recovery alone can finish what was begun:

- self-signed, the new trust anchor;
- OldWithNew: the new key certifies the old one, so that who trusts only the new anchor
  accepts what the old key signed;
- NewWithOld: the old key certifies the new one, for who still trusts only the old
  anchor. It is left out where the old key's algorithm may not certify any more.

From that instant on both keys sign CRLs and have responders certified, each until its
own certificate ends. Which of them certifies subscribers is told by the clock alone:
the old key before `issues_from`, the new one from then on. The algorithms are those of
the era in which the office works at the time, so a rollover is also how an authority
goes from one algorithm to the next.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime

from jpki.authority.agreeing.consent import Consent, check, redeem
from jpki.authority.agreeing.deeds import rollover
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
from jpki.authority.founding.establish import live_cross_certificate, record_cross
from jpki.authority.office import Office, whole_second
from jpki.authority.office.addresses import list_addresses
from jpki.authority.office.identifiers import key_label
from jpki.errors import Conflict, OutsideSigningWindow
from jpki.model.eras import Act
from jpki.model.names import Name
from jpki.model.ports import Signer
from jpki.model.profiles import CertificateProfile
from jpki.model.purposes import Purpose
from jpki.model.suites import suite
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import (
    AuthorityKind,
    AuthorityRecord,
    CertificateKind,
    CertificateRecord,
    KeyGenerationRecord,
)
from jpki.x509.certificates import PreparedCertificate, prepare_certificate
from jpki.x509.issuers import IssuerView
from jpki.x509.keys import key_identifier
from jpki.x509.names import parse_name

__all__ = ["RolledOver", "issues_until", "roll_over"]


@dataclass(frozen=True, kw_only=True, slots=True)
class RolledOver:
    """A new key and the certificates that came with it."""

    generation: KeyGenerationRecord
    own: CertificateRecord
    """Self-signed."""
    links: tuple[CertificateRecord, ...]
    """OldWithNew, then NewWithOld, as far as they may be made."""
    crosses: tuple[CertificateRecord, ...]
    """With the authorities that were cross-certified with the old key."""


def issues_until(office: Office, generation: KeyGenerationRecord) -> datetime | None:
    """The last second at which this key may certify a subscriber.

    What it certified then ends with the key's own certificate, not after it, and the
    algorithm may still certify. None when there is no such second.
    """
    ends = generation.signs_until
    limit = office.era.judge(generation.suite, Act.ISSUE, generation.issues_from).until
    last = ends if limit is None else min(ends, limit)
    for purpose in Purpose:
        if purpose.value in office.era.profiles:
            name = office.era.profiles[purpose.value]
            validity = office.certificate_profile(name).validity
            seconds = range(
                int(generation.issues_from.timestamp()), int(last.timestamp()) + 1
            )
            count = bisect_right(
                seconds, ends, key=lambda second: validity.ends(_at(second))
            )
            if count == 0:
                return None
            last = _at(seconds[count - 1])
    return last


def _at(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def roll_over(
    office: Office,
    authority: str,
    *,
    issues_from: datetime,
    cross_certify: bool,
    at: datetime,
    by: Consent,
) -> RolledOver:
    """Give an authority a new key, which certifies subscribers from `issues_from` on.

    Args:
        cross_certify: renew the cross certificates with every authority that the old
            key is cross-certified with, in the same directions.

    Raises:
        ConsentError: two people have not agreed to exactly this.
        NotFound: the authority is not founded.
        Conflict: an earlier rollover is still to take effect.
        OutsideSigningWindow: no key may sign now, or nobody could certify for a while.
        AlgorithmError: the era's suite may not issue at this time.
        KeyProviderError: no key can be made.
    """
    moment, switch = whole_second(at), whole_second(issues_from)
    by.require(
        rollover(
            authority, office.era.id, issues_from=switch, cross_certify=cross_certify
        )
    )
    with office.store.read() as uow:
        check(uow, by, moment)
        role = _role(uow.authorities.get(authority))
        _key_before(office, uow, authority, switch, moment)
    wanted = suite(office.era.suites[role.value])
    office.era.require(wanted.id, Act.ISSUE, moment)
    uri, signer = office.keyring.generate(wanted, key_label(office, authority))
    office.step("rollover.key-made")
    with office.store.write() as uow:
        books = _Books(office=office, uow=uow, at=moment, by=by.id)
        serial = books.number(authority)
        redeem(uow, by, outcome=subject_of(authority, serial), at=moment)
        old = _key_before(office, uow, authority, switch, moment)
        new = books.add_key(old, role, serial, uri, signer, issues_from=switch)
        links = books.link(old, new)
        crosses = books.renew_crosses(old, new) if cross_certify else []
        uow.commit()
    office.step("rollover.recorded")

    def finished(issuer: str, number: int) -> CertificateRecord:
        completed = finish(office, issuer, number, at=moment, by=by.id)
        office.step("rollover.certified")
        return completed

    return RolledOver(
        generation=new,
        own=finished(authority, serial),
        links=tuple(finished(authority, number) for number in links),
        crosses=tuple(finished(*cross) for cross in crosses),
    )


def _role(authority: AuthorityRecord) -> CertificateKind:
    """Of the self-signed certificate."""
    if authority.kind is AuthorityKind.BRIDGE:
        return CertificateKind.BRIDGE
    return CertificateKind.AUTHORITY


def _key_before(
    office: Office,
    uow: AuthorityUnitOfWork,
    authority: str,
    issues_from: datetime,
    at: datetime,
) -> KeyGenerationRecord:
    """The key that the new one follows, after a look at the clock."""
    newest = uow.authorities.generations(authority)[-1]
    if newest.issues_from > at:
        raise Conflict(
            f"key {newest.number} of {authority} takes over on "
            f"{newest.issues_from:%Y-%m-%d %H:%M:%SZ}",
            hint="the next rollover can come after that",
        )
    if issues_from < at:
        raise OutsideSigningWindow(
            f"a new key cannot have certified since {issues_from:%Y-%m-%d %H:%M:%SZ}",
            hint="let it take over now, or later",
        )
    last = issues_until(office, newest)
    if issues_from > at and (last is None or issues_from > last):
        until = "nobody" if last is None else f"until {last:%Y-%m-%d %H:%M:%SZ} only"
        raise OutsideSigningWindow(
            f"key {newest.number} of {authority} certifies subscribers {until}",
            hint="let the new key take over before; or now, if that has passed",
        )
    return newest


@dataclass(frozen=True, kw_only=True, slots=True)
class _Books:
    """What a rollover enters, in one transaction."""

    office: Office
    uow: AuthorityUnitOfWork
    at: datetime
    by: str

    def number(self, authority: str) -> int:
        """A new serial number of this authority."""
        (serial,) = serials_for(
            self.office, self.uow, authority, 1, at=self.at, by=self.by
        )
        return serial

    def add_key(
        self,
        old: KeyGenerationRecord,
        role: CertificateKind,
        serial: int,
        uri: str,
        signer: Signer,
        *,
        issues_from: datetime,
    ) -> KeyGenerationRecord:
        """The new key with its self-signed certificate."""
        authority = self.uow.authorities.get(old.authority)
        name = parse_name(authority.name)
        identifier = key_identifier(signer.public_key)
        prepared = prepare_certificate(
            self._profile(role),
            issuer=IssuerView(
                name=name,
                alternative_name=_alternative(authority),
                key_identifier=identifier,
                certificate_issuer=name,
                certificate_serial=serial,
                suite=signer.suite,
            ),
            values=list_addresses(self.office, authority.id, old.number + 1),
            public_key=signer.public_key,
            serial=serial,
            not_before=self.at,
            subject=name,
            subject_alternative=_alternative(authority),
        )
        new = KeyGenerationRecord(
            authority=authority.id,
            number=old.number + 1,
            suite=signer.suite.id,
            key_uri=uri,
            public_key=signer.public_key,
            key_identifier=identifier,
            serial=serial,
            signs_from=prepared.not_before,
            signs_until=prepared.not_after,
            issues_from=issues_from,
        )
        self._record(prepared, role, signing=new, certified=new)
        self.uow.authorities.add_generation(new)
        self.uow.audit.append(
            at=self.at,
            by=self.by,
            act="authority.rolled-over",
            subject=authority.id,
            details={
                "era": self.office.era.id,
                "suite": new.suite,
                "generation": new.number,
                "issues_from": f"{issues_from:%Y-%m-%dT%H:%M:%SZ}",
            },
        )
        return new

    def link(self, old: KeyGenerationRecord, new: KeyGenerationRecord) -> list[int]:
        """Serial numbers of OldWithNew and NewWithOld, as far as they may be.

        A key that is revoked or has ended gets neither; one whose algorithm may not
        certify any more certifies nobody.
        """
        revoked = self.uow.journal.find(old.authority, old.serial) is not None
        if revoked or self.at > old.signs_until:
            return []
        serials = [self._link(signing=new, certified=old)]
        if self.office.era.judge(old.suite, Act.ISSUE, self.at).allowed:
            serials.append(self._link(signing=old, certified=new))
        return serials

    def _link(
        self, *, signing: KeyGenerationRecord, certified: KeyGenerationRecord
    ) -> int:
        """From when the certified key begins until the first of both ends."""
        authority = self.uow.authorities.get(signing.authority)
        prepared = prepare_certificate(
            self._profile(CertificateKind.LINK),
            issuer=issuer_view(self.uow, signing),
            values=list_addresses(self.office, authority.id, signing.number),
            public_key=certified.public_key,
            serial=self.number(authority.id),
            not_before=certified.signs_from,
            not_after=min(signing.signs_until, certified.signs_until),
            subject=parse_name(authority.name),
            subject_alternative=_alternative(authority),
        )
        self._record(
            prepared, CertificateKind.LINK, signing=signing, certified=certified
        )
        return prepared.serial

    def renew_crosses(
        self, old: KeyGenerationRecord, new: KeyGenerationRecord
    ) -> list[tuple[str, int]]:
        """Issuer and serial number of each new cross certificate."""
        recorded = []
        for other in self.uow.authorities.all():
            if other.id == old.authority:
                continue
            keys = self.uow.authorities.generations(other.id)
            pairs = []
            if any(self._crossed(old, key) for key in keys):
                theirs = established_generation(
                    self.office, self.uow, other.id, self.at
                )
                pairs.append((new, theirs))
            if any(self._crossed(key, old) for key in keys):
                signing = signing_generation(self.office, self.uow, other.id, self.at)
                pairs.append((signing, new))
            for signing, certified in pairs:
                serial = record_cross(
                    self.office, self.uow, signing, certified, self.at, self.by
                )
                recorded.append((signing.authority, serial))
        return recorded

    def _crossed(
        self, signing: KeyGenerationRecord, certified: KeyGenerationRecord
    ) -> bool:
        found = live_cross_certificate(self.uow, signing, certified, self.at)
        return found is not None

    def _record(
        self,
        prepared: PreparedCertificate,
        kind: CertificateKind,
        *,
        signing: KeyGenerationRecord,
        certified: KeyGenerationRecord,
    ) -> None:
        record(
            self.uow,
            pending_record(
                prepared,
                authority=signing.authority,
                generation=signing.number,
                kind=kind,
                profile=self._profile(kind).id,
                public_key=certified.public_key,
                at=self.at,
                by=self.by,
            ),
            len(prepared.findings),
        )

    def _profile(self, kind: CertificateKind) -> CertificateProfile:
        return self.office.certificate_profile(self.office.era.profiles[kind.value])


def _alternative(authority: AuthorityRecord) -> Name | None:
    name = authority.alternative_name
    return None if name is None else parse_name(name)
