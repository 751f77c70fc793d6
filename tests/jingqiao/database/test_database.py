"""The database opens, migrates and keeps its promises, on SQLite and on PostgreSQL."""

from pathlib import Path

import sqlalchemy as sa

from jingqiao.database import migrate, open_database, reading, writing


def test_sqlite_is_durable_and_waits_for_others(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/deep/er/jingqiao.db")
    with reading(engine) as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    engine.dispose()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


def test_migrating_twice_is_migrating_once(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/jingqiao.db")
    migrate(engine)
    migrate(engine)
    with writing(engine) as connection:
        connection.execute(
            sa.text("INSERT INTO engine_checkpoint (name, seq, committed_at) VALUES ('e', 1, 2)")
        )
    with reading(engine) as connection:
        assert connection.execute(sa.text("SELECT seq FROM engine_checkpoint")).scalar() == 1
    engine.dispose()
