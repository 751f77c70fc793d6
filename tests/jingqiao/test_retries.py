"""Requests to put through again what sensors sent before they were known."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from devices.frame import Frame
from devices.registry import Registry
from ingest.dead_letters import newest
from ingest.decode import Router
from ingest.envelopes.catalogue import routes
from ingest.envelopes.sparkplug import SparkplugDecoder
from ingest.envelopes.sparkplug_payload import PayloadMessage
from ingest.log import Control, DeadLetter
from ingest.message import Message
from ingest.sqlite_log import SqliteLog
from jingqiao.clock import ManualClock
from jingqiao.controls import open_requests
from jingqiao.dossier.importing import import_files
from jingqiao.dossier.registry_store import load_registry
from jingqiao.journal import Journal
from jingqiao.provisioning.devices import add
from jingqiao.provisioning.discovery import known_by_now
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


class Service:
    """As much of the service as back-fill needs."""

    def __init__(self, database: sa.Engine, log: SqliteLog) -> None:
        self.registry: Registry = load_registry(database)
        self.delivered: list[str] = []
        journal = Journal(log, self._deliver)
        self.retries = Retries(database, log.path, lambda: self.registry, journal, ManualClock(T0 + 99))

    async def _deliver(self, seq: int, records: object) -> None:
        assert isinstance(records, list | tuple)
        self.delivered += [r.name if isinstance(r, Control) else "frame" for r in records]


async def receive(log: SqliteLog, database: sa.Engine, *messages: Message) -> None:
    decode = Router(routes(SparkplugDecoder()))
    batch = decode(messages, load_registry(database))
    await log.append([], batch.dead_letters)


def native(sensor_id: str, at: int) -> Message:
    return Message(f"jingqiao/v1/{sensor_id}/readings", b'{"t": %d, "tilt_deg": 1}' % (at // 1000), at)


def waiting(log: SqliteLog) -> int:
    return sum(letter.retried is None for letter in newest(log.path))


async def test_back_fill_waits_for_the_registry_and_comes_after_the_word_that_it_is_history(
    database: sa.Engine, log: SqliteLog
) -> None:
    service = Service(database, log)
    await receive(log, database, native("new", T0 - 7_000_000), native("new", T0 - 5_000_000))
    add(database, "new", "B", at=T0, who="li")
    await service.retries.step()
    assert (service.delivered, waiting(log)) == ([], 2)
    service.registry = load_registry(database)
    await service.retries.step()
    assert (service.delivered, waiting(log)) == (["retry", "frame", "frame"], 0)
    controls = [r for _, r in log.read(0) if isinstance(r, Control)]
    assert [(c.payload["sensor_ids"], c.at) for c in controls] == [(["new"], T0)]
    frames = [r for _, r in log.read(0) if isinstance(r, Frame)]
    assert [int(f.received[0]) for f in frames] == [T0 - 7_000_000, T0 - 5_000_000]
    await service.retries.step()
    assert len(service.delivered) == 3


async def test_a_request_stays_open_until_the_log_has_everything(
    database: sa.Engine, log: SqliteLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    await receive(log, database, native("new", T0 - 7_000_000), native("new", T0 - 5_000_000))
    add(database, "new", "B", at=T0, who="li")
    service = Service(database, log)
    writes = iter([True, True, False, True, True])
    real = Journal.write

    async def write(self: Journal, records: object) -> int | None:
        return await real(self, records) if next(writes) else None  # type: ignore[arg-type]

    monkeypatch.setattr(Journal, "write", write)
    await service.retries.step()
    assert (service.delivered, waiting(log)) == (["retry", "frame"], 1)
    assert len(open_requests(database, retries=True)) == 1
    await service.retries.step()
    assert (service.delivered, waiting(log)) == (["retry", "frame", "retry", "frame"], 0)
    assert open_requests(database, retries=True) == []


async def test_the_tick_leaves_these_requests_alone(database: sa.Engine, log: SqliteLog) -> None:
    add(database, "new", "B", at=T0, who="li")
    names = [asked.control.name for asked in open_requests(database)]
    assert "retry" not in names
    assert "registry" in names
    assert [asked.control.name for asked in open_requests(database, retries=True)] == ["retry"]


async def test_a_sparkplug_birth_from_before_goes_through(database: sa.Engine, log: SqliteLog) -> None:
    payload = PayloadMessage(timestamp=T0 // 1000 - 5000, seq=1)
    payload.metrics.add(name=b"tilt_deg", datatype=10, double_value=4.0)
    birth = Message("spBv1.0/east/DBIRTH/gate/new", payload.SerializeToString(), T0 - 5_000_000)
    await receive(log, database, birth)
    add(database, "new", "B", at=T0, who="li")
    service = Service(database, log)
    await service.retries.step()
    assert (service.delivered, waiting(log)) == (["retry", "frame"], 0)


async def test_what_an_imported_sensor_sent_before_goes_through_without_a_request(
    database: sa.Engine, log: SqliteLog, tmp_path: Path
) -> None:
    service = Service(database, log)
    letters = [native("new", T0 - 7_000_000), native("new", T0 - 5_000_000), native("x", T0)]
    await receive(log, database, *letters)
    await service.retries.step()
    assert service.delivered == []
    sensors = tmp_path / "more.csv"
    sensors.write_text("sensor_id,asset_id\nnew,B\n", "utf-8")
    import_files(database, None, sensors, at=T0 + 1, who="li")
    service.registry = load_registry(database)
    await service.retries.step()
    assert (service.delivered, waiting(log)) == (["retry", "frame", "frame"], 1)
    [word] = [r for _, r in log.read(0) if isinstance(r, Control)]
    assert (word.payload, word.at) == ({"sensor_ids": ["new"]}, T0 - 5_000_000)
    await service.retries.step()
    assert len(service.delivered) == 3


async def test_a_name_in_another_case_is_the_same_sensor(database: sa.Engine, log: SqliteLog) -> None:
    letter = DeadLetter(T0, "x", b"", "unknown_sensor", "no sensor 24E1AB, lid in the registry")
    await log.append([], [letter])
    add(database, "24e1ab", "B", at=T0, who="li", model="em310-tilt")
    assert known_by_now(log.path, load_registry(database)) == {"24E1AB": T0}
