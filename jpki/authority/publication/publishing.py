"""One list, from the journal to being in force."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Final

from jpki.authority.certifying.making import signing_generation
from jpki.authority.office import Office, whole_second
from jpki.authority.publication.deltas import base_of, beside
from jpki.authority.publication.examining import examine
from jpki.authority.publication.preparing import entries_of, prepare_list
from jpki.errors import ClockBehind, Conflict, EncodingError, IssuanceError
from jpki.model.ports import Signer
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import (
    CRLRecord,
    CRLState,
    KeyGenerationRecord,
    ListName,
)
from jpki.x509.issuers import assemble
from jpki.x509.large_crls import LargeCRL

__all__ = ["finish_crl", "publish"]

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
        Conflict: a complete list and its delta would be of the same second.
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
            name = ListName(authority, key.number, scope)
            current = uow.crls.standing(name)
            last = uow.crls.last_number(authority)
            number = max(last + 1, int(moment.timestamp()))
            _refuse_old_clock(current, moment)
            alive_at = None if current is None else current.this_update
            base = base_of(uow, name, moment)
            # The entries are handed over: nobody needs them beside the list.
            prepared = prepare_list(
                office,
                uow,
                name,
                number=number,
                at=moment,
                entries=entries_of(office, uow, name, alive_at=alive_at, base=base),
                base=None if base is None else base.number,
            )
            position = uow.journal.position()
        record = CRLRecord(
            authority=authority,
            scope=scope,
            number=number,
            generation=key.number,
            this_update=prepared.this_update,
            next_update=prepared.next_update,
            journal_position=position,
            state=CRLState.PREPARED,
            prepared_at=moment,
        )
        with office.store.write() as uow:
            if uow.crls.last_number(authority) >= number:
                continue
            _refuse_same_second(uow, name, moment)
            _record(uow, record, prepared, by=by)
            uow.commit()
        office.step("publication.recorded")

        def sign(signer: Signer, list_: LargeCRL = prepared) -> memoryview:
            return list_.signed(signer.sign(list_.tbs))

        return _finish(office, record, key, sign, at=moment, by=by)
    raise Conflict(
        f"other publishers of {authority} were always first",
        hint="let one process publish",
    )


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
        if waiting.state is not CRLState.PREPARED:
            return waiting
        key = uow.authorities.generation(authority, waiting.generation)
        tbs = uow.crls.tbs_of(waiting)

    def sign(signer: Signer) -> memoryview:
        return memoryview(assemble(tbs, signer.suite, signer.sign(tbs)))

    return _finish(office, waiting, key, sign, at=at, by=by)


def _finish(
    office: Office,
    waiting: CRLRecord,
    key: KeyGenerationRecord,
    sign: Callable[[Signer], memoryview],
    *,
    at: datetime,
    by: str,
) -> CRLRecord:
    signed = sign(office.keyring.open(key.key_uri))
    office.step("publication.signed")
    with office.store.read() as uow:
        current = uow.crls.standing(waiting.name)
    for _ in range(_RACES):
        if current is not None and current.number == waiting.number:
            # Another process has finished the same list.
            return current
        overtaken = current is not None and current.number > waiting.number
        if not overtaken:
            _examine_or_refuse(office, signed, waiting, key, current, at=at, by=by)
        with office.store.write() as uow:
            settled = uow.crls.get(waiting.authority, waiting.number)
            if settled.state is not CRLState.PREPARED:
                return settled
            newest = uow.crls.standing(waiting.name)
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
            published = uow.crls.get(waiting.authority, waiting.number)
            uow.commit()
        office.step("publication.completed")
        return published
    raise Conflict(
        f"CRL {waiting.number} of {waiting.authority}: other publishers were always "
        "first"
    )


def _refuse_old_clock(current: CRLRecord | None, at: datetime) -> None:
    if current is not None and at < current.this_update:
        what = f"CRL {current.number} of {current.authority}"
        raise ClockBehind(at, current.this_update, what)


def _refuse_same_second(uow: AuthorityUnitOfWork, name: ListName, at: datetime) -> None:
    other = beside(name)
    if other is not None and uow.crls.is_made(other, at):
        raise Conflict(
            f"{'/'.join(map(str, other))} is of the same second",
            hint="publish again a second later",
        )


def _record(
    uow: AuthorityUnitOfWork, record: CRLRecord, prepared: LargeCRL, *, by: str
) -> None:
    uow.crls.reserve(record, tbs=prepared.tbs)
    uow.audit.append(
        at=record.prepared_at,
        by=by,
        act="crl.prepared",
        subject=_subject(record),
        details={
            "scope": record.scope,
            "generation": record.generation,
            "journal": record.journal_position,
            "tbs": hashlib.sha256(prepared.tbs).hexdigest(),
        },
    )


def _examine_or_refuse(
    office: Office,
    signed: memoryview,
    waiting: CRLRecord,
    key: KeyGenerationRecord,
    current: CRLRecord | None,
    *,
    at: datetime,
    by: str,
) -> None:
    try:
        examine(office, signed, waiting, key, current)
    except (IssuanceError, EncodingError) as error:
        with office.store.write() as uow:
            _refuse(uow, waiting, error.message, at=at, by=by)
            uow.commit()
        raise IssuanceError(
            f"CRL {waiting.number} of {waiting.authority} is not served: {error}",
            hint="the list before it stays in force; check the key store and the books",
        ) from error


def _put_in_force(
    uow: AuthorityUnitOfWork,
    waiting: CRLRecord,
    signed: memoryview,
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


def _subject(record: CRLRecord) -> str:
    return f"{record.authority}/crl/{record.number}"
