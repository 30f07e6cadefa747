"""CRLs as they must not be."""

from __future__ import annotations

from datetime import datetime, timedelta

from jpki.authority.misbehaving.faults import Fault
from jpki.authority.office import Office, whole_second
from jpki.authority.publication.deltas import base_of
from jpki.authority.publication.preparing import entries_of, prepare_list
from jpki.authority.publication.scopes import profile_of
from jpki.errors import NotFound
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import ListName
from jpki.x509.revocation_columns import RevocationColumns, columns_of

__all__ = ["wrong_list"]

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)


def wrong_list(office: Office, name: ListName, fault: Fault, at: datetime) -> bytes:
    """The list of this name with this fault, DER.

    Raises:
        NotFound: there is no such list, or, for `WRONG_LIST`, no other.
        KeyProviderError: the authority's key is out of reach.
    """
    moment = whole_second(at)
    with office.store.read() as uow:
        if fault is Fault.WRONG_LIST:
            return _other(uow, name)
        current = uow.crls.standing(name)
        if current is None:
            raise NotFound("CRL", "/".join(map(str, name)))
        if fault is Fault.BAD_SIGNATURE:
            octets = uow.crls.bytes_of(current)
            return octets[:-1] + bytes([octets[-1] ^ 1])
        profile = profile_of(office, name.scope)
        begins, number = moment, current.number + 1
        match fault:
            case Fault.STALE:
                begins = moment - profile.lifetime - _DAY
            case Fault.EARLY:
                begins = moment + _HOUR
            case Fault.WRONG_NUMBER:
                number = 1
        key = uow.authorities.generation(name.authority, name.generation)
        base = base_of(uow, name, moment)
        entries = {
            authority: _told(revoked, fault, begins)
            for authority, revoked in entries_of(
                office, uow, name, alive_at=None, base=base
            ).items()
        }
        prepared = prepare_list(
            office,
            uow,
            name,
            number=number,
            at=begins,
            entries=entries,
            # It comes before a wrong number, too.
            base=None if base is None else min(base.number, number - 1),
        )
    signer = office.keyring.open(key.key_uri)
    return bytes(prepared.signed(signer.sign(prepared.tbs)))


def _told(
    revoked: RevocationColumns, fault: Fault, begins: datetime
) -> RevocationColumns:
    if fault is Fault.EMPTY_LIST:
        return columns_of([])
    if fault is Fault.STALE:
        # A list cannot know what came after it.
        return revoked.at((revoked.revoked_at <= int(begins.timestamp())).nonzero()[0])
    return revoked


def _other(uow: AuthorityUnitOfWork, name: ListName) -> bytes:
    """Of the same authority if possible: that is the harder one to notice."""
    others = [record for record in uow.crls.in_force() if record.name != name]
    if not others:
        raise NotFound("CRL", "other than this one")
    other = min(
        others, key=lambda record: (record.authority != name.authority, record.name)
    )
    return uow.crls.bytes_of(other)
