"""Evidence over HTTP: authorities' certificates, CRLs and OCSP answers.

Everything is bounded in time and size, redirects are not followed, and whatever goes
wrong becomes a note: a verdict without its evidence is indeterminate, never valid.
CRLs are kept with their ETag: an unchanged one is neither sent nor parsed again.

With a shelf they are kept on disk, and OCSP answers and lists with them. The policy:

- An OCSP answer is given again until its nextUpdate, and not asked for meanwhile (RFC
  9919 section 6), unless `ask_again` is set.
- A CRL is asked for each time, conditionally, or when its `max-age` has passed.
- Where the network is away, what is on the shelf serves for `patience` after the server
  last spoke, and a note says since when. Beyond its nextUpdate it never counts: the
  verdict is then indeterminate, as without it.
- Offline, the shelf is all there is, and patience has no end.
- Only what the certificate's issuer signed comes onto the shelf, and no older CRL
  takes the place of a newer one.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Final
from urllib.parse import urljoin, urlsplit

import urllib3

from jpki.der import oids
from jpki.errors import EncodingError, JpkiError, ServiceUnavailable
from jpki.model.ports import Clock
from jpki.model.suites import Digest
from jpki.verify.crls import RevocationList
from jpki.verify.evidence import Gathered, Issued
from jpki.verify.pool import Pool
from jpki.verify.shelf import Shelf, ShelvedList
from jpki.verify.shelving import is_answer, is_older, is_signed_by
from jpki.verify.statements import CLOCK_SKEW
from jpki.x509.names import rfc4514
from jpki.x509.ocsp import (
    MAX_RESPONSE,
    TRY_LATER,
    OCSPResponse,
    build_request,
    cert_id,
    parse_response,
)
from jpki.x509.parse import Certificate, parse_certificate, parse_crl

__all__ = ["OnlineEvidence"]

_CONNECT_SECONDS: Final = 3.0
_ANSWER_SECONDS: Final = 10.0
_TRANSFER_SECONDS: Final = 60.0
"""For a whole body, however it trickles."""
_CHUNK: Final = 1 << 16
_MAX_INDEX: Final = 16 << 20
"""Octets of a list of certificates or CRLs: 47 authorities need a few hundred kB."""
_MAX_CRL: Final = 256 << 20
"""Octets: five million entries."""
_MAX_LISTS: Final = 64
"""CRLs fetched for one path."""
_MAX_KEPT: Final = 4096
"""CRLs kept: two for each municipality and authority."""

_NOWHERE: Final = b"\0\0\0\0"
"""No distribution point: a length of null follows a tag of null."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Kept:
    tag: str
    crl: RevocationList


class OnlineEvidence:
    """An `EvidenceSource` over HTTP; may be shared by threads.

    Args:
        certificates_url: the authorities' list of certificates (JSON).
        crls_url: the revocation service's list of CRLs (JSON).
        ocsp_url: asked in place of the addresses that certificates name.
        token: shown to the revocation service, where only registered verifiers are
            told (RFC 6750); sent to the hosts of these addresses only.
        shelf: keeps what comes, between processes.
        clock: the time, which a shelf needs.
        patience: how long after the server last spoke a shelved CRL serves while the
            network is away; None until its nextUpdate.
        offline: ask nobody.
        ask_again: ask also where an OCSP answer is on the shelf.
    """

    def __init__(
        self,
        *,
        certificates_url: str | None = None,
        crls_url: str | None = None,
        ocsp_url: str | None = None,
        token: str | None = None,
        shelf: Shelf | None = None,
        clock: Clock | None = None,
        patience: timedelta | None = None,
        offline: bool = False,
        ask_again: bool = False,
    ) -> None:
        if shelf is not None and clock is None:
            raise ValueError("a shelf needs a clock")
        self._token = token
        self._shelf = shelf
        self._clock = clock
        self._patience = patience
        self._offline = offline
        self._ask_again = ask_again
        self._known = frozenset(
            _origin(url) for url in (crls_url, ocsp_url) if url is not None
        )
        self._certificates_url = certificates_url
        self._crls_url = crls_url
        self._ocsp_url = ocsp_url
        self._kept: dict[str, _Kept] = {}
        self._fresh: dict[str, datetime] = {}
        self._http = urllib3.PoolManager(
            maxsize=8,
            retries=False,
            timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=_ANSWER_SECONDS),
        )

    def close(self) -> None:
        """Close idle connections."""
        self._http.clear()

    def certificates(self) -> Gathered:
        """Self-signed and cross certificates of all authorities."""
        if self._certificates_url is None:
            return Gathered()
        notes: list[str] = []
        found: list[Certificate] = []
        try:
            listed = self._list(self._certificates_url, "certificates", notes)
        except JpkiError as error:
            return Gathered(
                pool=Pool(complete=False), notes=(f"certificates: {error.message}",)
            )
        for entry in listed:
            try:
                found.append(parse_certificate(_base64(entry.get("certificate"))))
            except EncodingError as error:
                notes.append(f"a listed certificate: {error.message}")
        return Gathered(pool=Pool(found, complete=not notes), notes=tuple(notes))

    def revocation(self, wanted: Sequence[Issued]) -> Gathered:
        """An OCSP answer for each certificate that names a responder, and the CRLs."""
        notes: list[str] = []
        answers = list(self._ocsp_answers(wanted, notes))
        crls = list(self._crls(wanted, notes))
        return Gathered(
            pool=Pool(crls=crls, ocsp_responses=answers), notes=tuple(notes)
        )

    # -- OCSP -------------------------------------------------------------------------

    def _ocsp_answers(
        self, wanted: Sequence[Issued], notes: list[str]
    ) -> Iterator[OCSPResponse]:
        for issued in wanted:
            subject = rfc4514(issued.certificate.subject)
            try:
                url = self._responder_of(issued.certificate)
                if url is not None:
                    yield self._answer(url, issued)
            except JpkiError as error:
                notes.append(f"OCSP, {subject}: {error.message}")

    def _responder_of(self, certificate: Certificate) -> str | None:
        addresses = certificate.ocsp_urls
        if not addresses:
            return None
        return self._ocsp_url or addresses[0]

    def _answer(self, url: str, issued: Issued) -> OCSPResponse:
        """The answer on the shelf, or a new one."""
        if self._shelf is None:
            return self._ask(url, issued)
        name = f"ocsp {issued.certificate.fingerprint}"
        kept, now = self._shelf.find(name), self._now()
        if kept is not None and (self._offline or not self._ask_again):
            shelved = parse_response(kept.octets)
            if self._offline or is_answer(shelved, issued, now):
                return shelved
        response = self._ask(url, issued)
        if is_answer(response, issued, now):
            self._shelf.put(name, response.raw, now)
        return response

    def _ask(self, url: str, issued: Issued) -> OCSPResponse:
        # RFC 9919 section 3.1.1: one certificate, identified by SHA-1, or by SHA-256
        # where that is known to be understood, as every responder of the service does.
        identifier = cert_id(
            issued.certificate.issuer_der,
            issued.issuer_key,
            issued.certificate.serial,
            Digest.SHA256,
        )
        request = build_request([identifier])
        response = self._told(url, request)
        if response.status == TRY_LATER:
            # RFC 6960 2.3: for the moment. It has opened a key meanwhile, or has fewer
            # to answer; somebody who keeps saying it is not waited for.
            response = self._told(url, request)
        if response.basic is None:
            raise ServiceUnavailable(url, f"OCSP error {response.status}")
        return response

    def _told(self, url: str, request: bytes) -> OCSPResponse:
        headers = {
            "Content-Type": "application/ocsp-request",
            "Accept": "application/ocsp-response",
        }
        told = self._exchange("POST", url, MAX_RESPONSE, body=request, headers=headers)
        return parse_response(told.body)

    # -- CRLs -------------------------------------------------------------------------

    def _crls(
        self, wanted: Sequence[Issued], notes: list[str]
    ) -> Iterator[RevocationList]:
        if self._crls_url is None:
            return
        issuers = {rfc4514(issued.certificate.issuer) for issued in wanted}
        try:
            listed = self._list(self._crls_url, "crls", notes)
        except JpkiError as error:
            notes.append(f"list of CRLs: {error.message}")
            return
        paths = _chosen(
            [entry for entry in listed if entry.get("issuer") in issuers], wanted
        )
        if len(paths) > _MAX_LISTS:
            notes.append(f"more than {_MAX_LISTS} CRLs of the issuers; some left out")
        for path in paths[:_MAX_LISTS]:
            try:
                yield self._crl(self._crls_url, path, wanted, notes)
            except JpkiError as error:
                notes.append(f"CRL {path}: {error.message}")

    def _crl(
        self, base: str, path: object, wanted: Sequence[Issued], notes: list[str]
    ) -> RevocationList:
        url = urljoin(base, path) if isinstance(path, str) else ""
        if _origin(url) != _origin(base):
            raise EncodingError("the list of CRLs points elsewhere")
        if self._shelf is not None:
            return self._shelved(self._shelf, url, wanted, notes)
        kept = self._kept.get(url)
        headers = {} if kept is None else {"If-None-Match": kept.tag}
        answer = self._exchange("GET", url, _MAX_CRL, headers=headers)
        if answer.unchanged and kept is not None:
            return kept.crl
        crl = RevocationList(parse_crl(answer.body))
        self._keep(url, answer.tag, crl)
        return crl

    def _keep(self, url: str, tag: str, crl: RevocationList) -> None:
        if tag:
            if len(self._kept) >= _MAX_KEPT:
                self._kept.pop(next(iter(self._kept)), None)
            self._kept[url] = _Kept(tag, crl)

    def _shelved(
        self, shelf: Shelf, url: str, wanted: Sequence[Issued], notes: list[str]
    ) -> RevocationList:
        now, there = self._now(), shelf.find_list(url)
        if self._offline and there is None:
            raise ServiceUnavailable(url, "not on the shelf")
        if there is not None and (self._offline or self._is_fresh(url, now)):
            return self._mapped(url, there)
        headers = {"If-None-Match": there.tag} if there and there.tag else {}
        try:
            answer = self._exchange("GET", url, _MAX_CRL, headers=headers)
        except ServiceUnavailable as error:
            if there is None or not self._is_patient(there.asked_at, now):
                raise
            notes.append(f"{error.message}; the CRL of {there.asked_at:%Y-%m-%d %H:%M}")
            return self._mapped(url, there)
        self._fresh[url] = now + timedelta(seconds=answer.max_age)
        if answer.unchanged and there is not None:
            shelf.confirm(url, now)
            return self._mapped(url, there)
        fetched = parse_crl(answer.body)
        if not is_signed_by(fetched, wanted) or fetched.this_update > now + CLOCK_SKEW:
            return RevocationList(fetched)
        if there is not None and is_older(fetched, there.crl):
            notes.append(f"{url}: older than the one on the shelf, which stays")
            return self._mapped(url, there)
        shelf.put_list(url, answer.body, answer.tag, now)
        again = shelf.find_list(url)
        return RevocationList(fetched) if again is None else self._mapped(url, again)

    def _mapped(self, url: str, there: ShelvedList) -> RevocationList:
        """One object for one list, so that what is worked out about it stays."""
        kept = self._kept.get(url)
        if kept is not None and kept.crl.crl is there.crl:
            return kept.crl
        crl = RevocationList(there.crl)
        self._keep(url, there.tag or there.crl.fingerprint, crl)
        return crl

    # -- the shelf's policy -----------------------------------------------------------

    def _now(self) -> datetime:
        assert self._clock is not None
        return self._clock()

    def _is_fresh(self, url: str, now: datetime) -> bool:
        until = self._fresh.get(url)
        return until is not None and now < until

    def _is_patient(self, asked_at: datetime, now: datetime) -> bool:
        return self._patience is None or now - asked_at <= self._patience

    # -- HTTP -------------------------------------------------------------------------

    def _list(self, url: str, key: str, notes: list[str]) -> list[dict[str, object]]:
        body = self._index(url, notes)
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            raise EncodingError("the answer is not JSON") from None
        entries = document.get(key) if isinstance(document, dict) else None
        if not isinstance(entries, list) or not all(
            isinstance(entry, dict) for entry in entries
        ):
            raise EncodingError(f"the answer has no list of {key}")
        return entries

    def _index(self, url: str, notes: list[str]) -> bytes:
        """A list of what there is, or the one on the shelf."""
        shelf = self._shelf
        if shelf is None:
            return self._exchange("GET", url, _MAX_INDEX).body
        kept = None
        try:
            if self._offline:
                kept = shelf.find(url)
                if kept is None:
                    raise ServiceUnavailable(url, "not on the shelf")
                return kept.octets
            body = self._exchange("GET", url, _MAX_INDEX).body
        except ServiceUnavailable as error:
            kept = kept or shelf.find(url)
            if kept is None or not self._is_patient(kept.asked_at, self._now()):
                raise
            notes.append(f"{error.message}; the list of {kept.asked_at:%Y-%m-%d %H:%M}")
            return kept.octets
        shelf.put(url, body, self._now())
        return body

    def _exchange(
        self,
        method: str,
        url: str,
        limit: int,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> _Answer:
        if urlsplit(url).scheme not in ("http", "https"):
            raise ServiceUnavailable(url[:200], "not an HTTP address")
        if self._offline:
            raise ServiceUnavailable(url, "offline")
        fields = dict(headers or {})
        if self._token is not None and _origin(url) in self._known:
            fields["Authorization"] = f"Bearer {self._token}"
        try:
            response = self._http.request(
                method,
                url,
                body=body,
                headers=fields,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            try:
                content = _read(response, url, limit)
            finally:
                response.release_conn()
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            _log.info("no answer from %s: %s", url, type(error).__name__)
            raise ServiceUnavailable(url, _in_words(error)) from None
        unchanged = response.status == 304
        if response.status != 200 and not unchanged:
            raise ServiceUnavailable(url, f"it answered {response.status}")
        return _Answer(
            content,
            response.headers.get("ETag", ""),
            unchanged,
            _max_age(response.headers.get("Cache-Control", "")),
        )


@dataclass(frozen=True, slots=True)
class _Answer:
    body: bytes
    tag: str
    unchanged: bool
    max_age: int
    """Seconds for which it need not be asked for again."""


def _read(response: urllib3.BaseHTTPResponse, url: str, limit: int) -> bytes:
    """The whole body, if it comes in time and is no longer than `limit`."""
    deadline = monotonic() + _TRANSFER_SECONDS
    content = bytearray()
    while chunk := response.read1(_CHUNK):
        content += chunk
        if len(content) > limit or monotonic() > deadline:
            response.close()
            slow = len(content) <= limit
            reason = "too slow" if slow else "its answer is too long"
            raise ServiceUnavailable(url, reason)
    return bytes(content)


def _chosen(
    listed: Sequence[Mapping[str, object]], wanted: Sequence[Issued]
) -> list[object]:
    """The addresses of the lists that these certificates name, or else of all complete.

    Only what is fetched hangs on it: what a list is about, the list itself says.
    """
    chosen: dict[object, None] = {}
    for issued in wanted:
        issuer = rfc4514(issued.certificate.issuer)
        own = [entry for entry in listed if entry.get("issuer") == issuer]
        named = issued.certificate.extension(oids.CRL_DISTRIBUTION_POINTS) or b""
        shards = [
            entry.get("path")
            for entry in own
            if entry.get("point") is not None and _octets_of(entry) in named
        ]
        complete = [entry.get("path") for entry in own if entry.get("point") is None]
        chosen |= dict.fromkeys(shards or complete)
    return list(chosen)


def _octets_of(entry: Mapping[str, object]) -> bytes:
    try:
        return _base64(entry["point"]) or _NOWHERE
    except EncodingError:
        return _NOWHERE


def _max_age(field: str) -> int:
    """Of Cache-Control (RFC 9111 5.2.2.1); none where anything else is said."""
    directives = [part.strip().lower() for part in field.split(",")]
    if "no-cache" in directives or "no-store" in directives:
        return 0
    for part in directives:
        name, _, value = part.partition("=")
        if name == "max-age" and value.isdecimal() and len(value) < 9:
            return int(value)
    return 0


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _base64(text: object) -> bytes:
    try:
        if not isinstance(text, str):
            raise ValueError
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise EncodingError("not base64") from None


def _in_words(error: Exception) -> str:
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return "no connection"
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return "too slow"
    return "the connection broke"
