"""Dead letters that somebody chose are tried again, and what they say is history."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from devices.registry import Registry
from ingest.dead_letters import StoredLetter, newest
from ingest.decode import Router
from ingest.envelopes.catalogue import routes
from ingest.envelopes.sparkplug import SparkplugDecoder
from ingest.log import Control, DeadLetter, Record
from ingest.sqlite_log import SqliteLog
from jingqiao.clock import ManualClock
from jingqiao.controls import open_requests
from jingqiao.database import writing
from jingqiao.dossier.registry_store import load_registry, request_control
from jingqiao.journal import Journal
from jingqiao.provisioning.letters import put_letters_through, trial
from jingqiao.retries import Retries
from tests.support.city import T0, small_city


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sa.Engine]:
    with small_city(tmp_path) as engine:
        yield engine


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqliteLog]:
    log = SqliteLog(tmp_path / "log.sqlite")
    yield log
    log.close()


def letter(payload: bytes, sensor_id: str = "s1", reason: str = "codec") -> DeadLetter:
    """As an earlier version of the program left it."""
    return DeadLetter(T0 - 5_000_000, f"jingqiao/v1/{sensor_id}/readings", payload, reason, "old trouble")


GOOD = b'{"t": %d, "tilt_deg": 3}' % ((T0 - 5_000_000) // 1000)


async def test_what_can_be_used_now_goes_into_the_log_behind_the_word_that_it_is_history(
    database: sa.Engine, log: SqliteLog
) -> None:
    await log.append([], [letter(GOOD), letter(b"{"), letter(GOOD, "nobody")])
    heard: list[Record] = []

    async def take(_seq: int, records: object) -> None:
        assert isinstance(records, list | tuple)
        heard.extend(records)

    retries = Retries(
        database, log.path, lambda: load_registry(database), Journal(log, take), ManualClock(T0)
    )
    with writing(database) as connection:
        request_control(connection, "retry", {"letters": [1, 2, 3, 99]}, T0, T0, "li", "model mended")
    await retries.step()
    names = [r.payload.get("sensor_ids") if isinstance(r, Control) else "frame" for r in heard]
    assert names == [None, ["s1"], "frame"]
    asked = heard[0]
    assert isinstance(asked, Control)
    assert (asked.payload["letters"], asked.payload["who"]) == ([1, 2, 3, 99], "li")
    assert {x.number: x.retried for x in newest(log.path)} == {1: T0, 2: None, 3: None}
    assert open_requests(database, retries=True) == []
    await retries.step()
    assert len(heard) == 3


async def test_a_letter_that_went_through_is_not_put_in_twice_and_a_full_log_is_tried_later(
    database: sa.Engine, log: SqliteLog
) -> None:
    await log.append([], [letter(GOOD)])
    registry, decode = load_registry(database), Router(routes(SparkplugDecoder()))

    async def full(_records: object) -> None:
        return None

    async def fine(records: object) -> int:
        assert isinstance(records, list)
        return await log.append(records)

    assert await put_letters_through(log.path, [1], registry, decode, full, lambda: T0) is None
    assert newest(log.path)[0].retried is None
    assert await put_letters_through(log.path, [1], registry, decode, fine, lambda: T0) == 1
    assert await put_letters_through(log.path, [1], registry, decode, fine, lambda: T0) == 0


def test_a_trial_says_what_would_become_of_a_letter_and_stores_nothing(
    database: sa.Engine, tmp_path: Path
) -> None:
    del tmp_path
    registry: Registry = load_registry(database)
    decode = Router(routes(SparkplugDecoder()))

    def stored(payload: bytes) -> StoredLetter:
        return StoredLetter(1, T0, "jingqiao/v1/s1/readings", payload, "codec", "", None)

    assert trial(stored(GOOD), decode, registry).trouble is None
    assert trial(stored(GOOD), decode, registry).readings == 1
    trouble = trial(stored(b"{"), decode, registry).trouble
    assert trouble is not None
    assert trouble.reason == "json"
