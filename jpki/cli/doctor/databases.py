"""The databases: reachable, writable, of the newest schema, closed to others."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from typing import Literal

from jpki.cli.doctor.findings import (
    Finding,
    Words,
    from_error,
    ok,
    problem,
    warning,
)
from jpki.errors import JpkiError, NotFound
from jpki.service.settings import Settings
from jpki.store import AuthorityStore, RegistryStore
from jpki.store.examination import DatabaseState, examine

__all__ = ["databases"]


def databases(settings: Settings) -> Iterator[Finding]:
    """Each database once: reachable, writable, of the newest schema."""
    known: list[tuple[Literal["authority", "registry"], str]] = [
        ("authority", settings.authority.database),
        ("registry", settings.registry.database),
    ]
    if settings.revocation.database != settings.authority.database:
        known.append(("authority", settings.revocation.database))
    for kind, url in known:
        try:
            store = AuthorityStore(url) if kind == "authority" else RegistryStore(url)
            try:
                state = examine(store.database, kind)
                name = f"{kind} {store.database.url.render_as_string()}"
            finally:
                store.close()
        except NotFound as error:
            yield _missing(kind, error.identifier)
        except JpkiError as error:
            yield from_error("database", f"{kind} データベースを使えない", error)
        else:
            yield from _database(name, state)


def _missing(kind: str, file: str) -> Finding:
    if kind == "registry":
        return warning(
            "database",
            Words(
                f"住民登録のデータベース {file} がない",
                f"the register has no database {file} yet",
            ),
            Words(
                "registry_stub が初回に作る。失われたのなら復元する",
                "registry_stub makes it when first started; restore it if it was lost",
            ),
        )
    return problem(
        "database",
        Words(f"認証局のデータベース {file} がない", f"there is no database {file}"),
        Words(
            "バックアップから戻すか jpki init を使う",
            "restore it from its backup, or begin with `jpki init`",
        ),
    )


def _database(name: str, state: DatabaseState) -> Iterator[Finding]:
    if state.current:
        yield ok(
            "database", f"{name}: {state.schema}", f"{name}: schema {state.schema}"
        )
    elif state.known:
        yield problem(
            "database.schema",
            Words(
                f"{name} のスキーマは {state.schema}、最新は {state.newest}",
                f"{name} has schema {state.schema}, the newest is {state.newest}",
            ),
            Words(
                "サーバーを起動すると更新される",
                "start its server, which brings it up to date",
            ),
        )
    else:
        yield problem(
            "database.schema",
            Words(
                f"{name} のスキーマ {state.schema} を知らない",
                f"{name} has schema {state.schema}, which this program does not know",
            ),
            Words("新しい版の jpki を使う", "use the newer jpki that made it"),
        )
    if state.journal_mode not in (None, "wal"):
        yield warning(
            "database.journal",
            Words(
                f"{name} の journal_mode は {state.journal_mode}",
                f"{name} has journal mode {state.journal_mode}, not wal",
            ),
            Words(
                "サーバーを起動すると wal になる",
                "start its server, which sets it; readers wait for writers until then",
            ),
        )
    if state.file is not None:
        mode = stat.S_IMODE(state.file.stat().st_mode)
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield problem(
                "database.mode",
                Words(
                    f"{state.file} の許可 {mode:04o} は他の利用者に開いている",
                    f"{state.file} is open to other users (mode {mode:04o})",
                ),
                Words(*(f"chmod 600 {state.file}",) * 2),
            )
