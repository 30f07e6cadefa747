"""CRLs of a million entries: written where they stay, and signed where they stand.

The list is encoded once into one buffer that has room before and behind what is signed,
for the outer header and the signature. Nothing of its size is ever copied.

The rules for entries are held against the columns, those for everything else against
the bytes around them; who publishes the list still parses all of it first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

import numpy as np

from jpki.der.writer import header, sequence
from jpki.errors import EncodingError
from jpki.model.profiles import CRLProfile
from jpki.model.suites import SignatureSuite
from jpki.x509.certificate_lists import MAX_CRL
from jpki.x509.crl_body import CRLBody
from jpki.x509.crls import crl_frame
from jpki.x509.findings import Finding, refuse_errors
from jpki.x509.issuer_sections import IssuerSection, SectionedBody
from jpki.x509.issuers import IssuerView
from jpki.x509.lint import lint_crl
from jpki.x509.revocation_columns import RevocationColumns

__all__ = ["LargeCRL", "prepare_large_crl"]

_BEFORE: Final = 6
"""Octets of the longest header: a tag and a length below 2^32."""
_BEHIND: Final = 8192
"""Octets for algorithm and signature; those of ML-DSA-87 have 4627."""
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LargeCRL:
    """A list to be signed, and what it says."""

    suite: SignatureSuite
    number: int
    this_update: datetime
    next_update: datetime
    findings: tuple[Finding, ...]
    """What the rules said, short of an error."""
    _buffer: memoryview = field(repr=False)

    @property
    def tbs(self) -> memoryview:
        """The bytes to sign, in their place."""
        return self._buffer[_BEFORE:-_BEHIND].toreadonly()

    def signed(self, signature: bytes) -> memoryview:
        """The whole list, in its place, with this signature.

        Raises:
            EncodingError: there is no signature, or it is longer than any known.
        """
        bits = header(0x03, len(signature) + 1) + bytes(1) + signature
        tail = self.suite.algorithm_identifier + bits
        if not signature or len(tail) > _BEHIND:
            raise EncodingError(f"a signature of {len(signature)} octets")
        end = len(self._buffer) - _BEHIND
        head = header(0x30, end - _BEFORE + len(tail))
        begin = _BEFORE - len(head)
        self._buffer[begin:_BEFORE] = head
        self._buffer[end : end + len(tail)] = tail
        return self._buffer[begin : end + len(tail)].toreadonly()


def prepare_large_crl(
    profile: CRLProfile,
    *,
    issuer: IssuerView,
    number: int,
    this_update: datetime,
    next_update: datetime | None = None,
    entries: RevocationColumns | Sequence[IssuerSection],
    values: Mapping[str, str] = _NOTHING,
    point: bytes | None = None,
    base: int | None = None,
) -> LargeCRL:
    """Encode a list of these revocations.

    The bytes are those that `prepare_crl` makes of the same revocations.

    Args:
        entries: by serial number (`in_order`); those of an indirect CRL by issuer.
        next_update: when the next list is out at the latest; by default, as the
            profile's lifetime says.
        values: fills the profile's placeholders, for a partition's name.
        point: DistributionPointName, DER, instead of the profile's own.
        base: of a delta CRL, the number of the complete one that it goes on from.

    Raises:
        RuleViolation: a value is missing, or a rule refuses the rows or the frame.
        EncodingError: the list is longer than any reader takes.
    """
    frame = crl_frame(
        profile,
        issuer=issuer,
        number=number,
        this_update=this_update,
        next_update=next_update,
        values=values,
        point=point,
        base=base,
    )
    findings = lint_crl(sequence(frame.before, frame.after), profile, issuer.suite)
    refuse_errors(findings)
    body = _body(entries, frame.this_update, dates=profile.invalidity_dates)
    # RFC 5280 5.1.2.6: an empty list MUST be absent.
    before = frame.before + (header(0x30, body.size) if body.size else b"")
    size = len(before) + body.size + len(frame.after)
    before = header(0x30, size) + before
    signed = len(before) + body.size + len(frame.after)
    if signed + _BEFORE + _BEHIND > MAX_CRL:
        raise EncodingError(f"a CRL of {signed} octets")
    buffer = np.empty(_BEFORE + signed + _BEHIND, np.uint8)
    begin = _BEFORE + len(before)
    end = begin + body.size
    buffer[_BEFORE:begin] = np.frombuffer(before, np.uint8)
    body.write(buffer[begin:end])
    buffer[end : end + len(frame.after)] = np.frombuffer(frame.after, np.uint8)
    return LargeCRL(
        suite=issuer.suite,
        number=number,
        this_update=frame.this_update,
        next_update=frame.next_update,
        findings=findings,
        _buffer=buffer.data,
    )


def _body(
    entries: RevocationColumns | Sequence[IssuerSection],
    this_update: datetime,
    *,
    dates: bool,
) -> CRLBody | SectionedBody:
    if isinstance(entries, RevocationColumns):
        return CRLBody(entries, this_update=this_update, dates=dates)
    return SectionedBody(entries, this_update=this_update, dates=dates)
