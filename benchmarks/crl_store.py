"""A journal of many revocations in the authorities' own tables."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import text

from jpki.store import AuthorityStore
from jpki.store.authority_records import CertificateKind
from jpki.x509.revocation_columns import RevocationColumns
from tests.support.offices import GOVERNOR, new_office

__all__ = ["filled", "read"]

_NUMBERS: Final = """WITH RECURSIVE n(i) AS
    (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :rows)"""
_SERIAL: Final = "printf('%08x0000000000', 1073741824 + i * 100)"
_FILL: Final = (
    f"""INSERT INTO certificate (authority, serial, generation, kind, profile, state,
        subject_key, not_before, not_after, prepared_at, prepared_by, completed_at,
        certificate, resident, as_of)
    {_NUMBERS} SELECT :authority, {_SERIAL}, 1, 'signature', 'filled', 'issued',
        randomblob(32), :then, :end, :then, 'filler', :then, zeroblob(1400),
        printf('%011d', 20000000000 + i * 15000), 0 FROM n""",
    f"""INSERT INTO revocation (position, authority, serial, revoked_at, reason, ground,
        actor)
    {_NUMBERS} SELECT i + 1, :authority, {_SERIAL}, :then, 3, 'moved', 'filler'
    FROM n""",
    "UPDATE head SET journal_position = :rows",
)


def filled(folder: Path, rows: int) -> AuthorityStore:
    """An authority with so many revoked certificates."""
    store = AuthorityStore(f"sqlite:///{folder}/authority.db")
    store.migrate()
    new_office(store)
    values: dict[str, object] = {
        "authority": GOVERNOR,
        "rows": rows,
        "then": "2014-10-01 00:00:00.000000",
        "end": "2019-10-01 00:00:00.000000",
    }
    with store.database.write() as connection:
        for statement in _FILL:
            named = {
                name: each for name, each in values.items() if f":{name}" in statement
            }
            connection.execute(text(statement), named)
        connection.commit()
    return store


def read(store: AuthorityStore) -> RevocationColumns:
    """What the complete list of the authority's first key has, by serial number."""
    with store.read() as uow:
        return uow.journal.listed(GOVERNOR, 1, tuple(CertificateKind), alive_at=None)
