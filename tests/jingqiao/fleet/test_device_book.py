"""What devices say of themselves is kept: the latest word of each, across restarts, off the readings' way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from ingest.log import Control
from jingqiao.database import migrate, open_database, reading, writing
from jingqiao.dossier.tables import device_versions
from jingqiao.fleet.device_book import SAME_US, DeviceBook
from tests.support.postgresql import running

T = 1_760_000_000_000_000


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    def opened(url: str) -> sa.Engine:
        engine = open_database(url)
        migrate(engine)
        return engine

    if request.param == "sqlite":
        engine = opened(f"sqlite:///{tmp_path}/jingqiao.db")
        yield engine
        engine.dispose()
        return
    with running() as url:
        engine = opened(url)
        yield engine
        engine.dispose()


def said(*rows: tuple[int, str, str, str, int]) -> Control:
    return Control("versions", {"sensors": [list(row) for row in rows]}, T)


def kept(database: sa.Engine) -> list[tuple[Any, ...]]:
    with reading(database) as connection:
        query = device_versions.select().order_by(device_versions.c.sensor_row)
        return [tuple(row) for row in connection.execute(query)]


def test_the_latest_word_stands_and_what_it_leaves_out_stays(database: sa.Engine) -> None:
    book = DeviceBook(database)
    book.take(said((3, "v1.0", "A", "0042", T), (70_000, "9", "", "", T)))
    assert book.write() == 2
    book.take(said((3, "v1.1", "", "", T + 5)))
    book.take(said((3, "v0.9", "Z", "", T + 1)))
    assert book.write() == 1
    book.take(said((3, "v0.8", "", "", T - 9)))
    book.write()
    assert kept(database) == [(3, "v1.1", "A", "0042", T + 5), (70_000, "9", "", "", T)]


def test_a_device_that_repeats_itself_costs_no_write_until_an_hour_is_over(database: sa.Engine) -> None:
    book = DeviceBook(database)
    for minute in range(60):
        book.take(said((0, "v1", "", "", T + minute * 60_000_000)))
    assert book.write() == 1
    assert book.write() == 0
    book.take(said((0, "v1", "", "", T + SAME_US)))
    assert book.write() == 1
    assert kept(database) == [(0, "v1", "", "", T + SAME_US)]


def test_other_controls_say_nothing_here(database: sa.Engine) -> None:
    book = DeviceBook(database)
    book.take(Control("presence", {"sensor_id": "a", "online": True}, T))
    assert book.write() == 0


def test_what_the_database_cannot_take_waits_and_is_said_once(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/jingqiao.db")
    book = DeviceBook(database)  # no tables yet
    book.take(said((1, "v1", "", "", T)))
    with capture_logs() as logs:
        assert [book.write(), book.write()] == [0, 0]
    assert len(logs) == 1
    assert "waits for the database" in logs[0]["event"]
    migrate(database)
    book.take(said((1, "v2", "", "", T + 1)))
    assert book.write() == 1
    assert kept(database) == [(1, "v2", "", "", T + 1)]
    with writing(database) as connection:
        connection.execute(device_versions.delete())
    database.dispose()
