"""The examination of a signed list: read as a stranger would, before it is served."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from jpki.authority.office import Office
from jpki.authority.publication.deltas import DELTA, beside
from jpki.authority.publication.indirect import INDIRECT
from jpki.errors import IssuanceError
from jpki.store.authority_records import CRLRecord, KeyGenerationRecord
from jpki.x509.certificate_lists import CertificateList, parse_crl
from jpki.x509.issuer_sections import sections_in
from jpki.x509.listed_columns import columns_in
from jpki.x509.names import normalized, parse_name
from jpki.x509.revocation_columns import RevocationColumns, changes, columns_of
from jpki.x509.signatures import verify_signature

__all__ = ["examine"]

_NOTHING: Final = columns_of(())


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
    new: Mapping[str, RevocationColumns],
    before: CRLRecord | None,
    beside_it: CRLRecord | None,
) -> None:
    """Say that a new list still tells all that one before it told, and as it was.

    Args:
        office: whose lists they are.
        new: the entries of the new list, by authority.
        before: the one before it.
        beside_it: a complete list that is in force with one of them: what a delta lacks
            may stand there, and what had expired by then is missing rightly.
    """
    if before is None:
        return
    expired_by = before.this_update
    if beside_it is not None:
        expired_by = max(expired_by, beside_it.this_update)
    for authority, told in _of_record(office, before).items():
        gone = _unaltered(told, new.get(authority, _NOTHING))
        if beside_it is not None and len(gone):
            gone = _unaltered(gone, _of_record(office, beside_it)[authority])
        _refuse_gone(office, authority, gone, expired_by)


def _of_record(office: Office, record: CRLRecord) -> Mapping[str, RevocationColumns]:
    with office.store.read() as uow:
        octets = uow.crls.bytes_of(record)
    return _told(office, record, parse_crl(octets))


def _told(
    office: Office, record: CRLRecord, crl: CertificateList
) -> Mapping[str, RevocationColumns]:
    """What a list says, by authority."""
    if record.scope != INDIRECT:
        return {record.authority: columns_in(crl)}
    with office.store.read() as uow:
        known = {
            normalized(parse_name(authority.name)): authority.id
            for authority in uow.authorities.all()
        }
    sections = {
        known.get(normalized(issuer)): revoked for issuer, revoked in sections_in(crl)
    }
    if None in sections:
        raise IssuanceError("it is about certificates of somebody else")
    return {str(authority): revoked for authority, revoked in sections.items()}


def _unaltered(old: RevocationColumns, new: RevocationColumns) -> RevocationColumns:
    """What is not in the new one; what is must be the same."""
    compared = changes(old, new)
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
