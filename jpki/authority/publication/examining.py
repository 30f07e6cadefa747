"""The examination of a signed list: read as a stranger would, before it is served.

Beside the list itself little of its size is held: the list before it comes from the
books in pieces, and its entries are looked for in the new one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial

from jpki.authority.office import Office
from jpki.authority.publication.deltas import DELTA, beside
from jpki.authority.publication.indirect import INDIRECT
from jpki.errors import IssuanceError
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import CRLRecord, KeyGenerationRecord
from jpki.x509.certificate_lists import CertificateList, parse_crl
from jpki.x509.issuer_sections import sections_in
from jpki.x509.listed_columns import changes_in, columns_in_pieces, require_readable
from jpki.x509.names import normalized, parse_name
from jpki.x509.revocation_columns import (
    Changes,
    RevocationColumns,
    changes,
    joined,
)
from jpki.x509.signatures import verify_signature

__all__ = ["examine"]

_Compare = Callable[[RevocationColumns], Changes]
"""What became of rows of an older list."""


def examine(
    office: Office,
    signed: memoryview,
    waiting: CRLRecord,
    key: KeyGenerationRecord,
    current: CRLRecord | None,
) -> None:
    """Read the list, and hold it against its predecessor.

    Args:
        office: whose list it is.
        signed: the list, which is read where it stands.
        waiting: what was recorded before it was signed.
        key: which should have signed it.
        current: the list that it replaces.

    Raises:
        IssuanceError: it must not be served.
        EncodingError: it cannot be read.
    """
    new = parse_crl(signed)
    if not verify_signature(
        key.public_key, new.signature_algorithm, new.signature, new.tbs
    ):
        raise IssuanceError("its signature does not verify")
    if new.number != waiting.number:
        raise IssuanceError("it bears another number than the one recorded")
    if new.this_update != waiting.this_update:
        raise IssuanceError("it bears another time than the one recorded")
    base = _base(office, waiting, new.delta_base)
    if current is not None:
        if new.number <= current.number:
            raise IssuanceError("its number does not rise")
        if new.this_update < current.this_update:
            raise IssuanceError("its time goes back")
    told = _told(office, waiting, new)
    _keep_all(office, told, current, base)
    delta = _delta_beside(office, waiting)
    if delta is not None:
        _keep_all(office, told, delta, current)


def _told(
    office: Office, waiting: CRLRecord, new: CertificateList
) -> Mapping[str, _Compare]:
    """What a new list says, by authority, for who holds another against it.

    Raises:
        IssuanceError, EncodingError: an entry says nothing, or is about others.
    """
    if waiting.scope != INDIRECT:
        require_readable(new)
        return {waiting.authority: partial(changes_in, crl=new)}
    with office.store.read() as uow:
        return {
            authority: partial(changes, new=revoked)
            for authority, revoked in _sections(uow, new)
        }


def _base(office: Office, waiting: CRLRecord, number: int | None) -> CRLRecord | None:
    """The complete list that a delta goes on from."""
    if (number is not None) is not (waiting.scope == DELTA):
        raise IssuanceError("a delta is no complete list, nor the other way round")
    if number is None:
        return None
    with office.store.read() as uow:
        base = uow.archive.numbered(waiting.authority, number)
    if base is None or base.name != beside(waiting.name):
        raise IssuanceError(f"there is no complete list {number} that it goes on from")
    return base


def _delta_beside(office: Office, waiting: CRLRecord) -> CRLRecord | None:
    """The delta in force that knows no more than this complete list."""
    other = beside(waiting.name)
    if other is None or other.scope != DELTA:
        return None
    with office.store.read() as uow:
        delta = uow.crls.standing(other)
    if delta is None or delta.journal_position > waiting.journal_position:
        return None
    return delta


def _keep_all(
    office: Office,
    new: Mapping[str, _Compare],
    before: CRLRecord | None,
    beside_it: CRLRecord | None,
) -> None:
    """Say that a new list still tells all that one before it told, and as it was.

    Args:
        office: whose lists they are.
        new: what the new list says, by authority.
        before: the one before it.
        beside_it: a complete list that is in force with one of them: what a delta lacks
            may stand there, and what had expired by then is missing rightly.
    """
    if before is None:
        return
    expired_by = before.this_update
    if beside_it is not None:
        expired_by = max(expired_by, beside_it.this_update)
    for authority, gone in _lacking(office, new, before).items():
        for other, rows in _rows_of(office, beside_it) if len(gone) else ():
            if other == authority:
                gone = _unaltered(changes(gone, rows))
        _refuse_gone(office, authority, gone, expired_by)


def _lacking(
    office: Office, new: Mapping[str, _Compare], before: CRLRecord
) -> Mapping[str, RevocationColumns]:
    """What is not in the new list of what the one before it told, by authority."""
    gone: dict[str, list[RevocationColumns]] = {}
    for authority, rows in _rows_of(office, before):
        compare = new.get(authority)
        lacking = rows if compare is None else _unaltered(compare(rows))
        if len(lacking):
            gone.setdefault(authority, []).append(lacking)
    return {authority: joined(parts).in_order() for authority, parts in gone.items()}


def _rows_of(
    office: Office, record: CRLRecord | None
) -> Iterator[tuple[str, RevocationColumns]]:
    """What a list in the books says, by authority; some rows at a time, in order."""
    if record is None:
        return
    with office.store.read() as uow:
        if record.scope == INDIRECT:
            yield from _sections(uow, parse_crl(uow.crls.bytes_of(record)))
            return
        for rows in columns_in_pieces(uow.crls.pieces_of(record)):
            yield record.authority, rows.in_order()


def _sections(
    uow: AuthorityUnitOfWork, crl: CertificateList
) -> Iterator[tuple[str, RevocationColumns]]:
    known = {
        normalized(parse_name(authority.name)): authority.id
        for authority in uow.authorities.all()
    }
    for issuer, revoked in sections_in(crl):
        authority = known.get(normalized(issuer))
        if authority is None:
            raise IssuanceError("it is about certificates of somebody else")
        yield authority, revoked


def _unaltered(compared: Changes) -> RevocationColumns:
    """What is not in the new one; what is must be the same."""
    altered, _ = compared.altered
    for entry in altered.rows():
        raise IssuanceError(f"the entry of serial number {entry.serial:x} was altered")
    return compared.gone


def _refuse_gone(
    office: Office, authority: str, gone: RevocationColumns, expired_by: datetime
) -> None:
    """Say that what is not listed any more had expired.

    Raises:
        IssuanceError: something had not.
    """
    serials = [entry.serial for entry in gone.rows()]
    with office.store.read() as uow:
        ends = uow.certificates.ends(authority, serials)
    for serial in serials:
        end = ends.get(serial)
        if end is None or end >= expired_by:
            raise IssuanceError(f"serial number {serial:x} would be un-revoked")
