"""The examination of a signed list: read as a stranger would, before it is served."""

from __future__ import annotations

from jpki.authority.office import Office
from jpki.errors import IssuanceError
from jpki.store.authority_records import CRLRecord, KeyGenerationRecord
from jpki.x509.certificate_lists import CertificateList, parse_crl
from jpki.x509.keys import verify_signature
from jpki.x509.listed_columns import columns_in
from jpki.x509.revocation_columns import RevocationColumns, changes

__all__ = ["examine"]


def examine(
    office: Office,
    signed: bytes,
    waiting: CRLRecord,
    key: KeyGenerationRecord,
    current: CRLRecord | None,
) -> None:
    """Read the list, and hold it against its predecessor.

    Args:
        office: whose list it is.
        signed: the list.
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
    if current is not None:
        _follow(office, new, current)


def _follow(office: Office, new: CertificateList, current: CRLRecord) -> None:
    """Say that a list may replace this one."""
    with office.store.read() as uow:
        old = parse_crl(uow.crls.bytes_of(current))
    if old.number is None or new.number is None or new.number <= old.number:
        raise IssuanceError("its number does not rise")
    if new.this_update < old.this_update:
        raise IssuanceError("its time goes back")
    compared = changes(columns_in(old), columns_in(new))
    altered, _ = compared.altered
    for entry in altered.rows():
        raise IssuanceError(f"the entry of serial number {entry.serial:x} was altered")
    _gone(office, current, compared.gone)


def _gone(office: Office, current: CRLRecord, gone: RevocationColumns) -> None:
    """Say that what is not listed any more had expired when it last was.

    Raises:
        IssuanceError: one had not.
    """
    serials = [entry.serial for entry in gone.rows()]
    with office.store.read() as uow:
        ends = uow.certificates.ends(current.authority, serials)
    for serial in serials:
        end = ends.get(serial)
        if end is None or end >= current.this_update:
            raise IssuanceError(f"serial number {serial:x} would be un-revoked")
