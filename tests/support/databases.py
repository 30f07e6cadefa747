"""Fixtures that give a test an empty database, once on each kind of server."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from jpki.store import AuthorityStore, RegistryStore
from tests.support.offices import new_office
from tests.support.postgres import new_database

__all__ = [
    "authority_store",
    "copy_founded",
    "database_url",
    "founded_store",
    "registry_store",
]


_KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgresql"))]


@pytest.fixture(params=_KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.db"
    return new_database()


# Copying a database that is ready is quicker than making each one. Keys of a founded
# office live in this process's memory, so that its copies can sign.


def _make_ready(store: AuthorityStore, *, founded: bool) -> None:
    store.migrate()
    if founded:
        new_office(store, seed=0)  # not the chance that tests go on with
    store.close()


@cache
def _sqlite_content(*, founded: bool) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "authority.db")
        _make_ready(AuthorityStore(f"sqlite:///{file}"), founded=founded)
        return file.read_bytes()


@cache
def _postgresql_template(*, founded: bool) -> str:
    url = new_database()
    _make_ready(AuthorityStore(url), founded=founded)
    return url


def _copy(kind: str, folder: Path, *, founded: bool) -> AuthorityStore:
    if kind == "sqlite":
        file = folder / "authority.db"
        file.write_bytes(_sqlite_content(founded=founded))
        return AuthorityStore(f"sqlite:///{file}")
    return AuthorityStore(new_database(_postgresql_template(founded=founded)))


def copy_founded(folder: Path) -> AuthorityStore:
    """A founded office's database as a file in this folder."""
    return _copy("sqlite", folder, founded=True)


@pytest.fixture(params=_KINDS)
def authority_store(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[AuthorityStore]:
    """An empty authority database."""
    store = _copy(request.param, tmp_path, founded=False)
    yield store
    store.close()


@pytest.fixture(params=_KINDS)
def founded_store(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[AuthorityStore]:
    """One with a governor's authority and the bridge, as `new_office` founds them."""
    store = _copy(request.param, tmp_path, founded=True)
    yield store
    store.close()


@pytest.fixture
def registry_store(database_url: str) -> Iterator[RegistryStore]:
    """An empty registry database."""
    store = RegistryStore(database_url)
    store.migrate()
    yield store
    store.close()
