"""The database opens, migrates and keeps its promises, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import jingqiao.exchange.tables
import jingqiao.notify.tables
import jingqiao.tokens.tables  # noqa: F401
from jingqiao.database import metadata, migrate, newest_revision, open_database, reading, writing
from jingqiao.incidents.tables import engine_checkpoint
from tests.support.postgresql import running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    if request.param == "sqlite":
        opened = open_database(f"sqlite:///{tmp_path}/jingqiao.db")
        yield opened
        opened.dispose()
        return
    with running() as url:
        opened = open_database(url)
        yield opened
        opened.dispose()


def test_sqlite_is_durable_and_waits_for_others(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/deep/er/jingqiao.db")
    with reading(engine) as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    engine.dispose()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


def test_migrating_twice_is_migrating_once_and_leads_to_the_tables_of_the_code(engine: sa.Engine) -> None:
    migrate(engine)
    migrate(engine)
    with reading(engine) as connection:
        context = MigrationContext.configure(
            connection,
            opts={"include_object": lambda thing, name, kind, found, other: other is not None or not found},
        )
        assert context.get_current_revision() == newest_revision()
        assert compare_metadata(context, metadata) == []


def test_a_failed_transaction_leaves_nothing(engine: sa.Engine) -> None:
    migrate(engine)
    with pytest.raises(sa.exc.IntegrityError), writing(engine) as connection:
        connection.execute(sa.insert(engine_checkpoint), [{"name": "e", "seq": 1, "committed_at": 2}] * 2)
    with reading(engine) as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM engine_checkpoint")).scalar() == 0


def test_another_kind_of_database_is_named_and_refused() -> None:
    with pytest.raises(ValueError, match="'mysql' is not spoken here"):
        open_database("mysql://office/jingqiao")
