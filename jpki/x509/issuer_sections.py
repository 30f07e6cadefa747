"""Indirect CRLs: entries of several issuers, each issuer's together (RFC 5280 5.3.3).

The first entry of an issuer names it in a critical extension; those behind it are of
the same issuer. So all entries but one of a section are written and read like those of
any other list.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jpki.der import oids
from jpki.der.reader import Reader
from jpki.errors import EncodingError
from jpki.model.names import Name
from jpki.x509.certificate_lists import CertificateList, read_entry
from jpki.x509.crl_body import CRLBody
from jpki.x509.crls import encode_entry
from jpki.x509.extensions import certificate_issuer, extension
from jpki.x509.general_names import DirectoryName
from jpki.x509.listed_columns import columns_at
from jpki.x509.names import normalized
from jpki.x509.revocation_columns import RevocationColumns, joined

__all__ = ["IssuerSection", "SectionedBody", "sections_in"]


class IssuerSection(NamedTuple):
    """What is revoked of one issuer."""

    issuer: Name
    revoked: RevocationColumns
    """By serial number."""


class SectionedBody:
    """The content of revokedCertificates of an indirect CRL; see `CRLBody`."""

    def __init__(
        self, sections: Sequence[IssuerSection], *, this_update: datetime, dates: bool
    ) -> None:
        """Find the form of every entry.

        Args:
            sections: one for each issuer.
            this_update: nothing is revoked later.
            dates: whether invalidity dates are written.

        Raises:
            RuleViolation: rows that cannot be the entries of this list.
            EncodingError: two sections are of one issuer.
        """
        if len({normalized(section.issuer) for section in sections}) < len(sections):
            raise EncodingError("two sections of one issuer")
        self._parts = [
            _Part(section, this_update=this_update, dates=dates)
            for section in sections
            if len(section.revoked)
        ]
        self.size: Final = sum(part.size for part in self._parts)
        """Octets."""

    def write(self, target: NDArray[np.uint8]) -> None:
        """Write the entries, over exactly as many octets as `size` says."""
        at = 0
        for part in self._parts:
            part.write(target[at : at + part.size])
            at += part.size


class _Part:
    def __init__(
        self, section: IssuerSection, *, this_update: datetime, dates: bool
    ) -> None:
        self._body = CRLBody(section.revoked, this_update=this_update, dates=dates)
        (first,) = section.revoked.at(np.arange(1)).rows()
        named = extension(
            oids.CERTIFICATE_ISSUER, True, certificate_issuer(section.issuer)
        )
        self._first = encode_entry(first, dates=dates, more=named)
        self._longer = len(self._first) - len(encode_entry(first, dates=dates))
        self.size: Final = self._body.size + self._longer

    def write(self, target: NDArray[np.uint8]) -> None:
        # The first entry comes out twice: short, then in full over it.
        self._body.write(target[self._longer :])
        target[: len(self._first)] = np.frombuffer(self._first, np.uint8)


def sections_in(crl: CertificateList) -> Sequence[IssuerSection]:
    """The entries of an indirect CRL, by issuer; those of one that comes twice joined.

    Raises:
        EncodingError: an entry does not say what a revocation is, or an issuer has no
            directory name.
    """
    places = np.array(crl.places(), np.int64)
    if not len(places):
        return ()
    issuers = {0: crl.issuer} | {
        row: name for row, name in _named(crl, places) if name is not None
    }
    begins = sorted(issuers)
    found: dict[object, tuple[Name, list[RevocationColumns]]] = {}
    for begin, end in zip(begins, [*begins[1:], len(places)], strict=True):
        name = issuers[begin]
        _, parts = found.setdefault(normalized(name), (name, []))
        parts.append(columns_at(crl.raw, places[begin:end]))
    return [
        IssuerSection(name, joined(parts).in_order()) for name, parts in found.values()
    ]


def _named(
    crl: CertificateList, places: NDArray[np.int64]
) -> Sequence[tuple[int, Name | None]]:
    """The rows whose entries name an issuer."""
    octets = bytes(crl.raw)
    rows: dict[int, Name | None] = {}
    at = octets.find(_MARK, int(places[0]))
    while at >= 0:
        row = int(np.searchsorted(places, at, side="right")) - 1
        if row not in rows:
            rows[row] = _issuer_of(octets, int(places[row]))
        at = octets.find(_MARK, at + 1)
    return list(rows.items())


def _issuer_of(octets: bytes, place: int) -> Name | None:
    names = read_entry(Reader(octets, place).next(0x30)).certificate_issuer
    if not names:
        return None
    for name in names:
        if isinstance(name, DirectoryName):
            return name.name
    raise EncodingError("certificate issuer without a directory name")


_MARK: Final = bytes.fromhex("0603551d1d")
"""id-ce-certificateIssuer, as it is encoded."""
