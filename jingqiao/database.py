"""The relational store of what people work on: SQLite by default, PostgreSQL by URL, one Alembic history.

Tables live in each domain's `tables.py` and share `metadata`. All times are BIGINT µs since 1970 UTC.
SQLite runs in WAL mode, so that commands read and write while the service runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

Beside = Callable[[sa.Connection, int], None]
"""Writes what belongs to an act into the act's own transaction (its row of the audit log); told the number of
what the act made or changed."""

BUSY_TIMEOUT_MS: Final = 10_000
"""How long a SQLite writer waits for another process's transaction [ms]."""

_WRITES: Final = "jingqiao_writes"
_MIGRATION_LOCK: Final = 7_204_202_607
"""Advisory lock of PostgreSQL that lets one process migrate at a time."""

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def open_database(url: str) -> sa.Engine:
    """The database behind a URL: `sqlite:///path/to/file.db` or `postgresql://user@host/name`.

    The folder of a SQLite file is made when it is not there. Raises sqlalchemy.exc.ArgumentError for a
    URL that is none, and ValueError for a kind of database that Jingqiao does not speak.
    """
    parsed = sa.make_url(url)
    match parsed.get_backend_name():
        case "sqlite":
            return _open_sqlite(parsed)
        case "postgresql":
            return sa.create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
        case other:
            raise ValueError(f"database {other!r} is not spoken here; use sqlite:///… or postgresql://…")


def nothing_beside(_connection: sa.Connection, _number: int) -> None:
    """For acts that nobody audits."""


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One transaction that means to write; committed at the end, rolled back by an exception.

    SQLite takes the write lock at once (BEGIN IMMEDIATE): a reader that turns writer half-way could
    otherwise fail with SQLITE_BUSY without waiting for the busy timeout.
    """
    with engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
        yield connection


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One transaction that sees one state of the database and never waits for writers."""
    with engine.connect() as connection:
        yield connection


def migrate(engine: sa.Engine) -> None:
    """Bring the schema up to the newest revision; does nothing when it is there already."""
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        config = _alembic()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def newest_revision() -> str:
    """Revision that `migrate` leads to."""
    head = ScriptDirectory.from_config(_alembic()).get_current_head()
    assert head is not None
    return head


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", "jingqiao:migrations")
    config.set_main_option("path_separator", "os")
    return config


def _open_sqlite(url: sa.URL) -> sa.Engine:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver's own transactions would begin too late
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
