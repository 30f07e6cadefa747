"""CRLs to be signed (RFC 5280 section 5): a profile and a journal's lines as bytes.

Nothing here signs; `assemble` joins the bytes with the signature. The same arguments
give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from jpki.der import oids
from jpki.der.times import time_choice
from jpki.der.writer import explicit, integer, sequence, tlv
from jpki.errors import RuleViolation
from jpki.model import profiles as rules
from jpki.model.profiles import CRLExtensionRule, CRLProfile, fill
from jpki.model.revocation import Revocation, RevocationReason
from jpki.model.suites import SignatureSuite
from jpki.x509 import extensions
from jpki.x509.findings import Finding, refuse_errors
from jpki.x509.issuers import (
    IssuerView,
    assemble,
    authority_key_identifier,
    fill_name,
    template_values,
)
from jpki.x509.lint import lint_crl
from jpki.x509.names import encode_name

__all__ = [
    "CRLEntry",
    "CRLFrame",
    "PreparedCRL",
    "assemble",
    "crl_frame",
    "encode_entry",
    "prepare_crl",
]

CRLEntry = Revocation
"""What stands in a CRL is a line of the journal."""

_VERSION_2: Final = integer(1)
_NOTHING: Final[Mapping[str, str]] = {}

_REASONS: Final[dict[RevocationReason, bytes]] = {
    reason: extensions.extension(
        oids.REASON_CODE, False, extensions.reason_code(reason)
    )
    for reason in RevocationReason
    # RFC 5280 5.3.1: the code SHOULD be absent instead of unspecified.
    if reason is not RevocationReason.UNSPECIFIED
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedCRL:
    """The bytes to sign, and what they say."""

    tbs: bytes = field(repr=False)
    suite: SignatureSuite
    number: int
    this_update: datetime
    next_update: datetime
    findings: tuple[Finding, ...]
    """What the rules said, short of an error."""


def prepare_crl(
    profile: CRLProfile,
    *,
    issuer: IssuerView,
    number: int,
    this_update: datetime,
    next_update: datetime | None = None,
    entries: Sequence[Revocation] = (),
    values: Mapping[str, str] = _NOTHING,
    point: bytes | None = None,
    base: int | None = None,
) -> PreparedCRL:
    """Encode and lint a list of these revocations, ordered by serial number.

    Args:
        next_update: when the next list is out at the latest; by default, as the
            profile's lifetime says.
        values: fills the profile's placeholders, for a partition's name.
        point: DistributionPointName, DER, instead of the profile's own.
        base: of a delta CRL, the number of the complete one that it goes on from.

    Raises:
        RuleViolation: a value is missing, or a rule refuses the result.
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
    ordered = sorted(entries, key=lambda entry: entry.serial)
    dates = profile.invalidity_dates
    body = b"".join(encode_entry(entry, dates=dates) for entry in ordered)
    # RFC 5280 5.1.2.6: an empty list MUST be absent.
    tbs = sequence(frame.before, tlv(0x30, body) if body else b"", frame.after)
    findings = lint_crl(tbs, profile, issuer.suite)
    refuse_errors(findings)
    return PreparedCRL(
        tbs=tbs,
        suite=issuer.suite,
        number=number,
        this_update=frame.this_update,
        next_update=frame.next_update,
        findings=findings,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class CRLFrame:
    """What stands around the entries of a list."""

    before: bytes
    after: bytes
    this_update: datetime
    next_update: datetime


def crl_frame(
    profile: CRLProfile,
    *,
    issuer: IssuerView,
    number: int,
    this_update: datetime,
    next_update: datetime | None = None,
    values: Mapping[str, str] = _NOTHING,
    point: bytes | None = None,
    base: int | None = None,
) -> CRLFrame:
    """Encode everything but the entries; arguments as for `prepare_crl`.

    Raises:
        RuleViolation: a value is missing.
    """
    begins = this_update.astimezone(UTC).replace(microsecond=0)
    ends = (begins + profile.lifetime) if next_update is None else next_update
    ends = ends.astimezone(UTC).replace(microsecond=0)
    filled = template_values(issuer, values)
    return CRLFrame(
        before=b"".join(
            (
                _VERSION_2,
                issuer.suite.algorithm_identifier,
                encode_name(issuer.name),
                time_choice(begins),
                time_choice(ends),
            )
        ),
        after=explicit(
            0,
            sequence(
                *(
                    _extension(rule, issuer, number, filled, point, base)
                    for rule in profile.extensions
                )
            ),
        ),
        this_update=begins,
        next_update=ends,
    )


def encode_entry(entry: Revocation, *, dates: bool, more: bytes = b"") -> bytes:
    """One entry of revokedCertificates (RFC 5280 5.1.2.6).

    Args:
        entry: what it says.
        dates: whether the invalidity date is written.
        more: an extension behind the others, DER.
    """
    details = _REASONS.get(entry.reason, b"")
    if dates and entry.invalidity_date is not None:
        details += extensions.extension(
            oids.INVALIDITY_DATE,
            False,
            extensions.invalidity_date(entry.invalidity_date),
        )
    details += more
    return sequence(
        integer(entry.serial),
        time_choice(entry.at),
        tlv(0x30, details) if details else b"",
    )


def _extension(
    rule: CRLExtensionRule,
    issuer: IssuerView,
    number: int,
    values: Mapping[str, str],
    point: bytes | None,
    base: int | None,
) -> bytes:
    match rule:
        case rules.AuthorityKeyIdentifierRule():
            value = authority_key_identifier(rule, issuer)
        case rules.CRLNumberRule():
            value = integer(number)
        case rules.DeltaCRLIndicatorRule():
            if base is None:
                raise RuleViolation("crl.delta", "RFC 5280 5.2.4", "it has no base")
            value = extensions.delta_crl_indicator(base)
        case rules.FreshestCRLRule():
            value = extensions.freshest_crl(fill(rule.uri, values))
        case rules.IssuingDistributionPointRule():
            if point is None and rule.issuer_name:
                point = extensions.distribution_point_name(issuer.name)
            elif point is None and rule.name is not None:
                point = extensions.distribution_point_name(fill_name(rule.name, values))
            value = extensions.issuing_distribution_point(
                point,
                only_user_certificates=rule.only_user_certificates,
                only_authority_certificates=rule.only_authority_certificates,
                indirect=rule.indirect,
            )
    return extensions.extension(rule.oid, rule.critical, value)
