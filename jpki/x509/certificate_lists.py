"""CRLs from bytes (RFC 5280 section 5): strict, with look-up by serial number.

The frame and every entry are walked once, without making objects of them; an entry is
decoded when it is looked up. Only `EncodingError` escapes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from types import MappingProxyType
from typing import Final, NamedTuple

from jpki.der import oids
from jpki.der.reader import Element, read_one
from jpki.der.times import read_time
from jpki.errors import EncodingError
from jpki.model.names import Name
from jpki.model.revocation import Revocation, RevocationReason
from jpki.x509 import extension_values as values
from jpki.x509.extension_values import Extension
from jpki.x509.general_names import GeneralName
from jpki.x509.names import parse_name
from jpki.x509.revoked_index import RevokedIndex

__all__ = [
    "MAX_CRL",
    "CRLEntry",
    "CertificateList",
    "TBSCertList",
    "open_crl",
    "parse_crl",
    "read_entry",
    "read_tbs_cert_list",
]

MAX_CRL: Final = 512 * 1024 * 1024
"""Octets: some ten million entries."""

_PIECE: Final = 1 << 20

_NO_EXTENSIONS: Final[Mapping[str, Extension]] = MappingProxyType({})
_REMOVE_FROM_CRL: Final = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class CRLEntry:
    """One entry as it stands."""

    serial: int
    revoked_at: datetime
    extensions: Mapping[str, Extension]

    @property
    def reason_code(self) -> int:
        """CRLReason as a number; 0 (unspecified) where it is absent."""
        extension = self.extensions.get(oids.REASON_CODE)
        return 0 if extension is None else read_one(extension.value).integer(0x0A)

    @property
    def removed(self) -> bool:
        """removeFromCRL: a delta CRL takes an earlier hold back (5.3.1)."""
        return self.reason_code == _REMOVE_FROM_CRL

    @property
    def invalidity_date(self) -> datetime | None:
        """Since when the certificate should not be trusted (5.3.2)."""
        extension = self.extensions.get(oids.INVALIDITY_DATE)
        return None if extension is None else read_time(read_one(extension.value, 0x18))

    @property
    def certificate_issuer(self) -> tuple[GeneralName, ...]:
        """In an indirect CRL: whose certificate this and the next entries are about."""
        extension = self.extensions.get(oids.CERTIFICATE_ISSUER)
        if extension is None:
            return ()
        return values.read_general_names_value(extension.value)

    def revocation(self) -> Revocation:
        """This entry as a line of the journal.

        Raises:
            EncodingError: the reason code is unknown, or removes an entry.
        """
        try:
            reason = RevocationReason(self.reason_code)
        except ValueError:
            raise EncodingError(f"reason code {self.reason_code}") from None
        return Revocation(
            serial=self.serial,
            at=self.revoked_at,
            reason=reason,
            invalidity_date=self.invalidity_date,
        )


@dataclass(frozen=True, kw_only=True)
class CertificateList:
    """A whole CRL; its signature is not checked. Compared by its bytes."""

    raw: bytes | memoryview = field(repr=False)
    """A view, where the list lies in a file and is not in memory."""
    version: int = field(compare=False)
    signature_algorithm: bytes = field(compare=False, repr=False)
    signature: bytes = field(compare=False, repr=False)
    issuer: Name = field(compare=False)
    issuer_der: bytes = field(compare=False, repr=False)
    this_update: datetime = field(compare=False)
    next_update: datetime | None = field(compare=False)
    extensions: Mapping[str, Extension] = field(compare=False, repr=False)
    _signed: tuple[int, int] = field(compare=False, repr=False)
    """Where the signed part begins and ends in `raw`."""
    _entries: RevokedIndex = field(compare=False, repr=False)
    """Serial number and offset in `raw`, sorted."""

    @property
    def tbs(self) -> bytes | memoryview:
        """The signed part; copied out of `raw` each time, so that it is held once."""
        begin, end = self._signed
        return self.raw[begin:end]

    def occurrences(self, marker: bytes) -> int:
        """How often these octets stand in the signed part; none of them overlap."""
        begin, end = self._signed
        raw, found, at = memoryview(self.raw), 0, begin
        while at < end:
            # What begins in this piece may end in the next one.
            piece = bytes(raw[at : min(at + _PIECE + len(marker) - 1, end)])
            found += piece.count(marker)
            at += _PIECE
        return found

    def rest(self) -> None:
        """Let go of what was read of a list that lies in a file; it can be read again.

        For who has read through all of it, as checking its signature does.
        """
        self._entries.rest()

    @property
    def index(self) -> RevokedIndex:
        """Where entries are, for who keeps it beside the list."""
        return self._entries

    def __len__(self) -> int:
        """The number of entries."""
        return len(self._entries)

    def __bool__(self) -> bool:
        """A CRL without entries is still a CRL."""
        return True

    def extension(self, oid: str) -> bytes | None:
        """The value of this extension, or None."""
        found = self.extensions.get(oid)
        return None if found is None else found.value

    @cached_property
    def number(self) -> int | None:
        """cRLNumber (5.2.3)."""
        value = self.extension(oids.CRL_NUMBER)
        return None if value is None else read_one(value).integer()

    @cached_property
    def delta_base(self) -> int | None:
        """BaseCRLNumber of a delta CRL (5.2.4)."""
        value = self.extension(oids.DELTA_CRL_INDICATOR)
        return None if value is None else read_one(value).integer()

    @cached_property
    def issuing_distribution_point(self) -> values.IssuingDistributionPoint | None:
        """Which certificates and reasons the list is about (5.2.5)."""
        value = self.extension(oids.ISSUING_DISTRIBUTION_POINT)
        return None if value is None else values.read_issuing_distribution_point(value)

    @cached_property
    def authority_key_identifier(self) -> values.AuthorityKeyIdentifier | None:
        """Which key of the issuer signed."""
        value = self.extension(oids.AUTHORITY_KEY_IDENTIFIER)
        return None if value is None else values.read_authority_key_identifier(value)

    @cached_property
    def freshest_crl(self) -> tuple[values.DistributionPoint, ...]:
        """Where delta CRLs are found (5.2.6)."""
        value = self.extension(oids.FRESHEST_CRL)
        return () if value is None else values.read_crl_distribution_points(value)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the CRL, hexadecimal."""
        return hashlib.sha256(self.raw).hexdigest()

    def find(self, serial: int) -> CRLEntry | None:
        """The entry of this serial number."""
        found = self._entries.find(serial)
        return None if found is None else read_entry(found.next(0x30))

    def lookup(self, serial: int) -> Revocation | None:
        """Since when and why this serial number is revoked, or None if it is not.

        Raises:
            EncodingError: the entry cannot be understood.
        """
        entry = self.find(serial)
        return None if entry is None or entry.removed else entry.revocation()

    def entries(self) -> Iterator[CRLEntry]:
        """Every entry, by position in the list, as indirect CRLs need it."""
        for entry in self._entries.in_order():
            yield read_entry(entry.next(0x30))

    def places(self) -> Sequence[int]:
        """Where each entry begins in `raw`, by position in the list."""
        places: Sequence[int] = self._entries.places()
        return places


def parse_crl(data: bytes | memoryview) -> CertificateList:
    """Parse one DER CRL.

    Args:
        data: a view is read where it stands, and must stay as it is.

    Raises:
        EncodingError: not a CRL, or not DER.
    """
    if len(data) > MAX_CRL:
        raise EncodingError(f"a CRL of {len(data)} octets")
    raw = data if isinstance(data, memoryview) else bytes(data)
    return _read(raw, partial(RevokedIndex.of, raw))


def open_crl(
    raw: memoryview, index: RevokedIndex, *, fingerprint: str
) -> CertificateList:
    """A CRL that was parsed before, with its index and its SHA-256 from then.

    The frame is read again; the entries are not, which takes no time.

    Raises:
        EncodingError: not a CRL, or not DER.
    """

    def known(_revoked: Element, _version: int) -> RevokedIndex:
        return index

    found = _read(raw, known)
    # Where a cached property keeps its value.
    found.__dict__["fingerprint"] = fingerprint
    return found


def _read(
    raw: bytes | memoryview, index_of: Callable[[Element, int], RevokedIndex]
) -> CertificateList:
    outer = read_one(raw, 0x30).enter()
    tbs = outer.next(0x30)
    algorithm = outer.next(0x30).raw
    signature = outer.next().bit_octets()
    outer.finish()

    fields = read_tbs_cert_list(tbs)
    if fields.algorithm != algorithm:
        raise EncodingError("two different signature algorithms in one CRL")
    return CertificateList(
        raw=raw,
        version=fields.version,
        signature_algorithm=algorithm,
        signature=signature,
        issuer=parse_name(fields.issuer),
        issuer_der=fields.issuer,
        this_update=read_time(fields.this_update),
        next_update=None
        if fields.next_update is None
        else read_time(fields.next_update),
        extensions=fields.extensions,
        _signed=(tbs.start, tbs.end),
        _entries=RevokedIndex()
        if fields.revoked is None
        else index_of(fields.revoked, fields.version),
    )


class TBSCertList(NamedTuple):
    """The fields of the signed part, as far as they can be told apart."""

    version: int
    algorithm: bytes
    issuer: bytes
    this_update: Element
    next_update: Element | None
    revoked: Element | None
    """The SEQUENCE of entries."""
    extensions: Mapping[str, Extension]


def read_tbs_cert_list(tbs: Element) -> TBSCertList:
    """TBSCertList (RFC 5280 5.1.2), its entries unread.

    Raises:
        EncodingError: not one, or not DER.
    """
    fields = tbs.enter()
    version_element = fields.optional(0x02)
    if version_element is not None and version_element.integer() != 1:
        raise EncodingError("CRL version is not 2", offset=version_element.start)
    version = 1 if version_element is None else 2
    algorithm = fields.next(0x30).raw
    issuer = fields.next(0x30).raw
    this_update = fields.next()
    next_update = fields.next() if fields.peek() in (0x17, 0x18) else None
    revoked = fields.optional(0x30)
    wrapped = fields.optional(0xA0)
    fields.finish()
    if wrapped is not None and version < 2:
        raise EncodingError("extensions in a version 1 CRL", offset=wrapped.start)
    extensions = _NO_EXTENSIONS
    if wrapped is not None:
        extensions = values.read_extensions(wrapped.inside())
    return TBSCertList(
        version, algorithm, issuer, this_update, next_update, revoked, extensions
    )


def read_entry(element: Element) -> CRLEntry:
    """One entry of a list.

    Raises:
        EncodingError: not one.
    """
    fields = element.enter()
    serial = fields.next().integer()
    revoked_at = read_time(fields.next())
    extensions = values.read_extensions(fields.next(0x30)) if fields else _NO_EXTENSIONS
    return CRLEntry(serial=serial, revoked_at=revoked_at, extensions=extensions)
