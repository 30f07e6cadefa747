"""What kind of certificate an OCSP request is about: not every verifier may ask of all.

A kind never changes, so it is read once for each certificate and kept.
"""

from __future__ import annotations

import threading
from typing import Final

from jpki.authority.answering.responder import Responder
from jpki.errors import EncodingError
from jpki.store import AuthorityStore
from jpki.store.authority_records import CertificateKind
from jpki.x509.ocsp import CertID, parse_request

__all__ = ["AskedKinds"]

_LIMIT: Final = 50_000


class AskedKinds:
    """The kinds of certificates that were asked about; shared by threads."""

    def __init__(self, store: AuthorityStore, responder: Responder) -> None:
        self._store = store
        self._responder = responder
        self._known: dict[CertID, CertificateKind] = {}
        self._lock = threading.Lock()

    def of(self, request: bytes) -> frozenset[CertificateKind]:
        """The kinds of all that a request names; what was never issued has none.

        Raises:
            StoreError: the books cannot be asked, and one of them is not known yet.
        """
        try:
            entries = parse_request(request).entries
        except EncodingError:
            return frozenset()
        unknown = [entry for entry in entries if entry not in self._known]
        found: dict[CertID, CertificateKind] = {}
        if unknown:
            with self._store.read() as uow:
                for entry in unknown:
                    issuer = self._responder.issuer(uow, entry)
                    if issuer is None:
                        continue
                    kinds = uow.certificates.kinds(issuer.authority, [entry.serial])
                    if entry.serial in kinds:
                        found[entry] = kinds[entry.serial]
            with self._lock:
                if len(self._known) + len(found) > _LIMIT:
                    self._known = {}
                self._known |= found
        known = self._known
        return frozenset(
            kind
            for entry in entries
            if (kind := found.get(entry) or known.get(entry)) is not None
        )
