"""Bring a database to the newest schema, or ask whether it is there (Alembic)."""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from typing import Final

from alembic import command, context
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import column, inspect, select, table

from jpki.store.engine import Database

__all__ = ["configuration", "is_current", "migrate", "run"]

# Alembic keeps the migration under way in module globals.
_one_at_a_time: Final = threading.Lock()

_FOLDER: Final = Path(__file__).parent / "migrations"
_VERSION: Final = table("alembic_version", column("version_num"))
"""Where Alembic writes down what a schema has reached."""


def configuration(schema: str) -> Config:
    """Where Alembic finds the migrations of one schema."""
    config = Config()
    # Config interpolates: a per cent sign in the path must not start a variable.
    config.set_main_option("script_location", str(_FOLDER / schema).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def migrate(database: Database, schema: str) -> None:
    """Run every missing migration in one transaction; concurrent calls take turns."""
    config = configuration(schema)
    with _one_at_a_time, database.alone() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def is_current(database: Database, schema: str) -> bool:
    """Whether the schema is the one that this program was written for.

    Whoever watches a server asks every few seconds: Alembic would log each question.
    """
    with database.read() as connection:
        if not inspect(connection).has_table(_VERSION.name):
            return False
        reached = connection.scalars(select(_VERSION.c.version_num)).all()
    return reached == [_newest(schema)]


@cache
def _newest(schema: str) -> str | None:
    return ScriptDirectory.from_config(configuration(schema)).get_current_head()


def run() -> None:
    """What the two `env.py` files do: migrate over the connection handed in."""
    context.configure(
        connection=context.config.attributes["connection"], transactional_ddl=True
    )
    with context.begin_transaction():
        context.run_migrations()
