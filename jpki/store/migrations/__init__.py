"""Alembic migrations of both schemas, one folder each."""
