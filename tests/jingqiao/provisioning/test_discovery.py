"""Unknown senders wait in a list; once bound, what they sent goes through as late readings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingest.dead_letters import newest
from ingest.decode import Router
from ingest.log import DeadLetter
from ingest.message import Message
from ingest.sqlite_log import SqliteLog
from jingqiao.dossier.registry_store import load_registry
from jingqiao.provisioning.devices import add, refuse
from jingqiao.provisioning.discovery import discovered, names_of, put_through_again, waiting_letters
from tests.support.city import T0, small_city


@pytest.fixture
def database(tmp_path):
    with small_city(tmp_path) as engine:
        yield engine


def reading_message(sensor_id: str, at: int, tilt: float = 1.0) -> Message:
    body = json.dumps({"t": at // 1000, "tilt_deg": tilt}).encode()
    return Message(f"jingqiao/v1/{sensor_id}/readings", body, at)


async def receive(log: SqliteLog, database, *messages: Message) -> None:
    """What the pipeline does with messages."""
    decoded = Router({})(messages, load_registry(database))
    await log.append([decoded.frame] if len(decoded.frame) else [], decoded.dead_letters)


@pytest.mark.parametrize(
    ("topic", "detail", "names"),
    [
        ("jingqiao/v1/x/readings", "topic: sensor 'x' is not in the registry; import it first", ("x",)),
        ("application/7/device/24e1/event/up", "no sensor 24e1, 井-7 in the registry", ("24e1", "井-7")),
        ("application/7/device/24e1/event/up", "", ("24e1",)),
        ("v3/app@tenant/devices/d/up", "", ("d",)),
        ("$sys/p/d/thing/property/post", "", ("d",)),
        ("something/else", "", ()),
    ],
)
def test_the_sender_of_a_letter_is_named(topic, detail, names):
    assert names_of(topic, detail) == names


async def test_unknown_senders_are_listed_with_counts_and_times(database, tmp_path):
    path = tmp_path / "log.sqlite"
    log = SqliteLog(path)
    await receive(log, database, reading_message("new", T0), reading_message("s1", T0))
    await receive(log, database, reading_message("new", T0 + 60_000_000), reading_message("x", T0 + 1))
    await log.append([], [DeadLetter(T0, "jingqiao/v1/bad/readings", b"{", "json", "no JSON")])
    log.close()
    found = [(s.names, s.messages, s.first, s.last) for s in discovered(path, database)]
    assert found == [(("new",), 2, T0, T0 + 60_000_000), (("x",), 1, T0 + 1, T0 + 1)]


async def test_a_refused_sender_is_off_the_list_until_it_is_bound(database, tmp_path):
    path = tmp_path / "log.sqlite"
    log = SqliteLog(path)
    await receive(log, database, reading_message("x", T0))
    log.close()
    refuse(database, "x", at=T0, who="li", why="邻居的设备")
    assert discovered(path, database) == []
    assert [s.refused for s in discovered(path, database, with_refused=True)] == [True]
    assert [letter.topic for letter in newest(path)] == ["jingqiao/v1/x/readings"]


async def test_what_a_sensor_sent_before_it_was_bound_goes_through_and_is_lost_to_nobody(database, tmp_path):
    path = tmp_path / "log.sqlite"
    log = SqliteLog(path)
    times = [T0 + i * 60_000_000 for i in range(5)]
    await receive(log, database, *(reading_message("new", at, 7.0) for at in times))
    await receive(log, database, reading_message("other", T0))
    add(database, "new", "B", at=T0 + 1, who="li")
    registry = load_registry(database)
    done = await put_through_again(path, ["new"], registry, Router({}), log.append, lambda: T0 + 2)
    assert done == 5
    frames = [record for _, record in log.read(0)]
    assert [int(f.time[0]) for f in frames] == times
    assert {int(f.sensor[0]) for f in frames} == {registry.sensor_index("new")}
    assert {float(f.columns["tilt_deg"][0]) for f in frames} == {7.0}
    again = await put_through_again(path, ["new"], registry, Router({}), log.append, lambda: T0 + 3)
    assert again == 0
    assert [s.names for s in discovered(path, database)] == [("other",)]
    log.close()


async def test_a_log_that_cannot_store_leaves_the_letters_for_next_time(database, tmp_path):
    path = tmp_path / "log.sqlite"
    log = SqliteLog(path)
    await receive(log, database, reading_message("new", T0))
    add(database, "new", "B", at=T0 + 1, who="li")

    async def full(_records):
        return None

    done = await put_through_again(path, ["new"], load_registry(database), Router({}), full, lambda: T0)
    assert done == 0
    assert len(waiting_letters(path, ["new"])) == 1
    log.close()


def test_without_a_log_there_is_nobody_to_discover(database, tmp_path):
    assert discovered(Path(tmp_path / "none.sqlite"), database) == []
