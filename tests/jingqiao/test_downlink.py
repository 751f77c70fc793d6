"""Commands on their way: published once, waiting while the broker is away, answered, timed out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from ingest.message import Message
from jingqiao import downlink as module
from jingqiao.clock import ManualClock
from jingqiao.commands.queue import enqueue, listed
from jingqiao.database import reading
from jingqiao.downlink import Downlink
from tests.support.broker_fake import BrokerFake
from tests.support.city import T0, small_city


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sa.Engine]:
    with small_city(tmp_path) as engine:
        yield engine


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(T0)


def ask(database: sa.Engine, seconds: int) -> str:
    return enqueue(database, "g1", {"report_interval_s": seconds}, at=T0 + seconds, who="li", timeout_s=60)


def states(database: sa.Engine) -> dict[str, str]:
    with reading(database) as connection:
        return {row["id"]: row["state"] for row in listed(connection)}


def answer(command_id: str, **more: str) -> Message:
    body = {"state": "online", "ack": command_id, **more}
    return Message("jingqiao/v1/g1/status", json.dumps(body).encode(), T0)


async def test_a_command_is_published_once_and_its_answer_noted(
    database: sa.Engine, clock: ManualClock
) -> None:
    broker = BrokerFake()
    downlink = Downlink(database, [broker], clock)
    first, second = ask(database, 1), ask(database, 2)
    await downlink.step()
    await downlink.step()
    assert [json.loads(payload)["id"] for _, payload in broker.taken] == [first, second]
    assert states(database) == {first: "sent", second: "sent"}
    assert broker.connections == 1
    downlink.hear([answer(first), answer(second, refused="no"), answer("nobody's")])
    await downlink.step()
    assert states(database) == {first: "acked", second: "refused"}


async def test_an_answer_that_comes_before_the_confirmation_counts(
    database: sa.Engine, clock: ManualClock
) -> None:
    downlink = Downlink(database, [broker := BrokerFake()], clock)
    broker.away = True
    command = ask(database, 1)
    downlink.hear([answer(command)])
    await downlink.step()
    broker.away = False
    await clock.advance(10)
    await downlink.step()
    assert states(database) == {command: "acked"}
    assert broker.taken == []


async def test_a_broker_that_is_away_is_left_alone_a_while_and_the_command_waits(
    database: sa.Engine, clock: ManualClock
) -> None:
    broker = BrokerFake()
    broker.away = True
    downlink = Downlink(database, [broker], clock)
    command = ask(database, 1)
    await downlink.step()
    broker.away = False
    await downlink.step()
    assert (broker.connections, states(database)) == (0, {command: "queued"})
    await clock.advance(6)
    await downlink.step()
    assert (len(broker.taken), states(database)) == (1, {command: "sent"})


async def test_what_was_taken_before_the_connection_broke_is_not_sent_again(
    database: sa.Engine, clock: ManualClock
) -> None:
    broker = BrokerFake()
    broker.takes = 1
    downlink = Downlink(database, [broker], clock)
    first, second = ask(database, 1), ask(database, 2)
    await downlink.step()
    assert states(database) == {first: "sent", second: "queued"}
    broker.takes = 100
    await clock.advance(6)
    await downlink.step()
    assert [json.loads(payload)["id"] for _, payload in broker.taken] == [first, second]


async def test_nobody_answers_and_time_is_up(database: sa.Engine, clock: ManualClock) -> None:
    downlink = Downlink(database, [BrokerFake()], clock)
    command = ask(database, 1)
    await downlink.step()
    await clock.advance(62)
    await downlink.step()
    assert states(database) == {command: "timed_out"}


async def test_a_command_goes_only_where_its_devices_speak_and_is_sent_when_all_have_it(
    database: sa.Engine, clock: ManualClock
) -> None:
    here, there, elsewhere = BrokerFake(), BrokerFake("jingqiao/v1/#"), BrokerFake("$sys/+/+/#")
    there.away = True
    downlink = Downlink(database, [here, there, elsewhere], clock)
    command = ask(database, 1)
    await downlink.step()
    assert states(database) == {command: "queued"}
    there.away = False
    await clock.advance(6)
    await downlink.step()
    assert states(database) == {command: "sent"}
    assert [len(broker.taken) for broker in (here, there, elsewhere)] == [1, 1, 0]


async def test_a_command_that_nobody_can_carry_is_refused_at_once(
    database: sa.Engine, clock: ManualClock
) -> None:
    downlink = Downlink(database, [BrokerFake("application/#")], clock)
    command = ask(database, 1)
    await downlink.step()
    assert states(database) == {command: "refused"}


async def test_answers_wait_for_a_database_that_is_away(
    database: sa.Engine, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    downlink = Downlink(database, [BrokerFake()], clock)
    command = ask(database, 1)
    await downlink.step()
    real = module.take_answers

    def away(*_: object) -> int:
        raise OperationalError("UPDATE", {}, Exception("database is locked"))

    monkeypatch.setattr(module, "take_answers", away)
    downlink.hear([answer(command)])
    await downlink.step()
    assert states(database) == {command: "sent"}
    monkeypatch.setattr(module, "take_answers", real)
    await downlink.step()
    assert states(database) == {command: "acked"}


async def test_an_answer_that_is_nested_too_deep_harms_no_other(
    database: sa.Engine, clock: ManualClock
) -> None:
    downlink = Downlink(database, [BrokerFake()], clock)
    command = ask(database, 1)
    await downlink.step()
    deep = Message("jingqiao/v1/g1/status", b'{"ack":' + b"[" * 100_000 + b"]" * 100_000 + b"}", T0)
    downlink.hear([deep, answer(command)])
    await downlink.step()
    assert states(database) == {command: "acked"}


async def test_a_command_waits_for_a_device_that_does_not_listen(
    database: sa.Engine, clock: ManualClock
) -> None:
    broker = BrokerFake()
    broker.listened = False
    downlink = Downlink(database, [broker], clock)
    command = ask(database, 1)
    await downlink.step()
    await downlink.step()
    assert (len(broker.taken), states(database)) == (1, {command: "queued"})
    broker.listened = True
    await clock.advance(16)
    await downlink.step()
    assert (len(broker.taken), states(database)) == (2, {command: "sent"})


async def test_a_device_at_one_of_two_brokers_has_got_it(database: sa.Engine, clock: ManualClock) -> None:
    here, there = BrokerFake(), BrokerFake()
    here.listened = False
    downlink = Downlink(database, [here, there], clock)
    command = ask(database, 1)
    await downlink.step()
    assert states(database) == {command: "sent"}


async def test_what_the_broker_does_not_allow_is_said_in_the_list(
    database: sa.Engine, clock: ManualClock
) -> None:
    broker = BrokerFake()
    broker.refuses = "Not authorized"
    ask(database, 1)
    await Downlink(database, [broker], clock).step()
    with reading(database) as connection:
        [row] = listed(connection)
    assert row["state"] == "refused"
    assert "Not authorized" in row["answer"]
