"""kill -9 of the service at 50 random moments under load: nothing lost, nothing twice."""

import asyncio
import random
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from config.rules import load_rules
from devices.frame import Frame
from ingest.sqlite_log import SqliteLog
from jingqiao.database import open_database
from jingqiao.database import reading as reading_rows
from jingqiao.incidents.store import counted
from jingqiao.incidents.tables import alarm_change, incident
from jingqiao.notify.tables import message
from jingqiao.registry_files import load_registry
from jingqiao.runner import judge
from rules.engine import Engine
from tests.support.eventually import eventually_now
from tests.support.http_fake import Answer, HttpFake
from tests.support.mosquitto import Mosquitto
from tests.support.mqtt_publisher import publish
from tests.support.office import COVERS, Office, now_ms, reading

pytestmark = pytest.mark.mosquitto

KILLS = 50
STOLEN = 20


class Publisher(threading.Thread):
    """Publishes a stream without pause; every reading of a sensor has its own seq and time."""

    def __init__(self, broker: Mosquitto) -> None:
        super().__init__(daemon=True)
        self._broker = broker
        self.sent: Counter[int] = Counter()
        self.stolen: set[int] = set()
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.is_set():
            batch = []
            at = now_ms()
            for sensor in range(COVERS):
                self.sent[sensor] += 1
                gone = sensor in self.stolen
                values = {"tilt_deg": 120.0 if gone else 0.5, "open": gone}
                batch.append(reading(sensor, at, seq=self.sent[sensor], **values))
            asyncio.run(publish(self._broker.port, batch))
            self.stop.wait(0.1)


def test_kill_9_at_50_random_moments_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    dice = random.Random(9)
    with (
        Mosquitto(tmp_path / "broker", persistent=True) as broker,
        HttpFake(lambda request: Answer()) as phone,
        Office(
            tmp_path / "office",
            broker.url,
            phone.url.replace("http://", "json://"),
            extra="snapshot_s = 1.0\ntick_s = 0.2",
        ) as office,
    ):
        office.start()  # so that the session exists
        publisher = Publisher(broker)
        publisher.start()
        try:
            time.sleep(1.0)  # readings of whole lids first: these are the baselines
            for kill in range(KILLS):
                if kill % 2:  # at work …
                    office.wait_until_well(60)
                    time.sleep(dice.uniform(0.0, 1.0))
                else:  # … or anywhere in its start: migration, replay, first connection
                    time.sleep(dice.uniform(0.0, 2.5))
                office.kill()
                if kill % 2 == 0 and len(publisher.stolen) < STOLEN:
                    publisher.stolen.add(len(publisher.stolen))
                office.start(wait=False)
        finally:
            publisher.stop.set()
            publisher.join()
        office.wait_until_well(60)
        published = sum(publisher.sent.values())
        database = open_database(f"sqlite:///{office.folder / 'data' / 'jingqiao.sqlite'}")
        expected = {f"42070401010{i:05d}" for i in publisher.stolen}

        def missing_lids() -> Counter[str]:
            with reading_rows(database) as connection:
                # Many lids of one road also make an area incident; the lids are counted, each once.
                rows = connection.execute(incident.select().where(incident.c.hazard == "missing", counted()))
                return Counter(row.asset_id for row in rows)

        eventually_now(lambda: set(missing_lids()) == expected, 60)
        assert office.stop() == 0

        assert len(expected) == STOLEN
        assert missing_lids() == Counter(expected), "an incident was opened twice or is false"
        log = SqliteLog(office.folder / "data" / "log.sqlite")
        records = list(log.read(0, 10_000_000))
        assert [seq for seq, _ in records] == list(range(1, len(records) + 1))
        seen = {
            (int(sensor), int(seq))
            for _, record in records
            if isinstance(record, Frame)
            for sensor, seq in zip(record.sensor, record.seq, strict=True)
        }
        wanted = {(sensor, seq) for sensor, count in publisher.sent.items() for seq in range(1, count + 1)}
        assert len(wanted) == published
        assert wanted - seen == set(), "published readings are missing from the log"
        assert np.all([sensor < COVERS for sensor, _ in seen])

        engine = Engine(
            load_registry(office.folder / "data" / "registry", 1), load_rules(office.folder / "rules.toml")
        )
        replayed = [
            (seq, change.asset_id, change.hazard.value, change.state.value, change.event_at)
            for seq, record in records
            for change in judge(engine, record, lambda control: None)
        ]
        log.close()
        with reading_rows(database) as connection:
            stored = [
                (row.seq, row.asset_id, row.hazard, row.state, row.event_at)
                for row in connection.execute(alarm_change.select().order_by(alarm_change.c.id))
            ]
            messages = connection.execute(message.select()).all()
        database.dispose()
        assert stored == replayed, "what was stored is not what the log says"
        first_calls = Counter((row.incident_id, row.person) for row in messages if row.kind == "step")
        assert set(first_calls.values()) == {1}, "a message stands twice in the outbox"
        assert len({row.dedup_key for row in messages}) == len(messages)
