"""Alembic's entry point for this schema; the work is in `jpki.store.migrate`."""

from __future__ import annotations

from jpki.store.migrate import run

run()
