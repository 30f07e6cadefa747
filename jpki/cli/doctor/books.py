"""What the authorities' books say about time, keys, certificates and lists."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from jpki import data
from jpki.authority.publication import SCOPES
from jpki.authority.publication.budget import list_sizes
from jpki.authority.publication.deltas import DELTA
from jpki.cli.doctor.certificates import certificates
from jpki.cli.doctor.findings import (
    Finding,
    Words,
    from_error,
    ok,
    problem,
    warning,
)
from jpki.cli.doctor.keys import keys
from jpki.cli.doctor.view import View
from jpki.errors import JpkiError
from jpki.service.settings import Settings
from jpki.store import AuthorityStore
from jpki.store.examination import examine

__all__ = ["books"]

_IN_FLIGHT: Final = timedelta(minutes=10)
"""What is recorded and not signed for longer was left behind by a crash."""
_CLOCKS_DIFFER: Final = timedelta(seconds=5)
"""Between machines that share a database."""

_SERVE: Final = Words(
    "ca_server を動かす", "run ca_server: it recovers and publishes by itself"
)


def books(settings: Settings, at: datetime) -> Iterator[Finding]:
    """Everything that they tell, if they can be read at all."""
    try:
        store = AuthorityStore(settings.authority.database)
        try:
            # What keeps them from being read is told of the database itself.
            if not examine(store.database, "authority").current:
                return
            with store.read() as uow:
                yield from _findings(View(settings, uow, at))
        finally:
            store.close()
    except JpkiError as error:
        yield from_error("books", "台帳を読めない", error)


def _findings(view: View) -> Iterator[Finding]:
    yield _clock(view)
    if not view.generations():
        yield warning(
            "books",
            Words("認証局がまだない", "no authority is founded yet"),
            Words("jpki init を使う", "found some with `jpki init`"),
        )
        return
    yield from keys(view)
    yield from certificates(view)
    yield from _lists(view)
    yield from _sizes(view)
    yield _pending(view)


def _clock(view: View) -> Finding:
    moved = view.settings.common.clock_offset
    says = f"{view.at:%Y-%m-%dT%H:%M:%SZ}"
    sequence, _ = view.uow.audit.head()
    newest = next(view.uow.audit.walk(after=max(0, sequence - 1)), None)
    if newest is not None:
        written = datetime.fromisoformat(newest.at)
        if written > view.at + _CLOCKS_DIFFER:
            return problem(
                "clock",
                Words(
                    f"時計 {says} は最後の記録 {newest.at} より遅れている",
                    f"the clock says {says}, before the newest entry, {newest.at}",
                ),
                Words(
                    "時計（NTP）と common.clock_offset_seconds を確かめる",
                    "set the clock (NTP) and examine common.clock_offset_seconds",
                ),
            )
    offset = f", moved by {moved}" if moved else ""
    return ok("clock", f"時計 {says}{offset}", f"the clock says {says}{offset}")


def _lists(view: View) -> Iterator[Finding]:
    standing = {
        (record.authority, record.generation, record.scope): record
        for record in view.uow.crls.in_force()
    }
    bad = 0
    wanted = [
        (key.authority, key.number, scope)
        for key in view.generations()
        if key.signs_from <= view.at <= key.signs_until
        for scope in SCOPES
        if scope in data.era(view.settings.common.era).profiles
    ]
    given_up = () if view.settings.authority.crl_delta_minutes else (DELTA,)
    wanted += [name for name in standing if name[2] not in (*SCOPES, *given_up)]
    for authority, number, scope in wanted:
        record = standing.get((authority, number, scope))
        name = f"{scope.upper()} {authority}/{number}"
        if record is None:
            message = Words(f"{name} がまだない", f"{name} was never published")
        elif record.next_update <= view.at:
            end = f"{record.next_update:%Y-%m-%d %H:%MZ}"
            message = Words(f"{name} は {end} に切れた", f"{name} ended at {end}")
        elif record.this_update > view.at + _CLOCKS_DIFFER:
            start = f"{record.this_update:%Y-%m-%d %H:%MZ}"
            message = Words(f"{name} は {start} から", f"{name} begins at {start}")
        else:
            continue
        bad += 1
        yield problem("crl", message, _SERVE)
    if wanted and not bad:
        yield ok(
            "crl",
            f"CRL {len(wanted)} 件は有効",
            f"{len(wanted)} CRLs are fresh",
        )


def _sizes(view: View) -> Iterator[Finding]:
    sizes = list_sizes(view.uow, view.settings.authority.crl_budget_octets)
    for size in sizes:
        if not size.narrow:
            continue
        name = "/".join(map(str, size.name))
        used = f"{size.octets} / {size.budget}"
        finding = problem if size.exceeded else warning
        yield finding(
            "crl.size",
            Words(f"CRL {name} の長さ {used} オクテット", f"CRL {name}: {used} octets"),
            Words(
                "鍵を更新する（jpki ca request rollover）か "
                "authority.crl_budget_octets を上げる",
                "begin a new key (`jpki ca request rollover`), whose list is its own, "
                "or raise authority.crl_budget_octets",
            ),
        )
    if sizes and not any(size.narrow for size in sizes):
        longest = max(size.octets for size in sizes)
        yield ok(
            "crl.size",
            f"最も長いCRLは {longest} オクテット",
            f"the longest CRL has {longest} octets",
        )


def _pending(view: View) -> Finding:
    left = [record.prepared_at for record in view.uow.certificates.pending()]
    left += [record.prepared_at for record in view.uow.crls.prepared()]
    old = sum(view.at - prepared > _IN_FLIGHT for prepared in left)
    if old:
        return warning(
            "pending",
            Words(
                f"署名の済まない番号が {old} 件残っている",
                f"{old} serial or CRL numbers were recorded and never completed",
            ),
            _SERVE,
        )
    return ok(
        "pending",
        f"処理中の番号 {len(left)} 件",
        f"{len(left)} serial or CRL numbers are in work",
    )
