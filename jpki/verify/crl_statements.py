"""What the CRLs at hand state about a certificate (RFC 5280 section 6.3).

The clauses of 6.3.3 stand beside the code. Of CRLs with one issuer and one scope only
the newest authentic one speaks; the others are its predecessors.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from datetime import datetime

from jpki.der import oids
from jpki.errors import EncodingError
from jpki.model.names import Name
from jpki.model.profiles import KeyUsage
from jpki.verify.algorithms import require_algorithm
from jpki.verify.crls import RevocationList, names_of, scope_of
from jpki.verify.refusal import Refused
from jpki.verify.statements import (
    Context,
    Statement,
    is_current,
    is_early,
    reason_label,
)
from jpki.verify.validation import CandidatePath
from jpki.x509.certificate_lists import CRLEntry
from jpki.x509.extension_values import DistributionPoint
from jpki.x509.general_names import DirectoryName
from jpki.x509.names import normalized, rfc4514
from jpki.x509.parse import Certificate

__all__ = ["crl_statements"]


@dataclass(slots=True)
class _InScope:
    crl: RevocationList
    reasons: frozenset[int]


def crl_statements(
    context: Context, path: CandidatePath, index: int
) -> Iterator[Statement]:
    """Authentic statements about the certificate at `index`, one for each scope."""
    certificate = path.certificates[index]
    for group in _in_scope(context, certificate):
        statement = _newest(context, path, index, group)
        if statement is not None:
            yield statement


def _in_scope(context: Context, certificate: Certificate) -> list[list[_InScope]]:
    """(b), (d): complete CRLs that are about this certificate, grouped by scope."""
    found: dict[bytes, _InScope] = {}
    for point in _points(certificate):
        for name in _issuer_names(point, certificate):
            for crl in context.job.pool.crls(name):
                if crl.problem is not None or crl.is_delta:
                    continue
                reasons = scope_of(crl, point, certificate)
                if reasons:
                    held = found.setdefault(crl.raw, _InScope(crl, frozenset()))
                    held.reasons |= reasons
    groups: dict[Hashable, list[_InScope]] = {}
    for held in found.values():
        groups.setdefault(_scope_key(held.crl), []).append(held)
    for group in groups.values():
        group.sort(key=lambda held: _age_key(held.crl), reverse=True)
    return list(groups.values())


def _points(certificate: Certificate) -> tuple[DistributionPoint, ...]:
    """The certificate's distribution points, and the one that always is there.

    6.3.3, last paragraph: any CRL of the certificate's issuer counts, whatever the
    certificate names; its point is the issuer's name, with no reasons left out.
    """
    names = (DirectoryName(certificate.issuer), *certificate.issuer_alternative_name)
    implied = DistributionPoint(names, (), None, ())
    return (*certificate.crl_distribution_points, implied)


def _issuer_names(
    point: DistributionPoint, certificate: Certificate
) -> tuple[Name, ...]:
    if not point.crl_issuer:
        return (certificate.issuer,)
    return tuple(
        name.name for name in point.crl_issuer if isinstance(name, DirectoryName)
    )


def _scope_key(crl: RevocationList) -> Hashable:
    return normalized(crl.issuer), crl.crl.extension(oids.ISSUING_DISTRIBUTION_POINT)


def _age_key(crl: RevocationList) -> tuple[datetime, int]:
    return crl.crl.this_update, crl.crl.number or 0


def _newest(
    context: Context, path: CandidatePath, index: int, group: list[_InScope]
) -> Statement | None:
    """The newest authentic CRL of a group; a stale one only if no other is current."""
    certificate = path.certificates[index]
    stale: Statement | None = None
    for held in group:
        crl = held.crl
        if is_early(context.job, crl.crl.this_update):
            continue
        current = is_current(context.job, crl.crl.this_update, crl.crl.next_update)
        if stale is not None and not current and not context.job.use_deltas:
            continue
        key = _signing_key(context, path, index, crl)  # (f), (g)
        if key is None:
            continue
        delta = _delta(context, crl, key)  # (c), (h)
        try:
            statement = _state(context, held, delta, certificate)
        except EncodingError:
            continue
        if statement.current:
            return statement
        stale = stale or statement
    return stale


def _state(
    context: Context,
    held: _InScope,
    delta: RevocationList | None,
    certificate: Certificate,
) -> Statement:
    """(i)-(l): look the certificate up, in the delta first."""
    entry: CRLEntry | None = None
    if delta is not None:
        entry = delta.find(certificate)
    if entry is None:
        entry = held.crl.find(certificate)
    elif entry.removed:
        entry = None  # (k)
    newest = held.crl if delta is None else delta
    crl = newest.crl
    return Statement(
        kind="crl",
        issuer=rfc4514(crl.issuer),
        fingerprint=crl.fingerprint,
        this_update=crl.this_update,
        next_update=crl.next_update,
        number=crl.number,
        covers=held.reasons,
        current=is_current(context.job, crl.this_update, crl.next_update),
        revoked_at=None if entry is None else entry.revoked_at,
        revocation_reason=None if entry is None else reason_label(entry.reason_code),
    )


def _delta(
    context: Context, complete: RevocationList, key: bytes
) -> RevocationList | None:
    """(c), (h): the newest current delta CRL that continues this complete one.

    RFC 5280 5.2.4: one issuer, one scope and one key; the base is not newer than the
    complete CRL, and the delta is.
    """
    number = complete.crl.number
    if not context.job.use_deltas or number is None:
        return None
    best: RevocationList | None = None
    for delta in context.job.pool.crls(complete.issuer):
        crl = delta.crl
        if not delta.is_delta or delta.problem is not None:
            continue
        base, delta_number = crl.delta_base, crl.number
        if (
            base is not None
            and delta_number is not None
            and base <= number < delta_number
            and _scope_key(delta) == _scope_key(complete)
            and crl.extension(oids.AUTHORITY_KEY_IDENTIFIER)
            == complete.crl.extension(oids.AUTHORITY_KEY_IDENTIFIER)
            and is_current(context.job, crl.this_update, crl.next_update)
            and (best is None or _age_key(delta) > _age_key(best))
            and _signed(context, delta, key)
        ):
            best = delta
    return best


def _signed(context: Context, crl: RevocationList, key: bytes) -> bool:
    signed = context.facts.signed(
        key,
        crl.crl.signature_algorithm,
        crl.crl.signature,
        crl.crl.tbs,
        context.budget,
        identity=bytes.fromhex(crl.crl.fingerprint),
    )
    if not signed:
        return False
    try:
        require_algorithm(
            context.job.algorithms, crl.crl.signature_algorithm, key, context.job.at
        )
    except (Refused, EncodingError):
        return False
    return True


def _signing_key(
    context: Context, path: CandidatePath, index: int, crl: RevocationList
) -> bytes | None:
    """(f), (g): the key that signed the CRL, if its holder may.

    It is the key of an authority above the certificate on this path, or one that such
    an authority certified under the CRL issuer's name. Keys from elsewhere in the same
    hierarchy are not enough: two authorities far apart can bear one name.
    """
    issuer = normalized(crl.issuer)
    for level in range(index + 1):
        holder = path.holder_above(level)
        if (
            normalized(path.name_above(level)) == issuer
            and (holder is None or _may_sign_crls(holder))
            and _signed(context, crl, path.key_above(level))
        ):
            return path.key_above(level)
    for delegate in context.job.pool.certificates(crl.issuer):
        if not _may_sign_crls(delegate) or not _signed(
            context, crl, delegate.public_key
        ):
            continue
        if _names_itself(path.certificates[index], delegate):
            return delegate.public_key
        for level in range(index + 1):
            side_path = path.branch(level, delegate)
            if normalized(delegate.issuer) == normalized(
                path.name_above(level)
            ) and context.may_speak(side_path):
                return delegate.public_key
    return None


def _names_itself(certificate: Certificate, delegate: Certificate) -> bool:
    """Whether this CRL signer's own status is, by its authority's word, on its own CRL.

    The authority put the signer's name into the signer's own distribution point: there
    is no other place to look. Nobody else may vouch for themselves.
    """
    return certificate == delegate and any(
        normalized(certificate.subject) in names_of(point.crl_issuer)
        for point in certificate.crl_distribution_points
    )


def _may_sign_crls(certificate: Certificate) -> bool:
    """(f): if there is a key usage, it includes cRLSign."""
    try:
        usage = certificate.key_usage
    except EncodingError:
        return False
    return usage is None or KeyUsage.CRL_SIGN in usage
