"""Databases for the tests in this folder, and the office that most of them ask."""

from __future__ import annotations

import pytest

from jpki.authority import Office
from jpki.store import AuthorityStore
from tests.support.databases import (
    authority_store,
    database_url,
    founded_store,
    registry_store,
)
from tests.support.offices import TARO, Register, new_office

__all__ = ["authority_store", "database_url", "founded_store", "registry_store"]


@pytest.fixture
def register() -> Register:
    """A register with one resident."""
    register = Register()
    register.add(TARO)
    return register


@pytest.fixture
def office(founded_store: AuthorityStore, register: Register) -> Office:
    """The authorities of one prefecture, which ask that register."""
    return new_office(founded_store, register)
