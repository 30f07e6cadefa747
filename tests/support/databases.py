"""Fixtures that give a test an empty database, once on each kind of server."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from jpki.store import AuthorityStore, RegistryStore
from tests.support.postgres import new_database

__all__ = ["authority_store", "database_url", "registry_store"]


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgresql"))]
)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.db"
    return new_database()


# Copying a database that is migrated already is quicker than migrating each one.


@cache
def _sqlite_content() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "authority.db")
        store = AuthorityStore(f"sqlite:///{file}")
        store.migrate()
        store.close()
        return file.read_bytes()


@cache
def _postgresql_template() -> str:
    url = new_database()
    store = AuthorityStore(url)
    store.migrate()
    store.close()
    return url


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgresql"))]
)
def authority_store(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[AuthorityStore]:
    """An empty authority database."""
    if request.param == "sqlite":
        file = tmp_path / "authority.db"
        file.write_bytes(_sqlite_content())
        store = AuthorityStore(f"sqlite:///{file}")
    else:
        store = AuthorityStore(new_database(_postgresql_template()))
    yield store
    store.close()


@pytest.fixture
def registry_store(database_url: str) -> Iterator[RegistryStore]:
    """An empty registry database."""
    store = RegistryStore(database_url)
    store.migrate()
    yield store
    store.close()
