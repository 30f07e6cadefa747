"""Evidence over HTTP: authorities' certificates, CRLs and OCSP answers.

Everything is bounded in time and size, redirects are not followed, and whatever goes
wrong becomes a note: a verdict without its evidence is indeterminate, never valid.
CRLs are kept with their ETag: an unchanged one is neither sent nor parsed again.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Final
from urllib.parse import urljoin, urlsplit

import urllib3

from jpki.errors import EncodingError, JpkiError, ServiceUnavailable
from jpki.model.suites import Digest
from jpki.verify.crls import RevocationList
from jpki.verify.evidence import Gathered, Issued
from jpki.verify.pool import Pool
from jpki.x509.names import rfc4514
from jpki.x509.ocsp import (
    MAX_RESPONSE,
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
    """

    def __init__(
        self,
        *,
        certificates_url: str | None = None,
        crls_url: str | None = None,
        ocsp_url: str | None = None,
    ) -> None:
        self._certificates_url = certificates_url
        self._crls_url = crls_url
        self._ocsp_url = ocsp_url
        self._kept: dict[str, _Kept] = {}
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
            listed = self._list(self._certificates_url, "certificates")
        except JpkiError as error:
            return Gathered(notes=(f"certificates: {error.message}",))
        for entry in listed:
            try:
                found.append(parse_certificate(_base64(entry.get("certificate"))))
            except EncodingError as error:
                notes.append(f"a listed certificate: {error.message}")
        return Gathered(pool=Pool(found), notes=tuple(notes))

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
                    yield self._ask(url, issued)
            except JpkiError as error:
                notes.append(f"OCSP, {subject}: {error.message}")

    def _responder_of(self, certificate: Certificate) -> str | None:
        addresses = certificate.ocsp_urls
        if not addresses:
            return None
        return self._ocsp_url or addresses[0]

    def _ask(self, url: str, issued: Issued) -> OCSPResponse:
        # RFC 9919 section 3.1.1: one certificate, identified by SHA-1, or by SHA-256
        # where that is known to be understood, as every responder of the service does.
        identifier = cert_id(
            issued.certificate.issuer_der,
            issued.issuer_key,
            issued.certificate.serial,
            Digest.SHA256,
        )
        body = self._exchange(
            "POST",
            url,
            MAX_RESPONSE,
            body=build_request([identifier]),
            headers={
                "Content-Type": "application/ocsp-request",
                "Accept": "application/ocsp-response",
            },
        ).body
        response = parse_response(body)
        if response.basic is None:
            raise ServiceUnavailable(url, f"OCSP error {response.status}")
        return response

    # -- CRLs -------------------------------------------------------------------------

    def _crls(
        self, wanted: Sequence[Issued], notes: list[str]
    ) -> Iterator[RevocationList]:
        if self._crls_url is None:
            return
        issuers = {rfc4514(issued.certificate.issuer) for issued in wanted}
        try:
            listed = self._list(self._crls_url, "crls")
        except JpkiError as error:
            notes.append(f"list of CRLs: {error.message}")
            return
        paths = [
            entry.get("path") for entry in listed if entry.get("issuer") in issuers
        ]
        if len(paths) > _MAX_LISTS:
            notes.append(f"more than {_MAX_LISTS} CRLs of the issuers; some left out")
        for path in paths[:_MAX_LISTS]:
            try:
                yield self._crl(self._crls_url, path)
            except JpkiError as error:
                notes.append(f"CRL {path}: {error.message}")

    def _crl(self, base: str, path: object) -> RevocationList:
        url = urljoin(base, path) if isinstance(path, str) else ""
        if _origin(url) != _origin(base):
            raise EncodingError("the list of CRLs points elsewhere")
        kept = self._kept.get(url)
        headers = {} if kept is None else {"If-None-Match": kept.tag}
        answer = self._exchange("GET", url, _MAX_CRL, headers=headers)
        if answer.unchanged and kept is not None:
            return kept.crl
        crl = RevocationList(parse_crl(answer.body))
        if answer.tag:
            if len(self._kept) >= _MAX_KEPT:
                self._kept.pop(next(iter(self._kept)), None)
            self._kept[url] = _Kept(answer.tag, crl)
        return crl

    # -- HTTP -------------------------------------------------------------------------

    def _list(self, url: str, key: str) -> list[dict[str, object]]:
        body = self._exchange("GET", url, _MAX_INDEX).body
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
        try:
            response = self._http.request(
                method,
                url,
                body=body,
                headers=headers,
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
        return _Answer(content, response.headers.get("ETag", ""), unchanged)


@dataclass(frozen=True, slots=True)
class _Answer:
    body: bytes
    tag: str
    unchanged: bool


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
