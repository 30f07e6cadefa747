"""Publishing CRLs: recorded before they are signed, checked before they are served.

1. The list is made from a snapshot of the journal.
2. Its number and bytes are recorded; the number is higher than any before.
3. It is signed.
4. The result is parsed, its signature verified, and it is compared with the list it
   replaces: nothing un-revoked, nothing altered, time not turned back.
5. Only then it is the current list.

Numbers follow the clock (seconds since 1970) unless that would not raise them. So they
also rise over all that were published before, when an older backup is restored.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from datetime import datetime
from typing import Final

from jpki.authority.certifying import issuer_view, signing_generation
from jpki.authority.office import Office, whole_second
from jpki.errors import (
    ClockBehind,
    Conflict,
    EncodingError,
    IssuanceError,
    JpkiError,
)
from jpki.model.profiles import CRLProfile, IssuingDistributionPointRule
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import (
    CertificateKind,
    CRLRecord,
    CRLState,
    KeyGenerationRecord,
)
from jpki.x509.crls import PreparedCRL, prepare_crl
from jpki.x509.issuers import assemble
from jpki.x509.keys import verify_signature
from jpki.x509.parse import CertificateList, parse_crl

__all__ = ["SCOPES", "finish_crl", "publish", "publish_due"]

SCOPES: Final = ("crl", "arl")
"""Roles of an era that name a CRL profile: for end entities, and for authorities."""

_AUTHORITIES: Final = (
    CertificateKind.AUTHORITY,
    CertificateKind.BRIDGE,
    CertificateKind.CROSS,
    CertificateKind.LINK,
)
_END_ENTITIES: Final = tuple(
    kind for kind in CertificateKind if kind not in _AUTHORITIES
)

_RACES: Final = 20
"""How often another publisher may be first before we give up."""


def publish(
    office: Office,
    authority: str,
    *,
    at: datetime,
    by: str,
    scope: str = "crl",
    generation: int | None = None,
) -> CRLRecord:
    """Publish a new list of everything that is revoked now; the newest key signs.

    Raises:
        NotFound: the authority or its key is not founded.
        ClockBehind: the clock stands before the last list.
        IssuanceError: the new list failed its examination; the old one stays.
    """
    moment = whole_second(at)
    for _ in range(_RACES):
        with office.store.read() as uow:
            key = (
                signing_generation(office, uow, authority, moment)
                if generation is None
                else uow.authorities.generation(authority, generation)
            )
            current = uow.crls.current(authority, scope, key.number)
            last = uow.crls.last_number(authority)
            number = max(last + 1, int(moment.timestamp()))
            _refuse_old_clock(current, moment)
            prepared = _prepare(office, uow, key, scope, number, current, moment)
            position = uow.journal.position()
        with office.store.write() as uow:
            if uow.crls.last_number(authority) >= number:
                continue
            _record(uow, prepared, key, scope, position, at=moment, by=by)
            uow.commit()
        office.step("publication.recorded")
        return finish_crl(office, authority, number, at=moment, by=by)
    raise Conflict(
        f"other publishers of {authority} were always first",
        hint="let one process publish",
    )


def _finish_waiting(
    office: Office,
    authority: str,
    generation: int,
    scope: str,
    *,
    at: datetime,
    by: str,
) -> None:
    with office.store.read() as uow:
        waiting = uow.crls.prepared()
    for record in waiting:
        if (record.authority, record.generation, record.scope) == (
            authority,
            generation,
            scope,
        ):
            # What fails its examination is refused for good, and told in the log.
            with suppress(IssuanceError):
                finish_crl(office, authority, record.number, at=at, by=by)


def publish_due(
    office: Office, *, at: datetime, by: str = "publication"
) -> tuple[CRLRecord, ...]:
    """Publish every list that is due: never published, outdated, or with news.

    Every key that still may sign has lists of its own: what it signed is revoked under
    its signature. A list that waits for its signature, because the key was out of reach
    or the process ended, goes first: while a token is away, one list waits and not one
    for each try.

    Raises:
        JpkiError: what kept the first of those that failed. All others are published
            all the same.
    """
    moment = whole_second(at)
    published, failed = [], []
    for authority, number, scope in _due(office, moment):
        try:
            _finish_waiting(office, authority, number, scope, at=moment, by=by)
            record = publish(
                office, authority, scope=scope, generation=number, at=moment, by=by
            )
        except JpkiError as error:
            failed.append(error)
        else:
            published.append(record)
    if failed:
        raise failed[0]
    return tuple(published)


def _due(office: Office, at: datetime) -> list[tuple[str, int, str]]:
    with office.store.read() as uow:
        keys = uow.authorities.every_generation()
        standing = {
            (record.authority, record.generation, record.scope): record
            for record in uow.crls.in_force()
        }
        seen = min((record.journal_position for record in standing.values()), default=0)
        news = uow.journal.news(after=seen)
    profiles = {scope: _profile(office, scope) for scope in _scopes(office)}
    due = []
    for key in keys:
        if not key.signs_from <= at <= key.signs_until:
            continue
        for scope, profile in profiles.items():
            current = standing.get((key.authority, key.number, scope))
            if (
                current is None
                or at >= current.this_update + profile.period
                or any(
                    (authority, generation) == (key.authority, key.number)
                    and kind in _kinds(profile)
                    and position > current.journal_position
                    for authority, generation, kind, position in news
                )
            ):
                due.append((key.authority, key.number, scope))
    return due


def finish_crl(
    office: Office, authority: str, number: int, *, at: datetime, by: str
) -> CRLRecord:
    """Sign a recorded list, examine it and put it in force; a settled one is returned.

    A list that a higher one has overtaken is refused, and the higher one returned.

    Raises:
        NotFound: this number was never recorded.
        IssuanceError: the list failed its examination; it is never served.
    """
    with office.store.read() as uow:
        waiting = uow.crls.get(authority, number)
        key = uow.authorities.generation(authority, waiting.generation)
        current = uow.crls.current(authority, waiting.scope, waiting.generation)
    if waiting.state is not CRLState.PREPARED:
        return waiting
    assert waiting.tbs is not None
    signer = office.keyring.open(key.key_uri)
    signed = assemble(waiting.tbs, signer.suite, signer.sign(waiting.tbs))
    office.step("publication.signed")
    for _ in range(_RACES):
        overtaken = current is not None and current.number > number
        if not overtaken:
            _examine_or_refuse(office, signed, waiting, key, current, at=at, by=by)
        with office.store.write() as uow:
            settled = uow.crls.get(authority, number)
            if settled.state is not CRLState.PREPARED:
                return settled
            newest = uow.crls.current(authority, waiting.scope, waiting.generation)
            if newest != current:
                # Another list came into force while this one was examined.
                current = newest
                continue
            if overtaken:
                assert newest is not None
                _refuse(uow, waiting, f"overtaken by {newest.number}", at=at, by=by)
                uow.commit()
                return newest
            _put_in_force(uow, waiting, signed, at=at, by=by)
            published = uow.crls.get(authority, number)
            uow.commit()
        office.step("publication.completed")
        return published
    raise Conflict(f"CRL {number} of {authority}: other publishers were always first")


def _put_in_force(
    uow: AuthorityUnitOfWork,
    waiting: CRLRecord,
    signed: bytes,
    *,
    at: datetime,
    by: str,
) -> None:
    uow.crls.publish(waiting, crl=signed, at=at)
    uow.audit.append(
        at=at,
        by=by,
        act="crl.published",
        subject=_subject(waiting),
        details={"sha256": hashlib.sha256(signed).hexdigest()},
    )


def _refuse(
    uow: AuthorityUnitOfWork, waiting: CRLRecord, reason: str, *, at: datetime, by: str
) -> None:
    uow.crls.refuse(waiting.authority, waiting.number, at=at)
    uow.audit.append(
        at=at,
        by=by,
        act="crl.refused",
        subject=_subject(waiting),
        details={"reason": reason},
    )


def _scopes(office: Office) -> tuple[str, ...]:
    return tuple(scope for scope in SCOPES if scope in office.era.profiles)


def _profile(office: Office, scope: str) -> CRLProfile:
    if scope not in _scopes(office):
        raise IssuanceError(f"era {office.era.id} publishes no {scope!r}")
    return office.crl_profile(office.era.profiles[scope])


def _kinds(profile: CRLProfile) -> tuple[CertificateKind, ...]:
    """Which certificates a list is about, as its issuingDistributionPoint says."""
    for rule in profile.extensions:
        if isinstance(rule, IssuingDistributionPointRule):
            if rule.only_user_certificates:
                return _END_ENTITIES
            if rule.only_authority_certificates:
                return _AUTHORITIES
    return tuple(CertificateKind)


def _refuse_old_clock(current: CRLRecord | None, at: datetime) -> None:
    if current is not None and at < current.this_update:
        what = f"CRL {current.number} of {current.authority}"
        raise ClockBehind(at, current.this_update, what)


def _prepare(
    office: Office,
    uow: AuthorityUnitOfWork,
    key: KeyGenerationRecord,
    scope: str,
    number: int,
    current: CRLRecord | None,
    at: datetime,
) -> PreparedCRL:
    profile = _profile(office, scope)
    return prepare_crl(
        profile,
        issuer=issuer_view(uow, key),
        number=number,
        this_update=at,
        next_update=at + profile.lifetime,
        entries=uow.journal.listed(
            key.authority,
            key.number,
            _kinds(profile),
            alive_at=None if current is None else current.this_update,
        ),
    )


def _record(
    uow: AuthorityUnitOfWork,
    prepared: PreparedCRL,
    key: KeyGenerationRecord,
    scope: str,
    position: int,
    *,
    at: datetime,
    by: str,
) -> None:
    entry = CRLRecord(
        authority=key.authority,
        scope=scope,
        number=prepared.number,
        generation=key.number,
        this_update=prepared.this_update,
        next_update=prepared.next_update,
        journal_position=position,
        state=CRLState.PREPARED,
        prepared_at=at,
        tbs=prepared.tbs,
    )
    uow.crls.reserve(entry)
    uow.audit.append(
        at=at,
        by=by,
        act="crl.prepared",
        subject=_subject(entry),
        details={
            "scope": scope,
            "generation": key.number,
            "journal": position,
            "tbs": hashlib.sha256(prepared.tbs).hexdigest(),
        },
    )


def _subject(entry: CRLRecord) -> str:
    return f"{entry.authority}/crl/{entry.number}"


def _examine_or_refuse(
    office: Office,
    signed: bytes,
    waiting: CRLRecord,
    key: KeyGenerationRecord,
    current: CRLRecord | None,
    *,
    at: datetime,
    by: str,
) -> None:
    try:
        _examine(office, signed, waiting, key, current)
    except (IssuanceError, EncodingError) as error:
        with office.store.write() as uow:
            _refuse(uow, waiting, error.message, at=at, by=by)
            uow.commit()
        raise IssuanceError(
            f"CRL {waiting.number} of {waiting.authority} is not served: {error}",
            hint="the list before it stays in force; check the key store and the books",
        ) from error


def _examine(
    office: Office,
    signed: bytes,
    waiting: CRLRecord,
    key: KeyGenerationRecord,
    current: CRLRecord | None,
) -> None:
    """Read the list as a stranger would, and hold it against its predecessor."""
    new = parse_crl(signed)
    if new.tbs != waiting.tbs or not verify_signature(
        key.public_key, new.signature_algorithm, new.signature, new.tbs
    ):
        raise IssuanceError("its signature does not verify")
    if new.number != waiting.number:
        raise IssuanceError("it bears another number than the one recorded")
    if current is None:
        return
    assert current.crl is not None
    old = parse_crl(current.crl)
    if old.number is None or new.number <= old.number:
        raise IssuanceError("its number does not rise")
    if new.this_update < old.this_update:
        raise IssuanceError("its time goes back")
    gone = _compare(new, old)
    with office.store.read() as uow:
        for serial in gone:
            certificate = uow.certificates.find(waiting.authority, serial)
            if certificate is None or certificate.not_after >= old.this_update:
                raise IssuanceError(f"serial number {serial:x} would be un-revoked")


def _compare(new: CertificateList, old: CertificateList) -> list[int]:
    """The serial numbers that are on the old list only.

    Raises:
        IssuanceError: an entry was altered.
    """
    gone = []
    for entry in old.entries():
        kept = new.lookup(entry.serial)
        if kept is None:
            gone.append(entry.serial)
        elif kept != entry.revocation():
            raise IssuanceError(
                f"the entry of serial number {entry.serial:x} was altered"
            )
    return gone
