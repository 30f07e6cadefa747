"""有効性確認: residents ask about their own certificates, and nobody else's.

Revocation information goes to registered verifiers only; but each resident may be told
of the certificate whose key they hold.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from jpki.authority.office import Office, whole_second
from jpki.authority.office.signed_by import signed_by
from jpki.documents.confirmation import check_enquiry, read_enquiry
from jpki.errors import DocumentError, EncodingError, StoreError
from jpki.model.confirmation import ConfirmResult, ServiceHours
from jpki.model.revocation import Revocation, RevocationReason
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import CertificateState
from jpki.x509.parse import Certificate

__all__ = ["Confirmation", "Confirmed"]

_NOW: Final = timedelta(minutes=5)
"""How far the clock of a resident's machine may be from ours."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What a resident is told."""

    result: ConfirmResult
    at: datetime
    certificate: Certificate | None = None
    """None where it could not be read."""
    revocation: Revocation | None = None


class Confirmation:
    """Answers residents; shared by threads."""

    def __init__(self, office: Office, *, hours: ServiceHours, at_work: int) -> None:
        """Make it.

        Args:
            office: the books.
            hours: when residents are answered.
            at_work: how many of them at the same time.
        """
        self._office = office
        self._hours = hours
        self._places = threading.BoundedSemaphore(at_work)

    def answer(self, enquiry: bytes, at: datetime) -> Confirmed:
        """The answer to an enquiry; every fault has a result of its own."""
        moment = whole_second(at)
        if not self._hours.hold_at(moment):
            return Confirmed(ConfirmResult.JPKI_ONLINE_TIME_ERROR, moment)
        if not self._places.acquire(blocking=False):
            return Confirmed(ConfirmResult.JPKI_SERVER_JAM_ERROR, moment)
        try:
            return self._answer(enquiry, moment)
        finally:
            self._places.release()

    def _answer(self, enquiry: bytes, at: datetime) -> Confirmed:
        try:
            signer, shown = read_enquiry(enquiry)
        except (DocumentError, EncodingError):
            return Confirmed(ConfirmResult.JPKI_SERVER_DATA_ERROR, at)
        try:
            signed_at = check_enquiry(signer, shown)
        except DocumentError:
            return Confirmed(ConfirmResult.JPKI_SERVER_VERIFY_ERROR, at, shown)
        if abs(signed_at - at) > _NOW:
            return Confirmed(ConfirmResult.JPKI_SERVER_VALIDITY_ERROR, at, shown)
        try:
            with self._office.store.read() as uow:
                result, revocation = _judged(uow, shown, at)
        except StoreError as error:
            _log.error("residents are not answered: %s", error)
            return Confirmed(ConfirmResult.JPKI_SERVER_DB_ERROR, at, shown)
        return Confirmed(result, at, shown, revocation)


def _judged(
    uow: AuthorityUnitOfWork, shown: Certificate, at: datetime
) -> tuple[ConfirmResult, Revocation | None]:
    key = signed_by(uow, shown)
    if key is None:
        return ConfirmResult.JPKI_SERVER_ISSUER_ERROR, None
    authority = key.authority
    held = uow.certificates.find(authority, shown.serial)
    if (
        held is None
        or held.state is not CertificateState.ISSUED
        or held.certificate != shown.raw
    ):
        return ConfirmResult.JPKI_SERVER_CERT_UNMATCH_ERROR, None
    revocation = uow.journal.revocations(authority, [shown.serial]).get(shown.serial)
    if revocation is not None:
        hold = revocation.reason is RevocationReason.CERTIFICATE_HOLD
        return (
            ConfirmResult.JPKI_SERVER_HOLD_ERROR
            if hold
            else ConfirmResult.JPKI_SERVER_REVOKED_ERROR
        ), revocation
    if at < shown.not_before:
        return ConfirmResult.JPKI_NOT_YET_VALID_ERROR, None
    if at > shown.not_after:
        return ConfirmResult.JPKI_SERVER_EXPIRED_ERROR, None
    return ConfirmResult.JPKI_CONFIRM_OK, None
