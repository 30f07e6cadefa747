"""What the CRLs at hand state about a certificate (RFC 5280 section 6.3).

The clauses of 6.3.3 stand beside the code. Of CRLs with one issuer and one scope the
newest authentic one speaks that is current; older ones are its predecessors. What is
newer and yet not current vouches for nobody, but those whom it lists are listed.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from datetime import datetime

from jpki.der import oids
from jpki.errors import EncodingError
from jpki.model.key_usage import KeyUsage
from jpki.model.names import Name
from jpki.verify.algorithms import require_algorithm
from jpki.verify.crls import RevocationList, names_of, scope_of
from jpki.verify.refusal import Refused
from jpki.verify.statements import (
    Context,
    Statement,
    bound_from,
    is_current,
    is_early,
    outlives,
    reason_label,
    spoken_at,
)
from jpki.verify.validation import CandidatePath
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
    """Authentic statements about the certificate at `index`, by scope: one that is
    current, and before it those that are newer and are not."""
    certificate = path.certificates[index]
    for group in _in_scope(context, certificate):
        yield from _newest(context, path, index, group)


def _in_scope(context: Context, certificate: Certificate) -> list[list[_InScope]]:
    """(b), (d): complete CRLs that are about this certificate, grouped by scope."""
    found: dict[str, _InScope] = {}
    for point in _points(certificate):
        for name in _issuer_names(point, certificate):
            for crl in context.job.pool.crls(name):
                if crl.is_delta or not crl.is_about_certificates:
                    continue
                reasons = scope_of(crl, point, certificate)
                if reasons:
                    held = found.setdefault(crl.fingerprint, _InScope(crl, frozenset()))
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
) -> Iterator[Statement]:
    """The newest authentic CRL that is current, after the newest that is outdated."""
    certificate = path.certificates[index]
    outdated = False
    for held in group:
        crl = held.crl
        if is_early(context.job, crl.crl.this_update):
            continue
        current = _is_current(context, crl)
        if outdated and not current and not context.job.use_deltas:
            continue
        key = _signing_key(context, path, index, crl)  # (f), (g)
        if key is None:
            continue
        if crl.problem is not None:
            yield _unusable(held, certificate)
            continue
        delta = _newest_delta(context, crl, key)  # (c), (h)
        statement = _state(context, held, delta, certificate)
        if statement.current or not outdated:
            yield statement
        if statement.current:
            return
        outdated = True


def _state(
    context: Context,
    held: _InScope,
    delta: RevocationList | None,
    certificate: Certificate,
) -> Statement:
    """(i)-(l): look the certificate up, in the delta first."""
    complete = held.crl
    entry = None if delta is None else _look_up(delta, certificate)
    lists = (complete,) if delta is None else (complete, delta)
    outdated = delta is not None and not _is_current(context, delta)
    # Where deltas are asked for and announced, the complete CRL alone is half the news:
    # whoever withholds the delta must not be able to hide a revocation.
    missing = (delta is None or outdated) and _announces_delta(
        context, complete, certificate
    )
    if delta is not None and (
        # It tells nothing that the complete CRL does not, or vouches for nobody.
        (delta.crl.number or 0) <= (complete.crl.number or 0)
        or (outdated and not _lists(entry))
    ):
        delta = None
    if delta is None or entry is None:
        entry = _look_up(complete, certificate)
    elif entry.removed:
        entry = None  # (k); in a complete CRL a removal means nothing, and it is listed
    crl = (delta or complete).crl
    current = _is_current(context, delta or complete)
    if outlives(context.job, crl.this_update, certificate):
        current = False
    return Statement(
        kind="crl",
        issuer=rfc4514(crl.issuer),
        fingerprint=crl.fingerprint,
        this_update=crl.this_update,
        next_update=crl.next_update,
        number=crl.number,
        covers=held.reasons,
        current=current and not missing,
        revoked_at=None if entry is None else entry.at,
        revocation_reason=None if entry is None else entry.reason,
        lists=lists,
    )


def _is_current(context: Context, crl: RevocationList) -> bool:
    return is_current(context.job, crl.crl.this_update, crl.crl.next_update)


def _unusable(held: _InScope, certificate: Certificate) -> Statement:
    """That there is an authentic list which must not be relied on."""
    crl = held.crl.crl
    listed = held.crl.mentions(certificate)
    return Statement(
        kind="crl",
        issuer=rfc4514(crl.issuer),
        fingerprint=crl.fingerprint,
        this_update=crl.this_update,
        next_update=crl.next_update,
        number=None,
        covers=held.reasons,
        current=False,
        revoked_at=crl.this_update if listed else None,
        problem=held.crl.problem,
    )


@dataclass(frozen=True, slots=True)
class _Entry:
    at: datetime
    reason: str
    removed: bool


def _lists(entry: _Entry | None) -> bool:
    return entry is not None and not entry.removed


def _look_up(crl: RevocationList, certificate: Certificate) -> _Entry | None:
    """What the CRL says of the certificate; an unreadable entry still lists it."""
    try:
        entry = crl.find(certificate)
        if entry is None:
            return None
        at = bound_from(entry.revoked_at, entry.reason_code, entry.invalidity_date)
        return _Entry(at, reason_label(entry.reason_code), entry.removed)
    except EncodingError:
        return _Entry(crl.crl.this_update, reason_label(0), removed=False)


def _announces_delta(
    context: Context, crl: RevocationList, certificate: Certificate
) -> bool:
    """Whether deltas are asked for, and CRL or certificate say that there are some."""
    return context.job.use_deltas and (
        oids.FRESHEST_CRL in crl.crl.extensions
        or oids.FRESHEST_CRL in certificate.extensions
    )


def _newest_delta(
    context: Context, complete: RevocationList, key: bytes
) -> RevocationList | None:
    """(c), (h): the newest delta CRL that fits this complete one; a current one first.

    RFC 5280 5.2.4: one issuer, one scope and one key, and the base is not newer than
    the complete CRL.
    """
    number = complete.crl.number
    if not context.job.use_deltas or number is None:
        return None
    fitting = [
        delta
        for delta in context.job.pool.crls(complete.issuer)
        if delta.is_delta
        and delta.is_about_certificates
        and delta.problem is None
        and delta.crl.number is not None
        and (delta.crl.delta_base or 0) <= number
        and _scope_key(delta) == _scope_key(complete)
        and delta.crl.extension(oids.AUTHORITY_KEY_IDENTIFIER)
        == complete.crl.extension(oids.AUTHORITY_KEY_IDENTIFIER)
        and not is_early(context.job, delta.crl.this_update)
    ]
    fitting.sort(
        key=lambda delta: (_is_current(context, delta), _age_key(delta)), reverse=True
    )
    return next((delta for delta in fitting if _signed(context, delta, key)), None)


def _signed(context: Context, crl: RevocationList, key: bytes) -> bool:
    signed = context.facts.signed(
        key,
        crl.crl.signature_algorithm,
        crl.crl.signature,
        crl.crl.tbs,
        context.budget,
        identity=bytes.fromhex(crl.crl.fingerprint),
    )
    crl.crl.rest()
    if not signed:
        return False
    try:
        require_algorithm(
            context.job.algorithms,
            crl.crl.signature_algorithm,
            key,
            spoken_at(context.job, crl.crl.this_update),
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
    certificate = path.certificates[index]
    if (
        _names_itself(certificate, crl)
        and _may_sign_crls(certificate)
        and _signed(context, crl, certificate.public_key)
    ):
        return certificate.public_key
    for delegate, level in context.delegates(path, index, crl.issuer):
        if (
            _may_sign_crls(delegate)
            and _signed(context, crl, delegate.public_key)
            and context.may_speak(
                path.branch(level, delegate),
                spoken_at(context.job, crl.crl.this_update),
            )
        ):
            return delegate.public_key
    return None


def _names_itself(certificate: Certificate, crl: RevocationList) -> bool:
    """Whether a CRL signer's own status is, by its authority's word, on its own CRL.

    The authority put the signer's name into the signer's own distribution point: there
    is no other place to look. Nobody else may vouch for themselves.
    """
    subject = normalized(certificate.subject)
    return subject == normalized(crl.issuer) and any(
        subject in names_of(point.crl_issuer)
        for point in certificate.crl_distribution_points
    )


def _may_sign_crls(certificate: Certificate) -> bool:
    """(f): if there is a key usage, it includes cRLSign."""
    try:
        usage = certificate.key_usage
    except EncodingError:
        return False
    return usage is None or KeyUsage.CRL_SIGN in usage
