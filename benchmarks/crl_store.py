"""A journal of many revocations in the authorities' own tables."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import text

from jpki.authority.office import Keyring
from jpki.store import AuthorityStore
from jpki.store.authority_records import CertificateKind
from jpki.x509.revocation_columns import RevocationColumns
from tests.support.offices import GOVERNOR, new_office

__all__ = ["fill", "filled", "read"]

_NUMBERS: Final = {
    "sqlite": """WITH RECURSIVE n(i) AS
    (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :rows)""",
    "postgresql": "WITH n(i) AS (SELECT generate_series(0, :rows - 1))",
}
# An odd factor modulo a power of two: all different, and in no order.
_LEADING: Final = "1073741824 + (i * 2654435761) % 1073741824"
_SERIAL: Final = {
    "sqlite": f"printf('%08x0000000000', {_LEADING})",
    "postgresql": f"to_hex({_LEADING.replace('i *', 'i::bigint *')}) || '0000000000'",
}
_RESIDENT: Final = {
    "sqlite": "printf('%011d', 20000000000 + i * 15000)",
    "postgresql": "(20000000000 + i::bigint * 15000)::text",
}
_OCTETS: Final = {
    "sqlite": ("randomblob(32)", "zeroblob(1400)"),
    "postgresql": (
        "sha256(i::text::bytea)",
        "decode(repeat('00', 1400), 'hex')",
    ),
}


def filled(folder: Path, rows: int) -> AuthorityStore:
    """An authority with so many revoked certificates, in SQLite."""
    store = AuthorityStore(f"sqlite:///{folder}/authority.db")
    fill(store, rows)
    return store


def fill(store: AuthorityStore, rows: int, keyring: Keyring | None = None) -> None:
    """Found an authority with so many revoked certificates in an empty database."""
    store.migrate()
    new_office(store, keyring=keyring)
    kind = "sqlite" if store.database.is_sqlite else "postgresql"
    serial, (key, octets) = _SERIAL[kind], _OCTETS[kind]
    with store.database.write() as connection:
        for statement in (
            f"""INSERT INTO certificate (authority, serial, generation, kind, profile,
                state, subject_key, not_before, not_after, prepared_at, prepared_by,
                completed_at, certificate, resident, as_of)
            {_NUMBERS[kind]} SELECT '{GOVERNOR}', {serial}, 1, 'signature', 'filled',
                'issued', {key}, '2014-10-01 00:00:00.000000',
                '2019-10-01 00:00:00.000000', '2014-10-01 00:00:00.000000', 'filler',
                '2014-10-01 00:00:00.000000', {octets}, {_RESIDENT[kind]}, 0 FROM n""",
            f"""INSERT INTO revocation (position, authority, serial, revoked_at, reason,
                ground, actor)
            {_NUMBERS[kind]} SELECT i + 1, '{GOVERNOR}', {serial},
                '2014-10-01 00:00:00.000000', 3, 'moved', 'filler' FROM n""",
            "UPDATE head SET journal_position = :rows",
        ):
            connection.execute(text(statement), {"rows": rows})
        connection.commit()


def read(store: AuthorityStore) -> RevocationColumns:
    """What the complete list of the authority's first key has, by serial number."""
    with store.read() as uow:
        return uow.journal.listed(GOVERNOR, 1, tuple(CertificateKind), alive_at=None)
