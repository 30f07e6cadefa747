"""What is at hand: certificates, CRLs and OCSP responses, none of them trusted.

A pool only finds things by name. Everything found in it is checked before it counts,
so that unrelated or hostile things in a pool cannot change a verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TypeVar

from jpki.errors import EncodingError
from jpki.model.names import Name
from jpki.verify.crls import RevocationList
from jpki.x509.names import normalized
from jpki.x509.ocsp import OCSPResponse, parse_response
from jpki.x509.parse import Certificate, parse_certificate, parse_crl

__all__ = ["Pool"]

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Pool:
    """An index over untrusted objects, with the contents of other pools beneath."""

    def __init__(
        self,
        certificates: Iterable[Certificate] = (),
        crls: Iterable[RevocationList] = (),
        ocsp_responses: Iterable[OCSPResponse] = (),
        *,
        beneath: Iterable[Pool] = (),
    ) -> None:
        self._beneath = tuple(beneath)
        self._certificates: dict[Hashable, dict[bytes, Certificate]] = {}
        self._crls: dict[Hashable, dict[str, RevocationList]] = {}
        self._ocsp: dict[int, dict[bytes, OCSPResponse]] = {}
        for certificate in certificates:
            held = self._certificates.setdefault(normalized(certificate.subject), {})
            held[certificate.raw] = certificate
        for crl in crls:
            held_lists = self._crls.setdefault(normalized(crl.issuer), {})
            held_lists[crl.fingerprint] = crl
        for response in ocsp_responses:
            for single in response.basic.responses if response.basic else ():
                held_responses = self._ocsp.setdefault(single.cert_id.serial, {})
                held_responses[response.raw] = response

    @classmethod
    def from_der(
        cls,
        *,
        certificates: Iterable[bytes] = (),
        crls: Iterable[bytes] = (),
        ocsp_responses: Iterable[bytes] = (),
        beneath: Iterable[Pool] = (),
    ) -> Pool:
        """A pool of what can be parsed; what cannot be parsed is not at hand."""
        return cls(
            _parsed(parse_certificate, certificates),
            map(RevocationList, _parsed(parse_crl, crls)),
            _parsed(parse_response, ocsp_responses),
            beneath=beneath,
        )

    def certificates(self, subject: Name) -> Iterator[Certificate]:
        """Certificates of this subject, each once."""
        return self._all(subject, lambda pool: pool._certificates)

    def crls(self, issuer: Name) -> Iterator[RevocationList]:
        """CRLs in this issuer's name, each once."""
        return self._all(issuer, lambda pool: pool._crls)

    def ocsp_responses(self, serial: int) -> Iterator[OCSPResponse]:
        """OCSP responses that speak of a certificate with this serial number."""
        return _unique(
            held
            for pool in self._layers()
            for held in pool._ocsp.get(serial, {}).items()
        )

    def _all(
        self,
        name: Name,
        index: Callable[[Pool], dict[Hashable, dict[K, T]]],
    ) -> Iterator[T]:
        key = normalized(name)
        return _unique(
            held for pool in self._layers() for held in index(pool).get(key, {}).items()
        )

    def _layers(self) -> Iterator[Pool]:
        yield self
        for pool in self._beneath:
            yield from pool._layers()


def _unique(items: Iterable[tuple[K, T]]) -> Iterator[T]:
    seen: set[K] = set()
    for key, item in items:
        if key not in seen:
            seen.add(key)
            yield item


def _parsed(parse: Callable[[bytes], T], data: Iterable[bytes]) -> Iterator[T]:
    for item in data:
        try:
            yield parse(item)
        except EncodingError:
            continue
