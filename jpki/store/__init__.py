"""SQLAlchemy lives here and nowhere else: two databases and their units of work."""

from __future__ import annotations

from jpki.store.authority_store import AuthorityStore, AuthorityUnitOfWork
from jpki.store.registry_store import RegistryStore, RegistryUnitOfWork

__all__ = [
    "AuthorityStore",
    "AuthorityUnitOfWork",
    "RegistryStore",
    "RegistryUnitOfWork",
]
