"""A pool that remembers what was looked at: the evidence that a verdict rests on."""

from __future__ import annotations

from collections.abc import Iterator

from jpki.model.names import Name
from jpki.verify.crls import RevocationList
from jpki.verify.pool import Pool
from jpki.x509.ocsp import OCSPResponse
from jpki.x509.parse import Certificate

__all__ = ["Seen", "WatchedPool"]


class Seen:
    """What was looked at, each once, in the order in which it was met."""

    def __init__(self) -> None:
        self.certificates: dict[str, Certificate] = {}
        self.crls: dict[str, RevocationList] = {}
        self.ocsp_responses: dict[bytes, OCSPResponse] = {}
        self.complete = True
        """Whether no source failed to bring certificates."""

    def pool(self) -> Pool:
        """All of it, for a verdict on the same."""
        return Pool(
            self.certificates.values(),
            self.crls.values(),
            self.ocsp_responses.values(),
        )


class WatchedPool(Pool):
    """Another pool, with everything that leaves it written down."""

    def __init__(self, pool: Pool, seen: Seen) -> None:
        super().__init__(beneath=(pool,))
        self._seen = seen
        seen.complete = seen.complete and pool.is_complete

    def holding(self, certificate: Certificate) -> Pool:
        """What is at hand as well is watched as well."""
        return WatchedPool(super().holding(certificate), self._seen)

    def certificates(self, subject: Name) -> Iterator[Certificate]:
        """Certificates of this subject, each once."""
        for certificate in super().certificates(subject):
            self._seen.certificates[certificate.fingerprint] = certificate
            yield certificate

    def crls(self, issuer: Name) -> Iterator[RevocationList]:
        """CRLs in this issuer's name, each once."""
        for crl in super().crls(issuer):
            self._seen.crls[crl.fingerprint] = crl
            yield crl

    def ocsp_responses(self, serial: int) -> Iterator[OCSPResponse]:
        """OCSP responses that speak of a certificate with this serial number."""
        for response in super().ocsp_responses(serial):
            self._seen.ocsp_responses[response.raw] = response
            yield response

    def layers(self, end_entity: Certificate) -> tuple[Pool, ...]:
        """This one too: nothing is taken for known because of an earlier verdict."""
        return (self, *super().layers(end_entity))
