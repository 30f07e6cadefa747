"""Certificates of the authorities' own that ended, or will soon."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from jpki.cli.doctor.findings import Finding, Words, ok, problem, warning
from jpki.cli.doctor.view import View
from jpki.store.authority_records import (
    CertificateKind,
    KeyGenerationRecord,
)

__all__ = ["certificates"]

_LONG: Final = timedelta(days=180)
"""Before the end of an authority's key: time for a rollover."""
_SHORT: Final = timedelta(days=30)
"""Before the end of any other certificate."""

_ROLLOVER: Final = Words("鍵を更新する", "roll over to a new key")
_RESPONDER: Final = Words(
    "OCSP 応答者の鍵を認証する", "certify a new responder key for this authority"
)


def certificates(view: View) -> Iterator[Finding]:
    """Authorities, responders, cross certificates and operators."""
    yield from _authorities(view)
    yield from _responders(view)
    yield from _cross_certificates(view)
    yield from _operators(view)


def _authorities(view: View) -> Iterator[Finding]:
    newest: dict[str, KeyGenerationRecord] = {}
    for key in view.generations():
        newest[key.authority] = key
    yield from _ends(
        view,
        "certificate.authority",
        "認証局",
        "authorities",
        [(key.authority, key.signs_until) for key in newest.values()],
        _LONG,
        _ROLLOVER,
    )


def _responders(view: View) -> Iterator[Finding]:
    ends = []
    for authority in view.uow.authorities.all():
        latest = [
            record.not_after
            for record in view.uow.certificates.own(
                authority.id, [CertificateKind.RESPONDER]
            )
            if view.holds(record)
        ]
        if latest:
            ends.append((authority.id, max(latest)))
        else:
            yield problem(
                "certificate.responder",
                Words(
                    f"{authority.id} に有効な OCSP 応答者がない",
                    f"{authority.id} has no responder that may answer now",
                ),
                _RESPONDER,
            )
    yield from _ends(
        view,
        "certificate.responder",
        "OCSP 応答者",
        "responders",
        ends,
        _SHORT,
        _RESPONDER,
    )


def _cross_certificates(view: View) -> Iterator[Finding]:
    latest: dict[tuple[str, bytes], datetime] = {}
    for authority in view.uow.authorities.all():
        for record in view.uow.certificates.own(authority.id, [CertificateKind.CROSS]):
            if view.counts(record):
                pair = (authority.id, record.subject_key)
                latest[pair] = max(record.not_after, latest.get(pair, record.not_after))
    yield from _ends(
        view,
        "certificate.cross",
        "相互認証証明書",
        "cross certificates",
        [(issuer, end) for (issuer, _), end in latest.items()],
        _SHORT,
        Words("相互認証をやり直す", "cross-certify again"),
    )


def _operators(view: View) -> Iterator[Finding]:
    ends = [
        (operator.id, own.not_after)
        for operator in view.uow.operators.all()
        if operator.dismissed_at is None
        for own in [view.uow.certificates.get(operator.authority, operator.serial)]
    ]
    yield from _ends(
        view,
        "certificate.operator",
        "操作者",
        "operators",
        ends,
        _SHORT,
        Words("操作者を登録し直す", "enrol the operator again"),
    )


def _ends(
    view: View,
    check: str,
    ja: str,
    en: str,
    ends: Sequence[tuple[str, datetime]],
    ahead: timedelta,
    step: Words,
) -> Iterator[Finding]:
    """A line for each that ended or ends soon, else one line for all."""
    bad = 0
    for owner, end in ends:
        day = f"{end:%Y-%m-%d}"
        if end < view.at:
            bad += 1
            yield problem(
                check,
                Words(
                    f"{ja} {owner} の証明書は {day} に切れた",
                    f"{en}: the certificate of {owner} ended on {day}",
                ),
                step,
            )
        elif end - view.at < ahead:
            bad += 1
            yield warning(
                check,
                Words(
                    f"{ja} {owner} の証明書は {day} に切れる",
                    f"{en}: the certificate of {owner} ends on {day}",
                ),
                step,
            )
    if ends and not bad:
        first = f"{min(end for _, end in ends):%Y-%m-%d}"
        yield ok(
            check,
            f"{ja} {len(ends)} 件、最初に切れるのは {first}",
            f"{en}: {len(ends)}, the first ends on {first}",
        )
