"""Answering OCSP requests (RFC 6960, RFC 9654) from the books, signed on the spot.

`good` is said only of serial numbers that were really issued. What is said of all
others is a matter of policy: `unknown`, or nothing at all (`unauthorized`, RFC 9919
section 3.2.2), or `revoked` since 1970 with the extension that says what is meant (RFC
6960 2.2). One request is about one authority: no responder could sign for two. A
signature on a request is not looked at, since anybody may ask (RFC 6960 4.1.2 leaves
it to the responder). While the books or the key are out of reach the answer is
`tryLater` (RFC 6960 2.3): a client knows what that means, and the last CRL is there all
the while.

A key that is not open yet is opened aside (`opened_keys`), and only what it has to sign
waits for it.

Many who ask at the same time are answered from one look into the books: what that costs
hardly depends on how many certificates it is about.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, wait
from datetime import datetime, timedelta
from enum import Enum
from time import monotonic
from typing import Final, NamedTuple

from jpki.authority.answering.ocsp_answers import (
    LATER,
    MALFORMED,
    REFUSED,
    Manner,
    OCSPAnswer,
    signed_answer,
)
from jpki.authority.answering.opened_keys import OpenedKeys
from jpki.authority.answering.status import statuses_of
from jpki.authority.delegating.responder_keys import responder_in_force
from jpki.authority.office import Office, whole_second
from jpki.errors import (
    ConfigurationError,
    EncodingError,
    JpkiError,
    KeyProviderError,
    StoreError,
)
from jpki.model.ports import Clock
from jpki.model.suites import Digest
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import (
    CertificateRecord,
    KeyGenerationRecord,
    ResponderRecord,
)
from jpki.x509.ocsp import (
    CertID,
    OCSPRequest,
    Status,
    Unknown,
    cert_id,
    parse_request,
)

__all__ = ["NeverIssued", "Responder"]

_DIGESTS: Final = {digest.oid: digest for digest in (Digest.SHA1, Digest.SHA256)}
"""Of CertIDs (RFC 9919 section 3.1 and older clients)."""

_DESK_SECONDS: Final = 10.0
"""After which it is looked whether a responder has been renewed."""
_OPENING_SECONDS: Final = 1.0
"""After which one whose key was not open then is looked for again."""
_KEY_SECONDS: Final = 5.0
"""How long who asks for one answer waits for its key."""

_log = logging.getLogger(__name__)


class NeverIssued(Enum):
    """What is said of a serial number that was never issued."""

    UNKNOWN = "unknown"
    UNAUTHORIZED = "unauthorized"
    """Nothing, of all that the request asks."""
    REVOKED = "revoked"
    """On hold since 1970, with the extended-revoke extension (RFC 6960 4.4.8)."""


class _Desk(NamedTuple):
    """A responder of one key."""

    responder: ResponderRecord
    certificate: CertificateRecord
    look_again: float
    """Monotonic seconds."""


class _Draft(NamedTuple):
    """What is to be signed, and by whom."""

    request: OCSPRequest
    statuses: Sequence[Status]
    desk: _Desk


class Responder:
    """Answers for every authority of one office; may be shared by threads."""

    def __init__(
        self,
        office: Office,
        lifetime: timedelta,
        *,
        never_issued: NeverIssued = NeverIssued.UNKNOWN,
        retention: timedelta | None = None,
    ) -> None:
        """Make it.

        Args:
            office: its keyring opens the responders' keys, not the authorities'.
            lifetime: from thisUpdate to nextUpdate, unless the responder's certificate
                ends before.
            never_issued: what is said of serial numbers that were never issued.
            retention: for how long after a certificate's end its revocation is told;
                answers then state the archive cutoff (RFC 6960 4.4.4). None leaves it
                out; what is told is the same, since the books forget nothing.
        """
        self._office = office
        self._manner = Manner(
            lifetime=lifetime,
            retention=retention,
            extended=never_issued is NeverIssued.REVOKED,
        )
        self._unauthorized = never_issued is NeverIssued.UNAUTHORIZED
        self._failing = False
        self._keys = OpenedKeys(office.keyring)
        self._desks: dict[tuple[str, int], _Desk] = {}
        self._issuers: dict[tuple[str, bytes, bytes], KeyGenerationRecord] = {}

    def answer(self, request: bytes, at: datetime) -> OCSPAnswer:
        """Answer one request; hostile octets get `malformedRequest`.

        Waits a moment for a key that is not open.
        """
        try:
            parsed = parse_request(request)
        except EncodingError:
            return MALFORMED
        (answer,) = self.answer_all([parsed], at)
        if answer.opening is not None:
            wait([answer.opening], timeout=_KEY_SECONDS)
            (answer,) = self.answer_all([parsed], at)
        return answer

    def answer_all(
        self, requests: Sequence[OCSPRequest], at: datetime
    ) -> Sequence[OCSPAnswer]:
        """Answer several, in their order, from one look into the books.

        Where a key is not open yet the answer is `tryLater`, and tells who opens it.
        """
        moment = whole_second(at)
        failures: list[JpkiError] = []
        try:
            drafts = self._look_up(requests, moment)
        except (ConfigurationError, KeyProviderError, StoreError) as error:
            failures.append(error)
            answers = [LATER] * len(requests)
        else:
            answers = [self._made(draft, moment, failures) for draft in drafts]
        # Told once, then again when it works and fails anew.
        if failures and not self._failing:
            _log.error("OCSP answers tryLater: %s", failures[0])
        if failures or not any(answer.opening for answer in answers):
            self._failing = bool(failures)
        return answers

    def warm_up(self, stop: threading.Event, clock: Clock) -> None:
        """Have the keys of all responders opened, before anybody asks."""
        while not stop.is_set():
            try:
                with self._office.store.read() as uow:
                    at = whole_second(clock())
                    found = [
                        responder_in_force(
                            uow, key.authority, at=at, generation=key.number
                        )
                        for key in uow.authorities.every_generation()
                    ]
            except StoreError:
                stop.wait(_OPENING_SECONDS)
            else:
                self._keys.want(one[0].key_uri for one in found if one is not None)
                return

    def _made(
        self, draft: _Draft | OCSPAnswer, at: datetime, failures: list[JpkiError]
    ) -> OCSPAnswer:
        if isinstance(draft, OCSPAnswer):
            return draft
        desk = draft.desk
        try:
            key = self._keys.find(desk.responder.key_uri)
            if isinstance(key, Future):
                return OCSPAnswer(body=LATER.body, opening=key)
            return signed_answer(
                draft.request,
                draft.statuses,
                desk.responder,
                desk.certificate,
                key,
                self._manner,
                at=at,
            )
        except (ConfigurationError, KeyProviderError) as error:
            failures.append(error)
            return LATER

    def _look_up(
        self, requests: Sequence[OCSPRequest], at: datetime
    ) -> Sequence[_Draft | OCSPAnswer]:
        """What to say to each, or the answer to who may not be told anything."""
        found: list[_Draft | OCSPAnswer] = [REFUSED] * len(requests)
        with self._office.store.read() as uow:
            self._know(uow, (entry for each in requests for entry in each.entries))
            groups: dict[tuple[str, int], list[int]] = {}
            for place, request in enumerate(requests):
                issuers = {
                    None if issuer is None else (issuer.authority, issuer.number)
                    for issuer in map(self._named, request.entries)
                }
                # One request is about one authority, and one that is here.
                name = issuers.pop()
                if name is not None and not issuers:
                    groups.setdefault(name, []).append(place)
            for (authority, generation), places in groups.items():
                asked = {place: requests[place] for place in places}
                for place, draft in self._of_one_key(
                    uow, authority, generation, asked, at
                ):
                    found[place] = draft
        return found

    def _of_one_key(
        self,
        uow: AuthorityUnitOfWork,
        authority: str,
        generation: int,
        asked: Mapping[int, OCSPRequest],
        at: datetime,
    ) -> Iterable[tuple[int, _Draft | OCSPAnswer]]:
        desk = self._desk(uow, authority, generation, at)
        serials = list(
            {entry.serial for one in asked.values() for entry in one.entries}
        )
        own = [] if desk is None else [desk.responder.serial]
        revoked = uow.journal.revocations(authority, serials + own)
        if desk is not None and desk.responder.serial in revoked:
            desk = self._desk(uow, authority, generation, at, anew=True)
        statuses = dict(
            zip(
                serials,
                statuses_of(
                    uow, authority, serials, generation=generation, revoked=revoked
                ),
                strict=True,
            )
        )
        for place, request in asked.items():
            said = [statuses[entry.serial] for entry in request.entries]
            if self._unauthorized and any(isinstance(one, Unknown) for one in said):
                yield place, REFUSED
            elif desk is None:
                yield place, LATER
            else:
                yield place, _Draft(request, said, desk)

    def _desk(
        self,
        uow: AuthorityUnitOfWork,
        authority: str,
        generation: int,
        at: datetime,
        *,
        anew: bool = False,
    ) -> _Desk | None:
        """Who signs for this key; whoever asks sees to it that it is not revoked."""
        name = (authority, generation)
        known, now = self._desks.get(name), monotonic()
        if anew or (
            known is not None
            and not known.certificate.not_before <= at <= known.certificate.not_after
        ):
            known = None
        if known is not None and now < known.look_again:
            return known
        found = responder_in_force(uow, authority, at=at, generation=generation)
        if found is None:
            self._desks.pop(name, None)
            return None
        if known is not None and not self._keys.is_open(found[0].key_uri):
            # Nobody waits for a renewed one: who is in office goes on until then.
            self._keys.want([found[0].key_uri])
            known = known._replace(look_again=now + _OPENING_SECONDS)
            self._desks[name] = known
            return known
        desk = self._desks[name] = _Desk(*found, now + _DESK_SECONDS)
        return desk

    def issuer(
        self, uow: AuthorityUnitOfWork, entry: CertID
    ) -> KeyGenerationRecord | None:
        """The key that signed the certificate so named, if it is one of ours."""
        self._know(uow, [entry])
        return self._named(entry)

    def _know(self, uow: AuthorityUnitOfWork, entries: Iterable[CertID]) -> None:
        """Read the authorities' keys again where one of these names is new."""
        wanted = {_issuer(entry) for entry in entries if entry.hash_oid in _DIGESTS}
        if not wanted <= self._issuers.keys():
            self._issuers = _issuers(uow)

    def _named(self, entry: CertID) -> KeyGenerationRecord | None:
        return self._issuers.get(_issuer(entry))


def _issuer(entry: CertID) -> tuple[str, bytes, bytes]:
    return entry.hash_oid, entry.issuer_name_hash, entry.issuer_key_hash


def _issuers(
    uow: AuthorityUnitOfWork,
) -> dict[tuple[str, bytes, bytes], KeyGenerationRecord]:
    """Every key of every authority under each form of CertID."""
    found = {}
    for authority in uow.authorities.all():
        for generation in uow.authorities.generations(authority.id):
            for digest in _DIGESTS.values():
                entry = cert_id(authority.name, generation.public_key, 0, digest)
                found[_issuer(entry)] = generation
    return found
