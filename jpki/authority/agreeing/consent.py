"""Two-person control (二者管理): one person asks, another approves, then it is done.

    record = request(office, deed, at=…, by=one)
    consent = approve(office, record.id, deed.digest, at=…, by=other)
    found_bridge(office, at=…, by=consent)

A use case that needs two people takes a `Consent`, and nothing but this module makes
one. It is bound to one deed with its exact parameters, expires, and is used up in the
transaction that records the act: carried out once, or not at all.

Until two CA operators are enrolled, which takes an authority to certify them, the two
are taken at their word; the log says so. From then on both must be in office when they
act, and when the deed is done. A certificate that has merely expired shuts its holder
out of the servers, not out of here: somebody must be able to enrol the successors.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from jpki.access import Evidence, require_role
from jpki.authority.agreeing.deeds import Deed, DeedKind
from jpki.authority.agreeing.statements import (
    Statement,
    approval_of,
    evidence_details,
    request_for,
    require_said,
)
from jpki.authority.office import Office, whole_second
from jpki.authority.office.identifiers import key_digest
from jpki.authority.office.in_office import require_in_office, require_still_in_office
from jpki.errors import (
    ConsentExpired,
    ConsentMismatch,
    ConsentRefused,
    ConsentRequired,
    ConsentUsed,
    JpkiError,
    PermissionDenied,
    RequestError,
    SamePerson,
)
from jpki.model.operators import Caller, Role
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import ConsentRecord

__all__ = [
    "LIFETIME",
    "Consent",
    "agree",
    "approve",
    "approved",
    "check",
    "deed_of",
    "enter_request",
    "open_requests",
    "redeem",
    "refuse",
    "request",
    "settle",
    "usable_consent",
]

LIFETIME: Final = timedelta(days=3)
"""How long a request may wait; a weekend is not too long."""

_MAX_ID: Final = 63
"""Two identifiers and what joins them fit where the books name one actor."""
_MAX_TEXT: Final = 4096

_CA: Final = (Role.CA_OPERATOR,)
_REQUESTING: Final[Mapping[DeedKind, tuple[Role, ...]]] = {
    DeedKind.ISSUE: (Role.COUNTER,)
}
_APPROVING: Final[Mapping[DeedKind, tuple[Role, ...]]] = {
    DeedKind.ISSUE: (Role.APPROVER,),
    DeedKind.ENROL: (Role.CA_OPERATOR, Role.RECOVERY),
    DeedKind.DISMISS: (Role.CA_OPERATOR, Role.RECOVERY),
}
"""Everything else is between CA operators."""

_SEAL: Final = object()


@dataclass(frozen=True, kw_only=True, slots=True)
class Consent:
    """Two people have agreed to one deed. Only this module makes one."""

    request: str
    deed: Deed
    requested_by: str
    approved_by: str
    seal: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.seal is not _SEAL:
            raise TypeError("a consent is given by two people, not made")

    @property
    def id(self) -> str:
        """Both names, for the books."""
        return f"{self.requested_by}+{self.approved_by}"

    def require(self, deed: Deed) -> None:
        """Say that exactly this deed was agreed to.

        Raises:
            ConsentMismatch: it was another one.
        """
        if deed.digest != self.deed.digest:
            raise ConsentMismatch(
                f"{self.id} agreed to {self.deed.kind.value} {self.deed.text}, not to "
                f"{deed.kind.value} {deed.text}",
                hint="request what is wanted now, and have it approved",
            )


def request(
    office: Office,
    deed: Deed,
    *,
    at: datetime,
    by: Caller,
    evidence: Evidence | None = None,
) -> ConsentRecord:
    """Ask for a deed; another operator has until it expires to approve.

    Args:
        evidence: what the caller signed; kept in the log for whoever asks later.

    Raises:
        PermissionDenied: not a role that may ask for this.
        NotInOffice: the caller is not enrolled, or dismissed.
        RequestError: the parameters are too long, or something else was signed.
    """
    moment = whole_second(at)
    with office.store.write() as uow:
        record = enter_request(office, uow, deed, at=moment, by=by, evidence=evidence)
        uow.commit()
    office.step("consent.requested")
    return record


def enter_request(
    office: Office,
    uow: AuthorityUnitOfWork,
    deed: Deed,
    *,
    at: datetime,
    by: Caller,
    evidence: Evidence | None = None,
) -> ConsentRecord:
    """The same within a transaction, which the caller commits."""
    require_role(by, _wanted(deed), *_REQUESTING.get(deed.kind, _CA))
    bootstrap = require_in_office(uow, by)
    if len(by.id) > _MAX_ID or len(deed.text) > _MAX_TEXT:
        raise RequestError("a request this long cannot be kept")
    record = ConsentRecord(
        id=str(uuid.UUID(bytes=office.random(16), version=4)),
        act=deed.kind.value,
        parameters=deed.text,
        digest=deed.digest,
        requested_by=by.id,
        requester_key=key_digest(by.public_key),
        requested_at=at,
        expires=at + LIFETIME,
    )
    uow.consents.add(record)
    uow.audit.append(
        at=at,
        by=by.id,
        act="consent.requested",
        subject=record.id,
        details={
            "act": record.act,
            "parameters": record.parameters,
            "digest": record.digest.hex(),
            "bootstrap": bootstrap,
            **_kept(evidence, by, "consent.requested", record.id, record.digest),
        },
    )
    return record


def approve(
    office: Office,
    identifier: str,
    digest: bytes,
    *,
    at: datetime,
    by: Caller,
    evidence: Evidence | None = None,
) -> Consent:
    """Agree to a request; the digest says what the approver has read.

    Approving again what one has approved gives the same consent. The evidence is kept
    as in `request`.

    Raises:
        NotFound: there is no such request.
        SamePerson: the requester, or somebody with the requester's key.
        ConsentMismatch: the request is for something else than the approver read.
        ConsentExpired, ConsentRefused, ConsentUsed: it is too late.
        PermissionDenied: not a role that may approve this, or another has approved.
        NotInOffice: requester or approver is not enrolled, or dismissed.
    """
    moment = whole_second(at)
    with office.store.write() as uow:
        record = uow.consents.get(identifier)
        deed = deed_of(record)
        require_role(
            by,
            f"approve a request to {_wanted(deed)}",
            *_APPROVING.get(deed.kind, _CA),
        )
        if by.id == record.requested_by or (
            key_digest(by.public_key) == record.requester_key
        ):
            raise SamePerson(
                f"{by.id} cannot approve the request of {record.requested_by}",
                hint="another operator with a key of their own approves it",
            )
        _require_usable(record, moment)
        if digest != record.digest:
            raise ConsentMismatch(
                f"request {identifier} is not what was read",
                hint="read the request again: what it asks for is what counts",
            )
        if record.approved_by not in (None, by.id):
            raise PermissionDenied(
                by.id, f"approve request {identifier}", "a request nobody approved"
            )
        bootstrap = require_in_office(uow, by)
        require_still_in_office(uow, record.requested_by)
        if len(by.id) > _MAX_ID:
            raise RequestError("an identifier this long cannot be kept")
        if record.approved_by is None:
            key = key_digest(by.public_key)
            uow.consents.approve(identifier, by=by.id, key=key, at=moment)
            uow.audit.append(
                at=moment,
                by=by.id,
                act="consent.approved",
                subject=identifier,
                details={
                    "act": record.act,
                    "digest": record.digest.hex(),
                    "requested_by": record.requested_by,
                    "bootstrap": bootstrap,
                    **_kept(
                        evidence, by, "consent.approved", identifier, record.digest
                    ),
                },
            )
        consent = _consent(uow.consents.get(identifier))
        uow.commit()
    office.step("consent.approved")
    return consent


def refuse(
    office: Office,
    identifier: str,
    *,
    at: datetime,
    by: Caller,
    evidence: Evidence | None = None,
) -> ConsentRecord:
    """Refuse a request, or withdraw one's own, also when it was approved.

    Raises:
        NotFound: there is no such request.
        PermissionDenied: neither the requester nor a role that may approve.
        ConsentRefused, ConsentUsed: it is too late.
        NotInOffice: the caller is not enrolled, or dismissed.
    """
    moment = whole_second(at)
    with office.store.write() as uow:
        record = uow.consents.get(identifier)
        deed = deed_of(record)
        if by.id != record.requested_by:
            require_role(
                by,
                f"refuse a request to {_wanted(deed)}",
                *_APPROVING.get(deed.kind, _CA),
            )
        require_in_office(uow, by)
        _require_open(record)
        uow.consents.refuse(identifier, by=by.id, at=moment)
        uow.audit.append(
            at=moment,
            by=by.id,
            act="consent.refused",
            subject=identifier,
            details={
                "act": record.act,
                "requested_by": record.requested_by,
                **_kept(evidence, by, "consent.refused", identifier, record.digest),
            },
        )
        refused = uow.consents.get(identifier)
        uow.commit()
    return refused


def approved(office: Office, identifier: str, *, at: datetime) -> Consent:
    """The consent to a request that was approved and waits to be carried out.

    Raises:
        NotFound: there is no such request.
        ConsentRequired: nobody has approved it.
        ConsentExpired, ConsentRefused, ConsentUsed: it is too late.
        NotInOffice: requester or approver is not in office any more.
    """
    moment = whole_second(at)
    with office.store.read() as uow:
        return usable_consent(uow, uow.consents.get(identifier), moment)


def usable_consent(
    uow: AuthorityUnitOfWork, record: ConsentRecord, at: datetime
) -> Consent:
    """The same within a transaction."""
    _require_usable(record, at)
    consent = _consent(record)
    require_still_in_office(uow, consent.requested_by)
    require_still_in_office(uow, consent.approved_by)
    return consent


def agree(
    office: Office,
    deed: Deed,
    *,
    at: datetime,
    requested_by: Caller,
    by: Caller,
    sign: Callable[[Caller, Statement], Evidence | None] = lambda _by, _said: None,
) -> Consent:
    """Request and approve in one go, where both people are present.

    Args:
        sign: signs with the key of either of them.

    Raises:
        JpkiError: as `request` and `approve`.
    """
    evidence = sign(requested_by, request_for(deed))
    record = request(office, deed, at=at, by=requested_by, evidence=evidence)
    evidence = sign(by, approval_of(record.id, deed.digest))
    return approve(office, record.id, deed.digest, at=at, by=by, evidence=evidence)


def check(uow: AuthorityUnitOfWork, consent: Consent, at: datetime) -> None:
    """Say that a consent can be used up, before work is put into its act.

    Raises:
        ConsentError: as `redeem`.
    """
    record = uow.consents.get(consent.request)
    usable_consent(uow, record, at).require(consent.deed)


def redeem(
    uow: AuthorityUnitOfWork, consent: Consent, *, outcome: str, at: datetime
) -> None:
    """Use a consent up, in the transaction that records its act.

    Carried out before with the same outcome, it is used up already: the act is found,
    not repeated.

    Raises:
        ConsentUsed: it was carried out, and something else came of it.
        ConsentExpired, ConsentRefused: it is too late.
        NotInOffice: requester or approver is not in office any more.
    """
    record = uow.consents.get(consent.request)
    if record.used_at is not None and record.outcome == outcome:
        return
    check(uow, consent, at)
    uow.consents.use(record.id, outcome=outcome, at=at)
    uow.audit.append(
        at=at,
        by=consent.id,
        act="consent.used",
        subject=record.id,
        details={
            "act": record.act,
            "digest": record.digest.hex(),
            "requested_by": consent.requested_by,
            "approved_by": consent.approved_by,
            "outcome": outcome,
        },
    )


def settle(office: Office, consent: Consent, *, outcome: str, at: datetime) -> None:
    """Use a consent up for what is found done already; the same outcome again is fine.

    Raises:
        ConsentError: as `redeem`.
    """
    with office.store.write() as uow:
        redeem(uow, consent, outcome=outcome, at=at)
        uow.commit()


def open_requests(office: Office, *, at: datetime) -> tuple[ConsentRecord, ...]:
    """What waits to be approved or carried out, oldest first."""
    with office.store.read() as uow:
        return tuple(record for record in uow.consents.open() if at <= record.expires)


def deed_of(record: ConsentRecord) -> Deed:
    """The deed that a request asks for; ConsentMismatch if the record was altered."""
    deed = Deed(DeedKind(record.act), json.loads(record.parameters))
    if deed.digest != record.digest:
        raise ConsentMismatch(
            f"request {record.id} was altered in the books",
            hint="`jpki audit verify` tells what else was; request it anew",
        )
    return deed


def _consent(record: ConsentRecord) -> Consent:
    deed = deed_of(record)
    if record.approved_by is None:
        raise ConsentRequired(
            f"request {record.id} is not approved",
            hint="another operator approves it first",
        )
    return Consent(
        request=record.id,
        deed=deed,
        requested_by=record.requested_by,
        approved_by=record.approved_by,
        seal=_SEAL,
    )


def _kept(
    evidence: Evidence | None, by: Caller, act: str, request: str, digest: bytes
) -> Mapping[str, str]:
    """What the log keeps of it, once it is known to say what the entry will say."""
    if evidence is not None:
        try:
            require_said(evidence, by.public_key, by.id, act, request, digest.hex())
        except JpkiError as error:
            raise RequestError(f"the signed request: {error.message}") from None
    return evidence_details(evidence)


def _wanted(deed: Deed) -> str:
    return deed.kind.value.replace("-", " ")


def _require_open(record: ConsentRecord) -> None:
    if record.used_at is not None:
        raise ConsentUsed(
            f"request {record.id} was carried out: {record.outcome}",
            hint="what it began is finished by recovery; ask anew for anything else",
        )
    if record.refused_by is not None:
        raise ConsentRefused(
            f"request {record.id} was refused by {record.refused_by}",
            hint="request it anew if it is wanted",
        )


def _require_usable(record: ConsentRecord, at: datetime) -> None:
    _require_open(record)
    if at > record.expires:
        raise ConsentExpired(
            f"request {record.id} expired at {record.expires:%Y-%m-%d %H:%M:%SZ}",
            hint="request it anew if it is wanted",
        )
