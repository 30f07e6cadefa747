"""Databases for the tests in this folder."""

from __future__ import annotations

from tests.support.databases import (
    authority_store,
    database_url,
    founded_store,
    registry_store,
)

__all__ = ["authority_store", "database_url", "founded_store", "registry_store"]
