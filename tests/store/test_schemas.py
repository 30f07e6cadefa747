"""Migrations and tables say the same, on both kinds of database."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, inspect

from jpki.errors import StoreError
from jpki.store import (
    AuthorityStore,
    RegistryStore,
    authority_tables,
    migrate,
    registry_tables,
)
from jpki.store.engine import Database


@pytest.mark.parametrize(
    ("schema", "metadata"),
    [
        ("authority", authority_tables.METADATA),
        ("registry", registry_tables.METADATA),
    ],
)
def test_migrations_make_the_tables(
    database_url: str, schema: str, metadata: MetaData
) -> None:
    """What the migrations create is what the tables declare, nothing less or more."""
    database = Database(database_url)
    assert not migrate.is_current(database, schema) if not database.is_sqlite else True
    migrate.migrate(database, schema)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    assert migrate.is_current(database, schema)
    database.close()


def test_whether_a_schema_is_current_is_asked_in_silence(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Health checks come every few seconds; a log of them would hide the rest."""
    store = AuthorityStore(database_url)
    store.migrate()
    caplog.set_level("DEBUG", "alembic")
    caplog.clear()
    assert store.is_current()
    assert caplog.records == []
    with store.database.alone() as connection:
        config = migrate.configuration("authority")
        config.attributes["connection"] = connection
        command.downgrade(config, "-1")
    assert not store.is_current()
    store.close()


@pytest.mark.parametrize("schema", ["authority", "registry"])
def test_downgrade_leaves_nothing(database_url: str, schema: str) -> None:
    """The way back ends with an empty database."""
    database = Database(database_url)
    migrate.migrate(database, schema)
    with database.alone() as connection:
        config = migrate.configuration(schema)
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    with database.read() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
    database.close()


def test_concurrent_migrations_take_turns(database_url: str) -> None:
    """Several servers that start at once on an empty database all come up."""
    stores = [AuthorityStore(database_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda store: store.migrate(), stores))
    assert all(store.is_current() for store in stores)
    for store in stores:
        store.close()


def test_sqlite_file_is_private(tmp_path: Path) -> None:
    """Only its owner can read the file and the two beside it."""
    store = RegistryStore(f"sqlite:///{tmp_path}/registry.db")
    store.migrate()
    with store.write() as uow:
        assert uow.residents.count() == 0
        modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        assert modes == {0o600}
        assert len(list(tmp_path.iterdir())) == 3
    store.close()


@pytest.mark.parametrize(
    ("url", "next_step"),
    [
        ("mysql://localhost/x", "sqlite:////"),
        ("nonsense", "sqlite:////"),
        ("sqlite://", "sqlite:////"),
        ("sqlite:///:memory:", "sqlite:////"),
    ],
)
def test_unusable_urls_are_refused(url: str, next_step: str) -> None:
    """A URL that cannot work is refused with the form that does."""
    with pytest.raises(StoreError) as caught:
        AuthorityStore(url)
    assert next_step in str(caught.value.hint)


def test_missing_folder_is_named(tmp_path: Path) -> None:
    """A database in a folder that is not there says which, and what to do."""
    store = AuthorityStore(f"sqlite:///{tmp_path}/missing/authority.db")
    with pytest.raises(StoreError, match=r"missing/authority\.db") as caught:
        store.migrate()
    assert "create its folder" in str(caught.value.hint)


def test_unmigrated_database_says_so(database_url: str) -> None:
    """Using an empty database says that it must be migrated first."""
    store = AuthorityStore(database_url)
    with pytest.raises(StoreError) as caught, store.read() as uow:
        uow.authorities.all()
    assert "migrate" in str(caught.value.hint)
    store.close()


def test_password_is_not_shown() -> None:
    """A store's representation hides the password of its URL."""
    store = AuthorityStore("postgresql://ca:hunter2@db.example/authority")
    assert "hunter2" not in repr(store)
