"""Fixtures that give a test an empty database, once on each kind of server."""

from __future__ import annotations

from collections.abc import Iterator
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


@pytest.fixture
def authority_store(database_url: str) -> Iterator[AuthorityStore]:
    """An empty authority database."""
    store = AuthorityStore(database_url)
    store.migrate()
    yield store
    store.close()


@pytest.fixture
def registry_store(database_url: str) -> Iterator[RegistryStore]:
    """An empty registry database."""
    store = RegistryStore(database_url)
    store.migrate()
    yield store
    store.close()
