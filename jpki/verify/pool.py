"""What is at hand: certificates, CRLs and OCSP responses, none of them trusted.

A pool only finds things by name. Everything found in it is checked before it counts,
so that unrelated or hostile things in a pool cannot change a verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from functools import lru_cache
from typing import Final, TypeVar

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
        self._issuers: dict[Hashable, dict[Hashable, Name]] = {}
        self._crls: dict[Hashable, dict[str, RevocationList]] = {}
        self._ocsp: dict[int, dict[bytes, OCSPResponse]] = {}
        for certificate in certificates:
            subject = normalized(certificate.subject)
            self._certificates.setdefault(subject, {})[certificate.raw] = certificate
            issuers = self._issuers.setdefault(subject, {})
            issuers.setdefault(normalized(certificate.issuer), certificate.issuer)
        for crl in crls:
            held_lists = self._crls.setdefault(normalized(crl.issuer), {})
            held_lists[crl.fingerprint] = crl
        for response in ocsp_responses:
            for single in response.basic.responses if response.basic else ():
                held_responses = self._ocsp.setdefault(single.cert_id.serial, {})
                held_responses[response.raw] = response

        self._sole = self._sole_certificate()
        holds = bool(self._certificates or self._crls or self._ocsp)
        self._filled: tuple[Pool, ...] = (
            *((self,) if holds else ()),
            *(filled for pool in self._beneath for filled in pool._filled),
        )

    def _sole_certificate(self) -> bytes | None:
        """The certificate that is all there is in this layer, if one is."""
        if self._crls or self._ocsp or len(self._certificates) != 1:
            return None
        (held,) = self._certificates.values()
        return next(iter(held)) if len(held) == 1 else None

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
            _parsed(_certificate, parse_certificate, certificates),
            _parsed(_list, _read_list, crls),
            _parsed(_response, parse_response, ocsp_responses),
            beneath=beneath,
        )

    def certificates(self, subject: Name) -> Iterator[Certificate]:
        """Certificates of this subject, each once."""
        return self._all(subject, lambda pool: pool._certificates)

    def issuers(self, subject: Name) -> Iterator[Name]:
        """Who is said to have issued this subject's certificates, each name once."""
        return self._all(subject, lambda pool: pool._issuers)

    def crls(self, issuer: Name) -> Iterator[RevocationList]:
        """CRLs in this issuer's name, each once."""
        return self._all(issuer, lambda pool: pool._crls)

    def ocsp_responses(self, serial: int) -> Iterator[OCSPResponse]:
        """OCSP responses that speak of a certificate with this serial number."""
        return _unique(
            held for pool in self._filled for held in pool._ocsp.get(serial, {}).items()
        )

    def answers(self, serial: int) -> bool:
        """Whether an OCSP response of this layer is about this serial number."""
        return serial in self._ocsp

    def layers(self, end_entity: Certificate) -> tuple[Pool, ...]:
        """What holds anything besides this certificate: this pool and those beneath.

        Two pools of the same layers have the same things at hand.
        """
        own = end_entity.raw
        return tuple([pool for pool in self._filled if pool._sole != own])

    def _all(
        self,
        name: Name,
        index: Callable[[Pool], dict[Hashable, dict[K, T]]],
    ) -> Iterator[T]:
        key = normalized(name)
        return _unique(
            held for pool in self._filled for held in index(pool).get(key, {}).items()
        )


def _unique(items: Iterable[tuple[K, T]]) -> Iterator[T]:
    seen: set[K] = set()
    for key, item in items:
        if key not in seen:
            seen.add(key)
            yield item


def _read_list(data: bytes) -> RevocationList:
    return RevocationList(parse_crl(data))


_SHORT: Final = 8192
_REMEMBERED: Final = 512
"""Octets up to which things are read once, and how many: 12 MiB with what they hold."""

_certificate = lru_cache(maxsize=_REMEMBERED)(parse_certificate)
_list = lru_cache(maxsize=_REMEMBERED)(_read_list)
_response = lru_cache(maxsize=_REMEMBERED)(parse_response)


def _parsed(
    remembered: Callable[[bytes], T],
    read: Callable[[bytes], T],
    data: Iterable[bytes],
) -> Iterator[T]:
    """What can be read of these; what is short and was read lately is the same object.

    Questions that come one after the other bring the same authorities' things.
    """
    for item in data:
        try:
            yield (remembered if len(item) <= _SHORT else read)(item)
        except EncodingError:
            continue
