"""What is at hand: certificates, CRLs and OCSP responses, none of them trusted.

A pool only finds things by name. Everything found in it is checked before it counts,
so that unrelated or hostile things in a pool cannot change a verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from functools import cached_property, lru_cache
from typing import Final, TypeVar

from jpki.errors import EncodingError
from jpki.model.names import Name
from jpki.verify.crls import RevocationList
from jpki.x509.names import normalized
from jpki.x509.ocsp import OCSPResponse, parse_response
from jpki.x509.parse import Certificate, parse_certificate, parse_crl

__all__ = ["Pool"]

_FEW: Final = 8
"""Certificates that a signer may enclose."""

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
_Certificates = tuple[
    dict[Hashable, dict[bytes, Certificate]], dict[Hashable, dict[Hashable, Name]]
]
"""By the subject's name: the certificates, and the names of their issuers."""


class Pool:
    """An index over untrusted objects, with the contents of other pools beneath."""

    def __init__(
        self,
        certificates: Iterable[Certificate] = (),
        crls: Iterable[RevocationList] = (),
        ocsp_responses: Iterable[OCSPResponse] = (),
        *,
        beneath: Iterable[Pool] = (),
        complete: bool = True,
    ) -> None:
        """Index these.

        Args:
            complete: False where a source did not bring all the certificates it has:
                that no path is found then proves nothing.
        """
        self._beneath = tuple(beneath)
        self._complete: bool = complete and all(
            pool._complete for pool in self._beneath
        )
        self._held = tuple(certificates)
        self._crls: dict[Hashable, dict[str, RevocationList]] = {}
        self._ocsp: dict[int, dict[bytes, OCSPResponse]] = {}
        for crl in crls:
            held_lists = self._crls.setdefault(normalized(crl.issuer), {})
            held_lists[crl.fingerprint] = crl
        for response in ocsp_responses:
            for single in response.basic.responses if response.basic else ():
                held_responses = self._ocsp.setdefault(single.cert_id.serial, {})
                held_responses[response.raw] = response

        alone = len(self._held) == 1 and not self._crls and not self._ocsp
        self._sole = self._held[0].raw if alone else None
        """The certificate that is all there is in this layer, if one is."""
        self._few = len(self._held) <= _FEW and not self._crls and not self._ocsp
        holds = bool(self._held or self._crls or self._ocsp)
        self._filled: tuple[Pool, ...] = (
            *((self,) if holds else ()),
            *[filled for pool in self._beneath for filled in pool._filled],
        )

    @classmethod
    def from_der(
        cls,
        parsed: Iterable[Certificate] = (),
        *,
        certificates: Iterable[bytes] = (),
        crls: Iterable[bytes] = (),
        ocsp_responses: Iterable[bytes] = (),
        beneath: Iterable[Pool] = (),
    ) -> Pool:
        """A pool of what can be parsed; what cannot be parsed is not at hand.

        Args:
            parsed: of the certificates, those that need not be parsed again.
        """
        known = {certificate.raw: certificate for certificate in parsed}
        wanted = dict.fromkeys(certificates)
        unknown = [data for data in wanted if data not in known]
        return cls(
            [
                *[known[data] for data in wanted if data in known],
                *_parsed(_certificate, parse_certificate, unknown),
            ],
            _parsed(_list, _read_list, crls),
            _parsed(_response, parse_response, ocsp_responses),
            beneath=beneath,
        )

    @property
    def is_complete(self) -> bool:
        """Whether all the certificates that there are to have are at hand."""
        return self._complete

    @cached_property
    def _by_subject(self) -> _Certificates:
        """Made when it is asked for: most that documents bring is known from before."""
        found: _Certificates = {}, {}
        for certificate in self._held:
            subject = normalized(certificate.subject)
            found[0].setdefault(subject, {})[certificate.raw] = certificate
            issuers = found[1].setdefault(subject, {})
            issuers.setdefault(normalized(certificate.issuer), certificate.issuer)
        return found

    def holding(self, certificate: Certificate) -> Pool:
        """This pool, and this certificate at hand as well."""
        return Pool((certificate,), beneath=(self,))

    def certificates(self, subject: Name) -> Iterator[Certificate]:
        """Certificates of this subject, each once."""
        return self._all(subject, lambda pool: pool._by_subject[0])

    def issuers(self, subject: Name) -> Iterator[Name]:
        """Who is said to have issued this subject's certificates, each name once."""
        return self._all(subject, lambda pool: pool._by_subject[1])

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

        Two pools of the same layers have the same things at hand. A few certificates
        that stand in another layer as well, such as a signer encloses, are no layer.
        """
        own = end_entity.raw
        return tuple(
            [
                pool
                for pool in self._filled
                if pool._sole != own and not (pool._few and self._holds(pool, own))
            ]
        )

    def _holds(self, pool: Pool, own: bytes) -> bool:
        """Whether other layers, which are not left out, hold all that this one does."""
        others = [layer for layer in self._filled if not layer._few]
        return all(
            held.raw == own or any(held.raw in layer._octets for layer in others)
            for held in pool._held
        )

    @cached_property
    def _octets(self) -> frozenset[bytes]:
        return frozenset(held.raw for held in self._held)

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
